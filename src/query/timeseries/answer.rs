//! From rows to series without gaps.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::super::iso::{as_iso, as_iso_or_null};
use super::POINTS_MAX;
use super::plan::{Plan, Source};
use super::request::{TimeseriesRequest, VITALS_TYPE};

/// One bucket of one series, as the warehouse gives it.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct BucketRow {
    pub(super) series_type: String,
    pub(super) series_name: String,
    pub(super) series_group: String,
    pub(super) bucket_start: i64,
    pub(super) events: u64,
    pub(super) errors: u64,
    pub(super) total: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
    pub(super) percentiles: Vec<f32>,
}

/// Series over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeseries {
    /// Usual length of a bucket.
    pub interval_ms: i64,
    /// Start of the first bucket.
    #[serde(serialize_with = "as_iso")]
    pub from: i64,
    /// End of the last bucket.
    #[serde(serialize_with = "as_iso")]
    pub to: i64,
    /// Zone of the buckets.
    pub timezone: String,
    /// Table that was read.
    pub source: Source,
    /// Time before which that table keeps nothing any more, when that is inside the range: buckets before
    /// it are empty or partly filled because of that.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    pub kept_from: Option<i64>,
    /// True when there were more series than an answer may have points for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The series, by type, name and group.
    pub series: Vec<Series>,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// Type of metric.
    #[serde(rename = "type")]
    pub metric_type: String,
    /// Name of the vital; absent for other types, empty for vitals without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Value of what is grouped by: empty for events without one, `__other__` for the rest; null without
    /// `group_by`.
    pub group: Option<String>,
    /// One point a bucket.
    pub points: Vec<Point>,
}

/// Statistics of one bucket; all null when it has no events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Start of the bucket.
    #[serde(serialize_with = "as_iso")]
    pub ts: i64,
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

/// Name and group of a series.
type Line = (String, Option<String>, Option<String>);

pub(super) fn assemble(request: &TimeseriesRequest, plan: &Plan<'_>, rows: Vec<BucketRow>) -> Timeseries {
    let starts = request.grid.starts();
    let mut truncated = rows.len() >= POINTS_MAX;
    let mut lines: BTreeMap<Line, Vec<Point>> = BTreeMap::new();
    if request.group_by.is_none() {
        // What was asked for is shown, also when there is nothing.
        for kind in request.types.iter().filter(|kind| **kind != VITALS_TYPE) {
            lines.insert(((*kind).to_owned(), None, None), empty_points(starts));
        }
    }
    for row in rows {
        let name = (row.series_type == VITALS_TYPE).then(|| row.series_name.clone());
        let group = request.group_by.map(|_| row.series_group.clone());
        let points = lines
            .entry((row.series_type.clone(), name, group))
            .or_insert_with(|| empty_points(starts));
        // A start that is none of ours can only come from another idea of the same bucket.
        let index = starts
            .partition_point(|start| *start <= row.bucket_start)
            .saturating_sub(1);
        if let Some(point) = points.get_mut(index) {
            *point = Point::new(point.ts, &row);
        }
    }
    let series_max = POINTS_MAX / starts.len().max(1);
    truncated |= lines.len() > series_max;
    Timeseries {
        interval_ms: request.interval.seconds() * 1_000,
        from: request.grid.from(),
        to: request.grid.to(),
        timezone: request.zone_name.clone(),
        source: plan.source,
        kept_from: plan.kept_from,
        truncated,
        series: lines
            .into_iter()
            .take(series_max)
            .map(|((metric_type, name, group), points)| Series {
                metric_type,
                name,
                group,
                points,
            })
            .collect(),
    }
}

fn empty_points(starts: &[i64]) -> Vec<Point> {
    starts.iter().map(|start| Point::empty(*start)).collect()
}

impl Point {
    const fn empty(ts: i64) -> Self {
        Self {
            ts,
            count: 0,
            avg: None,
            min: None,
            max: None,
            p50: None,
            p75: None,
            p90: None,
            p95: None,
            p99: None,
            error_share: None,
        }
    }

    fn new(ts: i64, row: &BucketRow) -> Self {
        if row.events == 0 {
            return Self::empty(ts);
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean of more than 2^53 events")]
        let events = row.events as f64;
        #[expect(clippy::cast_precision_loss, reason = "a share of more than 2^53 events")]
        let errors = row.errors as f64;
        let percentile = |index: usize| {
            let value = row
                .percentiles
                .get(index)
                .copied()
                .filter(|value| value.is_finite());
            value.map(|value| widen(value).max(row.least).min(row.greatest))
        };
        Self {
            ts,
            count: row.events,
            avg: Some(row.total / events),
            min: Some(row.least),
            max: Some(row.greatest),
            p50: percentile(0),
            p75: percentile(1),
            p90: percentile(2),
            p95: percentile(3),
            p99: percentile(4),
            error_share: Some(errors / events),
        }
    }
}

/// The decimal number that a single-precision value stands for: 123.4, not 123.4000015258789.
fn widen(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}
