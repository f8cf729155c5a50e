//! How many calls a vendor takes in a rolling window.

use std::collections::VecDeque;

use crate::domain::integration::RateLimit;

/// Most calls that are remembered; a limit beyond it is that many.
const CALLS_MAX: u32 = 100_000;

/// When the last calls were let through. Times are milliseconds of any clock that does not go back.
#[derive(Debug, Default)]
pub(super) struct Window {
    calls_ms: VecDeque<u64>,
}

impl Window {
    /// Lets a call through, or says how many milliseconds from now it may be tried again.
    ///
    /// In no rolling window more than the limit is let through.
    pub(super) fn admit(&mut self, limit: RateLimit, now_ms: u64) -> Result<(), u64> {
        let window_ms = u64::from(limit.window_s) * 1_000;
        let calls = limit.calls.min(CALLS_MAX) as usize;
        self.forget(window_ms, now_ms);
        // The one behind which there is room again; there may be more than the limit, if that has become smaller.
        let in_the_way = self
            .calls_ms
            .len()
            .checked_sub(calls)
            .and_then(|place| self.calls_ms.get(place));
        match in_the_way {
            Some(at_ms) => Err(at_ms + window_ms - now_ms),
            None => {
                self.calls_ms.push_back(now_ms);
                Ok(())
            }
        }
    }

    /// Calls that were let through within the last window.
    pub(super) fn used(&mut self, limit: RateLimit, now_ms: u64) -> u32 {
        self.forget(u64::from(limit.window_s) * 1_000, now_ms);
        u32::try_from(self.calls_ms.len()).unwrap_or(u32::MAX)
    }

    fn forget(&mut self, window_ms: u64, now_ms: u64) {
        while self
            .calls_ms
            .front()
            .is_some_and(|at_ms| at_ms + window_ms <= now_ms)
        {
            self.calls_ms.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_the_limit_in_any_window_and_one_more_when_it_says(
            calls in 1..20_u32, window_s in 1..5_u32, steps in prop::collection::vec(0..2_000_u64, 1..200),
        ) {
            let limit = RateLimit { calls, window_s };
            let window_ms = u64::from(window_s) * 1_000;
            let mut window = Window::default();
            let (mut now_ms, mut admitted) = (0, Vec::new());
            for step_ms in steps {
                now_ms += step_ms;
                match window.admit(limit, now_ms) {
                    Ok(()) => admitted.push(now_ms),
                    Err(wait_ms) => {
                        prop_assert!(wait_ms > 0 && wait_ms <= window_ms);
                        // Not a moment sooner, and then for certain.
                        prop_assert!(window.admit(limit, now_ms + wait_ms - 1).is_err());
                        now_ms += wait_ms;
                        prop_assert_eq!(window.admit(limit, now_ms), Ok(()));
                        admitted.push(now_ms);
                    }
                }
            }
            for (place, at_ms) in admitted.iter().enumerate() {
                let within = admitted[place..].iter().take_while(|later| *later - at_ms < window_ms).count();
                prop_assert!(within <= calls as usize, "{within} of {calls}");
            }
        }
    }

    #[test]
    fn a_limit_that_becomes_smaller_holds_at_once() {
        let mut window = Window::default();
        for now_ms in 0..10 {
            assert_eq!(
                window.admit(
                    RateLimit {
                        calls: 10,
                        window_s: 1
                    },
                    now_ms
                ),
                Ok(())
            );
        }
        assert_eq!(
            window.admit(
                RateLimit {
                    calls: 2,
                    window_s: 1
                },
                10
            ),
            Err(998)
        );
    }
}
