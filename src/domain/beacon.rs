//! Beacons: what clients post, once it has been found valid.
//!
//! A value of these types is valid by construction: `ingest/validate` is the only maker, and everything after
//! it (the log, the warehouse) relies on that. Strings borrow from the body.

use std::borrow::Cow;
use std::num::NonZeroU32;

use uuid::Uuid;

use super::json::Members;
use super::table::Table;

/// What a beacon is about; each kind has its address and its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A measurement (`/performance/metrics`).
    Metric,
    /// An alert that a client raised (`/performance/alerts`).
    Alert,
    /// A step of a funnel (`/funnel`).
    Funnel,
    /// An event of a user (`/events`).
    Event,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Metric, Self::Alert, Self::Funnel, Self::Event];

    /// Name on the wire and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::Alert => "alert",
            Self::Funnel => "funnel",
            Self::Event => "event",
        }
    }

    /// The table that holds this kind.
    #[must_use]
    pub const fn table(self) -> Table {
        match self {
            Self::Metric => Table::PerformanceMetrics,
            Self::Alert => Table::ClientAlerts,
            Self::Funnel => Table::FunnelSteps,
            Self::Event => Table::UserEvents,
        }
    }

    /// True for kinds whose segment is sealed within 100 ms.
    #[must_use]
    pub const fn has_priority(self) -> bool {
        matches!(self, Self::Alert)
    }
}

/// Most characters of an id or a name.
pub const ID_CHARS_MAX: usize = 100;

/// An id or a name: 1 to [`ID_CHARS_MAX`] characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id<'a>(Cow<'a, str>);

/// Why a text is no [`Id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFault {
    /// No character at all.
    Empty,
    /// More than [`ID_CHARS_MAX`] characters.
    TooLong,
    /// A control character, like NUL or a line break.
    ControlCharacter,
}

impl<'a> Id<'a> {
    /// Checks a text.
    ///
    /// # Errors
    /// Says what keeps the text from being an id.
    pub fn parse(text: Cow<'a, str>) -> Result<Self, IdFault> {
        if text.is_empty() {
            return Err(IdFault::Empty);
        }
        // Nearly all ids are short ASCII: one pass over bytes, no decoding of characters.
        if text.len() <= ID_CHARS_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Ok(Self(text));
        }
        if text.len() > ID_CHARS_MAX && text.chars().count() > ID_CHARS_MAX {
            return Err(IdFault::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(IdFault::ControlCharacter);
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text of an optional id; absent is the empty string, as in the tables.
#[must_use]
pub fn text_of<'b>(id: Option<&'b Id<'_>>) -> &'b str {
    id.map_or("", Id::as_str)
}

/// A valid beacon.
#[derive(Clone, Debug, PartialEq)]
pub struct Beacon<'a> {
    /// What every kind has.
    pub common: Common<'a>,
    /// What this kind has.
    pub detail: Detail<'a>,
}

/// What every kind of beacon has.
#[derive(Clone, Debug, PartialEq)]
pub struct Common<'a> {
    /// The client's id of this event, or a new `UUIDv7`.
    pub event_id: Uuid,
    /// True when the client has given the id: then the same beacon may come again.
    pub is_clients_id: bool,
    /// The client's session.
    pub session_id: Option<Id<'a>>,
    /// The user that the client claims to be.
    pub user_id: Option<Id<'a>>,
    /// When it happened and when it was sent.
    pub time: EventTime,
    /// True when a string of the metadata was cut.
    pub is_cut: bool,
}

/// The times of an event, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// When it happened: by the client's clock, set right by its `sent_at`; or the server's time.
    pub ts_ms: i64,
    /// When the server read it.
    pub received_at_ms: i64,
    /// When it happened by the client's own clock.
    pub client_ts_ms: Option<i64>,
    /// True when the client's time was outside [`EventTime::AGE_MAX_MS`] … [`EventTime::AHEAD_MAX_MS`] and the
    /// server's stands instead.
    pub is_replaced: bool,
}

impl EventTime {
    /// Oldest that an event may be: 7 days.
    pub const AGE_MAX_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
    /// Furthest that an event may lie in the future: 10 minutes.
    pub const AHEAD_MAX_MS: i64 = 10 * 60 * 1_000;

    /// Sets a client's time right. With `sent_at` the event's time is `timestamp + (received_at − sent_at)`:
    /// the difference between the two clocks, the time on the wire included.
    #[must_use]
    pub fn settle(received_at_ms: i64, timestamp_ms: Option<i64>, sent_at_ms: Option<i64>) -> Self {
        let skew_ms = sent_at_ms.map_or(0, |sent| received_at_ms.saturating_sub(sent));
        let event_ms = timestamp_ms.map_or(received_at_ms, |client| client.saturating_add(skew_ms));
        let age_ms = received_at_ms.saturating_sub(event_ms);
        let is_replaced = !(-Self::AHEAD_MAX_MS..=Self::AGE_MAX_MS).contains(&age_ms);
        Self {
            ts_ms: if is_replaced { received_at_ms } else { event_ms },
            received_at_ms,
            client_ts_ms: timestamp_ms,
            is_replaced,
        }
    }
}

/// What only one kind of beacon has.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail<'a> {
    /// A measurement.
    Metric(Box<Metric<'a>>),
    /// An alert that a client raised.
    Alert(Box<ClientAlert<'a>>),
    /// A step of a funnel.
    Funnel(FunnelStep<'a>),
    /// An event of a user.
    Event(UserEvent<'a>),
}

impl Detail<'_> {
    /// The kind of the beacon.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Metric(_) => Kind::Metric,
            Self::Alert(_) => Kind::Alert,
            Self::Funnel(_) => Kind::Funnel,
            Self::Event(_) => Kind::Event,
        }
    }
}

/// A measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric<'a> {
    /// What was measured: one of [`METRIC_TYPES`].
    pub metric_type: &'static str,
    /// The measured value: milliseconds, unitless for CLS; finite and not negative. 0 is data.
    pub value: f64,
    /// Name of the vital, one of [`VITALS`] for `core_web_vitals`.
    pub name: Option<Id<'a>>,
    /// Path of the page.
    pub page: Cow<'a, str>,
    /// Path of the endpoint.
    pub api_endpoint: Cow<'a, str>,
    /// HTTP method.
    pub method: Option<Id<'a>>,
    /// HTTP status, 100 to 599; 0 for none.
    pub status: u16,
    /// Region of the client or server.
    pub region: Option<Id<'a>>,
    /// Effect that was processed.
    pub effect_id: Option<Id<'a>>,
    /// What went wrong; empty when nothing did.
    pub error_context: Cow<'a, str>,
    /// Release of the client's code.
    pub release: Option<Id<'a>>,
    /// Environment, like `production`.
    pub environment: Option<Id<'a>>,
    /// Rating of the vital as the client gave it.
    pub rating: Option<Id<'a>>,
    /// Navigation type as the client gave it.
    pub navigation_type: Option<Id<'a>>,
    /// Events that this one stands for, at least 1.
    pub sample_weight: NonZeroU32,
    /// All further metadata.
    pub metadata: Members<'a>,
}

/// An alert that a client raised.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientAlert<'a> {
    /// One of [`SEVERITIES`].
    pub severity: &'static str,
    /// What crossed its threshold.
    pub metric: Id<'a>,
    /// The threshold, finite.
    pub threshold: f64,
    /// The value that crossed it, finite.
    pub actual_value: f64,
    /// Browser, as the client named it.
    pub browser: Id<'a>,
    /// Type of device, as the client named it.
    pub device_type: Id<'a>,
    /// All further context.
    pub user_context: Members<'a>,
}

/// A step of a funnel.
#[derive(Clone, Debug, PartialEq)]
pub struct FunnelStep<'a> {
    /// One of [`FUNNEL_STEPS`], or of the further ones that the settings allow.
    pub step: Id<'a>,
    /// Effect that the step is about.
    pub effect_id: Option<Id<'a>>,
    /// All further metadata.
    pub metadata: Members<'a>,
}

/// An event of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserEvent<'a> {
    /// One of [`EVENT_TYPES`], or of the further ones that the settings allow.
    pub event_type: Id<'a>,
    /// The event's own data.
    pub event_data: Members<'a>,
}

/// The types of measurements.
pub const METRIC_TYPES: [&str; 4] = [
    "page_load_time",
    "api_response_time",
    "effect_processing_time",
    "core_web_vitals",
];

/// The type of measurement that web vitals have.
pub const VITALS_TYPE: &str = "core_web_vitals";

/// The web vitals.
pub const VITALS: [&str; 5] = ["LCP", "INP", "CLS", "FCP", "TTFB"];

/// The severities of a client's alert.
pub const SEVERITIES: [&str; 3] = ["warning", "error", "critical"];

/// The standard funnel steps, in their order.
pub const FUNNEL_STEPS: [&str; 9] = [
    "effect_discovered",
    "effect_viewed",
    "effect_started",
    "image_uploaded",
    "parameters_set",
    "processing_started",
    "processing_completed",
    "result_downloaded",
    "result_shared",
];

/// The standard types of events.
pub const EVENT_TYPES: [&str; 7] = [
    "image_upload",
    "result_download",
    "result_share",
    "profile_update",
    "feature_discovery",
    "tutorial_completion",
    "error_occurrence",
];

/// The type of the event that a page was looked at: it stands for no act of a user, so it is valid beside
/// [`EVENT_TYPES`] and not among them.
pub const PAGE_VIEW: &str = "page_view";

/// The type of the events that vendors' webhooks are. Only Fresnel makes them.
pub const WEBHOOK: &str = "integration_webhook";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_at_sets_a_slow_clock_right() {
        let hour_ms = 3_600_000;
        let time = EventTime::settle(10 * hour_ms, Some(9 * hour_ms - 500), Some(9 * hour_ms));
        assert_eq!(time.ts_ms, 10 * hour_ms - 500);
        assert_eq!(time.client_ts_ms, Some(9 * hour_ms - 500));
        assert!(!time.is_replaced);
    }

    #[test]
    fn a_time_outside_its_window_is_the_servers() {
        let now_ms = 1_800_000_000_000;
        for (client_ms, is_replaced) in [
            (now_ms - EventTime::AGE_MAX_MS, false),
            (now_ms - EventTime::AGE_MAX_MS - 1, true),
            (now_ms + EventTime::AHEAD_MAX_MS, false),
            (now_ms + EventTime::AHEAD_MAX_MS + 1, true),
            (i64::MIN, true),
            (i64::MAX, true),
        ] {
            let time = EventTime::settle(now_ms, Some(client_ms), None);
            assert_eq!(time.is_replaced, is_replaced, "{client_ms}");
            assert_eq!(time.ts_ms, if is_replaced { now_ms } else { client_ms });
            assert_eq!(time.client_ts_ms, Some(client_ms));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_clock_that_is_wrong_by_anything_changes_nothing_when_it_says_when_it_sent(
            age_ms in 0..EventTime::AGE_MAX_MS, on_the_wire_ms in 0..10_000_i64, off_ms in i64::MIN / 4..i64::MAX / 4,
        ) {
            let now_ms = 1_800_000_000_000;
            let happened_ms = now_ms - age_ms + off_ms;
            let sent_ms = now_ms + off_ms - on_the_wire_ms;
            let time = EventTime::settle(now_ms, Some(happened_ms), Some(sent_ms));
            proptest::prop_assert_eq!(time.client_ts_ms, Some(happened_ms));
            if age_ms >= on_the_wire_ms {
                proptest::prop_assert_eq!(time.ts_ms, now_ms - age_ms + on_the_wire_ms);
                proptest::prop_assert!(!time.is_replaced);
            }
        }

        #[test]
        fn whatever_a_client_says_its_event_lies_in_the_window_and_a_replaced_time_is_the_servers(
            received_ms in 0..4_000_000_000_000_i64, timestamp_ms: Option<i64>, sent_ms: Option<i64>,
        ) {
            let time = EventTime::settle(received_ms, timestamp_ms, sent_ms);
            let age_ms = received_ms - time.ts_ms;
            proptest::prop_assert!((-EventTime::AHEAD_MAX_MS..=EventTime::AGE_MAX_MS).contains(&age_ms));
            proptest::prop_assert!(!time.is_replaced || age_ms == 0);
        }
    }

    #[test]
    fn an_id_has_1_to_100_characters_whatever_their_bytes() {
        assert_eq!(Id::parse("".into()), Err(IdFault::Empty));
        assert!(Id::parse("é".repeat(100).into()).is_ok());
        assert_eq!(Id::parse("é".repeat(101).into()), Err(IdFault::TooLong));
        assert_eq!(Id::parse("a\0b".into()), Err(IdFault::ControlCharacter));
    }
}
