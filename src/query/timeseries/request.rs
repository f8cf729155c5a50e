//! What is asked, and how it is read from a query string.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::super::grid::Grid;
use super::super::interval::Interval;
use super::super::parameters::{Parameters, one_of};
use super::POINTS_MAX;
use crate::clock::UnixMicros;
use crate::domain::beacon::{METRIC_TYPES, VITALS};
use crate::domain::field_error::{FieldError, FieldFault};

/// Groups without `groups_max`, and the most.
const GROUPS_DEFAULT: usize = 10;
const GROUPS_MAX: usize = 100;
/// Values of one filter.
const FILTER_VALUES_MAX: usize = 50;
/// Characters of a filter's value: what the longest stored text may have.
const FILTER_CHARS_MAX: usize = 1_024;
/// A column that can be filtered or grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Name of a web vital, or as sent.
    Name,
    /// Page.
    Page,
    /// Called endpoint.
    ApiEndpoint,
    /// Release of the frontend.
    Release,
    /// Environment of the frontend.
    Environment,
    /// HTTP method of the call.
    Method,
    /// HTTP status of the call.
    Status,
    /// Region.
    Region,
    /// Effect.
    EffectId,
    /// Session.
    SessionId,
    /// User.
    UserId,
}

impl Dimension {
    const ALL: [Self; 11] = [
        Self::Name,
        Self::Page,
        Self::ApiEndpoint,
        Self::Release,
        Self::Environment,
        Self::Method,
        Self::Status,
        Self::Region,
        Self::EffectId,
        Self::SessionId,
        Self::UserId,
    ];

    /// Name of the parameter, which is the name of the column.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Page => "page",
            Self::ApiEndpoint => "api_endpoint",
            Self::Release => "release",
            Self::Environment => "environment",
            Self::Method => "method",
            Self::Status => "status",
            Self::Region => "region",
            Self::EffectId => "effect_id",
            Self::SessionId => "session_id",
            Self::UserId => "user_id",
        }
    }

    /// True when the rollups keep it.
    #[must_use]
    pub const fn in_rollups(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Page | Self::ApiEndpoint | Self::Release | Self::Environment
        )
    }
}

/// A question for series.
#[derive(Clone, Debug, Serialize)]
pub struct TimeseriesRequest {
    pub(super) types: Vec<&'static str>,
    pub(super) interval: Interval,
    pub(super) zone_name: String,
    pub(super) grid: Grid,
    pub(super) group_by: Option<Dimension>,
    pub(super) groups_max: usize,
    /// Values that pass, by dimension; none means all.
    pub(super) filters: BTreeMap<Dimension, Vec<String>>,
}

impl TimeseriesRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `type` | type of metric; may be repeated; the only one that must be there |
    /// | `from`, `to` | ISO 8601, with an offset or in `timezone`; `to` is now and `from` a day before it unless given |
    /// | `interval` | `1m`, `5m`, `15m`, `1h`, `6h`, `1d`, or `auto` |
    /// | `timezone` | IANA name; UTC unless given |
    /// | `group_by` | `page` or `api_endpoint` |
    /// | `groups_max` | groups with the most events that are shown, 1 to 100; the rest is `__other__` |
    /// | `name`, `page`, `api_endpoint`, `release`, `environment`, `method`, `status`, `region`, `effect_id`, `session_id`, `user_id` | value that passes; may be repeated |
    ///
    /// A parameter without a value counts as not given.
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let types = reader.types();
        let zone_name = reader.one("timezone").unwrap_or_else(|| "UTC".to_owned());
        let zone = reader.zone(&zone_name);
        let (from, to) = reader.range(&zone, now);
        let interval = reader.interval(to.as_second() - from.as_second());
        let group_by = reader.group_by();
        let groups_max = reader.groups_max();
        let filters = reader.filters();
        reader.nothing_else();

        let series = series_max(&types, group_by.map(|_| groups_max), &filters);
        let buckets = (to.as_second() - from.as_second()) / interval.seconds() + 1;
        if usize::try_from(buckets)
            .unwrap_or(usize::MAX)
            .saturating_mul(series)
            > POINTS_MAX
        {
            reader.fault(
                "interval",
                FieldFault::OutOfRange,
                format!("range, interval and groups make more than {POINTS_MAX} points: take a longer interval, a shorter range or fewer groups"),
            );
        }
        reader.no_faults()?;
        Ok(Self {
            types,
            interval,
            zone_name,
            grid: Grid::new(from, to, interval, &zone),
            group_by,
            groups_max,
            filters,
        })
    }

    /// End of the last bucket, in seconds since 1970.
    #[must_use]
    pub fn end_s(&self) -> i64 {
        self.grid.to()
    }

    /// Length of the buckets.
    #[must_use]
    pub const fn interval(&self) -> Interval {
        self.interval
    }
}

/// Most series that the answer can have.
fn series_max(types: &[&str], groups: Option<usize>, filters: &BTreeMap<Dimension, Vec<String>>) -> usize {
    let names = match filters.get(&Dimension::Name) {
        Some(names) => names.len(),
        None => VITALS.len() + 1,
    };
    let kinds: usize = types
        .iter()
        .map(|kind| if *kind == VITALS_TYPE { names } else { 1 })
        .sum();
    kinds * groups.map_or(1, |groups| groups + 1)
}

/// The type whose rows are told apart by name.
pub(super) const VITALS_TYPE: &str = METRIC_TYPES[3];

/// What only this question has.
trait SeriesParameters {
    fn types(&mut self) -> Vec<&'static str>;
    fn group_by(&mut self) -> Option<Dimension>;
    fn groups_max(&mut self) -> usize;
    fn filters(&mut self) -> BTreeMap<Dimension, Vec<String>>;
}

impl SeriesParameters for Parameters {
    fn types(&mut self) -> Vec<&'static str> {
        let mut types = Vec::new();
        let sent = self.all("type");
        if sent.is_empty() {
            self.fault("type", FieldFault::Missing, one_of(METRIC_TYPES));
        }
        for value in sent {
            match METRIC_TYPES.into_iter().find(|known| *known == value) {
                Some(known) if types.contains(&known) => {}
                Some(known) => types.push(known),
                None => self.fault("type", FieldFault::UnknownValue, one_of(METRIC_TYPES)),
            }
        }
        types
    }

    fn group_by(&mut self) -> Option<Dimension> {
        let sent = self.one("group_by")?;
        let known = [Dimension::Page, Dimension::ApiEndpoint]
            .into_iter()
            .find(|known| known.name() == sent);
        if known.is_none() {
            self.fault(
                "group_by",
                FieldFault::UnknownValue,
                one_of(["page", "api_endpoint"]),
            );
        }
        known
    }

    fn groups_max(&mut self) -> usize {
        let Some(sent) = self.one("groups_max") else {
            return GROUPS_DEFAULT;
        };
        match sent.parse() {
            Ok(groups) if (1..=GROUPS_MAX).contains(&groups) => groups,
            _ => {
                self.fault(
                    "groups_max",
                    FieldFault::OutOfRange,
                    format!("must be 1 to {GROUPS_MAX}"),
                );
                GROUPS_DEFAULT
            }
        }
    }

    fn filters(&mut self) -> BTreeMap<Dimension, Vec<String>> {
        let mut filters = BTreeMap::new();
        for dimension in Dimension::ALL {
            let name = dimension.name();
            let mut values = self.all(name);
            values.sort();
            values.dedup();
            if values.is_empty() {
                continue;
            }
            if values.len() > FILTER_VALUES_MAX {
                self.fault(
                    name,
                    FieldFault::TooLong,
                    format!("must not be given more than {FILTER_VALUES_MAX} times"),
                );
            }
            if values
                .iter()
                .any(|value| value.chars().count() > FILTER_CHARS_MAX)
            {
                self.fault(
                    name,
                    FieldFault::TooLong,
                    format!("must not be longer than {FILTER_CHARS_MAX} characters"),
                );
            }
            if dimension == Dimension::Status && values.iter().any(|value| !is_status(value)) {
                self.fault(name, FieldFault::OutOfRange, "must be an HTTP status, 100 to 599");
            }
            filters.insert(dimension, values);
        }
        filters
    }
}

fn is_status(value: &str) -> bool {
    value
        .parse()
        .is_ok_and(|status: u16| (100..=599).contains(&status))
}
