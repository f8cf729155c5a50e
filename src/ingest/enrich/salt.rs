//! Who a visitor is, for a day: a keyed hash of project, address and User-Agent.
//!
//! The key is random and new each day at midnight UTC. Once it is gone, nobody can tell which address an id was made
//! of, also not by trying all addresses, and ids of two days, or of two projects, cannot be told to be one visitor's.
//! It is kept in `recall/visitor-salt` (mode 0600), so that a restart does not count everybody twice, and overwritten
//! there within a minute of the midnight that ends its day.

use std::hash::Hasher as _;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use rand::Rng as _;
use siphasher::sip::SipHasher24;

use crate::private_file;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const FILE_NAME: &str = "visitor-salt";
const MAGIC: [u8; 4] = *b"FRVS";
const FILE_BYTES: usize = 32;
/// No day.
const NEVER: i64 = i64::MIN;

/// A day's key; the day counts from 1970.
#[derive(Clone, Copy, PartialEq, Eq)]
struct DayKey {
    day: i64,
    key: [u8; 16],
}

impl std::fmt::Debug for DayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DayKey")
            .field("day", &self.day)
            .finish_non_exhaustive()
    }
}

impl DayKey {
    fn random(day: i64) -> Self {
        let mut key = [0; 16];
        rand::rng().fill_bytes(&mut key);
        Self { day, key }
    }

    /// True when it is the key to use on this day. At midnight workers' clocks may differ by a moment, so the key of
    /// the next day is taken as well; one from further ahead was made under a wrong clock.
    const fn serves(&self, day: i64) -> bool {
        self.day == day || self.day == day + 1
    }

    fn encode(&self) -> Vec<u8> {
        private_file::seal(MAGIC, &[&self.day.to_le_bytes()[..], &self.key].concat())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (day, key) = private_file::unseal(MAGIC, bytes)?.split_first_chunk()?;
        Some(Self {
            day: i64::from_le_bytes(*day),
            key: key.try_into().ok()?,
        })
    }
}

/// The key of the day.
#[derive(Debug)]
pub(super) struct VisitorSalt {
    /// Read by every request.
    current: ArcSwap<DayKey>,
    file: PathBuf,
    /// The day whose key the file has.
    kept_day: AtomicI64,
}

impl VisitorSalt {
    /// The key of the folder's file, if it is today's, or a new one.
    pub(super) fn open(folder: &Path, now_ms: i64) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = folder.join(FILE_NAME);
        let found = private_file::read(&file)?.and_then(|bytes| DayKey::decode(&bytes));
        let day = now_ms.div_euclid(DAY_MS);
        let found = found.filter(|key| key.serves(day));
        let salt = Self {
            kept_day: AtomicI64::new(found.map_or(NEVER, |key| key.day)),
            current: ArcSwap::from_pointee(found.unwrap_or_else(|| DayKey::random(day))),
            file,
        };
        salt.keep(now_ms)?;
        Ok(salt)
    }

    /// A key that nothing is known of; it is kept when the folder can be written, by the next [`keep`](Self::keep).
    pub(super) fn unkept(folder: &Path, now_ms: i64) -> Self {
        let day = now_ms.div_euclid(DAY_MS);
        Self {
            kept_day: AtomicI64::new(NEVER),
            current: ArcSwap::from_pointee(DayKey::random(day)),
            file: folder.join(FILE_NAME),
        }
    }

    /// The visitor's id at this time; never 0.
    pub(super) fn visitor_id(&self, project_id: &str, address: IpAddr, user_agent: &str, now_ms: i64) -> u64 {
        let day = now_ms.div_euclid(DAY_MS);
        let mut current = self.current.load();
        if !current.serves(day) {
            self.change(day);
            current = self.current.load();
        }
        let mut hasher = SipHasher24::new_with_key(&current.key);
        // Each part says its length, so that no two of them can be confused.
        hasher.write_usize(project_id.len());
        hasher.write(project_id.as_bytes());
        match address.to_canonical() {
            IpAddr::V4(address) => hasher.write(&address.octets()),
            IpAddr::V6(address) => hasher.write(&address.octets()),
        }
        hasher.write(user_agent.as_bytes());
        hasher.finish().max(1)
    }

    /// Whoever comes first sets the new key; the others find it.
    fn change(&self, day: i64) {
        let new = Arc::new(DayKey::random(day));
        self.current.rcu(|current| {
            if current.serves(day) {
                Arc::clone(current)
            } else {
                Arc::clone(&new)
            }
        });
    }

    /// Ends the key of a day that is over, and writes the one in use down, over the one before. Called by one task.
    pub(super) fn keep(&self, now_ms: i64) -> io::Result<()> {
        let day = now_ms.div_euclid(DAY_MS);
        if !self.current.load().serves(day) {
            self.change(day);
        }
        let current = self.current.load_full();
        if self.kept_day.load(Ordering::Acquire) == current.day {
            return Ok(());
        }
        // The old key's bytes go first: the file that takes its place leaves them on the disk.
        if let Ok(old) = std::fs::OpenOptions::new().write(true).open(&self.file) {
            use std::os::unix::fs::FileExt as _;
            old.write_all_at(&[0; FILE_BYTES], 0)?;
            old.sync_data()?;
        }
        private_file::write(&self.file, &current.encode())?;
        self.kept_day.store(current.day, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOON_MS: i64 = 20_779 * DAY_MS + DAY_MS / 2;
    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

    fn id(salt: &VisitorSalt, now_ms: i64) -> u64 {
        salt.visitor_id("p", HOME, "Firefox", now_ms)
    }

    #[test]
    fn a_visitor_is_the_same_all_day_and_over_a_restart_and_another_the_next_day() {
        let folder = tempfile::tempdir().unwrap();
        let salt = VisitorSalt::open(folder.path(), NOON_MS).unwrap();
        let today = id(&salt, NOON_MS);
        let midnight_ms = NOON_MS + DAY_MS / 2;
        assert_eq!(id(&salt, midnight_ms - 1), today);
        drop(salt);
        let salt = VisitorSalt::open(folder.path(), midnight_ms - 1).unwrap();
        assert_eq!(id(&salt, midnight_ms - 1), today);
        let tomorrow = id(&salt, midnight_ms);
        assert_ne!(tomorrow, today);
        // A worker whose clock is a moment behind does not bring the old key back.
        assert_eq!(id(&salt, midnight_ms - 1), tomorrow);
        salt.keep(midnight_ms).unwrap();
        let salt = VisitorSalt::open(folder.path(), midnight_ms).unwrap();
        assert_eq!(id(&salt, midnight_ms), tomorrow);
    }

    #[test]
    fn visitors_differ_by_project_address_and_user_agent() {
        let folder = tempfile::tempdir().unwrap();
        let salt = VisitorSalt::open(folder.path(), NOON_MS).unwrap();
        let mut ids = std::collections::HashSet::new();
        for project in ["p", "q"] {
            for address in ["203.0.113.7", "203.0.113.8", "2001:db8::1"] {
                for user_agent in ["", "Firefox", "Chrome"] {
                    ids.insert(salt.visitor_id(project, address.parse().unwrap(), user_agent, NOON_MS));
                }
            }
        }
        assert_eq!(ids.len(), 18);
        let mapped = "::ffff:203.0.113.7".parse().unwrap();
        assert_eq!(
            salt.visitor_id("p", mapped, "Firefox", NOON_MS),
            id(&salt, NOON_MS)
        );
    }

    #[test]
    fn yesterdays_key_is_gone_from_the_disk_and_nobody_else_may_read_todays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        let salt = VisitorSalt::open(folder.path(), NOON_MS).unwrap();
        let old = salt.current.load_full();
        salt.keep(NOON_MS + DAY_MS).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(16).any(|window| window == old.key));
        }
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_damaged_file_and_a_key_of_the_far_future_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        for bytes in [Vec::new(), vec![0; FILE_BYTES], DayKey::random(30_000).encode()] {
            std::fs::write(&file, &bytes).unwrap();
            let salt = VisitorSalt::open(folder.path(), NOON_MS).unwrap();
            assert_eq!(salt.current.load().day, NOON_MS / DAY_MS);
        }
    }

    #[test]
    fn many_workers_agree_on_a_new_days_key() {
        let folder = tempfile::tempdir().unwrap();
        let salt = VisitorSalt::open(folder.path(), NOON_MS).unwrap();
        let ids: std::collections::HashSet<u64> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (1..200).map(|day| id(&salt, NOON_MS + day * DAY_MS)).next_back()))
                .collect();
            workers
                .into_iter()
                .filter_map(|worker| worker.join().unwrap())
                .collect()
        });
        assert_eq!(ids.len(), 1);
    }
}
