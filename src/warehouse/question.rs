//! Questions: one or more statements whose answers belong together.

#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clickhouse::{RowOwned, RowRead};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Warehouse;
use super::select::{SelectError, Statement};
use crate::breaker::{Call, Outcome};

/// Statements of one question that are asked at once: more would take the places of other questions.
const STATEMENTS_MAX: usize = 2;

/// A question. Its statements may be asked one after the other or side by side; to the breaker they are one call, which
/// is let through when the first of them is, and is over when the question is dropped.
///
/// A statement holds its place only while it runs, and waits for no other one: a question cannot stand in its own way.
#[derive(Debug)]
pub struct Question<'w> {
    warehouse: &'w Warehouse,
    places: Semaphore,
    // Held for a few instructions.
    call: Mutex<Option<Arc<Call>>>,
}

impl Warehouse {
    /// A question of several statements. It must not be kept longer than it takes: while the breaker is half-open,
    /// nobody else is let through.
    #[must_use]
    pub fn question(&self) -> Question<'_> {
        Question {
            warehouse: self,
            places: Semaphore::new(STATEMENTS_MAX),
            call: Mutex::new(None),
        }
    }

    /// Asks a question of one statement; see [`Question::select`].
    ///
    /// # Errors
    /// Why there is no whole answer.
    pub async fn select<R>(&self, statement: &Statement) -> Result<Vec<R>, SelectError>
    where
        R: RowOwned + RowRead,
    {
        self.question().select(statement).await
    }
}

impl Question<'_> {
    /// Asks, and collects the answer. The query cannot write, ends on the server when we stop waiting for
    /// it, and takes no longer than the warehouse's query timeout, with the time in which it waits for other questions.
    ///
    /// # Errors
    /// Why there is no whole answer.
    pub async fn select<R>(&self, statement: &Statement) -> Result<Vec<R>, SelectError>
    where
        R: RowOwned + RowRead,
    {
        let warehouse = self.warehouse;
        // Those before it have a limit of their own.
        let _own = self.places.acquire().await;
        let deadline = Instant::now() + warehouse.query_timeout;
        let _place = place(&warehouse.places, deadline).await?;
        // Without a connection there is nothing to try, and nothing has failed.
        let link = warehouse.connected()?;
        let part = self.call()?.part();
        let started = Instant::now();
        let answer = statement.on(&link.reader).fetch_all();
        let outcome = warehouse.limited(statement, &link, deadline, answer).await;
        let (ended, count) = match &outcome {
            Ok(_) => (Outcome::Success, &warehouse.counts.answered),
            Err(error) => (error.outcome(), &warehouse.counts.failed),
        };
        part.ended(ended);
        count.fetch_add(1, Ordering::Relaxed);
        warehouse.slow.note(statement.sql(), started.elapsed());
        outcome
    }

    /// Name of the database, for a parameter of type `Identifier`.
    ///
    /// # Errors
    /// There is no connection.
    pub fn database_name(&self) -> Result<String, SelectError> {
        self.warehouse.database_name()
    }

    /// The call that this question is, let through at the first time.
    fn call(&self) -> Result<Arc<Call>, SelectError> {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = &*call {
            return Ok(Arc::clone(call));
        }
        let admitted = self.warehouse.circuit.admit().map_err(left_alone)?;
        Ok(Arc::clone(call.insert(admitted)))
    }
}

/// Waits for one's turn.
async fn place(places: &Semaphore, deadline: Instant) -> Result<SemaphorePermit<'_>, SelectError> {
    match tokio::time::timeout_at(deadline.into(), places.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(SelectError::Overloaded {
            code: 0,
            message: "too many questions wait for their turn".to_owned(),
        }),
    }
}

fn left_alone(retry_in: Duration) -> SelectError {
    SelectError::LeftAlone {
        retry_in_ms: u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX),
    }
}
