//! Beacons that are sent twice: the ids that clients have sent, and whether their beacons are durable.
//!
//! A client that got no answer sends its beacon again, with the same `event_id`. What it must be told depends on
//! what has become of the first one:
//!
//! | the first one | [`Dedup::reserve`] | the answer |
//! |---|---|---|
//! | never came, or was refused | [`Seen::New`] | what becomes of this one |
//! | waits for its commit | [`Seen::UnderWay`] | **503 with `Retry-After`**: not known to be durable. A 202 would be a lie if the commit failed |
//! | is durable | [`Seen::Stored`] | 202, and nothing is stored |
//!
//! # Guarantees
//! 1. An id that was [settled](Reservation::settle) is remembered for 24 hours, or until `dedup.ids_max` others
//!    have been settled since. Beyond that the oldest are forgotten, a thirty-second part of a shard at a
//!    time, and counted ([`DEDUP_FORGOTTEN`]).
//! 2. Of two that reserve one id at the same time one is new.
//! 3. A reservation that is dropped leaves nothing behind. ([`Settling`](super::settling::Settling) does not drop it while its commit may
//!    still succeed, also when the client has gone away.)
//! 4. Memory: at most 9.14 bytes a place, of which 95 % are used when it is full: 9.6 bytes an id, up to 10.9 while
//!    it grows (14 below 200,000 ids in all). 8 million take 81 MB, the room for uneven shards included. Ids under
//!    way stand among them.
//! 5. No lock is held over I/O, and none is shared by all.
//!
//! After a crash the ids come back from the log and its journals (`recall`), under the same key.
//!
//! # False positives
//! An id is remembered by a keyed hash of 64 bits of project and id. Two ids that hash alike look like one: the
//! second beacon is answered 202 and not stored. With 8 million ids in memory that happens to a new one with a
//! probability of 4 in 10 million million (8 million / 2^64). Nobody can look for such ids: the key is secret. The error
//! never goes the other way: an id that is remembered is never taken for new.

mod shard;
mod table;

use std::hash::Hasher as _;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, counter};
use siphasher::sip::SipHasher13;
use uuid::Uuid;

use crate::config::DedupConfig;
use crate::metric_definitions::DEDUP_FORGOTTEN;
use crate::peers::{Peers, SharedId};
use crate::private_file;
use crate::recall::EventMark;
use shard::{Known, PARTS, Shard};

const SHARDS: usize = 256;
const HOUR_MS: i64 = 3_600_000;

/// What is known of an id.
#[derive(Debug)]
pub enum Seen {
    /// Nothing: its beacon may be stored.
    New(Reservation),
    /// A beacon with it waits for its commit. It may be one of the same request: compare fingerprints.
    UnderWay,
    /// A beacon with it is durable.
    Stored,
}

/// The ids of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Dedup(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: [u8; 16],
    shards: Box<[Mutex<Shard>]>,
    /// Most ids of one shard.
    ids_max: usize,
    forgotten: Counter,
}

impl Dedup {
    /// No ids yet, under a key that ends with the process.
    #[must_use]
    pub fn in_memory(config: &DedupConfig) -> Self {
        Self::new(config, Uuid::new_v4().into_bytes())
    }

    /// No ids yet, under the key of a file (mode 0600), which is made when it is not there.
    ///
    /// # Errors
    /// The file cannot be read or written. One that is damaged is replaced, and ids of before are forgotten.
    pub fn open(config: &DedupConfig, key_file: &Path) -> io::Result<Self> {
        let kept = private_file::read(key_file)?;
        let key = match kept.and_then(|bytes| bytes.try_into().ok()) {
            Some(key) => key,
            None => {
                let mut key = [0; 16];
                rand::Rng::fill_bytes(&mut rand::rng(), &mut key);
                private_file::write(key_file, &key)?;
                key
            }
        };
        Ok(Self::new(config, key))
    }

    fn new(config: &DedupConfig, key: [u8; 16]) -> Self {
        // Shards fill unevenly, and lose a part at a time: with this room the last `ids_max` are remembered all
        // the same, but for one in some ten thousand cases.
        let mean = config.ids_max.div_ceil(SHARDS);
        let ids_max = (mean + 4 * mean.isqrt() + 8) * (PARTS + 1) / PARTS;
        Self(Arc::new(Inner {
            key,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            ids_max,
            forgotten: counter!(DEDUP_FORGOTTEN),
        }))
    }

    /// Asks for an id that a client has sent. Whoever gets [`Seen::New`] is the only one until the reservation is
    /// settled or dropped.
    #[must_use]
    pub fn reserve(&self, project: &str, event_id: Uuid, now_ms: i64) -> Seen {
        let inner = &*self.0;
        let fingerprint = inner.fingerprint(project, event_id);
        let hour = hour(now_ms);
        match inner.lock(fingerprint).reserve(fingerprint, hour, inner.ids_max) {
            Known::New => Seen::New(Reservation {
                dedup: self.clone(),
                fingerprint,
                hour,
                is_settled: false,
                shared: None,
            }),
            Known::UnderWay => Seen::UnderWay,
            Known::Stored => Seen::Stored,
        }
    }

    /// The number that an id is remembered by.
    #[must_use]
    pub fn fingerprint(&self, project: &str, event_id: Uuid) -> u64 {
        self.0.fingerprint(project, event_id)
    }

    /// Remembers what was stored before the last start. Older ones first: the last ones stay when there is no room.
    pub fn restore(&self, mark: EventMark) {
        let inner = &*self.0;
        let forgotten = inner
            .lock(mark.fingerprint)
            .restore(mark.fingerprint, mark.hour, inner.ids_max);
        inner.count_forgotten(forgotten);
    }

    /// Forgets ids that are older than a day, also in shards that nobody asks.
    pub fn maintain(&self, now_ms: i64) {
        for shard in &self.0.shards {
            lock(shard).expire(hour(now_ms));
        }
    }

    /// Ids that are remembered, and the memory that they take.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        let shards = self.0.shards.iter().map(lock);
        shards.fold((0, 0), |(ids, bytes), shard| {
            (ids + shard.len(), bytes + shard.bytes())
        })
    }
}

impl Inner {
    fn fingerprint(&self, project: &str, event_id: Uuid) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(event_id.as_bytes());
        hasher.write(project.as_bytes());
        hasher.finish()
    }

    fn lock(&self, fingerprint: u64) -> MutexGuard<'_, Shard> {
        let place = usize::try_from(fingerprint >> 56).unwrap_or(0);
        lock(&self.shards[place % SHARDS])
    }

    fn count_forgotten(&self, ids: usize) {
        if ids > 0 {
            self.forgotten.increment(ids as u64);
        }
    }
}

/// A panic under the lock leaves a shard that remembers too much or too little of one id.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hour(now_ms: i64) -> u32 {
    u32::try_from(now_ms.max(0) / HOUR_MS).unwrap_or(u32::MAX)
}

/// The right to store the one beacon with an id. Dropped without [`settle`](Self::settle) the id is free again.
#[derive(Debug)]
#[must_use = "an id is remembered only when its reservation is settled"]
pub struct Reservation {
    dedup: Dedup,
    fingerprint: u64,
    hour: u32,
    is_settled: bool,
    /// Claimed among the other nodes too.
    shared: Option<Box<(Peers, SharedId)>>,
}

impl Reservation {
    /// What the log must remember of it, for the next start.
    #[must_use]
    pub const fn mark(&self) -> EventMark {
        EventMark {
            fingerprint: self.fingerprint,
            hour: self.hour,
        }
    }

    /// The other nodes have left the id to this one: they are told what becomes of it.
    pub fn share(&mut self, peers: &Peers, id: SharedId) {
        self.shared = Some(Box::new((peers.clone(), id)));
    }

    /// The beacon is durable: remembers the id. Call it when the commit of the log has resolved with success.
    pub fn settle(mut self) {
        self.is_settled = true;
        let inner = &*self.dedup.0;
        let forgotten = inner
            .lock(self.fingerprint)
            .settle(self.fingerprint, self.hour, inner.ids_max);
        inner.count_forgotten(forgotten);
        if let Some(shared) = self.shared.take() {
            let (peers, id) = *shared;
            peers.tell_stored(vec![id]);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            let (peers, id) = *shared;
            peers.release(vec![id]);
        }
        if !self.is_settled {
            self.dedup.0.lock(self.fingerprint).undo(self.fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn dedup(ids_max: usize) -> Dedup {
        Dedup::in_memory(&DedupConfig { ids_max })
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn an_id_is_new_then_under_way_then_stored_and_apart_in_each_project() {
        let dedup = dedup(10_000);
        let Seen::New(reservation) = dedup.reserve("a", id(1), NOW_MS) else {
            panic!("it is new");
        };
        assert!(matches!(dedup.reserve("a", id(1), NOW_MS), Seen::UnderWay));
        assert!(matches!(dedup.reserve("b", id(1), NOW_MS), Seen::New(_)));
        reservation.settle();
        assert!(matches!(dedup.reserve("a", id(1), NOW_MS), Seen::Stored));
        assert!(matches!(dedup.reserve("b", id(1), NOW_MS), Seen::New(_)));
        let day_ms = 24 * HOUR_MS;
        assert!(matches!(dedup.reserve("a", id(1), NOW_MS + day_ms), Seen::Stored));
        assert!(matches!(
            dedup.reserve("a", id(1), NOW_MS + day_ms + HOUR_MS),
            Seen::New(_)
        ));
    }

    #[test]
    fn a_reservation_that_is_dropped_leaves_nothing_behind() {
        let dedup = dedup(10_000);
        for _ in 0..3 {
            assert!(matches!(dedup.reserve("a", id(1), NOW_MS), Seen::New(_)));
        }
        assert_eq!(dedup.usage().0, 0);
    }

    #[test]
    fn of_many_who_reserve_one_id_one_gets_it() {
        let dedup = dedup(10_000);
        let got: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let mut got = 0;
                        for number in 0..2_000 {
                            if let Seen::New(reservation) = dedup.reserve("a", id(number), NOW_MS) {
                                reservation.settle();
                                got += 1;
                            }
                        }
                        got
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(got, 2_000);
    }

    #[test]
    fn the_last_ids_are_remembered_in_bounded_memory_whatever_comes() {
        const IDS_MAX: usize = 100_000;
        let dedup = dedup(IDS_MAX);
        for number in 0..400_000 {
            let Seen::New(reservation) = dedup.reserve("a", id(number), NOW_MS) else {
                panic!("{number} is new");
            };
            reservation.settle();
        }
        let (ids, bytes) = dedup.usage();
        assert!(ids <= IDS_MAX * 5 / 4, "{ids}");
        assert!(bytes <= ids * 12, "{bytes} bytes for {ids}");
        for number in 300_000..400_000 {
            assert!(matches!(dedup.reserve("a", id(number), NOW_MS), Seen::Stored));
        }
        assert!(matches!(dedup.reserve("a", id(1), NOW_MS), Seen::New(_)));
    }

    #[test]
    fn ids_are_known_again_under_the_same_key_file_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("event-key");
        let config = DedupConfig { ids_max: 10_000 };
        let first = Dedup::open(&config, &file).unwrap();
        let Seen::New(reservation) = first.reserve("a", id(1), NOW_MS) else {
            panic!("it is new");
        };
        let second = Dedup::open(&config, &file).unwrap();
        second.restore(reservation.mark());
        assert!(matches!(second.reserve("a", id(1), NOW_MS), Seen::Stored));
        std::fs::write(&file, "damaged").unwrap();
        let third = Dedup::open(&config, &file).unwrap();
        third.restore(reservation.mark());
        assert!(matches!(third.reserve("a", id(1), NOW_MS), Seen::New(_)));
    }
}
