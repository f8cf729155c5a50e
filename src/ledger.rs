//! The conservation ledger: an account of every item that was ever received.
//!
//! ```text
//! received = stored + dropped(reason) + pending        per project, minute of reception, and kind
//! ```
//!
//! # Words
//! - An **item** is a beacon, or what should have been one: a body that could not be read counts as one.
//! - An **entry** is what items have in common: project, minute, kind, outcome. **Sums** are entries with numbers.
//! - A **note** is a row of the log's own table `ledger`: items that were dropped, or that a client lost. Accepted items
//!   need none: their rows say it.
//! - To **book** is to add to the sums of what stands in the log; to **settle** is to take a segment out of them, when
//!   the warehouse's table `ledger` has its sums.
//!
//! # Where each number comes from
//! | number | source |
//! |---|---|
//! | accepted, dropped, lost by clients | the log; the flush adds each segment up and inserts its sums under the segment's token |
//! | the same, of what is still in the log | this room: booked at the append, or read from the log at the start |
//! | stored | a count of the raw rows themselves, at the time of the question |
//!
//! So an acknowledged item that never arrived in its table is found, whatever lost it.
//!
//! # Guarantees
//! 1. An item is answered only when its row, or the note of its drop, is as durable as `wal.durability` asks. Refusals
//!    that tell of a log that cannot be written (503) are written when it can be again: a death before that forgets them.
//! 2. Sums of a segment count once, however often it is sent: by token, or by number where tokens may be forgotten.
//! 3. Whoever reads the warehouse between two looks at the same [`Ledger::version`] sees each item in one place.
//! 4. Memory is bounded: beyond [`ENTRIES_MAX`] entries, minutes are collected by the hour.

mod desk;
mod entry;
mod note;
mod sums;
mod table;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use desk::{Booking, Desk};
pub use entry::{Entry, Share, Shares};
pub use note::Note;
pub use sums::{ENTRIES_MAX, Sums};
pub use table::{COLUMNS, TABLE, put_row};

use desk::Slots;

/// What stands in the log and not in the warehouse's ledger. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Booked at desks and collected from them; held for additions only.
    sums: Mutex<Sums>,
    /// What each worker has booked since it was last collected.
    desks: Mutex<Vec<Arc<Mutex<Slots>>>>,
    /// Odd while a segment's sums are on their way into the warehouse.
    version: AtomicU64,
}

impl Ledger {
    /// A place to book at, for one worker.
    #[must_use]
    pub fn desk(&self) -> Desk {
        let slots = Arc::default();
        lock(&self.0.desks).push(Arc::clone(&slots));
        Desk::new(Arc::clone(&self.0), slots)
    }

    /// Adds what the log held at the start.
    pub fn restore(&self, sums: &Sums) {
        lock(&self.0.sums).add_all(sums, 1);
    }

    /// Tells readers that a segment's sums are about to move into the warehouse.
    #[must_use = "readers wait for the settlement's end"]
    pub fn settling(&self) -> Settlement<'_> {
        self.0.version.fetch_add(1, Ordering::SeqCst);
        Settlement(&self.0)
    }

    /// Moves with each segment that is settled; odd while one is on its way.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::SeqCst)
    }

    /// What stands in the log, of one project or of all.
    #[must_use]
    pub fn in_log(&self, project: Option<&str>) -> Vec<(Entry, i64)> {
        self.0.collect();
        let sums = lock(&self.0.sums);
        let wanted = |entry: &Entry| project.is_none_or(|project| &*entry.project == project);
        let found = sums.iter().filter(|(entry, _)| wanted(entry));
        found.map(|(entry, items)| (entry.clone(), items)).collect()
    }
}

impl Inner {
    /// Brings what was booked at the desks together.
    fn collect(&self) {
        let desks = lock(&self.desks).clone();
        for desk in desks {
            let booked = std::mem::take(&mut *lock(&desk));
            if !booked.is_empty() {
                booked.add_to(&mut lock(&self.sums));
            }
        }
    }
}

/// The time in which a segment's sums may be in the warehouse and in [`Ledger`].
#[derive(Debug)]
pub struct Settlement<'l>(&'l Inner);

impl Settlement<'_> {
    /// The warehouse has the segment's sums.
    pub fn settle(self, segment: &Sums) {
        self.0.collect();
        lock(&self.0.sums).add_all(segment, -1);
    }
}

impl Drop for Settlement<'_> {
    fn drop(&mut self) {
        self.0.version.fetch_add(1, Ordering::SeqCst);
    }
}

/// A panic under the lock leaves sums that are off by one addition.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::beacon::Kind;
    use crate::domain::ledger::{DropReason, Outcome};

    fn one(outcome: Outcome) -> Shares {
        Shares::One(Share {
            kind: Kind::Metric.into(),
            outcome,
            items: 1,
        })
    }

    fn in_log(ledger: &Ledger) -> Vec<(u32, Outcome, i64)> {
        let mut found: Vec<_> = ledger
            .in_log(Some("shop"))
            .into_iter()
            .map(|(entry, items)| (entry.minute, entry.outcome, items))
            .collect();
        found.sort();
        found
    }

    const INVALID: Outcome = Outcome::Dropped(DropReason::Invalid);
    const UNAVAILABLE: Outcome = Outcome::Dropped(DropReason::Unavailable);

    #[test]
    fn what_is_booked_at_any_desk_stands_in_the_log_until_it_is_settled() {
        let ledger = Ledger::default();
        let (first, second) = (ledger.desk(), ledger.desk());
        first.book("shop", 5, one(Outcome::Accepted)).keep();
        second.book("shop", 5, one(Outcome::Accepted)).keep();
        second.book("shop", 6, one(INVALID)).keep();
        second.book("shop", 6, one(Outcome::Accepted)).cancel();
        assert_eq!(in_log(&ledger), [(5, Outcome::Accepted, 2), (6, INVALID, 1)]);
        assert!(ledger.in_log(Some("other")).is_empty());

        let before = ledger.version();
        let settlement = ledger.settling();
        assert_eq!(ledger.version() % 2, 1);
        let mut segment = Sums::default();
        let entry = Entry {
            project: "shop".into(),
            minute: 5,
            kind: Kind::Metric.into(),
            outcome: Outcome::Accepted,
        };
        segment.add(&entry, 2);
        settlement.settle(&segment);
        assert_eq!(in_log(&ledger), [(6, INVALID, 1)]);
        assert_eq!(ledger.version(), before + 2);
    }

    #[test]
    fn items_whose_commit_failed_are_dropped_and_owed_to_the_log() {
        let ledger = Ledger::default();
        let desk = ledger.desk();
        assert!(desk.take_owed().is_none());
        drop(desk.book("shop", 5, one(Outcome::Accepted)));
        drop(desk.book("shop", 5, one(INVALID)));
        desk.owe("shop", 6, one(INVALID).as_slice());
        assert_eq!(
            in_log(&ledger),
            [(5, INVALID, 1), (5, UNAVAILABLE, 1), (6, INVALID, 1)]
        );
        let owed = desk.take_owed().unwrap();
        assert_eq!(owed.iter().count(), 3);
        assert!(in_log(&ledger).is_empty());
        assert!(desk.take_owed().is_none());
    }

    #[test]
    fn many_minutes_at_one_desk_lose_nothing() {
        let ledger = Ledger::default();
        let desk = ledger.desk();
        for minute in 0..1_000 {
            desk.book("shop", minute, one(Outcome::Accepted)).keep();
        }
        let all: i64 = in_log(&ledger).iter().map(|(_, _, items)| items).sum();
        assert_eq!(all, 1_000);
    }
}
