//! One flight a key.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::entry::Entry;
use super::key::Key;
use super::{Origin, Outage};
use crate::task;

/// Flights at once: those who ask for more than this must wait for others to end.
const FLIGHTS_MAX: usize = 1_024;

/// What a flight comes to: an answer, new or another node's.
pub(super) type Outcome<E> = Result<(Arc<Entry>, Origin), E>;
type UnderWay<E> = HashMap<Key, Flight<E>>;

/// The flights under way.
pub(super) struct Flights<E>(Arc<Mutex<UnderWay<E>>>);

impl<E> Default for Flights<E> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// A place in a flight. Who drops it does not end the flight.
pub(super) struct Flight<E> {
    started: Instant,
    landing: watch::Receiver<Option<Outcome<E>>>,
}

impl<E> Clone for Flight<E> {
    fn clone(&self) -> Self {
        Self {
            started: self.started,
            landing: self.landing.clone(),
        }
    }
}

impl<E: Outage> Flights<E> {
    /// Joins the flight of this key, or starts it.
    ///
    /// # Errors
    /// There are too many already.
    pub(super) fn join_or_start(
        &self,
        key: Key,
        work: impl Future<Output = Outcome<E>> + Send + 'static,
    ) -> Result<Flight<E>, E> {
        let mut under_way = lock(&self.0);
        if let Some(flight) = under_way.get(&key) {
            return Ok(flight.clone());
        }
        if under_way.len() >= FLIGHTS_MAX {
            return Err(E::busy());
        }
        let (landing, landed) = watch::channel(None);
        let flight = Flight {
            started: Instant::now(),
            landing: landed,
        };
        under_way.insert(key.clone(), flight.clone());
        drop(under_way);
        let ending = Ending {
            key,
            under_way: Arc::clone(&self.0),
        };
        let _detached = task::spawn("flight", async move {
            let outcome = work.await;
            // First nobody joins any more, then those who have hear of it: the answer is kept by now.
            drop(ending);
            landing.send_replace(Some(outcome));
        });
        Ok(flight)
    }
}

impl<E: Outage> Flight<E> {
    /// When it began, which may be before whoever asks came.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// What it comes to.
    pub(super) async fn outcome(mut self) -> Outcome<E> {
        match self.landing.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(E::lost())),
            Err(_) => Err(E::lost()),
        }
    }
}

/// Takes a flight off the list, however it ends.
struct Ending<E> {
    key: Key,
    under_way: Arc<Mutex<UnderWay<E>>>,
}

impl<E> Drop for Ending<E> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

/// A panic elsewhere leaves the list whole: each change of it is one call.
fn lock<E>(under_way: &Mutex<UnderWay<E>>) -> MutexGuard<'_, UnderWay<E>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}
