//! Calls and failures of the last time, in ten slots.

const SLOTS: usize = 10;

/// See the file's comment. It covers nine to ten tenths of its time.
#[derive(Clone, Debug)]
pub(super) struct Window {
    slot_ms: u64,
    /// Which tenth of time the slot counts for, calls, and failures.
    slots: [(u64, u32, u32); SLOTS],
}

impl Window {
    pub(super) const fn new(window_ms: u64) -> Self {
        let slot_ms = window_ms / SLOTS as u64;
        Self {
            slot_ms: if slot_ms == 0 { 1 } else { slot_ms },
            slots: [(0, 0, 0); SLOTS],
        }
    }

    pub(super) fn note(&mut self, is_failure: bool, now_ms: u64) {
        let tenth = now_ms / self.slot_ms;
        let place = usize::try_from(tenth % SLOTS as u64).unwrap_or(0);
        let (of, calls, failures) = &mut self.slots[place];
        if *of != tenth {
            (*of, *calls, *failures) = (tenth, 0, 0);
        }
        *calls = calls.saturating_add(1);
        *failures = failures.saturating_add(u32::from(is_failure));
    }

    /// Calls and failures up to now.
    pub(super) fn counts(&self, now_ms: u64) -> (u32, u32) {
        let tenth = now_ms / self.slot_ms;
        let lives = |(of, ..): &&(u64, u32, u32)| *of <= tenth && tenth - of < SLOTS as u64;
        self.slots
            .iter()
            .filter(lives)
            .fold((0, 0), |(calls, failures), slot| {
                (calls + slot.1, failures + slot.2)
            })
    }

    pub(super) fn clear(&mut self) {
        self.slots = [(0, 0, 0); SLOTS];
    }
}
