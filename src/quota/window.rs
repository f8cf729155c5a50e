//! What one subject, or one network, has been admitted of one class within the last window.

/// Slots before the current one that count: a window is 60 whole slots, and the current slot on top.
pub(super) const SLOTS: u32 = 60;

/// Slots that a window holds without an allocation.
const INLINE: usize = 4;
/// Most slots that can be live at once: the window and the current one.
const SLOTS_MAX: usize = SLOTS as usize + 1;

/// Items admitted in one slot. Slots without items are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    /// Number of the slot since 1970.
    pub(super) at: u32,
    pub(super) count: u32,
}

/// Sparse slots, oldest first.
#[derive(Clone, Debug)]
enum Slots {
    Few { length: u8, slots: [Slot; INLINE] },
    Many(Vec<Slot>),
}

/// The slots of one subject and class.
#[derive(Clone, Debug)]
pub(super) struct Window(Slots);

/// Says whether this many more slots may be allocated, over all windows.
pub(super) trait Budget {
    fn take(&self, slots: usize) -> bool;
    fn give_back(&self, slots: usize);
}

impl Default for Window {
    fn default() -> Self {
        Self(Slots::Few {
            length: 0,
            slots: [Slot::default(); INLINE],
        })
    }
}

impl Window {
    pub(super) fn slots(&self) -> &[Slot] {
        match &self.0 {
            Slots::Few { length, slots } => slots.get(..usize::from(*length)).unwrap_or_default(),
            Slots::Many(slots) => slots,
        }
    }

    /// The latest slot with items.
    pub(super) fn newest(&self) -> Option<u32> {
        self.slots().last().map(|slot| slot.at)
    }

    /// Items that count at `now`.
    pub(super) fn live(&self, now: u32) -> u64 {
        self.live_slots(now).map(|slot| u64::from(slot.count)).sum()
    }

    /// Slots that count at `now`, oldest first.
    pub(super) fn live_slots(&self, now: u32) -> impl Iterator<Item = Slot> {
        self.slots()
            .iter()
            .copied()
            .filter(move |slot| counts(*slot, now))
    }

    /// No item counts any more.
    pub(super) fn is_over(&self, now: u32) -> bool {
        self.slots().last().is_none_or(|slot| !counts(*slot, now))
    }

    /// Slots that are allocated.
    pub(super) fn allocated(&self) -> usize {
        match &self.0 {
            Slots::Few { .. } => 0,
            Slots::Many(slots) => slots.capacity(),
        }
    }

    /// Counts items at `at`, which is not before [`newest`](Self::newest) unless they are restored.
    pub(super) fn add(&mut self, at: u32, count: u32, now: u32, budget: &impl Budget) {
        if count == 0 {
            return;
        }
        self.expire(now, budget);
        let place = self.slots().partition_point(|slot| slot.at < at);
        if let Some(slot) = self.slots_mut().get_mut(place)
            && slot.at == at
        {
            slot.count = slot.count.saturating_add(count);
            return;
        }
        if self.has_room(budget) {
            self.insert(place, Slot { at, count });
        } else {
            self.squeeze_in(place, Slot { at, count });
        }
    }

    /// Takes items back that were counted at `at`; they may have been moved to a later slot since.
    pub(super) fn remove(&mut self, at: u32, count: u32) {
        let mut rest = count;
        for slot in self.slots_mut().iter_mut().filter(|slot| slot.at >= at) {
            let taken = slot.count.min(rest);
            slot.count -= taken;
            rest -= taken;
        }
        match &mut self.0 {
            Slots::Many(slots) => slots.retain(|slot| slot.count > 0),
            Slots::Few { length, slots } => keep_few(length, slots, |slot| slot.count > 0),
        }
    }

    /// Forgets what does not count any more.
    fn expire(&mut self, now: u32, budget: &impl Budget) {
        match &mut self.0 {
            Slots::Few { length, slots } => keep_few(length, slots, |slot| counts(*slot, now)),
            Slots::Many(slots) => {
                slots.retain(|slot| counts(*slot, now));
                if slots.len() < INLINE {
                    let mut few = [Slot::default(); INLINE];
                    few[..slots.len()].copy_from_slice(slots);
                    let length = u8::try_from(slots.len()).unwrap_or(0);
                    budget.give_back(slots.capacity());
                    self.0 = Slots::Few { length, slots: few };
                }
            }
        }
    }

    fn slots_mut(&mut self) -> &mut [Slot] {
        match &mut self.0 {
            Slots::Few { length, slots } => slots.get_mut(..usize::from(*length)).unwrap_or_default(),
            Slots::Many(slots) => slots,
        }
    }

    /// Makes room for one more slot, if the budget allows it.
    fn has_room(&mut self, budget: &impl Budget) -> bool {
        match &mut self.0 {
            Slots::Few { length, .. } if usize::from(*length) < INLINE => true,
            Slots::Few { slots, .. } => {
                if !budget.take(2 * INLINE) {
                    return false;
                }
                let mut many = Vec::with_capacity(2 * INLINE);
                many.extend_from_slice(slots);
                self.0 = Slots::Many(many);
                true
            }
            Slots::Many(slots) if slots.len() < slots.capacity() => true,
            Slots::Many(slots) => {
                let more = slots
                    .capacity()
                    .min(SLOTS_MAX.saturating_sub(slots.capacity()))
                    .max(1);
                if !budget.take(more) {
                    return false;
                }
                slots.reserve_exact(more);
                true
            }
        }
    }

    fn insert(&mut self, place: usize, slot: Slot) {
        match &mut self.0 {
            Slots::Many(slots) => slots.insert(place, slot),
            Slots::Few { length, slots } => {
                let end = usize::from(*length);
                slots.copy_within(place..end, place + 1);
                slots[place] = slot;
                *length += 1;
            }
        }
    }

    /// Without room: the older of two neighbours is counted as if it had been the later one. That is too
    /// strict for longer than a slot, and never too lenient.
    fn squeeze_in(&mut self, place: usize, slot: Slot) {
        let slots = self.slots_mut();
        if place == 0 {
            // Older than all: it counts as the oldest.
            if let Some(oldest) = slots.first_mut() {
                oldest.count = oldest.count.saturating_add(slot.count);
            }
            return;
        }
        if let [oldest, second, ..] = slots
            && place >= 2
        {
            second.count = second.count.saturating_add(oldest.count);
            slots.copy_within(1..place, 0);
            slots[place - 1] = slot;
        } else if let Some(second) = slots.get_mut(place) {
            second.count = second.count.saturating_add(slot.count);
        }
    }
}

const fn counts(slot: Slot, now: u32) -> bool {
    slot.at.saturating_add(SLOTS) >= now
}

fn keep_few(length: &mut u8, slots: &mut [Slot; INLINE], keep: impl Fn(&Slot) -> bool) {
    let mut kept = 0;
    for index in 0..usize::from(*length) {
        if keep(&slots[index]) {
            slots[kept] = slots[index];
            kept += 1;
        }
    }
    *length = u8::try_from(kept).unwrap_or(0);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    struct Purse(Cell<usize>);

    impl Budget for Purse {
        fn take(&self, slots: usize) -> bool {
            let left = self.0.get().checked_sub(slots);
            left.inspect(|left| self.0.set(*left)).is_some()
        }

        fn give_back(&self, slots: usize) {
            self.0.set(self.0.get() + slots);
        }
    }

    proptest! {
        #[test]
        fn a_window_counts_what_was_added_within_it_and_keeps_its_budget(
            steps in prop::collection::vec((0_u32..12, 1_u32..5), 1..200),
        ) {
            let purse = Purse(Cell::new(1_000));
            let (mut window, mut all, mut now) = (Window::default(), Vec::new(), 1_000);
            for (later, count) in steps {
                now += later;
                window.add(now, count, now, &purse);
                all.push((now, count));
                let expected: u64 = all.iter().filter(|(at, _)| at + SLOTS >= now).map(|(_, n)| u64::from(*n)).sum();
                prop_assert_eq!(window.live(now), expected);
                prop_assert!(window.slots().is_sorted_by_key(|slot| slot.at));
                prop_assert_eq!(purse.0.get() + window.allocated(), 1_000);
                prop_assert!(window.allocated() <= SLOTS_MAX);
            }
        }

        #[test]
        fn a_window_without_room_is_never_too_lenient(
            steps in prop::collection::vec((0_u32..30, 1_u32..5, 0_u32..70), 1..100),
        ) {
            let purse = Purse(Cell::new(0));
            let (mut window, mut all, mut now) = (Window::default(), Vec::new(), 1_000);
            for (later, count, ago) in steps {
                now += later;
                let at = now - ago.min(SLOTS);
                window.add(at, count, now, &purse);
                all.push((at, count));
                let expected: u64 = all.iter().filter(|(at, _)| at + SLOTS >= now).map(|(_, n)| u64::from(*n)).sum();
                prop_assert!(window.live(now) >= expected);
                prop_assert!(window.slots().is_sorted_by_key(|slot| slot.at));
                prop_assert_eq!(window.allocated(), 0);
            }
            prop_assert!(window.is_over(now + SLOTS + 1));
        }

        #[test]
        fn what_is_taken_back_is_not_counted(
            steps in prop::collection::vec((1_u32..9, 1_u32..5, any::<bool>()), 1..60),
        ) {
            let purse = Purse(Cell::new(1_000));
            let (mut window, mut kept, mut now) = (Window::default(), Vec::new(), 1_000);
            for (later, count, undone) in steps {
                now += later;
                window.add(now, count, now, &purse);
                if undone {
                    window.remove(now, count);
                } else {
                    kept.push((now, count));
                }
                let expected: u64 = kept.iter().filter(|(at, _)| at + SLOTS >= now).map(|(_, n)| u64::from(*n)).sum();
                prop_assert_eq!(window.live(now), expected);
            }
        }
    }
}
