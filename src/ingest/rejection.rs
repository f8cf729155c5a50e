//! The closed list of reasons why a beacon is not taken.

use super::inflate::InflateError;
use crate::domain::field_error::FieldError;
use crate::domain::ledger::DropReason;
use crate::quota::{Class, Decision};
use crate::wal::AppendError;

/// Number of the ledger's reasons that are refusals; those behind them are answered 202.
const DROPS: usize = DropReason::Duplicate as usize;

/// Why a beacon was not taken. Names are stable: they are metric labels and `code`s of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The ingest key is missing or wrong.
    Unauthenticated,
    /// The user's token is wrong, over, or of nobody whom the project believes.
    BadToken,
    /// The page's origin is none of the project's.
    ForeignOrigin,
    /// The body is larger than allowed, on the wire or inflated.
    TooLarge,
    /// The media type or the content encoding is not taken.
    UnsupportedMedia(&'static str),
    /// The body cannot be inflated.
    BadEncoding,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The connection ended within the body.
    BodyIncomplete,
    /// The body is not JSON, or outside the limits on its shape.
    BadJson(FieldError),
    /// Fields are missing or wrong.
    Invalid(Vec<FieldError>),
    /// The sender has spent its quota.
    OverQuota {
        /// Which.
        class: Class,
        /// How it stands.
        decision: Decision,
    },
    /// A beacon with the same `event_id` waits to be made durable.
    UnderWay,
    /// The log has no room on disk.
    LogFull,
    /// More beacons wait for their commit than memory is set aside for.
    Overloaded,
    /// The log cannot be written any more, or the server stops.
    Unavailable,
}

impl Rejection {
    /// All reasons' names, in the order of [`Rejection::index`]: those that the ledger knows, and behind them those of
    /// senders who have shown no credential.
    pub const REASONS: [&'static str; DROPS + 3] = {
        let mut names = [""; DROPS + 3];
        let mut place = 0;
        while place < DROPS {
            names[place] = DropReason::ALL[place].as_str();
            place += 1;
        }
        names[DROPS] = "unauthenticated";
        names[DROPS + 1] = "bad_token";
        names[DROPS + 2] = "foreign_origin";
        names
    };

    /// What the ledger says of it; none for those who have shown no credential of the project: their items are not
    /// received.
    #[must_use]
    pub const fn drop_reason(&self) -> Option<DropReason> {
        Some(match self {
            Self::Unauthenticated | Self::BadToken | Self::ForeignOrigin => return None,
            Self::TooLarge => DropReason::TooLarge,
            Self::UnsupportedMedia(_) => DropReason::UnsupportedMedia,
            Self::BadEncoding => DropReason::BadEncoding,
            Self::BodyTimeout => DropReason::BodyTimeout,
            Self::BodyIncomplete => DropReason::BodyIncomplete,
            Self::BadJson(_) => DropReason::BadJson,
            Self::Invalid(_) => DropReason::Invalid,
            Self::LogFull => DropReason::LogFull,
            Self::Overloaded => DropReason::Overloaded,
            Self::Unavailable => DropReason::Unavailable,
            Self::OverQuota { .. } => DropReason::OverQuota,
            Self::UnderWay => DropReason::UnderWay,
        })
    }

    /// Place in [`Rejection::REASONS`].
    #[must_use]
    pub const fn index(&self) -> usize {
        match (self.drop_reason(), self) {
            (Some(reason), _) => reason as usize,
            (None, Self::BadToken) => DROPS + 1,
            (None, Self::ForeignOrigin) => DROPS + 2,
            (None, _) => DROPS,
        }
    }
}

impl From<InflateError> for Rejection {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::TooLarge => Self::TooLarge,
            InflateError::Malformed => Self::BadEncoding,
        }
    }
}

impl From<AppendError> for Rejection {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::LogFull,
            AppendError::Overloaded => Self::Overloaded,
            AppendError::TooLarge => Self::TooLarge,
            AppendError::Poisoned | AppendError::Closed => Self::Unavailable,
        }
    }
}
