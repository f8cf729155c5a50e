//! A breaker for many callers at once.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Breaker, Limits, Outcome, Parts, Pass, State};

/// A breaker with the system's clock; clones share it.
#[derive(Clone, Debug)]
pub struct Circuit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What is broken, for the log.
    name: Cow<'static, str>,
    started: Instant,
    // Held for a few instructions, never over a call.
    breaker: Mutex<Breaker>,
}

/// A call that was let through. It is over when it is dropped; then it counts as what its parts come to.
#[derive(Debug)]
pub struct Call {
    circuit: Circuit,
    pass: Pass,
    // Held for a few instructions.
    parts: Mutex<Parts>,
}

/// A part of a call that is under way, which keeps the call from being over. Dropped without an outcome it says nothing.
#[derive(Debug)]
pub struct Part {
    call: Arc<Call>,
    outcome: Outcome,
}

/// How a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CircuitStatus {
    /// Its state.
    pub state: State,
    /// Failures in a row.
    pub failures: u32,
    /// How often it has opened since the start.
    pub opened: u64,
}

impl Circuit {
    /// A closed one before what has this name in the log.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            name: name.into(),
            started: Instant::now(),
            breaker: Mutex::new(Breaker::new(limits)),
        }))
    }

    /// Lets a call through.
    ///
    /// # Errors
    /// After which time it may be tried again.
    pub fn admit(&self) -> Result<Arc<Call>, Duration> {
        let now_ms = self.now_ms();
        match self.breaker().admit(now_ms) {
            Ok(pass) => Ok(Arc::new(Call {
                circuit: self.clone(),
                pass,
                parts: Mutex::default(),
            })),
            Err(refused) => Err(Duration::from_millis(refused.retry_in_ms)),
        }
    }

    /// Closes it: whatever failed is not there any more.
    pub fn close(&self) {
        self.breaker().close();
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> CircuitStatus {
        let now_ms = self.now_ms();
        let breaker = self.breaker();
        CircuitStatus {
            state: breaker.state(now_ms),
            failures: breaker.failures(),
            opened: breaker.opened(),
        }
    }

    fn note(&self, pass: Pass, outcome: Outcome) {
        let now_ms = self.now_ms();
        let mut breaker = self.breaker();
        let before = breaker.state(now_ms);
        breaker.note(pass, outcome, now_ms);
        let after = breaker.state(now_ms);
        drop(breaker);
        let name = &*self.0.name;
        match (before, after) {
            (before, after) if before == after => {}
            (_, State::Open) => tracing::warn!(name, "it keeps failing and is left alone for a time"),
            (_, State::Closed) => tracing::info!(name, "it answers again"),
            (_, State::HalfOpen) => {}
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A panic elsewhere leaves it whole enough: at worst a count is off by one.
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Begins a part of it.
    #[must_use]
    pub fn part(self: &Arc<Self>) -> Part {
        Part {
            call: Arc::clone(self),
            outcome: Outcome::Unknown,
        }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let outcome = self.parts().outcome();
        self.circuit.note(self.pass, outcome);
    }
}

impl Part {
    /// Tells how it went.
    pub fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.call.parts().note(self.outcome);
    }
}
