//! What the client is told when he wants more than there is for him now.

use actix_web::http::StatusCode;

use super::{RETRY_AFTER_BUSY_S, Told};
use crate::quota::Decision;

/// Seconds after which a client may try again when memory is short.
const RETRY_AFTER_MEMORY_S: u32 = 5;
/// Seconds after which somebody may have stopped listening.
const RETRY_AFTER_LISTENERS_S: u32 = 30;

/// What there is no more of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Limit {
    /// Whoever asks has asked too often.
    Requests(Decision),
    /// Too many wrong credentials came from this network; after this many seconds others are looked at again.
    Failures(u32),
    /// Too many logins have failed; after this many seconds it may be tried again.
    Logins(u32),
    /// More passwords are being checked than may wait.
    Passwords,
    /// Memory is so short that questions are refused.
    Memory,
    /// As many listen to alerts as may.
    Listeners,
}

pub(super) fn told(limit: &Limit) -> Told<'static> {
    match limit {
        Limit::Requests(decision) => Told::new(
            StatusCode::TOO_MANY_REQUESTS,
            "OVER_QUOTA",
            "the quota of requests is spent; come again after Retry-After",
        )
        .retry_after(decision.retry_after_s.unwrap_or(RETRY_AFTER_BUSY_S)),
        Limit::Failures(seconds) => Told::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_FAILURES",
            "too many wrong credentials came from this network; this one was not looked at",
        )
        .retry_after(*seconds),
        Limit::Logins(seconds) => Told::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_LOGINS",
            "too many logins have failed",
        )
        .retry_after(*seconds),
        Limit::Passwords => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "TOO_MANY_PASSWORDS",
            "too many passwords are being checked; nothing was changed",
        )
        .retry_after(RETRY_AFTER_BUSY_S),
        Limit::Listeners => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "TOO_MANY_LISTENERS",
            "as many listen as may, or the service stops: ask instead",
        )
        .retry_after(RETRY_AFTER_LISTENERS_S),
        Limit::Memory => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "MEMORY_PRESSURE",
            "memory is short: questions must wait; beacons are taken",
        )
        .retry_after(RETRY_AFTER_MEMORY_S),
    }
}
