//! The words of the conservation ledger: what has become of each item that was ever received.
//!
//! `received = stored + dropped(reason) + pending`, per project, minute of reception and kind. An item is received
//! when the request that carries it has shown a credential of the project; each ends in one [`Outcome`].

use super::beacon::Kind;

/// What an item was about, as far as it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemKind {
    /// A beacon of this kind.
    Known(Kind),
    /// A body, or an item of a batch, that says no known kind.
    Unknown,
}

impl ItemKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Known(Kind::Metric),
        Self::Known(Kind::Alert),
        Self::Known(Kind::Funnel),
        Self::Known(Kind::Event),
        Self::Unknown,
    ];

    /// Name on the wire, in the warehouse and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known(kind) => kind.as_str(),
            Self::Unknown => "unknown",
        }
    }

    /// The number in the log; it never changes its meaning.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Known(Kind::Metric) => 0,
            Self::Known(Kind::Alert) => 1,
            Self::Known(Kind::Funnel) => 2,
            Self::Known(Kind::Event) => 3,
            Self::Unknown => 4,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl From<Kind> for ItemKind {
    fn from(kind: Kind) -> Self {
        Self::Known(kind)
    }
}

impl From<Option<Kind>> for ItemKind {
    fn from(kind: Option<Kind>) -> Self {
        kind.map_or(Self::Unknown, Self::Known)
    }
}

/// Why an item is not stored: the closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DropReason {
    /// Its body is larger than allowed (413).
    TooLarge = 0,
    /// Its media type or content encoding is not taken (415).
    UnsupportedMedia = 1,
    /// Its body cannot be inflated (400).
    BadEncoding = 2,
    /// Its body did not arrive in time (408).
    BodyTimeout = 3,
    /// Its connection ended within the body.
    BodyIncomplete = 4,
    /// Its body is not JSON, or outside the limits on its shape (400).
    BadJson = 5,
    /// Its fields are missing or wrong (400).
    Invalid = 6,
    /// Its sender has spent its quota (429).
    OverQuota = 7,
    /// An item with the same id was waiting for its commit (503).
    UnderWay = 8,
    /// The log had no room (503).
    LogFull = 9,
    /// Too much was waiting for its commit (503).
    Overloaded = 10,
    /// The log could not be written, or the server was stopping (503).
    Unavailable = 11,
    /// It is stored since an earlier time, under the same id (202).
    Duplicate = 12,
    /// A known robot sent it (202).
    Robot = 13,
    /// The warehouse refused its row, which is kept among the dead letters (202).
    DeadLetter = 14,
}

impl DropReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::BadEncoding,
        Self::BodyTimeout,
        Self::BodyIncomplete,
        Self::BadJson,
        Self::Invalid,
        Self::OverQuota,
        Self::UnderWay,
        Self::LogFull,
        Self::Overloaded,
        Self::Unavailable,
        Self::Duplicate,
        Self::Robot,
        Self::DeadLetter,
    ];

    /// Name on the wire and in the warehouse.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::UnsupportedMedia => "unsupported_media",
            Self::BadEncoding => "bad_encoding",
            Self::BodyTimeout => "body_timeout",
            Self::BodyIncomplete => "body_incomplete",
            Self::BadJson => "bad_json",
            Self::Invalid => "invalid",
            Self::OverQuota => "over_quota",
            Self::UnderWay => "under_way",
            Self::LogFull => "log_full",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Duplicate => "duplicate",
            Self::Robot => "robot",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// What has become of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It stands in the log, on its way to the warehouse.
    Accepted,
    /// It never came: a client tells that it had to throw it away.
    ClientLost,
    /// It is not stored.
    Dropped(DropReason),
}

/// Numbers in the log from which on reasons stand.
const FIRST_REASON: u8 = 16;

impl Outcome {
    /// How many there are.
    pub const COUNT: usize = DropReason::ALL.len() + 2;

    /// All outcomes, in the order of their places.
    pub fn all() -> impl Iterator<Item = Self> {
        let dropped = DropReason::ALL.into_iter().map(Self::Dropped);
        [Self::Accepted, Self::ClientLost].into_iter().chain(dropped)
    }

    /// Place in [`Outcome::all`].
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Self::Accepted => 0,
            Self::ClientLost => 1,
            Self::Dropped(reason) => 2 + reason as usize,
        }
    }

    /// The number in the log; it never changes its meaning.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::ClientLost => 1,
            Self::Dropped(reason) => FIRST_REASON + reason as u8,
        }
    }

    /// The outcome with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Accepted),
            1 => Some(Self::ClientLost),
            _ => {
                let place = usize::from(code.checked_sub(FIRST_REASON)?);
                DropReason::ALL.get(place).copied().map(Self::Dropped)
            }
        }
    }

    /// Name in the warehouse; that of the reason for what is dropped.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::ClientLost => "client_lost",
            Self::Dropped(reason) => reason.as_str(),
        }
    }

    /// The outcome with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|outcome| outcome.as_str() == name)
    }
}

/// The minute since 1970 in which an item was received.
#[must_use]
pub fn minute_of(received_at_ms: i64) -> u32 {
    u32::try_from(received_at_ms.max(0) / MINUTE_MS).unwrap_or(u32::MAX)
}

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_and_names_lead_back_to_what_they_stand_for() {
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        let outcomes: Vec<_> = (0..=u8::MAX).filter_map(Outcome::from_code).collect();
        assert_eq!(outcomes.len(), DropReason::ALL.len() + 2);
        for outcome in &outcomes {
            assert_eq!(Outcome::from_code(outcome.code()), Some(*outcome));
            assert_eq!(Outcome::from_name(outcome.as_str()), Some(*outcome));
        }
        let names: HashSet<_> = outcomes.iter().map(|outcome| outcome.as_str()).collect();
        assert_eq!(names.len(), outcomes.len());
        for kind in ItemKind::ALL {
            assert_eq!(ItemKind::from_code(kind.code()), Some(kind));
            assert_eq!(ItemKind::from_name(kind.as_str()), Some(kind));
        }
    }
}
