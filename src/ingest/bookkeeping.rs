//! The ledger's side of the ingest path: each item of a request is booked with what becomes of it, in the same append
//! as its row; items that are not stored get a note instead of a row.

use std::time::Duration;

use super::rejection::Rejection;
use super::settling::Settling;
use crate::domain::beacon::Kind;
use crate::domain::ledger::{DropReason, ItemKind, Outcome, minute_of};
use crate::domain::table::Table;
use crate::ledger::{Booking, Desk, Ledger, Note, Share, Shares, Sums};
use crate::task;
use crate::wal::{Lane, RowSink};

/// How often drops are tried again that the log had no room for.
const PAY_INTERVAL: Duration = Duration::from_millis(500);

/// Books what a worker takes and drops.
#[derive(Debug)]
pub(super) struct Bookkeeper {
    desk: Desk,
    lane: Lane,
}

impl Bookkeeper {
    /// Books at a desk of its own; notes go into this lane.
    pub(super) fn start(ledger: &Ledger, lane: Lane) -> Self {
        let desk = ledger.desk();
        let _detached = task::spawn_local("ledger", pay(desk.clone(), lane.clone()));
        Self { desk, lane }
    }

    /// Books one beacon whose row is about to be appended.
    pub(super) fn accepted(&self, project_id: &str, kind: Kind, at_ms: i64) -> Booking {
        let share = Share {
            kind: kind.into(),
            outcome: Outcome::Accepted,
            items: 1,
        };
        self.desk.book(project_id, minute_of(at_ms), Shares::One(share))
    }

    /// Books the items of a batch whose rows and notes are about to be appended.
    pub(super) fn batch(&self, project_id: &str, fates: &Fates, at_ms: i64) -> Booking {
        let shares = Shares::Many(fates.0.clone());
        self.desk.book(project_id, minute_of(at_ms), shares)
    }

    /// Notes items that are not stored. Resolves when the note is durable; or at once when the log cannot be written:
    /// then the note is owed, and written later.
    pub(super) async fn note(&self, project_id: &str, shares: Shares, at_ms: i64) {
        let minute = minute_of(at_ms);
        let booking = self.desk.book(project_id, minute, shares.clone());
        let appended = self.lane.append(false, |rows| {
            put_notes(rows, project_id, minute, shares.as_slice());
        });
        let Ok(commit) = appended else {
            // The booking is dropped, and with that owed.
            return;
        };
        if Settling::new(commit, booking, None).await.is_err() {
            self.desk.owe(project_id, minute, shares.as_slice());
        }
    }
}

/// Appends the notes of items that are not stored.
pub(super) fn put_notes(rows: &mut RowSink<'_>, project_id: &str, minute: u32, shares: &[Share]) {
    for share in shares {
        if share.outcome != Outcome::Accepted {
            rows.row(Table::Ledger, |row| {
                Note::encode(project_id, minute, share, row);
            });
        }
    }
}

/// Writes what is owed, as long as the worker lives.
async fn pay(desk: Desk, lane: Lane) {
    let mut each = tokio::time::interval(PAY_INTERVAL);
    each.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        each.tick().await;
        let Some(owed) = desk.take_owed() else { continue };
        let bookings = book_anew(&desk, &owed);
        let appended = lane.append(false, |rows| {
            for (entry, items) in owed.iter() {
                let share = share_of(entry.kind, entry.outcome, items);
                put_notes(rows, &entry.project, entry.minute, &[share]);
            }
        });
        if let Ok(commit) = appended
            && commit.await.is_ok()
        {
            bookings.into_iter().for_each(Booking::keep);
        }
    }
}

fn book_anew(desk: &Desk, owed: &Sums) -> Vec<Booking> {
    let book = |entry: &crate::ledger::Entry, items| {
        let share = share_of(entry.kind, entry.outcome, items);
        desk.book(&entry.project, entry.minute, Shares::One(share))
    };
    owed.iter().map(|(entry, items)| book(entry, items)).collect()
}

fn share_of(kind: ItemKind, outcome: Outcome, items: i64) -> Share {
    Share {
        kind,
        outcome,
        items: u32::try_from(items).unwrap_or(u32::MAX),
    }
}

/// What becomes of the items of one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fates(Vec<Share>);

impl Fates {
    /// The body as a whole, which counts as one item.
    pub(super) fn of_body(rejection: &Rejection) -> Self {
        let mut fates = Self::default();
        if let Some(reason) = rejection.drop_reason() {
            fates.add(ItemKind::Unknown, Outcome::Dropped(reason), 1);
        }
        fates
    }

    /// Adds items with one fate.
    pub(super) fn add(&mut self, kind: ItemKind, outcome: Outcome, items: u32) {
        if items == 0 {
            return;
        }
        let same = |share: &&mut Share| share.kind == kind && share.outcome == outcome;
        match self.0.iter_mut().find(same) {
            Some(share) => share.items = share.items.saturating_add(items),
            None => self.0.push(Share { kind, outcome, items }),
        }
    }

    /// Adds items that are not stored.
    pub(super) fn drop_each(&mut self, kinds: &[Kind], reason: DropReason) {
        for kind in kinds {
            self.add((*kind).into(), Outcome::Dropped(reason), 1);
        }
    }

    /// The log did not take the batch: nothing of it is stored, and what its client has lost will be told again.
    pub(super) fn none_accepted(&mut self, reason: DropReason) {
        let shares = std::mem::take(&mut self.0);
        for share in shares {
            let outcome = match share.outcome {
                Outcome::Accepted => Outcome::Dropped(reason),
                Outcome::ClientLost => continue,
                other @ Outcome::Dropped(_) => other,
            };
            self.add(share.kind, outcome, share.items);
        }
    }

    /// The shares.
    pub(super) fn as_slice(&self) -> &[Share] {
        &self.0
    }

    /// The shares, for their note.
    pub(super) fn into_shares(self) -> Option<Shares> {
        (!self.0.is_empty()).then_some(Shares::Many(self.0))
    }
}
