//! Ties what depends on a commit to it: ids of beacons, and entries of the ledger.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::dedup::Reservation;
use crate::ledger::Booking;
use crate::task;
use crate::wal::{AppendError, Commit};

/// Resolves as the commit does. If it succeeds, ids are remembered and the booking is kept.
///
/// A client that goes away takes its request's future with it, but not its beacon: that may be committed all the
/// same, and the client will send it again. So when this is dropped early, a task of its own waits for the commit.
#[derive(Debug)]
#[must_use = "nothing is settled before this has resolved"]
pub struct Settling(Option<(Commit, Stakes)>);

#[derive(Debug)]
struct Stakes {
    /// None for what is no item of a project's, like a call that was not made.
    booking: Option<Booking>,
    /// A beacon of its own has one at most: no allocation for it.
    reservation: Option<Reservation>,
    /// Those of a batch's other beacons.
    more: Vec<Reservation>,
}

impl Stakes {
    fn won(self) {
        if let Some(booking) = self.booking {
            booking.keep();
        }
        let reservations = self.reservation.into_iter().chain(self.more);
        reservations.for_each(Reservation::settle);
    }

    /// Whoever waits is told, and notes the drop with its reason.
    fn lost(self) {
        if let Some(booking) = self.booking {
            booking.cancel();
        }
    }
}

impl Settling {
    /// For one append: what was booked for it, and the reservations of its beacons.
    pub(super) fn new(
        commit: Commit,
        booking: Booking,
        reservations: impl IntoIterator<Item = Reservation>,
    ) -> Self {
        let mut reservations = reservations.into_iter();
        let stakes = Stakes {
            booking: Some(booking),
            reservation: reservations.next(),
            more: reservations.collect(),
        };
        Self(Some((commit, stakes)))
    }

    /// For an append of ours, which nobody repeats.
    pub(super) const fn of_ours(commit: Commit, booking: Option<Booking>) -> Self {
        let stakes = Stakes {
            booking,
            reservation: None,
            more: Vec::new(),
        };
        Self(Some((commit, stakes)))
    }
}

impl Future for Settling {
    type Output = Result<(), AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((commit, _)) = &mut self.0 else {
            return Poll::Pending;
        };
        let outcome = ready!(Pin::new(commit).poll(context));
        if let Some((_, stakes)) = self.0.take() {
            match outcome {
                Ok(()) => stakes.won(),
                Err(_) => stakes.lost(),
            }
        }
        Poll::Ready(outcome)
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        if let Some((commit, stakes)) = self.0.take() {
            let _detached = task::spawn_local("settle a commit", async move {
                if commit.await.is_ok() {
                    stakes.won();
                }
                // Otherwise nobody is told: the booking is dropped, and its items are owed to the ledger.
            });
        }
    }
}
