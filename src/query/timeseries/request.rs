//! What is asked, and how it is read from a query string.

use std::borrow::Cow;

use serde::Serialize;

#[cfg(doc)]
use super::super::dimension::Dimension;
use super::super::grid::Grid;
use super::super::interval::Interval;
use super::super::parameters::Parameters;
use super::super::selection::{MustHaveType, Selection};
use super::POINTS_MAX;
use crate::clock::UnixMicros;
use crate::domain::field_error::{FieldError, FieldFault};

/// Groups without `groups_max`, and the most.
const GROUPS_DEFAULT: i64 = 10;
const GROUPS_MAX: i64 = 100;

/// What beside range and dimensions is asked for; [`TimeseriesRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct TimeseriesParameters {
    /// Types of metrics.
    #[param(example = json!(["api_response_time"]), min_items = 1)]
    r#type: Vec<String>,
    /// Length of a bucket: `1m`, `5m`, `15m`, `1h`, `6h`, `1d` or `auto`.
    #[param(default = "auto", pattern = "^(1m|5m|15m|1h|6h|1d|auto)$")]
    interval: Option<String>,
    /// Groups with the most events that are shown; the rest is `__other__`.
    #[param(minimum = 1, maximum = 100, default = 10)]
    groups_max: Option<usize>,
}

/// A question for series.
#[derive(Clone, Debug, Serialize)]
pub struct TimeseriesRequest {
    pub(super) selection: Selection,
    pub(super) interval: Interval,
    pub(super) zone_name: String,
    pub(super) grid: Grid,
    pub(super) groups_max: usize,
}

impl TimeseriesRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `type` | type of metric; may be repeated; the only one that must be there |
    /// | `from`, `to` | ISO 8601, with an offset or in `timezone`; `to` is now and `from` a day before it unless given |
    /// | `interval` | `1m`, `5m`, `15m`, `1h`, `6h`, `1d`, or `auto` |
    /// | `timezone` | IANA name; `zone_default` unless given |
    /// | `group_by` | one of [`Dimension::GROUPS`] |
    /// | `groups_max` | groups with the most events that are shown, 1 to 100; the rest is `__other__` |
    /// | the name of any [`Dimension`] | value that passes; may be repeated |
    ///
    /// A parameter without a value counts as not given.
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        zone_default: &str,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let selection = Selection::read(&mut reader, MustHaveType::Yes);
        let zone_name = reader.one("timezone").unwrap_or_else(|| zone_default.to_owned());
        let zone = reader.zone(&zone_name);
        let (from, to) = reader.range(&zone, now);
        let interval = reader.interval(to.as_second() - from.as_second());
        let groups_max = reader.number("groups_max", GROUPS_DEFAULT, 1..=GROUPS_MAX);
        let groups_max = usize::try_from(groups_max).unwrap_or_default();
        reader.nothing_else();

        let groups = selection.group_by.map_or(1, |_| groups_max + 1);
        let series = selection.kinds_max().saturating_mul(groups);
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
            selection,
            interval,
            zone_name,
            grid: Grid::new(from, to, interval, &zone),
            groups_max,
        })
    }

    /// Start of the first bucket, in seconds since 1970.
    #[must_use]
    pub fn start_s(&self) -> i64 {
        self.grid.from()
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
