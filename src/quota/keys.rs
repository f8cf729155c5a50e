//! The two keys under which subjects are known at a time, and their file.
//!
//! A key hides who a subject is; once it is gone nobody can tell. So it must not live longer than windows need it.
//! Time is cut into periods of 64 minutes. In period `e` the keys `e` and `e+1` exist, and a subject is known
//! under both, but counted under one:
//!
//! ```text
//! minute of the period   0    2                                        64
//! counted under key      │ e  │ e+1 ──────────────────────────────────── │
//! looked up as well      │e+1 │ e                                        │
//! ```
//!
//! Its count is the sum of both windows. What was counted under `e` was counted before minute 2 of the
//! period, so it is over, at the latest, when minute 63 ends: the last window that needs a key ends before the key
//! goes, and no count is lost or halved when it does. At the edge between two periods both say the same: count
//! under the key that stays. Therefore a request that took its keys just before the edge, and is counted just
//! after it, is looked up by all others too. The edge at minute 2, where the counting changes, has the same two keys
//! on both sides.
//!
//! A key lives for two periods, 128 minutes. It must outlive the process, or a restart would give everybody a new
//! quota: it is kept in a file that only its owner can read, which is replaced when the period changes. A new key
//! is not counted under in its first two minutes, so a crash before it is on disk costs nothing.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rand::Rng as _;

use super::window::SLOTS;
use crate::private_file;

/// Length of a period: a window, its current slot, the handover and one minute to spare.
const PERIOD_MINUTES: i64 = SLOTS as i64 + 1 + HANDOVER_MINUTES + 1;
/// Minutes in which a new key is there and not yet counted under.
const HANDOVER_MINUTES: i64 = 2;
const MINUTE_MS: i64 = 60_000;

const MAGIC: [u8; 4] = *b"FRQK";

/// 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub(super) [u8; 16]);

impl Key {
    fn random() -> Self {
        let mut key = [0; 16];
        rand::rng().fill_bytes(&mut key);
        Self(key)
    }
}

/// The keys of a period.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyPair {
    period: i64,
    keys: [Key; 2],
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair")
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

impl KeyPair {
    fn new(period: i64) -> Self {
        Self {
            period,
            keys: [Key::random(), Key::random()],
        }
    }

    /// The keys of a later period.
    fn at_period(self, period: i64) -> Self {
        match period - self.period {
            ..=0 => self,
            1 => Self {
                period,
                keys: [self.keys[1], Key::random()],
            },
            _ => Self::new(period),
        }
    }

    /// The key to count under, and the other one.
    pub(super) fn roles(&self, at_ms: i64) -> [Key; 2] {
        let [old, new] = self.keys;
        let minute = at_ms.div_euclid(MINUTE_MS) - self.period * PERIOD_MINUTES;
        if minute < HANDOVER_MINUTES {
            [old, new]
        } else {
            [new, old]
        }
    }

    fn encode(&self) -> Vec<u8> {
        let [first, second] = self.keys;
        private_file::seal(
            MAGIC,
            &[&self.period.to_le_bytes()[..], &first.0, &second.0].concat(),
        )
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (period, keys) = private_file::unseal(MAGIC, bytes)?.split_first_chunk()?;
        let (first, rest) = keys.split_first_chunk()?;
        Some(Self {
            period: i64::from_le_bytes(*period),
            keys: [Key(*first), Key(rest.try_into().ok()?)],
        })
    }
}

const fn period(at_ms: i64) -> i64 {
    at_ms.div_euclid(MINUTE_MS * PERIOD_MINUTES)
}

/// The keys of this process.
#[derive(Debug)]
pub(super) struct Keyring {
    /// Read by every request.
    current: ArcSwap<KeyPair>,
    /// Held while the keys change, never over I/O.
    changing: Mutex<()>,
    file: Option<PathBuf>,
    is_kept: AtomicBool,
}

impl Keyring {
    /// Keys that end with the process.
    pub(super) fn in_memory() -> Self {
        Self::new(KeyPair::new(i64::MIN / 2), None)
    }

    /// The keys of the file, if they are of use, or new ones; kept in it.
    pub(super) fn open(file: PathBuf, now_ms: i64) -> io::Result<Self> {
        let found = private_file::read(&file)?.and_then(|bytes| KeyPair::decode(&bytes));
        let period = period(now_ms);
        // From further ahead: written under a clock that was wrong, and nobody knows how old they are.
        let pair = found
            .filter(|pair| pair.period <= period + 1)
            .map_or_else(|| KeyPair::new(period), |pair| pair.at_period(period));
        let keyring = Self::new(pair, Some(file));
        keyring.keep()?;
        Ok(keyring)
    }

    fn new(pair: KeyPair, file: Option<PathBuf>) -> Self {
        Self {
            current: ArcSwap::from_pointee(pair),
            changing: Mutex::new(()),
            file,
            is_kept: AtomicBool::new(false),
        }
    }

    /// The keys at this time, which never goes back.
    pub(super) fn at(&self, at_ms: i64) -> Arc<KeyPair> {
        let period = period(at_ms);
        let current = self.current.load();
        if current.period >= period {
            return Arc::clone(&current);
        }
        let changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load();
        if current.period < period {
            self.current.store(Arc::new(current.at_period(period)));
            self.is_kept.store(false, Ordering::Release);
        }
        drop(changing);
        self.current.load_full()
    }

    /// Writes the keys down, if they are not.
    pub(super) fn keep(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if self.is_kept.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let kept = private_file::write(file, &self.current.load().encode());
        if kept.is_err() {
            self.is_kept.store(false, Ordering::Release);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const FILE_BYTES: usize = 48;
    const PERIOD_MS: i64 = PERIOD_MINUTES * MINUTE_MS;

    fn minute(period: i64, minute: i64) -> i64 {
        period * PERIOD_MS + minute * MINUTE_MS
    }

    #[test]
    fn counting_changes_keys_only_while_both_are_known() {
        let keyring = Keyring::in_memory();
        let roles = |at_ms| keyring.at(at_ms).roles(at_ms);
        let mut before = roles(minute(10, 0));
        for at in 1..=3 * PERIOD_MINUTES {
            let now = roles(minute(10, at));
            let [charged, other] = before;
            assert!(
                now == before || now == [other, charged] || now[0] == charged,
                "minute {at}: what was counted under is still known"
            );
            before = now;
        }
    }

    #[test]
    fn a_key_is_known_for_as_long_as_a_window_counts_under_it_and_not_much_longer() {
        let keyring = Keyring::in_memory();
        let mut charged = Vec::new();
        let mut known: Vec<(Key, i64)> = Vec::new();
        for at in 0..5 * PERIOD_MINUTES {
            let roles = keyring.at(minute(3, at)).roles(minute(3, at));
            charged.push(roles[0]);
            for ago in 0..=i64::from(SLOTS).min(at) {
                let index = usize::try_from(at - ago).unwrap();
                assert!(roles.contains(&charged[index]), "minute {at}, {ago} ago");
            }
            for key in roles {
                match known.iter_mut().find(|(other, _)| *other == key) {
                    Some((_, minutes)) => *minutes += 1,
                    None => known.push((key, 1)),
                }
            }
        }
        assert!(known.iter().all(|(_, minutes)| *minutes <= 2 * PERIOD_MINUTES));
    }

    #[test]
    fn keys_survive_a_restart_in_a_private_file_and_are_gone_when_they_are_of_no_use() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("quota-keys");
        let first = Keyring::open(file.clone(), minute(5, 10)).unwrap();
        let roles = first.at(minute(5, 10)).roles(minute(5, 10));
        let again = Keyring::open(file.clone(), minute(5, 40)).unwrap();
        assert!(again.at(minute(5, 40)).roles(minute(5, 40)) == roles);
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let next = Keyring::open(file.clone(), minute(6, 1)).unwrap();
        assert!(next.at(minute(6, 1)).roles(minute(6, 1))[0] == roles[0]);
        let old_key = roles[1].0;
        let kept = std::fs::read(&file).unwrap();
        assert!(
            !kept.windows(16).any(|bytes| bytes == old_key),
            "the key before is not kept"
        );

        let late = Keyring::open(file.clone(), minute(8, 1)).unwrap();
        let late = late.at(minute(8, 1)).roles(minute(8, 1));
        assert!(!late.contains(&roles[0]) && !late.contains(&roles[1]));
    }

    #[test]
    fn a_file_that_is_damaged_or_from_the_future_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("quota-keys");
        for content in [
            vec![],
            vec![7; FILE_BYTES],
            vec![0; 1_000],
            KeyPair::new(99).encode(),
        ] {
            std::fs::write(&file, content).unwrap();
            let keyring = Keyring::open(file.clone(), minute(5, 0)).unwrap();
            assert_eq!(keyring.at(minute(5, 0)).period, 5);
            assert_eq!(
                KeyPair::decode(&std::fs::read(&file).unwrap()),
                Some(**keyring.current.load())
            );
        }
    }
}
