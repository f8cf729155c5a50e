//! How often a network may show wrong credentials to the API.
//!
//! A guess is counted before it is looked at, and the count is given back when it was right: however many come at
//! once, in no rolling minute more wrong ones are looked at than the limit. Beyond it a right guess is refused like any
//! other, so that guessing on is of no use.
//!
//! What was right from a network before is let through uncounted: one bad neighbour, or one forgotten script with an
//! old key, locks nobody out who was in.
//!
//! Keys cannot be guessed anyway (256 bits): the limit keeps the noise down, and the control store from being asked.
//! Beacons do not come here: their keys are looked up in memory, and every page shows them.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;

use crate::api::client_address::network_of;
use crate::domain::account::Sha256Sum;
use crate::metric_definitions::{AUTH_FAILURES, AUTH_REFUSED};
use crate::quota::{Ask, Class, Decision, Quotas, Subject, Who};

/// Stands for the project of a subject; no project has such an id.
const PROJECT: &str = "/guesses";
/// Credentials of one generation that are known to be right.
const KNOWN_MAX: usize = 16_384;

/// What a guess is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Kind {
    Key,
    Session,
    Invitation,
    Password,
    Reset,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Session => "session",
            Self::Invitation => "invitation",
            Self::Password => "password",
            Self::Reset => "reset",
        }
    }
}

/// Counts a wrong credential.
pub(in crate::api) fn count_failure(kind: Kind) {
    counter!(AUTH_FAILURES, "kind" => kind.as_str()).increment(1);
}

/// Counts what networks guess.
#[derive(Debug)]
pub(super) struct Guesses {
    quotas: Arc<Quotas>,
    limit: u32,
    hasher: RandomState,
    // Held for a look-up or two.
    known: Mutex<Known>,
}

/// Fingerprints of network and credential. Two generations: when the young one is full, it becomes the old one, and
/// what the old one had and nobody showed again is forgotten.
#[derive(Debug, Default)]
struct Known {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Known {
    fn has(&mut self, fingerprint: u64) -> bool {
        if self.young.contains(&fingerprint) {
            return true;
        }
        let was_old = self.old.remove(&fingerprint);
        if was_old {
            self.add(fingerprint);
        }
        was_old
    }

    fn add(&mut self, fingerprint: u64) {
        if self.young.len() >= KNOWN_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(fingerprint);
    }

    fn forget(&mut self, fingerprint: u64) {
        self.young.remove(&fingerprint);
        self.old.remove(&fingerprint);
    }
}

/// A guess that may be looked at; say then what came of it. One that is dropped counts as wrong.
#[derive(Debug)]
pub(in crate::api) struct Guess<'g> {
    guesses: &'g Guesses,
    kind: Kind,
    network: String,
    fingerprint: u64,
    counted: Option<Decision>,
}

impl Guesses {
    /// Lets an address be wrong so often in a rolling minute; 0: as often as it likes.
    pub(super) fn new(quotas: Arc<Quotas>, limit: u32) -> Self {
        Self {
            quotas,
            limit,
            hasher: RandomState::new(),
            known: Mutex::default(),
        }
    }

    /// Begins to look at a credential, of which this is the sum.
    ///
    /// # Errors
    /// The address has been wrong too often: seconds until it may try again.
    pub(super) fn begin(
        &self,
        kind: Kind,
        address: IpAddr,
        sum: &Sha256Sum,
        now_ms: i64,
    ) -> Result<Guess<'_>, u32> {
        let network = network_of(address);
        let fingerprint = self.hasher.hash_one((&network, sum));
        let guess = |counted| Guess {
            guesses: self,
            kind,
            network,
            fingerprint,
            counted,
        };
        if self.limit == 0 || self.known().has(fingerprint) {
            return Ok(guess(None));
        }
        let who = Who::Anonymous {
            address,
            user_agent: &[],
        };
        let of_nobody = self.quotas.subject(PROJECT, who, now_ms);
        let ask = Ask {
            // Who guesses invents browsers: the address alone counts.
            subject: Subject {
                user: of_nobody.network.unwrap_or(of_nobody.user),
                network: None,
            },
            class: Class::Api,
            limit: self.limit,
            network_limit: 0,
            items: 1,
        };
        let decision = self.quotas.admit(&ask, now_ms);
        match decision.retry_after_s {
            None => Ok(guess(Some(decision))),
            Some(seconds) => {
                counter!(AUTH_REFUSED).increment(1);
                Err(seconds)
            }
        }
    }

    /// Notes a credential that was made for a client of this address.
    pub(super) fn is_right(&self, address: IpAddr, sum: &Sha256Sum) {
        let fingerprint = self.hasher.hash_one((network_of(address), sum));
        self.known().add(fingerprint);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guess<'_> {
    /// It was right, and will be let through from there from now on.
    pub(in crate::api) fn right(self) {
        self.give_back();
        if self.guesses.limit > 0 {
            self.guesses.known().add(self.fingerprint);
        }
    }

    /// Nobody knows: it could not be looked at.
    pub(in crate::api) fn unknown(self) {
        self.give_back();
    }

    /// It was wrong; gives the network that it came from.
    pub(in crate::api) fn wrong(self) -> String {
        count_failure(self.kind);
        let Self {
            guesses,
            network,
            fingerprint,
            counted,
            kind,
        } = self;
        guesses.known().forget(fingerprint);
        if counted.is_some_and(|counted| counted.remaining == 0) {
            let kind = kind.as_str();
            tracing::warn!(
                network,
                kind,
                "too many wrong credentials: the next ones from there are not looked at"
            );
        }
        network
    }

    fn give_back(&self) {
        if let Some(counted) = &self.counted {
            self.guesses.quotas.undo(counted, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::QuotaConfig;
    use crate::control::sha256;
    use crate::quota::SubjectKeys;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn guesses(limit: u32) -> Guesses {
        let quotas = Quotas::new(&QuotaConfig::default(), SubjectKeys::in_memory());
        Guesses::new(Arc::new(quotas), limit)
    }

    fn begin<'g>(guesses: &'g Guesses, address: &str, text: &str, now_ms: i64) -> Result<Guess<'g>, u32> {
        guesses.begin(Kind::Key, address.parse().unwrap(), &sha256(text), now_ms)
    }

    #[test]
    fn a_network_is_wrong_so_often_and_again_after_a_minute() {
        let guesses = guesses(3);
        for text in ["a", "b", "c"] {
            assert_eq!(
                begin(&guesses, "203.0.113.1", text, NOW_MS).unwrap().wrong(),
                "203.0.113.0/24"
            );
        }
        let wait_s = begin(&guesses, "203.0.113.1", "d", NOW_MS).unwrap_err();
        assert!((60..=61).contains(&wait_s), "{wait_s}");
        assert!(
            begin(&guesses, "203.0.113.2", "d", NOW_MS).is_ok(),
            "another address"
        );
        let later_ms = NOW_MS + i64::from(wait_s) * 1_000;
        assert!(begin(&guesses, "203.0.113.1", "d", later_ms).is_ok());
    }

    #[test]
    fn what_was_right_before_goes_on_beyond_the_limit_until_it_is_wrong() {
        let guesses = guesses(2);
        for _ in 0..5 {
            begin(&guesses, "203.0.113.1", "mine", NOW_MS).unwrap().right();
        }
        begin(&guesses, "203.0.113.1", "a", NOW_MS).unwrap().wrong();
        begin(&guesses, "203.0.113.1", "b", NOW_MS).unwrap().wrong();
        assert!(begin(&guesses, "203.0.113.1", "new", NOW_MS).is_err());
        guesses.is_right("203.0.113.1".parse().unwrap(), &sha256("made"));
        begin(&guesses, "203.0.113.1", "made", NOW_MS).unwrap().unknown();
        begin(&guesses, "203.0.113.1", "mine", NOW_MS).unwrap().wrong();
        assert!(begin(&guesses, "203.0.113.1", "mine", NOW_MS).is_err(), "revoked");
    }

    #[test]
    fn of_many_at_once_no_more_than_the_limit_are_looked_at() {
        let guesses = guesses(10);
        let looked_at = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|worker| {
                    let guesses = &guesses;
                    scope.spawn(move || {
                        let tries = (0..50).map(|number| format!("{worker}-{number}"));
                        tries
                            .filter_map(|text| begin(guesses, "2001:db8::1", &text, NOW_MS).ok())
                            .map(Guess::wrong)
                            .count()
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .sum::<usize>()
        });
        assert_eq!(looked_at, 10);
    }

    #[test]
    fn without_a_limit_nothing_is_refused_and_what_is_known_stays_small() {
        let unlimited = guesses(0);
        for number in 0..200 {
            begin(&unlimited, "203.0.113.1", &number.to_string(), NOW_MS)
                .unwrap()
                .wrong();
        }
        let mut known = Known::default();
        for fingerprint in 0..5 * KNOWN_MAX as u64 {
            known.add(fingerprint);
            assert!(known.has(0), "what is shown again and again is not forgotten");
        }
        assert!(known.young.len() + known.old.len() <= 2 * KNOWN_MAX);
    }
}
