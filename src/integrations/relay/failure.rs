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
    /// Such a call must be held to be known again, and it is too long for that, or there is no room now.
    #[error("a call with an idempotency key must have at most relay.held_body_max_bytes")]
    KeyedTooLong,
    /// The product has not sent all of it.
    #[error("the body of the call broke off")]
    BrokenOff,
    /// The vendor has answered calls that went together with something that is not one answer to each.
    #[error("the vendor's answer to calls that went together cannot be taken apart")]
    NotTakenApart,
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
