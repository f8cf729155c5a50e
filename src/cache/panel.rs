//! Questions as they were put, which can be asked again.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache as Moka;

use super::key::Key;
use super::{Job, Outage};
use crate::clock::UnixMicros;

/// What a panel takes beside its name: counts, and the parameters within its job.
const OVERHEAD_BYTES: usize = 1_024;
/// Panels may take this part of what answers may.
const PART_OF_CACHE: u64 = 16;
/// Pauses behind flights that failed: the first, and the longest.
const PAUSE_FIRST_MS: i64 = 1_000;
const PAUSE_MAX_MS: i64 = 60_000;
/// Nobody waits for the answer of a panel that was not looked at for this long.
const ABANDONED_MS: i64 = 600_000;
const MINUTE_MS: i64 = 60_000;

/// A question as it was put.
pub(super) struct Panel<E> {
    name: Key,
    job: Job<E>,
    /// Where its last answer is.
    key: Mutex<Key>,
    uses: Uses,
    /// Set when somebody has got an old answer for want of a new one.
    is_wanted: AtomicBool,
    failures: AtomicU32,
    resting_until_ms: AtomicI64,
}

impl<E: Outage> Panel<E> {
    pub(super) fn new(job: Job<E>, name: Key, now: UnixMicros) -> Self {
        let uses = Uses::default();
        uses.count(now.as_millis());
        Self {
            key: Mutex::new(name.clone()),
            name,
            job,
            uses,
            is_wanted: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            resting_until_ms: AtomicI64::new(0),
        }
    }

    pub(super) const fn job(&self) -> &Job<E> {
        &self.job
    }

    pub(super) const fn uses(&self) -> &Uses {
        &self.uses
    }

    pub(super) fn key(&self) -> Key {
        self.key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its answer is there from now on; tells where it was, if that is another place.
    pub(super) fn move_to(&self, key: &Key) -> Option<Key> {
        let mut place = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        (*place != *key).then(|| std::mem::replace(&mut *place, key.clone()))
    }

    /// Somebody waits for a new answer.
    pub(super) fn want(&self) {
        self.is_wanted.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_wanted(&self, now_ms: i64) -> bool {
        self.is_wanted.load(Ordering::Relaxed) && now_ms - self.uses.last_ms() < ABANDONED_MS
    }

    /// True behind a flight that failed, for a time.
    pub(super) fn is_resting(&self, now_ms: i64) -> bool {
        now_ms < self.resting_until_ms.load(Ordering::Relaxed)
    }

    /// A flight in the background went well.
    pub(super) fn note_success(&self) {
        self.is_wanted.store(false, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
        self.resting_until_ms.store(0, Ordering::Relaxed);
    }

    /// A flight in the background failed: each next one comes later.
    pub(super) fn note_failure(&self, now_ms: i64) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        let pause_ms = PAUSE_FIRST_MS
            .saturating_mul(1 << failures.min(10))
            .min(PAUSE_MAX_MS);
        self.resting_until_ms.store(now_ms + pause_ms, Ordering::Relaxed);
    }
}

/// How often a panel was looked at. Two who count at once at the turn of a minute may lose one, which harms nobody.
#[derive(Debug, Default)]
pub(super) struct Uses {
    minute: AtomicI64,
    in_minute: AtomicU32,
    in_minute_before: AtomicU32,
    last_ms: AtomicI64,
}

impl Uses {
    pub(super) fn count(&self, now_ms: i64) {
        let minute = now_ms.div_euclid(MINUTE_MS);
        let counted = self.minute.swap(minute, Ordering::Relaxed);
        if counted != minute {
            let count = self.in_minute.swap(0, Ordering::Relaxed);
            let before = if counted + 1 == minute { count } else { 0 };
            self.in_minute_before.store(before, Ordering::Relaxed);
        }
        self.in_minute.fetch_add(1, Ordering::Relaxed);
        self.last_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Times within this minute or the one before, whichever has more.
    pub(super) fn a_minute(&self, now_ms: i64) -> u32 {
        let of_now = self.in_minute.load(Ordering::Relaxed);
        match now_ms.div_euclid(MINUTE_MS) - self.minute.load(Ordering::Relaxed) {
            0 => of_now.max(self.in_minute_before.load(Ordering::Relaxed)),
            1 => of_now,
            _ => 0,
        }
    }

    pub(super) fn last_ms(&self) -> i64 {
        self.last_ms.load(Ordering::Relaxed)
    }
}

/// The panels that are known.
pub(super) struct Panels<E>(Moka<Key, Arc<Panel<E>>>);

impl<E: Outage> Panels<E> {
    pub(super) fn new(bytes_max: u64, last_good: Duration) -> Self {
        let bytes = |name: &Key, _: &Arc<Panel<E>>| name.bytes() * 2 + OVERHEAD_BYTES;
        let known = Moka::builder()
            .max_capacity(bytes_max / PART_OF_CACHE)
            .weigher(move |name, panel| u32::try_from(bytes(name, panel)).unwrap_or(u32::MAX))
            .time_to_idle(last_good)
            .build();
        Self(known)
    }

    pub(super) fn get(&self, name: &Key) -> Option<Arc<Panel<E>>> {
        self.0.get(name)
    }

    /// Keeps a panel, if it is not kept already.
    pub(super) fn keep(&self, panel: &Arc<Panel<E>>) {
        if !self.0.contains_key(&panel.name) {
            self.0.insert(panel.name.clone(), Arc::clone(panel));
        }
    }

    pub(super) fn forget(&self, prefix: &str) {
        for (name, _) in self.0.iter().filter(|(name, _)| name.starts_with(prefix)) {
            self.0.invalidate(&*name);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Arc<Panel<E>>> {
        self.0.iter().map(|(_, panel)| panel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_counted_by_the_minute() {
        let uses = Uses::default();
        for now_ms in [0, 1, 59_999, 60_000] {
            uses.count(now_ms);
        }
        assert_eq!(uses.a_minute(60_001), 3);
        assert_eq!(uses.a_minute(120_000), 1);
        assert_eq!(uses.a_minute(180_000), 0);
        uses.count(300_000);
        assert_eq!(uses.a_minute(300_000), 1);
        assert_eq!(uses.last_ms(), 300_000);
    }
}
