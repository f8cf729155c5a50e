//! A kept answer.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::key::Key;
use super::kind::{Kind, Ttl};
use crate::clock::{self, UnixMicros};

/// What an entry takes beside its key and its data.
const OVERHEAD_BYTES: usize = 320;
/// Flights that take longer than this have cost the warehouse much.
const INTENSIVE: Duration = Duration::from_secs(1);

/// What is kept of an answer elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) data: Bytes,
    pub(super) calculated_at: UnixMicros,
    pub(super) took: Duration,
}

/// An answer with what is known of it.
#[derive(Debug)]
pub struct Entry {
    key: Key,
    data: Bytes,
    kind: Kind,
    /// When it was asked: what came later is not in it.
    calculated_at: UnixMicros,
    took: Duration,
    fresh_until: UnixMicros,
    stale_until: UnixMicros,
    tag: u64,
    hits: AtomicU64,
}

impl Entry {
    /// What was asked at `asked_at` and is answered now.
    pub(super) fn new(key: Key, data: Bytes, kind: Kind, ttl: Ttl, asked_at: UnixMicros) -> Self {
        let found = Found {
            data,
            calculated_at: asked_at,
            took: between(asked_at, clock::now()),
        };
        Self::found(key, found, kind, ttl)
    }

    /// What another node was answered.
    pub(super) fn found(key: Key, found: Found, kind: Kind, ttl: Ttl) -> Self {
        static TAGS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let Found {
            data,
            calculated_at,
            took,
        } = found;
        let fresh_until = after(calculated_at, ttl.fresh);
        Self {
            key,
            kind,
            tag: TAGS.hash_one(&data),
            data,
            calculated_at,
            took,
            fresh_until,
            stale_until: after(fresh_until, ttl.stale),
            hits: AtomicU64::new(0),
        }
    }

    /// Where it is kept.
    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// The JSON of what is answered.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// When it was asked: what came later is not in it.
    #[must_use]
    pub const fn calculated_at(&self) -> UnixMicros {
        self.calculated_at
    }

    /// How old it is.
    #[must_use]
    pub fn age(&self, now: UnixMicros) -> Duration {
        between(self.calculated_at, now)
    }

    /// For how long it is still fresh.
    #[must_use]
    pub fn fresh_for(&self, now: UnixMicros) -> Duration {
        between(now, self.fresh_until)
    }

    /// For how long it was fresh when it was new.
    pub(super) fn ttl(&self) -> Duration {
        between(self.calculated_at, self.fresh_until)
    }

    /// True when it took the warehouse long.
    #[must_use]
    pub fn is_intensive(&self) -> bool {
        self.took >= INTENSIVE
    }

    /// The same for the same data, as long as the process lives.
    #[must_use]
    pub const fn tag(&self) -> u64 {
        self.tag
    }

    /// How long it took.
    #[must_use]
    pub const fn took(&self) -> Duration {
        self.took
    }

    /// The time until which it may be given.
    pub(super) fn lives_for(&self, now: UnixMicros) -> Duration {
        between(now, self.stale_until)
    }

    /// How often it was given from the cache.
    pub(super) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(super) fn count_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_fresh(&self, now: UnixMicros) -> bool {
        now < self.fresh_until
    }

    /// True when it may be given at once, while the next one is fetched.
    pub(super) fn is_stale_at_most(&self, now: UnixMicros) -> bool {
        now < self.stale_until
    }

    /// Bytes that it takes, with all that belongs to it.
    pub(super) fn bytes(&self) -> usize {
        self.key.bytes() + self.data.len() + OVERHEAD_BYTES
    }
}

fn after(time: UnixMicros, duration: Duration) -> UnixMicros {
    let us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    UnixMicros(time.0.saturating_add(us))
}

/// 0 when the second comes first.
fn between(from: UnixMicros, to: UnixMicros) -> Duration {
    Duration::from_micros(u64::try_from(to.0 - from.0).unwrap_or(0))
}
