//! The breaker: leaves alone what keeps failing, and tries it again after a time.
//!
//! ```text
//!            failures_max in a row, or too large a share of failures
//!   closed ──────────────────────────────────────────────────────────► open
//!     ▲                                                                 │ open_ms
//!     │ successes_min in a row                          any failure     ▼
//!     └───────────────────────────────── half-open ◄────────────── half-open
//!                                    (one call at a time)     └──────► open
//! ```
//!
//! [`Breaker`] is pure: the time is handed in, in milliseconds of any clock that does not go back. [`Circuit`] is the same
//! for many callers at once, with the clock of the system. A caller decides what a failure is: what will be the same at
//! the next try, like a question that is refused, is none.
//!
//! A call may have several [`Part`]s, one after the other or side by side. It is let through once, with all of them, and
//! counts once: if each part had to ask for itself, the second would be refused while the first is tried, and would take
//! the first down with it, for ever. A call that is given up while it is tried says nothing: the next one is tried in its
//! place at once, and the time for which the breaker was open does not begin anew.

mod circuit;
#[cfg(test)]
mod tests;
mod window;

use serde::Serialize;

use crate::config::BreakerConfig;
use window::Window;

pub use circuit::{Call, Circuit, CircuitStatus, Part};

/// What a breaker is made with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// False: everything is let through.
    pub is_enabled: bool,
    /// Failures in a row that open it.
    pub failures_max: u32,
    /// Time for which it stays open.
    pub open_ms: u64,
    /// Successes in a row that close it.
    pub successes_min: u32,
    /// Share of failures that opens it, over 0 to 1; 0: none does.
    pub failure_share: f64,
    /// Time over which the share is taken.
    pub window_ms: u64,
    /// Calls in that time from which on it counts.
    pub window_calls_min: u32,
}

impl From<&BreakerConfig> for Limits {
    fn from(config: &BreakerConfig) -> Self {
        Self {
            is_enabled: config.enabled,
            failures_max: config.failures_max,
            open_ms: config.open_ms,
            successes_min: config.successes_min,
            failure_share: config.failure_share,
            window_ms: config.window_ms,
            window_calls_min: config.window_calls_min,
        }
    }
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BreakerState)]
pub enum State {
    /// Everything is let through.
    Closed,
    /// Nothing is.
    Open,
    /// One call at a time is.
    HalfOpen,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Success,
    /// Not, and not by the caller's fault.
    Failure,
    /// Nobody knows: it was given up, or says nothing about whoever was called.
    Unknown,
}

/// What the parts of a call have come to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    has_succeeded: bool,
    has_failed: bool,
    /// Nobody knows how one of them went.
    has_gaps: bool,
}

impl Parts {
    const fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.has_succeeded = true,
            Outcome::Failure => self.has_failed = true,
            Outcome::Unknown => self.has_gaps = true,
        }
    }

    /// A failure of any is one of the call, also when others were given up for it; it went well when all that began did.
    const fn outcome(self) -> Outcome {
        match self {
            Self { has_failed: true, .. } => Outcome::Failure,
            Self {
                has_succeeded: true,
                has_gaps: false,
                ..
            } => Outcome::Success,
            Self { .. } => Outcome::Unknown,
        }
    }
}

/// The right to one call; its outcome is to be noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The period in which it was given: the outcome of a call that began before the breaker opened says nothing about
    /// what has happened since.
    period: u64,
}

/// A call that is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When it may be tried again, from now. 0 when another call is being tried.
    pub retry_in_ms: u64,
}

/// See the room's comment.
#[derive(Clone, Debug)]
pub struct Breaker {
    limits: Limits,
    phase: Phase,
    /// Goes up with each change of the phase.
    period: u64,
    window: Window,
    opened: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed { failures: u32 },
    Open { until_ms: u64 },
    HalfOpen { successes: u32, is_trying: bool },
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::Closed { failures: 0 },
            period: 0,
            window: Window::new(limits.window_ms),
            opened: 0,
        }
    }

    /// How it stands.
    #[must_use]
    pub const fn state(&self, now_ms: u64) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { until_ms } if now_ms < until_ms => State::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Failures in a row, as far as it is closed.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        match self.phase {
            Phase::Closed { failures } => failures,
            Phase::Open { .. } | Phase::HalfOpen { .. } => 0,
        }
    }

    /// How often it has opened.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// Lets a call through, or not.
    ///
    /// # Errors
    /// It is open, or another call is being tried.
    pub fn admit(&mut self, now_ms: u64) -> Result<Pass, Refused> {
        if let Phase::Open { until_ms } = self.phase
            && now_ms >= until_ms
        {
            self.enter(Phase::HalfOpen {
                successes: 0,
                is_trying: false,
            });
        }
        match &mut self.phase {
            Phase::Closed { .. } => {}
            Phase::Open { until_ms } => {
                return Err(Refused {
                    retry_in_ms: until_ms.saturating_sub(now_ms),
                });
            }
            Phase::HalfOpen { is_trying: true, .. } => return Err(Refused { retry_in_ms: 0 }),
            Phase::HalfOpen { is_trying, .. } => *is_trying = true,
        }
        Ok(Pass { period: self.period })
    }

    /// Notes how a call went that was let through.
    pub fn note(&mut self, pass: Pass, outcome: Outcome, now_ms: u64) {
        if pass.period != self.period || !self.limits.is_enabled {
            return;
        }
        if outcome != Outcome::Unknown {
            self.window.note(outcome == Outcome::Failure, now_ms);
        }
        match (&mut self.phase, outcome) {
            (Phase::Open { .. }, _) | (Phase::Closed { .. }, Outcome::Unknown) => {}
            (Phase::Closed { failures }, Outcome::Success) => *failures = 0,
            (Phase::Closed { failures }, Outcome::Failure) => {
                *failures += 1;
                let are_too_many = *failures >= self.limits.failures_max;
                if are_too_many || self.is_share_too_large(now_ms) {
                    self.open(now_ms);
                }
            }
            (Phase::HalfOpen { is_trying, .. }, Outcome::Unknown) => *is_trying = false,
            (Phase::HalfOpen { .. }, Outcome::Failure) => self.open(now_ms),
            (Phase::HalfOpen { successes, is_trying }, Outcome::Success) => {
                *successes += 1;
                *is_trying = false;
                if *successes >= self.limits.successes_min {
                    self.close();
                }
            }
        }
    }

    /// Closes it: whatever failed is not there any more.
    pub fn close(&mut self) {
        self.window.clear();
        self.enter(Phase::Closed { failures: 0 });
    }

    fn is_share_too_large(&mut self, now_ms: u64) -> bool {
        let (calls, failures) = self.window.counts(now_ms);
        self.limits.failure_share > 0.0
            && calls >= self.limits.window_calls_min
            && f64::from(failures) >= self.limits.failure_share * f64::from(calls)
    }

    fn open(&mut self, now_ms: u64) {
        self.opened += 1;
        self.window.clear();
        self.enter(Phase::Open {
            until_ms: now_ms.saturating_add(self.limits.open_ms),
        });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.period += 1;
    }
}
