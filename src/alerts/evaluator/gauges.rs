//! What this process knows of itself: its memory, and how often its cache had the answer.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::rule::CacheWatch;
use crate::memory::Pressure;

/// Samples of the cache that are kept: a day of periods of 15 s.
const SAMPLES_MAX: usize = 5_760;

/// How often the cache was asked, and had the answer, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Times that it was asked.
    pub lookups: u64,
    /// Times that it had the answer.
    pub hits: u64,
}

/// What this process knows of itself. A clone is cheap and is the same.
#[derive(Clone)]
pub struct Gauges {
    memory: Pressure,
    cache: Arc<dyn Fn() -> CacheCounts + Send + Sync>,
    // Held for a moment, once a period.
    samples: Arc<Mutex<VecDeque<(i64, CacheCounts)>>>,
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauges").finish_non_exhaustive()
    }
}

impl Gauges {
    /// By the memory guard, and by what tells how the cache stands.
    pub fn new(memory: Pressure, cache: impl Fn() -> CacheCounts + Send + Sync + 'static) -> Self {
        Self {
            memory,
            cache: Arc::new(cache),
            samples: Arc::default(),
        }
    }

    /// Share of the memory limit that is resident, 0 to 1 and above.
    #[expect(clippy::cast_precision_loss, reason = "a share of bytes")]
    pub(super) fn memory_share(&self) -> f64 {
        let reading = self.memory.reading();
        reading.resident_bytes as f64 / (reading.limit_bytes.max(1)) as f64
    }

    /// Notes how the cache stands now.
    pub(super) fn sample(&self, now_ms: i64) {
        let counts = (self.cache)();
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back((now_ms, counts));
    }

    /// Share of look-ups of the window that were hits, 0 to 1; none below the rule's least number of look-ups.
    #[expect(clippy::cast_precision_loss, reason = "a share of counts")]
    pub(super) fn cache_hit_rate(&self, watch: CacheWatch) -> Option<f64> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let (now_ms, last) = *samples.back()?;
        let from_ms = now_ms - watch.window_ms;
        // The last sample before the window; since the start, when that is later.
        let before = samples.iter().take_while(|(at_ms, _)| *at_ms <= from_ms).last();
        let before = before.map_or_else(CacheCounts::default, |(_, counts)| *counts);
        let lookups = last.lookups.saturating_sub(before.lookups);
        let hits = last.hits.saturating_sub(before.hits);
        (lookups > 0 && lookups >= u64::from(watch.lookups_min)).then(|| hits as f64 / lookups as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn the_hit_rate_is_that_of_the_window_and_no_data_below_the_least_number() {
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        let gauges = Gauges::new(Pressure::none(), move || {
            let lookups = counted.load(Ordering::Relaxed);
            CacheCounts {
                lookups,
                hits: lookups.min(200),
            }
        });
        let watch = CacheWatch {
            lookups_min: 100,
            window_ms: 60_000,
        };
        assert_eq!(gauges.cache_hit_rate(watch), None);
        for (now_ms, lookups, expected) in [
            (0, 99, None),
            (15_000, 100, Some(1.0)),
            (30_000, 200, Some(1.0)),
            (75_000, 400, Some(100.0 / 300.0)),
            (140_000, 450, None),
        ] {
            asked.store(lookups, Ordering::Relaxed);
            gauges.sample(now_ms);
            assert_eq!(gauges.cache_hit_rate(watch), expected, "{now_ms}");
        }
    }
}
