//! User impact: what slow pages and endpoints cost. Sessions are put into bands by the latency that they had there, and of
//! each band it is told how many converted, met an error, and how long they lasted.
//!
//! - A session's latency is the median or the worst of its measurements that the question is about.
//! - It converts when it takes the step somewhere in the period; it met an error when one of these measurements is one; it
//!   lasts from its first measurement in the period to its last, of any kind.
//! - Shares come with their 95 % interval, so that nobody reads a difference into a handful of sessions: the score interval
//!   of E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
//!   Statistical Association 22 (1927), 209–212. It holds for small numbers and for shares of 0 and 1 too.
//! - It is what goes together, not what causes what: slow devices are slow in everything.
//!
//! Beyond [`Limits::measurements_max`] every n-th session is looked at, by its hash; numbers of sessions are those looked at.
//!
//! The measurements themselves are few among many. How long a session lasted is told by all of its rows, so what is read
//! for it is the projection `session_hours` (docs/adr/0013-session-hours.md): when a session's first and last row of an hour was.

mod bands;
mod request;
mod statement;
mod wilson;

pub use bands::{Band, Impact, impact, impact_of};
pub use request::{ImpactParameters, ImpactRequest};
pub use wilson::ShareInterval;

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Measurements of the page or endpoint from which on sessions are sampled.
    pub measurements_max: u64,
    /// Rows of sessions and hours from which on lengths are looked up for the sessions of the measurements alone, which
    /// reads the measurements once more. Below, for all sessions, most of which are of no use.
    pub session_hours_max: u64,
}

impl Default for Limits {
    /// About a second of two cores, and 300 MB.
    fn default() -> Self {
        Self {
            measurements_max: 500_000,
            session_hours_max: 1_500_000,
        }
    }
}

/// Sessions from which on a band is told to be enough.
pub const SESSIONS_ENOUGH: u64 = 30;
