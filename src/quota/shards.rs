//! The windows of all subjects and networks of one class, in shards with a lock each.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::window::{Budget, SLOTS, Window};

/// Shards of one class: many more than threads, so that two rarely meet.
const SHARDS: usize = 256;
/// Slots after which a shard looks for windows that are over.
const SWEEP_SLOTS: u32 = SLOTS / 8;
/// Most windows that an admission looks at: subject and network, each under two keys.
pub(super) const KEYS_MAX: usize = 4;

/// Room for windows and for the slots that do not fit into them, over all classes.
#[derive(Debug)]
pub(super) struct Room {
    windows: AtomicUsize,
    windows_max: usize,
    slots: AtomicUsize,
    slots_max: usize,
}

impl Room {
    pub(super) const fn new(windows_max: usize, slots_max: usize) -> Self {
        Self {
            windows: AtomicUsize::new(0),
            windows_max,
            slots: AtomicUsize::new(0),
            slots_max,
        }
    }

    pub(super) fn windows(&self) -> usize {
        self.windows.load(Ordering::Relaxed)
    }

    pub(super) fn slots(&self) -> usize {
        self.slots.load(Ordering::Relaxed)
    }

    /// Takes room for a window; `beyond` may take as much again.
    fn take_window(&self, beyond: bool) -> bool {
        let max = if beyond {
            self.windows_max.saturating_mul(2)
        } else {
            self.windows_max
        };
        take(&self.windows, 1, max)
    }

    fn give_windows_back(&self, windows: usize) {
        self.windows.fetch_sub(windows, Ordering::Relaxed);
    }
}

impl Budget for Room {
    fn take(&self, slots: usize) -> bool {
        take(&self.slots, slots, self.slots_max)
    }

    fn give_back(&self, slots: usize) {
        self.slots.fetch_sub(slots, Ordering::Relaxed);
    }
}

fn take(taken: &AtomicUsize, more: usize, max: usize) -> bool {
    taken
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(more).filter(|sum| *sum <= max)
        })
        .is_ok()
}

/// Whether a window may be made that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    /// When there is room.
    Ordinary,
    /// It goes on with one that is there under an older key: that one must not be forgotten for want of room.
    Continuing,
    /// One of a fixed, small number.
    Always,
}

/// Keys are keyed hashes already; one multiplication spreads those that a test picks.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte) ^ self.0);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = spread(key);
    }
}

const fn spread(key: u64) -> u64 {
    let product = (key as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are folded into one")]
    {
        (product as u64) ^ ((product >> 64) as u64)
    }
}

#[derive(Debug, Default)]
struct Shard {
    windows: HashMap<u64, Window, BuildHasherDefault<KeyHasher>>,
    /// Slot of the last sweep.
    swept: u32,
}

impl Shard {
    /// Forgets windows that are over. Called every few slots by whoever comes, so it costs each caller a
    /// fraction of a look at one window.
    fn sweep(&mut self, now: u32, room: &Room) {
        self.swept = self.swept.max(now);
        let before = self.windows.len();
        self.windows.retain(|_, window| {
            let over = window.is_over(now);
            if over {
                room.give_back(window.allocated());
            }
            !over
        });
        room.give_windows_back(before - self.windows.len());
        if self.windows.capacity() > 64 + 4 * self.windows.len() {
            self.windows.shrink_to(2 * self.windows.len());
        }
    }
}

/// All windows of one class.
#[derive(Debug)]
pub(super) struct Shards(Box<[Mutex<Shard>]>);

/// The shards of some keys, locked; nobody else changes them in the meantime.
#[derive(Debug)]
pub(super) struct Held<'a> {
    guards: [Option<(usize, MutexGuard<'a, Shard>)>; KEYS_MAX],
    room: &'a Room,
}

impl Shards {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    /// Locks the shards of these keys, always in the same order, and sweeps those whose turn it is.
    pub(super) fn hold<'a>(&'a self, keys: &[Option<u64>; KEYS_MAX], now: u32, room: &'a Room) -> Held<'a> {
        let mut places = keys.map(|key| key.map_or(usize::MAX, place));
        places.sort_unstable();
        let mut held = Held {
            guards: [const { None }; KEYS_MAX],
            room,
        };
        let mut last = usize::MAX;
        for (guard, place) in held.guards.iter_mut().zip(places) {
            let Some(shard) = self.0.get(place).filter(|_| place != last) else {
                continue;
            };
            last = place;
            let mut shard = lock(shard);
            if now >= shard.swept.saturating_add(SWEEP_SLOTS) {
                shard.sweep(now, room);
            }
            *guard = Some((place, shard));
        }
        held
    }

    /// Sweeps all shards, one after another.
    pub(super) fn sweep(&self, now: u32, room: &Room) {
        for shard in &self.0 {
            lock(shard).sweep(now, room);
        }
    }

    /// Bytes of the tables, without the slots outside of them.
    pub(super) fn table_bytes(&self) -> usize {
        let entry = size_of::<(u64, Window)>() + 1;
        // A table fills seven of eight places.
        let places = self.0.iter().map(|shard| lock(shard).windows.capacity());
        places.map(|capacity| capacity * 8 / 7 * entry).sum()
    }
}

/// A panic under the lock leaves a count that is too high at worst.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn place(key: u64) -> usize {
    // Not the bits that the table uses.
    (spread(key) >> 32) as usize % SHARDS
}

impl Held<'_> {
    fn shard(&mut self, key: u64) -> Option<&mut Shard> {
        let wanted = place(key);
        self.guards
            .iter_mut()
            .flatten()
            .find(|(place, _)| *place == wanted)
            .map(|(_, guard)| &mut **guard)
    }

    /// The window of a key, to look at; `None` when it has none.
    pub(super) fn peek(&self, key: u64) -> Option<&Window> {
        let wanted = place(key);
        let mut guards = self.guards.iter().flatten();
        let (_, shard) = guards.find(|(place, _)| *place == wanted)?;
        shard.windows.get(&key)
    }

    /// The window of a key; `None` when it has none.
    pub(super) fn get(&mut self, key: u64) -> Option<&mut Window> {
        self.shard(key)?.windows.get_mut(&key)
    }

    /// Makes sure that a key has a window; false when there is no room for one.
    pub(super) fn make(&mut self, key: u64, making: Making, now: u32) -> bool {
        let room = self.room;
        let Some(shard) = self.shard(key) else {
            return false;
        };
        if shard.windows.contains_key(&key) {
            return true;
        }
        let take = |room: &Room| match making {
            Making::Ordinary => room.take_window(false),
            Making::Continuing => room.take_window(true),
            Making::Always => {
                room.windows.fetch_add(1, Ordering::Relaxed);
                true
            }
        };
        if !take(room) {
            if shard.swept >= now {
                return false;
            }
            // At most once a slot and shard.
            shard.sweep(now, room);
            if !take(room) {
                return false;
            }
        }
        shard.windows.insert(key, Window::default());
        true
    }

    /// Counts items in a window that is there.
    pub(super) fn add(&mut self, key: u64, at: u32, count: u32, now: u32) {
        let room = self.room;
        if let Some(window) = self.get(key) {
            window.add(at, count, now, room);
        }
    }
}
