//! What a rule looks at.

use serde::{Deserialize, Serialize};

use super::dimension::{Dimension, WatchFilters};
use crate::domain::beacon::{METRIC_TYPES, VITALS, VITALS_TYPE};
use crate::domain::field_error::{FieldError, FieldFault};

/// Most dimensions by which a rule tells groups apart.
const GROUP_BY_MAX: usize = 3;
/// Most names in a list.
const NAMES_MAX: usize = 50;
/// Longest name.
const NAME_CHARS_MAX: usize = 100;
const MINUTE_MS: i64 = 60_000;
/// Longest window: a day.
pub const WINDOW_MAX_MS: i64 = 24 * 60 * MINUTE_MS;

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Watch {
    /// Each single measurement, as it arrives.
    Single(SingleWatch),
    /// Measurements of a window.
    Metric(MetricWatch),
    /// How many beacons of a kind a window has.
    Events(EventsWatch),
    /// Share of questions that the cache answered within the last window, 0 to 1.
    CacheHitRate(CacheWatch),
    /// Share of its memory limit that Fresnel takes, 0 to 1.
    Memory,
    /// What was lost on the way.
    Ledger(LedgerWatch),
    /// How third-party services do, each by itself.
    Vendor(VendorWatch),
}

/// Single measurements. A group fires with the first value beyond a threshold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SingleWatch {
    /// Type of metric.
    #[serde(rename = "type")]
    pub metric_type: String,
    /// Name of the web vital; none: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only these.
    pub filters: WatchFilters,
    /// Told apart by these, at most 3.
    pub group_by: Vec<Dimension>,
}

/// What is computed of measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Half of all values are not above it.
    P50,
    /// 75 % of all values are not above it.
    P75,
    /// 90 % of all values are not above it.
    P90,
    /// 95 % of all values are not above it.
    #[default]
    P95,
    /// 99 % of all values are not above it.
    P99,
    /// The mean.
    Avg,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// How many; 0 is a value.
    Count,
    /// How many a minute; 0 is a value.
    Rate,
    /// Share that is an error, 0 to 1: `status` of 500 and above, or `error_context`.
    ErrorShare,
}

impl Aggregate {
    /// Name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P75 => "p75",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Rate => "rate",
            Self::ErrorShare => "error_share",
        }
    }

    /// Whether nothing to measure is 0 instead of no data.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Count | Self::Rate)
    }
}

/// Measurements of a window.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricWatch {
    /// Type of metric; none: all of them.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub metric_type: Option<String>,
    /// Name of the web vital; none: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is computed.
    pub aggregate: Aggregate,
    /// Only these.
    pub filters: WatchFilters,
    /// Told apart by these, at most 3.
    pub group_by: Vec<Dimension>,
    /// Length of the window that ends now: whole minutes, at most a day.
    pub window_ms: i64,
    /// Below so many measurements there is no data; not for `count` and `rate`.
    pub events_min: u32,
}

impl Default for MetricWatch {
    fn default() -> Self {
        Self {
            metric_type: None,
            name: None,
            aggregate: Aggregate::default(),
            filters: WatchFilters::default(),
            group_by: Vec::new(),
            window_ms: 5 * MINUTE_MS,
            events_min: 1,
        }
    }
}

/// Kinds of beacons that are counted.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    Serialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CountedBeacon {
    /// Events of users.
    #[default]
    Event,
    /// Steps of funnels.
    Funnel,
    /// Alerts of clients.
    Alert,
}

/// How many beacons of a kind a window has. None is 0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EventsWatch {
    /// Which kind.
    pub beacon: CountedBeacon,
    /// Types of events, steps or severities; none: all of them.
    pub names: Vec<String>,
    /// A minute instead of in all.
    pub per_minute: bool,
    /// Only these.
    pub filters: WatchFilters,
    /// Told apart by these, at most 3.
    pub group_by: Vec<Dimension>,
    /// Length of the window that ends now: whole minutes, at most a day.
    pub window_ms: i64,
}

impl Default for EventsWatch {
    fn default() -> Self {
        Self {
            beacon: CountedBeacon::default(),
            names: Vec::new(),
            per_minute: false,
            filters: WatchFilters::default(),
            group_by: Vec::new(),
            window_ms: 5 * MINUTE_MS,
        }
    }
}

/// The cache's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CacheWatch {
    /// Below so many look-ups within the window there is no data.
    pub lookups_min: u32,
    /// Length of the window that ends now: whole minutes, at most a day.
    pub window_ms: i64,
}

impl Default for CacheWatch {
    fn default() -> Self {
        Self {
            lookups_min: 100,
            window_ms: 15 * MINUTE_MS,
        }
    }
}

/// What the ledger says of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LedgerMeasure {
    /// Items that were received, and are neither stored nor dropped for a reason nor pending.
    #[default]
    Missing,
    /// Items that clients report as lost before they arrived.
    ClientLost,
    /// Share of the received items that were dropped for any reason, 0 to 1.
    DroppedShare,
}

/// What was lost on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerWatch {
    /// Of what.
    pub measure: LedgerMeasure,
    /// Length of the window that ends now: whole minutes, at most a day.
    pub window_ms: i64,
}

impl Default for LedgerWatch {
    fn default() -> Self {
        Self {
            measure: LedgerMeasure::default(),
            window_ms: 60 * MINUTE_MS,
        }
    }
}

/// What is measured of a third-party service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VendorMeasure {
    /// Share of calls and checks that failed, 0 to 1.
    #[default]
    ErrorRate,
    /// Share of them that did not fail, 0 to 1.
    Availability,
    /// Share of them without an answer in time, 0 to 1.
    TimeoutShare,
    /// 95th percentile of the time until the head of an answer, in milliseconds.
    ResponseMs,
    /// How fast the error budget of the integration's availability target is used: 1 is the pace at which it just lasts.
    BurnRate,
}

impl VendorMeasure {
    /// Its name in labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRate => "vendor_error_rate",
            Self::Availability => "vendor_availability",
            Self::TimeoutShare => "vendor_timeout_share",
            Self::ResponseMs => "vendor_response_ms",
            Self::BurnRate => "vendor_burn_rate",
        }
    }
}

/// How third-party services do. Each integration is told apart, with the label `integration`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VendorWatch {
    /// What is measured.
    pub measure: VendorMeasure,
    /// Only these, by their names in addresses; none: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub integrations: Vec<String>,
    /// Length of the window that ends now: whole minutes, at most a day.
    pub window_ms: i64,
    /// Below so many calls and checks there is no data.
    pub seen_min: u32,
}

impl Default for VendorWatch {
    fn default() -> Self {
        Self {
            measure: VendorMeasure::default(),
            integrations: Vec::new(),
            window_ms: 5 * MINUTE_MS,
            seen_min: 5,
        }
    }
}

impl Watch {
    /// The names of the labels by which groups are told apart, in the order of their values.
    #[must_use]
    pub fn group_names(&self) -> Vec<&'static str> {
        match self {
            Self::Vendor(_) => vec!["integration"],
            _ => self
                .group_by()
                .iter()
                .map(|dimension| dimension.as_str())
                .collect(),
        }
    }

    /// The dimensions by which groups are told apart.
    #[must_use]
    pub fn group_by(&self) -> &[Dimension] {
        match self {
            Self::Single(watch) => &watch.group_by,
            Self::Metric(watch) => &watch.group_by,
            Self::Events(watch) => &watch.group_by,
            Self::CacheHitRate(_) | Self::Memory | Self::Ledger(_) | Self::Vendor(_) => &[],
        }
    }

    /// What is measured, in a word; none where rules are about something else than beacons.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        match self {
            Self::Single(watch) => Some(watch.name.as_deref().unwrap_or(&watch.metric_type)),
            Self::Metric(watch) => watch.name.as_deref().or(watch.metric_type.as_deref()),
            Self::Events(_) => None,
            Self::CacheHitRate(_) => Some("cache_hit_rate"),
            Self::Memory => Some("memory"),
            Self::Ledger(_) => Some("ledger"),
            Self::Vendor(watch) => Some(watch.measure.as_str()),
        }
    }

    /// What is computed of measurements; none where nothing is.
    #[must_use]
    pub const fn aggregate(&self) -> Option<Aggregate> {
        match self {
            Self::Metric(watch) => Some(watch.aggregate),
            Self::Single(_)
            | Self::Events(_)
            | Self::CacheHitRate(_)
            | Self::Memory
            | Self::Ledger(_)
            | Self::Vendor(_) => None,
        }
    }

    /// The window, for those that have one.
    #[must_use]
    pub const fn window_ms(&self) -> Option<i64> {
        match self {
            Self::Metric(watch) => Some(watch.window_ms),
            Self::Events(watch) => Some(watch.window_ms),
            Self::Ledger(watch) => Some(watch.window_ms),
            Self::CacheHitRate(watch) => Some(watch.window_ms),
            Self::Vendor(watch) => Some(watch.window_ms),
            Self::Single(_) | Self::Memory => None,
        }
    }

    /// What is wrong with it; fields begin with `watch.`.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        match self {
            Self::Single(watch) => {
                faults.extend(type_fault(Some(&watch.metric_type)));
                faults.extend(name_fault(Some(&watch.metric_type), watch.name.as_deref()));
                faults.extend(watch.filters.faults("watch.filters"));
            }
            Self::Metric(watch) => {
                faults.extend(type_fault(watch.metric_type.as_deref()));
                faults.extend(name_fault(watch.metric_type.as_deref(), watch.name.as_deref()));
                faults.extend(watch.filters.faults("watch.filters"));
            }
            Self::Events(watch) => {
                let is_bad = |name: &String| name.is_empty() || name.chars().count() > NAME_CHARS_MAX;
                if watch.names.len() > NAMES_MAX || watch.names.iter().any(is_bad) {
                    let message =
                        format!("must hold at most {NAMES_MAX} names of 1 to {NAME_CHARS_MAX} characters");
                    faults.push(FieldError::new("watch.names", FieldFault::TooLong, message));
                }
                faults.extend(watch.filters.faults("watch.filters"));
            }
            Self::Vendor(watch) => {
                let is_bad = |name: &String| name.is_empty() || name.chars().count() > NAME_CHARS_MAX;
                if watch.integrations.len() > NAMES_MAX || watch.integrations.iter().any(is_bad) {
                    let message = format!("must hold at most {NAMES_MAX} names of integrations in addresses");
                    faults.push(FieldError::new(
                        "watch.integrations",
                        FieldFault::BadFormat,
                        message,
                    ));
                }
            }
            Self::CacheHitRate(_) | Self::Memory | Self::Ledger(_) => {}
        }
        let group_by = self.group_by();
        let has_twice = (1..group_by.len()).any(|at| group_by[..at].contains(&group_by[at]));
        if group_by.len() > GROUP_BY_MAX || has_twice {
            let message = format!("must name at most {GROUP_BY_MAX} dimensions, each once");
            faults.push(FieldError::new("watch.group_by", FieldFault::TooLong, message));
        }
        let is_window =
            |window_ms: i64| (MINUTE_MS..=WINDOW_MAX_MS).contains(&window_ms) && window_ms % MINUTE_MS == 0;
        if !self.window_ms().is_none_or(is_window) {
            let message = "must be whole minutes, 60000 to 86400000";
            faults.push(FieldError::new(
                "watch.window_ms",
                FieldFault::OutOfRange,
                message,
            ));
        }
        faults
    }
}

fn type_fault(metric_type: Option<&str>) -> Option<FieldError> {
    let metric_type = metric_type?;
    if metric_type.is_empty() {
        return Some(FieldError::new("watch.type", FieldFault::Missing, "is required"));
    }
    (!METRIC_TYPES.contains(&metric_type)).then(|| {
        let message = format!("must be one of {}", METRIC_TYPES.join(", "));
        FieldError::new("watch.type", FieldFault::UnknownValue, message)
    })
}

fn name_fault(metric_type: Option<&str>, name: Option<&str>) -> Option<FieldError> {
    let name = name?;
    let message = if metric_type != Some(VITALS_TYPE) {
        "goes with type core_web_vitals only".to_owned()
    } else if VITALS.contains(&name) {
        return None;
    } else {
        format!("must be one of {}", VITALS.join(", "))
    };
    Some(FieldError::new("watch.name", FieldFault::UnknownValue, message))
}
