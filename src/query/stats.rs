//! Statistics of measurements, as the warehouse gives them and as answers show them.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::domain::account::{Statistic, ThresholdState, Thresholds};

/// Statistics of one type, name, group and bucket.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct StatRow {
    pub(super) series_type: String,
    pub(super) series_name: String,
    pub(super) series_group: String,
    pub(super) bucket_start: i64,
    pub(super) events: u64,
    pub(super) errors: u64,
    pub(super) good: u64,
    pub(super) poor: u64,
    pub(super) total: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
    pub(super) percentiles: Vec<f32>,
    /// Rows of the whole list, where this is one of a list.
    pub(super) list_rows: u64,
}

/// Statistics; all null when there are no events, because no data is not 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Stats {
    /// Events.
    pub count: u64,
    /// Mean.
    pub avg: Option<f64>,
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 75th percentile.
    pub p75: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Share of events that are errors, 0 to 1.
    pub error_share: Option<f64>,
}

impl Stats {
    pub(super) fn new(row: &StatRow) -> Self {
        if row.events == 0 {
            return Self::default();
        }
        let percentile = |index: usize| {
            let value = row.percentiles.get(index).copied();
            let value = value.filter(|value| value.is_finite());
            value.map(|value| widen(value).max(row.least).min(row.greatest))
        };
        Self {
            count: row.events,
            avg: Some(row.total / float(row.events)),
            min: Some(row.least),
            max: Some(row.greatest),
            p50: percentile(0),
            p75: percentile(1),
            p90: percentile(2),
            p95: percentile(3),
            p99: percentile(4),
            error_share: share(row.errors, row.events),
        }
    }
}

impl Stats {
    /// The statistic that a bound is about.
    fn value(&self, statistic: Statistic) -> Option<f64> {
        match statistic {
            Statistic::P50 => self.p50,
            Statistic::P75 => self.p75,
            Statistic::P90 => self.p90,
            Statistic::P95 => self.p95,
            Statistic::P99 => self.p99,
            Statistic::Avg => self.avg,
        }
    }
}

/// How a metric stands to the project's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct States {
    /// The worse of both others.
    pub state: ThresholdState,
    /// By its values.
    pub value_state: ThresholdState,
    /// By its share of errors.
    pub error_state: ThresholdState,
}

impl States {
    pub(super) fn new(thresholds: &Thresholds, metric_type: &str, name: &str, stats: &Stats) -> Self {
        let bounds = thresholds.of(metric_type, name);
        let value_state = bounds.map_or(ThresholdState::None, |bounds| {
            bounds.state(stats.value(bounds.statistic))
        });
        let error_state = thresholds.error_share.state(stats.error_share);
        Self {
            state: value_state.max(error_state),
            value_state,
            error_state,
        }
    }
}

/// A share of a number; `None` of nothing.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a mean or a share of more than 2^53 events"
)]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}

/// The decimal number that a single-precision value stands for: 123.4, not 123.4000015258789.
fn widen(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}
