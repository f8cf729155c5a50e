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
    /// After how many milliseconds a call may be let through behind so many others; 0: now.
    ///
    /// In no rolling window more than the limit is let through, if all ask and [take](Self::take).
    pub(super) fn free_in(&mut self, limit: RateLimit, before: usize, now_ms: u64) -> u64 {
        let window_ms = u64::from(limit.window_s) * 1_000;
        let calls = limit.calls.clamp(1, CALLS_MAX) as usize;
        self.forget(window_ms, now_ms);
        // A call goes a window after the one that is as many places before it as the limit allows; of those that are
        // still to go, too.
        let mut place = self.calls_ms.len() + before;
        let mut wait_ms = 0;
        while place >= calls {
            place -= calls;
            wait_ms += window_ms;
            if let Some(at_ms) = self.calls_ms.get(place) {
                return at_ms + wait_ms - now_ms;
            }
        }
        wait_ms
    }

    /// Counts a call that is let through now.
    pub(super) fn take(&mut self, now_ms: u64) {
        self.calls_ms.push_back(now_ms);
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
                let wait_ms = window.free_in(limit, 0, now_ms);
                if wait_ms > 0 {
                    prop_assert!(wait_ms <= window_ms);
                    // Not a moment sooner, and then for certain.
                    prop_assert!(window.free_in(limit, 0, now_ms + wait_ms - 1) > 0);
                    now_ms += wait_ms;
                    prop_assert_eq!(window.free_in(limit, 0, now_ms), 0);
                }
                window.take(now_ms);
                admitted.push(now_ms);
            }
            for (place, at_ms) in admitted.iter().enumerate() {
                let within = admitted[place..].iter().take_while(|later| *later - at_ms < window_ms).count();
                prop_assert!(within <= calls as usize, "{within} of {calls}");
            }
        }
    }

    #[test]
    fn a_limit_that_becomes_smaller_holds_at_once() {
        let of = |calls| RateLimit { calls, window_s: 1 };
        let mut window = Window::default();
        for now_ms in 0..10 {
            assert_eq!(window.free_in(of(10), 0, now_ms), 0);
            window.take(now_ms);
        }
        assert_eq!(window.free_in(of(2), 0, 10), 998);
    }

    #[test]
    fn who_stands_behind_others_waits_for_their_calls_too() {
        let limit = RateLimit {
            calls: 2,
            window_s: 1,
        };
        let mut window = Window::default();
        assert_eq!(
            (0..4)
                .map(|before| window.free_in(limit, before, 0))
                .collect::<Vec<_>>(),
            [0, 0, 1_000, 1_000]
        );
        window.take(0);
        window.take(400);
        assert_eq!(
            (0..5)
                .map(|before| window.free_in(limit, before, 500))
                .collect::<Vec<_>>(),
            [500, 900, 1_500, 1_900, 2_500]
        );
    }
}
