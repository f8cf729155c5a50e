//! How often somebody may try to log in, or to use a token: per network and per user, in a window that begins with the first failure.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Failures of one network in a window.
const NETWORK_MAX: u32 = 100;
/// Failures for one user in a window, wherever they come from.
const USER_MAX: u32 = 10;
const WINDOW_MS: i64 = 15 * 60_000;
/// Networks and users that are counted at once.
const COUNTED_MAX: usize = 20_000;

/// Counts attempts that have failed or are under way.
#[derive(Debug, Default)]
pub struct LoginLimit {
    // Held for a look-up or two, never over I/O.
    counts: Mutex<HashMap<Key, Count>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Network(String),
    User(String),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    attempts: u32,
    ends_ms: i64,
}

impl LoginLimit {
    /// Counts an attempt.
    ///
    /// # Errors
    /// There were too many: seconds until it may be tried again.
    pub(super) fn attempt(&self, network: &str, user: &str, now_ms: i64) -> Result<(), u32> {
        let keys = [
            (Key::Network(network.to_owned()), NETWORK_MAX),
            (Key::User(user.to_owned()), USER_MAX),
        ];
        self.count(keys, now_ms)
    }

    /// Counts an attempt of somebody who says no name.
    ///
    /// # Errors
    /// There were too many: seconds until it may be tried again.
    pub(super) fn nameless_attempt(&self, network: &str, now_ms: i64) -> Result<(), u32> {
        self.count([(Key::Network(network.to_owned()), NETWORK_MAX)], now_ms)
    }

    fn count<const N: usize>(&self, keys: [(Key, u32); N], now_ms: i64) -> Result<(), u32> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() + keys.len() > COUNTED_MAX {
            counts.retain(|_, count| count.ends_ms > now_ms);
            // Whoever invents users so fast must not make the others forgotten.
            if counts.len() + keys.len() > COUNTED_MAX {
                return Err(seconds(WINDOW_MS));
            }
        }
        for (key, max) in &keys {
            if let Some(count) = counts.get(key).filter(|count| count.ends_ms > now_ms)
                && count.attempts >= *max
            {
                return Err(seconds(count.ends_ms - now_ms));
            }
        }
        for (key, _) in keys {
            let fresh = Count {
                attempts: 0,
                ends_ms: now_ms + WINDOW_MS,
            };
            let count = counts.entry(key).or_insert(fresh);
            if count.ends_ms <= now_ms {
                *count = fresh;
            }
            count.attempts += 1;
        }
        Ok(())
    }

    /// An attempt went well: it does not count, and the user's failures are over.
    pub(super) fn went_well(&self, network: &str, user: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(&Key::User(user.to_owned()));
        if let Some(count) = counts.get_mut(&Key::Network(network.to_owned())) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }
}

fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.div_euclid(1_000) + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_tried_a_few_times_and_again_after_the_window() {
        let limit = LoginLimit::default();
        for network in 0..USER_MAX {
            assert_eq!(limit.attempt(&network.to_string(), "ada", 0), Ok(()));
        }
        assert_eq!(limit.attempt("other", "ada", 1_000), Err(900));
        assert_eq!(limit.attempt("other", "bob", 1_000), Ok(()));
        assert_eq!(limit.attempt("other", "ada", WINDOW_MS), Ok(()));
    }

    #[test]
    fn a_network_tries_many_users_and_no_more() {
        let limit = LoginLimit::default();
        let admitted = (0..1_000).filter(|user| limit.attempt("net", &user.to_string(), 0).is_ok());
        assert_eq!(admitted.count(), NETWORK_MAX as usize);
    }

    #[test]
    fn whoever_says_no_name_counts_for_the_network_alone() {
        let limit = LoginLimit::default();
        for _ in 0..NETWORK_MAX {
            assert_eq!(limit.nameless_attempt("net", 0), Ok(()));
        }
        assert_eq!(limit.nameless_attempt("net", 1_000), Err(900));
        assert_eq!(limit.attempt("net", "ada", 1_000), Err(900));
        assert_eq!(limit.attempt("other", "ada", 1_000), Ok(()));
    }

    #[test]
    fn what_went_well_does_not_count() {
        let limit = LoginLimit::default();
        for _ in 0..500 {
            assert_eq!(limit.attempt("net", "ada", 0), Ok(()));
            limit.went_well("net", "ada");
        }
    }

    #[test]
    fn invented_users_take_bounded_room() {
        let limit = LoginLimit::default();
        for user in 0..COUNTED_MAX / 2 + 100 {
            let _ = limit.attempt(&user.to_string(), &user.to_string(), 0);
        }
        assert!(limit.counts.lock().unwrap().len() <= COUNTED_MAX);
        assert_eq!(limit.attempt("net", "ada", WINDOW_MS), Ok(()));
    }
}
