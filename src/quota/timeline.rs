//! Time as quotas see it: it never goes back.

use std::sync::atomic::{AtomicI64, Ordering};

/// Threads read the clock before they come here, so the one that comes later may have the earlier time. A
/// difference below this is such a delay; above it the clock has been set back.
const STEP_MS: i64 = 60_000;

/// When the clock is set back by more than a minute, time goes on from where it was, at the clock's pace;
/// by less, it stands until the clock has caught up. Either way no more time passes here than outside, so
/// nothing is forgiven early. (When the clock is set forward, nobody can tell that from time that has passed.)
#[derive(Debug)]
pub(super) struct Timeline {
    latest_ms: AtomicI64,
    ahead_ms: AtomicI64,
}

impl Timeline {
    pub(super) const fn new() -> Self {
        Self {
            latest_ms: AtomicI64::new(0),
            ahead_ms: AtomicI64::new(0),
        }
    }

    /// The time of a caller whose clock says `now_ms`.
    pub(super) fn at(&self, now_ms: i64) -> i64 {
        let ahead = self.ahead_ms.load(Ordering::Relaxed);
        let at = now_ms.saturating_add(ahead);
        let latest = self.latest_ms.load(Ordering::Relaxed);
        if at > latest {
            return at.max(self.latest_ms.fetch_max(at, Ordering::Relaxed));
        }
        if latest.saturating_sub(at) > STEP_MS {
            let more = ahead.saturating_add(latest.saturating_sub(at));
            // Whoever is first sets it; the others have measured the same step.
            let _second = self
                .ahead_ms
                .compare_exchange(ahead, more, Ordering::Relaxed, Ordering::Relaxed);
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::Timeline;

    #[test]
    fn time_stands_or_goes_on_when_the_clock_is_set_back() {
        let timeline = Timeline::new();
        assert_eq!(timeline.at(1_000_000), 1_000_000);
        assert_eq!(timeline.at(990_000), 1_000_000, "a small step: it stands");
        assert_eq!(timeline.at(1_000_500), 1_000_500);
        assert_eq!(timeline.at(100_000), 1_000_500, "a large step");
        assert_eq!(timeline.at(101_000), 1_001_500, "goes on at the clock's pace");
        assert_eq!(timeline.at(i64::MIN), 1_001_500);
        assert_eq!(timeline.at(i64::MAX), i64::MAX);
    }
}
