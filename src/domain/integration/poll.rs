//! When a vendor is asked for what is new: sooner while it has news, later while it has none or fails. Pure: the time is handed in.

use std::time::Duration;

/// News bring the next question this much nearer, at most to this part of the interval that was set.
const SOONER: (i64, i64) = (2, 4);
/// No news put it off by half, at most to twice the interval that was set.
const LATER: (i64, i64, i64) = (3, 2, 2);
/// Failures double the interval, up to eight times the one that was set, and to an hour if that is longer than the interval.
const FAILED_FACTOR_MAX: i64 = 8;
const FAILED_MAX_MS: i64 = 3_600_000;
const INTERVAL_MIN_MS: i64 = 10_000;
/// Intervals are longer or shorter by up to a twentieth, so that what began together does not stay together.
const JITTER_PART: i64 = 20;
/// What is overdue after a pause is spread over at most this time.
const CATCH_UP_MAX_MS: i64 = 300_000;

/// How a question went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollOutcome {
    /// There was something new.
    Changed,
    /// There was nothing new.
    Same,
    /// There was no answer, or a failure; it may have said when to come again.
    Failed(Option<Duration>),
}

/// What is known from asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollState {
    /// When it was asked last, in milliseconds since 1970; 0 for never.
    pub last_at_ms: i64,
    /// When it is asked next.
    pub next_at_ms: i64,
    /// Time between the two, without jitter.
    pub interval_ms: i64,
    /// How often it has failed, one after the other.
    pub failures: u32,
    /// Name of the version that it had last.
    pub etag: Option<String>,
    /// Time of that version.
    pub last_modified: Option<String>,
    /// Sum of what it said, for vendors that name no versions.
    pub content_sum: Option<String>,
    /// When it said something new last.
    pub changed_at_ms: Option<i64>,
    /// Why there was no answer the last time.
    pub error: Option<String>,
}

impl PollState {
    /// Of a vendor that was never asked. `chance` is any number: it says when, within an interval, it is asked first.
    #[must_use]
    pub fn new(set_ms: i64, now_ms: i64, chance: u64) -> Self {
        let interval_ms = set_ms.max(INTERVAL_MIN_MS);
        Self {
            next_at_ms: now_ms + within(interval_ms.min(CATCH_UP_MAX_MS), chance),
            interval_ms,
            ..Self::default()
        }
    }

    /// Takes it up again after a pause: what is overdue is not asked for all at once.
    pub fn resume(&mut self, now_ms: i64, chance: u64) {
        if self.next_at_ms <= now_ms {
            self.next_at_ms = now_ms + within(self.interval_ms.clamp(1, CATCH_UP_MAX_MS), chance);
        }
    }

    /// Notes how a question went, and sets the time of the next one.
    pub fn asked(&mut self, outcome: PollOutcome, set_ms: i64, now_ms: i64, chance: u64) {
        let set_ms = set_ms.max(INTERVAL_MIN_MS);
        self.last_at_ms = now_ms;
        let before = self.interval_ms.max(1);
        let (interval_ms, wait) = match outcome {
            PollOutcome::Changed => {
                self.changed_at_ms = Some(now_ms);
                let sooner = before.min(set_ms) / SOONER.0;
                (sooner.max(set_ms / SOONER.1).max(INTERVAL_MIN_MS), None)
            }
            PollOutcome::Same => {
                let (times, parts, most) = LATER;
                let later = before.saturating_mul(times) / parts;
                // After failures it comes back to what was set at once.
                let later = if self.failures > 0 { set_ms } else { later };
                (later.clamp(INTERVAL_MIN_MS, set_ms.saturating_mul(most)), None)
            }
            PollOutcome::Failed(wait) => {
                let most = set_ms
                    .saturating_mul(FAILED_FACTOR_MAX)
                    .min(FAILED_MAX_MS.max(set_ms));
                (before.max(set_ms).saturating_mul(2).min(most), wait)
            }
        };
        self.failures = match outcome {
            PollOutcome::Failed(_) => self.failures.saturating_add(1),
            PollOutcome::Changed | PollOutcome::Same => 0,
        };
        self.interval_ms = interval_ms;
        let jittered =
            interval_ms - interval_ms / JITTER_PART + within(interval_ms / JITTER_PART * 2, chance);
        let asked_for = wait.map_or(0, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.next_at_ms = now_ms.saturating_add(jittered.max(asked_for.min(86_400_000)));
    }
}

/// Some time within a length.
#[must_use]
pub fn within(length_ms: i64, chance: u64) -> i64 {
    let length = u64::try_from(length_ms.max(1)).unwrap_or(1);
    i64::try_from(chance % length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SET_MS: i64 = 1_800_000;

    fn after(outcomes: &[PollOutcome]) -> PollState {
        let mut state = PollState::new(SET_MS, 0, 0);
        for outcome in outcomes {
            state.asked(*outcome, SET_MS, state.next_at_ms, 0);
        }
        state
    }

    #[test]
    fn news_bring_the_next_question_nearer_and_silence_puts_it_off() {
        use PollOutcome::{Changed, Failed, Same};
        assert_eq!(after(&[Changed]).interval_ms, SET_MS / 2);
        assert_eq!(after(&[Changed; 5]).interval_ms, SET_MS / 4);
        assert_eq!(after(&[Same]).interval_ms, SET_MS * 3 / 2);
        assert_eq!(after(&[Same; 9]).interval_ms, SET_MS * 2);
        assert_eq!(after(&[Same, Same, Changed]).interval_ms, SET_MS / 2);
        assert_eq!(after(&[Failed(None)]).interval_ms, SET_MS * 2);
        assert_eq!(after(&[Failed(None); 9]).interval_ms, FAILED_MAX_MS);
        let back = after(&[Failed(None), Failed(None), Same]);
        assert_eq!((back.interval_ms, back.failures), (SET_MS, 0));
    }

    #[test]
    fn a_vendor_that_names_a_time_is_not_asked_before() {
        let mut state = PollState::new(SET_MS, 0, 0);
        let two_hours = Duration::from_secs(7_200);
        state.asked(PollOutcome::Failed(Some(two_hours)), SET_MS, 1_000, 0);
        assert_eq!(state.next_at_ms, 1_000 + 7_200_000);
    }

    proptest! {
        #[test]
        fn intervals_stay_within_their_bounds_and_a_twentieth(
            set_ms in 1_i64..86_400_000,
            steps in prop::collection::vec((0..3_u8, any::<u64>(), 0..10_000_i64), 1..60),
        ) {
            let mut state = PollState::new(set_ms, 0, 0);
            let floor = set_ms.max(INTERVAL_MIN_MS);
            let mut now_ms = 0;
            for (kind, chance, late_ms) in steps {
                now_ms = state.next_at_ms.max(now_ms) + late_ms;
                let outcome = match kind {
                    0 => PollOutcome::Changed,
                    1 => PollOutcome::Same,
                    _ => PollOutcome::Failed(None),
                };
                state.asked(outcome, set_ms, now_ms, chance);
                let wait = state.next_at_ms - now_ms;
                prop_assert!((wait - state.interval_ms).abs() <= state.interval_ms / JITTER_PART + 1);
                prop_assert!(state.interval_ms >= INTERVAL_MIN_MS);
                prop_assert!(state.interval_ms >= floor / 4 && state.interval_ms <= floor * 8);
            }
        }

        #[test]
        fn what_is_overdue_is_asked_for_within_five_minutes_and_not_before_now(
            set_ms in 1_i64..86_400_000, next in -1_000_000_i64..1_000_000, chance in any::<u64>(),
        ) {
            let mut state = PollState { next_at_ms: next, interval_ms: set_ms, ..PollState::default() };
            state.resume(0, chance);
            prop_assert!(state.next_at_ms >= 0);
            prop_assert!(next > 0 || state.next_at_ms < CATCH_UP_MAX_MS);
        }
    }
}
