//! Where a worker books what it appends to the log.
//!
//! Each worker has a desk of its own, so that booking costs it a lock that nobody else wants.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::entry::{Entry, Share, Shares};
use super::sums::Sums;
use super::{Inner, lock};
use crate::domain::ledger::{DropReason, ItemKind, Outcome};

/// Slots of a desk: few minutes and few projects at a time; with more of them they are collected.
const SLOTS_MAX: usize = 32;
const KINDS: usize = ItemKind::ALL.len();

/// What was booked since it was last collected, by project and minute.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Slot>);

#[derive(Debug)]
struct Slot {
    project: Arc<str>,
    minute: u32,
    items: [[i64; Outcome::COUNT]; KINDS],
}

impl Slots {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The project, shared, of the slot that the items are added to.
    fn add(&mut self, project: &str, minute: u32, items: &[Share], times: i64) -> Arc<str> {
        // The last minute is the one that is asked for.
        let found = self
            .0
            .iter()
            .rposition(|slot| slot.minute == minute && &*slot.project == project);
        let place = found.unwrap_or_else(|| {
            self.0.push(Slot {
                project: project.into(),
                minute,
                items: [[0; Outcome::COUNT]; KINDS],
            });
            self.0.len() - 1
        });
        let slot = &mut self.0[place];
        for share in items {
            slot.items[usize::from(share.kind.code())][share.outcome.place()] +=
                i64::from(share.items) * times;
        }
        Arc::clone(&slot.project)
    }

    pub(super) fn add_to(&self, sums: &mut Sums) {
        for slot in &self.0 {
            for (kind, of_kind) in ItemKind::ALL.into_iter().zip(&slot.items) {
                for (outcome, items) in Outcome::all().zip(of_kind).filter(|(_, items)| **items != 0) {
                    let entry = Entry {
                        project: Arc::clone(&slot.project),
                        minute: slot.minute,
                        kind,
                        outcome,
                    };
                    sums.add(&entry, *items);
                }
            }
        }
    }
}

/// A worker's place to book at. Clones share it.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    ledger: Arc<Inner>,
    slots: Arc<Mutex<Slots>>,
    /// Drops that are booked and could not be written into the log yet.
    owed: Mutex<Sums>,
    owes: AtomicBool,
}

impl Desk {
    pub(super) fn new(ledger: Arc<Inner>, slots: Arc<Mutex<Slots>>) -> Self {
        Self(Arc::new(Counter {
            ledger,
            slots,
            owed: Mutex::default(),
            owes: AtomicBool::new(false),
        }))
    }

    /// Books items of one request that are about to be appended to the log. Unless the [`Booking`] is kept, they are
    /// owed.
    #[must_use = "without `keep` the items are owed"]
    pub fn book(&self, project: &str, minute: u32, shares: Shares) -> Booking {
        let project = self.0.add(project, minute, shares.as_slice(), 1);
        Booking(Some(Booked {
            desk: self.clone(),
            project,
            minute,
            shares,
        }))
    }

    /// Books drops that cannot be written into the log now.
    pub fn owe(&self, project: &str, minute: u32, shares: &[Share]) {
        let project = self.0.add(project, minute, shares, 1);
        self.0.owe(&project, minute, shares);
    }

    /// Drops that must be written as soon as they can be; the desk forgets them. Whoever takes them books them anew.
    #[must_use]
    pub fn take_owed(&self) -> Option<Sums> {
        if !self.0.owes.load(Ordering::Relaxed) {
            return None;
        }
        let owed = std::mem::take(&mut *lock(&self.0.owed));
        self.0.owes.store(false, Ordering::Relaxed);
        for (entry, items) in owed.iter() {
            let share = Share {
                kind: entry.kind,
                outcome: entry.outcome,
                items: u32::try_from(items).unwrap_or(u32::MAX),
            };
            self.0.add(&entry.project, entry.minute, &[share], -1);
        }
        Some(owed).filter(|owed| !owed.is_empty())
    }
}

impl Counter {
    fn add(&self, project: &str, minute: u32, shares: &[Share], times: i64) -> Arc<str> {
        let mut slots = lock(&self.slots);
        if slots.0.len() < SLOTS_MAX {
            return slots.add(project, minute, shares, times);
        }
        let full = std::mem::take(&mut *slots);
        let project = slots.add(project, minute, shares, times);
        drop(slots);
        full.add_to(&mut lock(&self.ledger.sums));
        project
    }

    fn owe(&self, project: &Arc<str>, minute: u32, shares: &[Share]) {
        let mut owed = lock(&self.owed);
        for share in shares {
            let entry = Entry {
                project: Arc::clone(project),
                minute,
                kind: share.kind,
                outcome: share.outcome,
            };
            owed.add(&entry, i64::from(share.items));
        }
        drop(owed);
        self.owes.store(true, Ordering::Relaxed);
    }
}

/// Items that are booked and wait for their commit.
#[derive(Debug)]
pub struct Booking(Option<Booked>);

#[derive(Debug)]
struct Booked {
    desk: Desk,
    project: Arc<str>,
    minute: u32,
    shares: Shares,
}

impl Booking {
    /// The commit has succeeded.
    pub fn keep(mut self) {
        self.0 = None;
    }

    /// Nothing was appended: as if it had not been booked.
    pub fn cancel(mut self) {
        if let Some(booked) = self.0.take() {
            booked.unbook();
        }
    }
}

impl Booked {
    fn unbook(&self) {
        let desk = &self.desk.0;
        desk.add(&self.project, self.minute, self.shares.as_slice(), -1);
    }
}

impl Drop for Booking {
    /// The commit has failed: what was accepted is dropped, and what was dropped is not written down.
    fn drop(&mut self) {
        let Some(booked) = self.0.take() else { return };
        booked.unbook();
        let dropped = |share: &Share| Share {
            outcome: match share.outcome {
                Outcome::Accepted => Outcome::Dropped(DropReason::Unavailable),
                other => other,
            },
            ..*share
        };
        let shares: Vec<_> = booked.shares.as_slice().iter().map(dropped).collect();
        booked.desk.owe(&booked.project, booked.minute, &shares);
    }
}
