//! From rows to series without gaps.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::grain::Grain;
use super::super::iso::{as_iso, as_iso_or_null};
use super::super::metrics::Plan;
use super::super::releases::Marker;
use super::super::stats::{StatRow, Stats};
use super::POINTS_MAX;
use super::request::TimeseriesRequest;
use crate::domain::beacon::VITALS_TYPE;

/// Series over time.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Timeseries {
    /// Usual length of a bucket.
    pub interval_ms: i64,
    /// Start of the first bucket.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// End of the last bucket.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// Zone of the buckets.
    pub timezone: String,
    /// Table that was read.
    pub source: Grain,
    /// Time before which that table keeps nothing any more, when that is inside the range: buckets before
    /// it are empty or partly filled because of that.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// True when there were more series than an answer may have points for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub truncated: bool,
    /// The series, by type, name and group.
    pub series: Vec<Series>,
    /// Releases that went out meanwhile, by time.
    pub markers: Vec<Marker>,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Point {
    /// Start of the bucket.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// What was measured.
    #[serde(flatten)]
    pub stats: Stats,
}

/// Name and group of a series.
type Line = (String, Option<String>, Option<String>);

pub(super) fn assemble(
    request: &TimeseriesRequest,
    plan: &Plan<'_>,
    rows: Vec<StatRow>,
    markers: Vec<Marker>,
) -> Timeseries {
    let starts = request.grid.starts();
    let mut truncated = rows.len() >= POINTS_MAX;
    let mut lines: BTreeMap<Line, Vec<Point>> = BTreeMap::new();
    if request.selection.group_by.is_none() {
        // What was asked for is shown, also when there is nothing.
        for kind in request
            .selection
            .types
            .iter()
            .filter(|kind| **kind != VITALS_TYPE)
        {
            lines.insert(((*kind).to_owned(), None, None), empty_points(starts));
        }
    }
    for row in rows {
        let name = (row.series_type == VITALS_TYPE).then(|| row.series_name.clone());
        let group = request.selection.group_by.map(|_| row.series_group.clone());
        let points = lines
            .entry((row.series_type.clone(), name, group))
            .or_insert_with(|| empty_points(starts));
        // A start that is none of ours can only come from another idea of the same bucket.
        let index = starts
            .partition_point(|start| *start <= row.bucket_start)
            .saturating_sub(1);
        if let Some(point) = points.get_mut(index) {
            point.stats = Stats::new(&row);
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
        markers,
    }
}

fn empty_points(starts: &[i64]) -> Vec<Point> {
    starts.iter().map(|start| Point::empty(*start)).collect()
}

impl Point {
    fn empty(ts: i64) -> Self {
        Self {
            ts,
            stats: Stats::default(),
        }
    }
}
