//! One worker's memory of who the unknown ones are that it has just met.
//!
//! A subject is four keyed hashes, two of them over a User-Agent, and most clients post several beacons within a
//! minute. What stands here is found by one hash, under a key of this memory's own, and holds neither address nor
//! User-Agent. It is forgotten every minute: within one, the roles of the keys do not change (see `keys.rs`: at the
//! edge of a period, those who took their keys a moment before it are looked up all the same).

use std::hash::Hasher as _;

use rand::Rng as _;
use siphasher::sip::SipHasher13;

use super::subject::hash_parts;
use super::{Quotas, Subject, Who};

/// Subjects that a worker remembers.
const PLACES: usize = 512;
const MINUTE_MS: i64 = 60_000;

/// Subjects of one worker.
#[derive(Debug)]
pub struct LocalSubjects {
    hasher: SipHasher13,
    minute: i64,
    /// By the hash of what they are made of.
    known: Box<[Option<(u64, Subject)>]>,
}

impl Default for LocalSubjects {
    fn default() -> Self {
        let mut key = [0; 16];
        rand::rng().fill_bytes(&mut key);
        Self {
            hasher: SipHasher13::new_with_key(&key),
            minute: i64::MIN,
            known: vec![None; PLACES].into(),
        }
    }
}

impl LocalSubjects {
    /// The same as [`Quotas::subject`].
    #[must_use]
    pub fn subject(&mut self, quotas: &Quotas, project: &str, who: Who<'_>, now_ms: i64) -> Subject {
        let Who::Anonymous { address, user_agent } = who else {
            return quotas.subject(project, who, now_ms);
        };
        let at_ms = quotas.timeline.at(now_ms);
        let minute = at_ms.div_euclid(MINUTE_MS);
        if minute != self.minute {
            self.minute = minute;
            self.known.fill(None);
        }
        let mut hasher = self.hasher;
        hash_parts(&mut hasher, project, address, user_agent);
        let hash = hasher.finish();
        let place = usize::try_from(hash % PLACES as u64).unwrap_or_default();
        if let Some((known, subject)) = self.known[place]
            && known == hash
        {
            return subject;
        }
        let subject = quotas.keys.subject(project, who, at_ms);
        self.known[place] = Some((hash, subject));
        subject
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::QuotaConfig;
    use crate::quota::SubjectKeys;

    const NOW_MS: i64 = 1_700_000_000_000;

    proptest! {
        #[test]
        fn it_says_what_the_quotas_say_whoever_comes_and_whenever(
            steps in prop::collection::vec((0_u8..3, 0_u8..40, 0_u8..3, 0_i64..200_000), 1..300),
        ) {
            let quotas = Quotas::new(&QuotaConfig::default(), SubjectKeys::in_memory());
            let mut local = LocalSubjects::default();
            let mut now_ms = NOW_MS;
            for (project, host, agent, later_ms) in steps {
                // Often the same minute, and now and then the next period.
                now_ms += if later_ms < 150_000 { later_ms / 1_000 } else { 20 * later_ms };
                let who = Who::Anonymous {
                    address: [192, 0, 2, host].into(),
                    user_agent: ["", "A", "AA"][usize::from(agent)].as_bytes(),
                };
                let project = ["a", "aa", "b"][usize::from(project)];
                prop_assert_eq!(
                    local.subject(&quotas, project, who, now_ms),
                    quotas.subject(project, who, now_ms)
                );
            }
        }
    }

    #[test]
    fn users_and_keys_are_themselves() {
        let quotas = Quotas::new(&QuotaConfig::default(), SubjectKeys::in_memory());
        let mut local = LocalSubjects::default();
        for who in [Who::User("ada"), Who::Key(uuid::Uuid::from_u128(1))] {
            assert_eq!(
                local.subject(&quotas, "a", who, NOW_MS),
                quotas.subject("a", who, NOW_MS)
            );
        }
    }
}
