//! How the cache does.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::Origin;
use super::store::Store;

/// Answers that were given, by where they come from.
#[derive(Debug, Default)]
pub(super) struct Counts {
    new: AtomicU64,
    kept: AtomicU64,
    degraded: AtomicU64,
    failed: AtomicU64,
}

/// How the cache does.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CacheStatus {
    /// Whether there is one.
    pub enabled: bool,
    /// Answers that are kept.
    pub entries: u64,
    /// Memory that they take.
    pub bytes: u64,
    /// Questions that were asked since the start.
    pub lookups: u64,
    /// Those of them that a kept answer was given to, as good as a new one.
    pub hits: u64,
    /// Those of them that an old answer was given to, because the warehouse had none.
    pub degraded: u64,
    /// Those of them that had no answer.
    pub failed: u64,
    /// Hits among the look-ups; null before the first.
    pub hit_rate: Option<f64>,
    /// The Redis behind it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Level2Status>,
}

/// How the Redis behind the cache does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Level2Status {
    /// Answers that were found there.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Look-ups that were not made, or not answered in time.
    pub unanswered: u64,
}

impl Counts {
    pub(super) fn count(&self, origin: Origin) {
        let count = match origin {
            Origin::New => &self.new,
            Origin::Kept => &self.kept,
            Origin::Degraded => &self.degraded,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn status(&self, store: &Store, enabled: bool) -> CacheStatus {
        let [new, hits, degraded, failed] =
            [&self.new, &self.kept, &self.degraded, &self.failed].map(|count| count.load(Ordering::Relaxed));
        let lookups = new + hits + degraded + failed;
        let (entries, bytes) = store.size();
        #[expect(clippy::cast_precision_loss, reason = "a share of more than 2^53 questions")]
        let hit_rate = (lookups > 0).then(|| hits as f64 / lookups as f64);
        CacheStatus {
            enabled,
            entries,
            bytes,
            lookups,
            hits,
            degraded,
            failed,
            hit_rate,
            redis: None,
        }
    }
}
