//! What is asked of a heatmap.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde::Serialize;

use super::super::grid::Grid;
use super::super::interval::Interval;
use super::super::parameters::{Parameters, one_of};
use super::super::period::Period;
use super::super::raw_filters::RawFilters;
use super::BUCKETS_MAX;
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::beacon::{METRIC_TYPES, VITALS, VITALS_TYPE};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::table::Table;

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(24);

/// What beside period and filters is asked for; [`HeatmapRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct HeatmapParameters {
    /// Type of the measurements.
    #[param(
        rename = "type",
        pattern = "^(page_load_time|api_response_time|effect_processing_time|core_web_vitals)$"
    )]
    metric_type: String,
    /// Which web vital: required with `core_web_vitals`.
    #[param(pattern = "^(LCP|INP|CLS|FCP|TTFB)$")]
    name: Option<String>,
    /// Length of a bucket: `1m`, `5m`, `15m`, `1h`, `6h`, `1d` or `auto`.
    #[param(default = "auto", pattern = "^(1m|5m|15m|1h|6h|1d|auto)$")]
    interval: Option<String>,
}

/// A question for a heatmap.
#[derive(Clone, Debug, Serialize)]
pub struct HeatmapRequest {
    /// When.
    pub period: Period,
    pub(super) metric_type: &'static str,
    pub(super) name: Option<&'static str>,
    pub(super) interval: Interval,
    pub(super) grid: Grid,
    pub(super) filters: RawFilters,
}

impl HeatmapRequest {
    /// Reads the parameters of a query string, already decoded: those of [`HeatmapParameters`], the period (the last 24
    /// hours unless given) and filters.
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let sent = reader.one("type");
        let metric_type = METRIC_TYPES
            .into_iter()
            .find(|known| sent.as_deref() == Some(known));
        match (&sent, metric_type) {
            (None, _) => reader.fault("type", FieldFault::Missing, "is required"),
            (Some(_), None) => reader.fault("type", FieldFault::UnknownValue, one_of(METRIC_TYPES)),
            (Some(_), Some(_)) => {}
        }
        let name = reader.word("name", VITALS);
        let (period, zone) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let interval = reader.interval(period.seconds());
        let filters = reader.raw_filters(Table::PerformanceMetrics, &["type", "name"]);
        reader.nothing_else();
        if metric_type.is_some_and(|metric_type| (metric_type == VITALS_TYPE) != name.is_some()) {
            let message = "must be given with core_web_vitals, and with no other type";
            reader.fault("name", FieldFault::Conflict, message);
        }
        if period.seconds() / interval.seconds() >= BUCKETS_MAX {
            let message = format!(
                "range and interval make more than {BUCKETS_MAX} buckets: take a longer interval or a shorter range"
            );
            reader.fault("interval", FieldFault::OutOfRange, message);
        }
        reader.no_faults()?;
        let (from, to) = period.times();
        Ok(Self {
            grid: Grid::new(from, to, interval, &zone),
            period,
            // Without one there was a fault.
            metric_type: metric_type.unwrap_or_default(),
            name,
            interval,
            filters,
        })
    }
}
