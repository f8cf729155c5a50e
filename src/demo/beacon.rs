//! One beacon as a client posts it.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use uuid::Uuid;

const TIMESTAMP: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// What a beacon is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A measurement.
    Metric,
    /// A step of the funnel.
    Funnel,
    /// An event of a user.
    Event,
    /// An alert that the client raised.
    Alert,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Self; 4] = [Self::Metric, Self::Funnel, Self::Event, Self::Alert];

    /// Where this kind is posted to.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Metric => "/api/analytics/performance/metrics",
            Self::Funnel => "/api/analytics/funnel",
            Self::Event => "/api/analytics/events",
            Self::Alert => "/api/analytics/performance/alerts",
        }
    }

    /// What people call several of them.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Metric => "performance metrics",
            Self::Funnel => "funnel steps",
            Self::Event => "user events",
            Self::Alert => "client alerts",
        }
    }
}

/// One beacon, ready to be posted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Beacon {
    /// Decides the address.
    pub(super) kind: Kind,
    /// When it happened, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// The visitor's browser, for the header.
    pub(super) user_agent: &'static str,
    /// What is posted.
    pub(super) body: Value,
}

impl Beacon {
    /// Puts the fields that every kind has to those that this kind has.
    pub(super) fn new(
        kind: Kind,
        at_ms: i64,
        event_id: Uuid,
        session_id: &str,
        user_agent: &'static str,
        mut body: Value,
    ) -> Self {
        body["event_id"] = json!(event_id);
        body["session_id"] = json!(session_id);
        body["timestamp"] = json!(iso(at_ms));
        Self {
            kind,
            at_ms,
            user_agent,
            body,
        }
    }
}

/// A time as ISO 8601 in UTC, with milliseconds.
pub(super) fn iso(at_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .ok()
        .and_then(|at| at.format(TIMESTAMP).ok())
        .unwrap_or_default()
}
