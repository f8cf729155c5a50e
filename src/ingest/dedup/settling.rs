//! Ties reservations to the commit that makes their beacons durable.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Reservation;
use crate::task;
use crate::wal::{AppendError, Commit};

/// Resolves as the commit does, and settles the reservations if it succeeds.
///
/// A client that goes away takes its request's future with it, but not its beacon: that may be committed all the
/// same, and the client will send it again. So when this is dropped early, a task of its own waits for the commit.
#[derive(Debug)]
#[must_use = "nothing is settled before this has resolved"]
pub struct Settling(Option<(Commit, Vec<Reservation>)>);

impl Settling {
    /// For the reservations of the beacons of one append. With none it costs nothing.
    pub const fn new(commit: Commit, reservations: Vec<Reservation>) -> Self {
        Self(Some((commit, reservations)))
    }
}

impl Future for Settling {
    type Output = Result<(), AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((commit, _)) = &mut self.0 else {
            return Poll::Pending;
        };
        let outcome = ready!(Pin::new(commit).poll(context));
        let reservations = self.0.take().map(|(_, reservations)| reservations);
        if outcome.is_ok() {
            reservations.into_iter().flatten().for_each(Reservation::settle);
        }
        Poll::Ready(outcome)
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        if let Some((commit, reservations)) = self.0.take()
            && !reservations.is_empty()
        {
            let _detached = task::spawn_local("settle event ids", async move {
                if commit.await.is_ok() {
                    reservations.into_iter().for_each(Reservation::settle);
                }
            });
        }
    }
}
