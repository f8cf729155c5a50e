//! What goes into the relay, and what comes out.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use hyper::body::Incoming;

use crate::breaker::State;

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
    pub body: Bytes,
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
}

impl Origin {
    /// Its name in headers and measurements.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "miss",
            Self::Held => "hit",
            Self::Repeated => "repeated",
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
