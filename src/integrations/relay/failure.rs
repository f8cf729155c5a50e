//! Why there is no answer.

use std::time::Duration;

use crate::integrations::call::NoCall;
use crate::outbound::CallError;

/// Why there is no answer of the vendor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// Integrations, or this one, are turned off.
    #[error("the integration is turned off")]
    Off,
    /// Its secrets cannot be decrypted.
    #[error("the integration's credential cannot be decrypted: set it anew")]
    Unreadable,
    /// The vendor gives no access token.
    #[error("no access token is to be had from the integration's token_url")]
    NoToken,
    /// It lacks something.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// The path would leave the integration's address.
    #[error("the path must stay below the integration's address")]
    BadPath,
    /// The key is no key.
    #[error("the idempotency key must have 1 to 255 characters")]
    BadKey,
    /// The key was given to another call before.
    #[error("this idempotency key belongs to another call")]
    KeyReused,
    /// The vendor takes no more calls before the deadline.
    #[error("the vendor's rate limit leaves no room before the deadline")]
    NoTurn {
        /// When there is room.
        retry_after_s: u32,
    },
    /// The vendor keeps failing and is left alone.
    #[error("the vendor keeps failing and is left alone for a time")]
    LeftAlone {
        /// When it is tried again.
        retry_after_s: u32,
    },
    /// All tries failed.
    #[error("the vendor gave no answer in {tries} tries: {last}")]
    Exhausted {
        /// How many there were.
        tries: u32,
        /// How the last one failed.
        last: CallError,
        /// Time that the last one took.
        took: Duration,
    },
}

/// What an integration lacks to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Incomplete(#[from] NoCall);
