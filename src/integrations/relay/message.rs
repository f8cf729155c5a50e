//! What goes into the relay, and what comes out.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use hyper::body::Incoming;

use super::RelayError;
use super::upload::CallBody;

use crate::breaker::State;
use crate::outbound::CallError;

/// What a product wants to be done.
#[derive(Debug)]
pub struct RelayCall {
    /// The method.
    pub method: Method,
    /// Path below the integration's address; begins with a slash.
    pub path: String,
    /// The query string, without its question mark.
    pub query: String,
    /// The headers, as they came.
    pub headers: HeaderMap,
    /// The body.
    pub body: CallBody,
    /// Who goes first where calls wait.
    pub priority: Priority,
}

/// Whose call goes first where calls wait for a vendor's limit; and who has time to wait for others to go with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Before all others.
    High,
    /// Now, in its turn.
    #[default]
    Normal,
    /// Behind all others. Where the vendor takes many things in one call, it waits a moment for others to go with.
    Low,
}

impl Priority {
    /// The priority of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "high" => Some(Self::High),
            "normal" => Some(Self::Normal),
            "low" => Some(Self::Low),
            _ => None,
        }
    }
}

/// How the answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How often the vendor was called for it.
    pub tries: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// How the breaker stands.
    pub breaker: State,
    /// The status that the vendor gave last; none: it gave none.
    pub status: Option<StatusCode>,
    /// Time from the beginning of the last try to the head of its answer, or until it was given up.
    pub took: Duration,
    /// Calls of the product that went together in this one; none: it went alone.
    pub together: Option<u32>,
}

impl Report {
    /// That there is no answer after all: its body could not be had.
    pub(super) const fn exhausted(self, last: CallError) -> RelayError {
        RelayError::Exhausted {
            tries: self.tries,
            last,
            took: self.took,
        }
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the vendor, now.
    Vendor,
    /// It was asked before, and still holds.
    Held,
    /// The call was made before, under the same key.
    Repeated,
    /// From the vendor, now, with the call of another.
    Together,
}

impl Origin {
    /// Its name in headers and measurements.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "miss",
            Self::Held => "hit",
            Self::Repeated => "repeated",
            Self::Together => "batched",
        }
    }
}

/// A body on its way to the product.
#[derive(Debug)]
pub enum RelayBody {
    /// All of it.
    Whole(Bytes),
    /// As it comes, behind what was read already.
    Coming(Bytes, Incoming),
}

/// What the product gets.
#[derive(Debug)]
pub struct RelayAnswer {
    /// The vendor's status.
    pub status: StatusCode,
    /// Its headers, without those of the connection.
    pub headers: HeaderMap,
    /// Its body.
    pub body: RelayBody,
    /// How it came about.
    pub report: Report,
}
