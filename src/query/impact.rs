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
//! Beyond [`ROWS_MAX`] measurements every n-th session is looked at, by its hash; numbers of sessions are those looked at.

mod bands;
mod request;
mod wilson;

pub use bands::{Band, Impact, impact};
pub use request::{ImpactParameters, ImpactRequest};
pub use wilson::ShareInterval;

/// Measurements that are looked at: about a second of two cores, and 200 MB.
pub const ROWS_MAX: u64 = 4_000_000;
/// Sessions from which on a band is told to be enough.
pub const SESSIONS_ENOUGH: u64 = 30;
