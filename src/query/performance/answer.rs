//! From rows to the dashboard.

use serde::Serialize;

use super::super::grain::Grain;
use super::super::iso::{as_iso, as_iso_or_null};
use super::super::metrics::Plan;
use super::super::stats::{StatRow, States, Stats};
use super::request::PerformanceRequest;
use crate::domain::account::Thresholds;
use crate::domain::beacon::{VITALS, VITALS_TYPE};
use crate::domain::page::Page;

/// The metrics of a range.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PerformanceDashboard {
    /// Begin of the range.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// End of the range.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// The finest table that was read.
    pub source: Grain,
    /// Time before which that table keeps nothing any more, when that is inside the range.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// The range that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Before>,
    /// Each type that was asked for, and each vital; also those without events.
    pub metrics: Vec<MetricSummary>,
    /// One page of the list of groups; absent without `group_by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Page<GroupSummary>>,
}

/// The range before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Before {
    /// Its begin.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// Its end.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct MetricSummary {
    /// Type of metric.
    #[serde(rename = "type")]
    pub metric_type: String,
    /// Name of the vital; absent for other types, empty for vitals without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was measured.
    #[serde(flatten)]
    pub stats: Stats,
    /// How it stands.
    #[serde(flatten)]
    pub states: States,
    /// What was measured in the range before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Stats>,
}

/// One metric of one group.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct GroupSummary {
    /// Value of what is grouped by: empty for events without one.
    pub group: String,
    /// Type of metric.
    #[serde(rename = "type")]
    pub metric_type: String,
    /// Name of the vital; absent for other types, empty for vitals without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was measured.
    #[serde(flatten)]
    pub stats: Stats,
    /// How it stands.
    #[serde(flatten)]
    pub states: States,
}

pub(super) fn assemble(
    request: &PerformanceRequest,
    thresholds: &Thresholds,
    plan: &Plan<'_>,
    rows: Vec<StatRow>,
    groups: Option<(Vec<StatRow>, Grain)>,
) -> PerformanceDashboard {
    let range = request.range.now;
    let (listed, finest) = match groups {
        None => (None, plan.source),
        Some((listed, source)) => (Some(listed), source.min(plan.source)),
    };
    PerformanceDashboard {
        from: range.from,
        to: range.to,
        source: finest,
        kept_from: plan.kept_from,
        previous: request.range.before.map(|before| Before {
            from: before.from,
            to: before.to,
        }),
        metrics: summaries(request, thresholds, &rows),
        groups: listed.map(|listed| {
            let total = listed.first().map_or(0, |row| row.list_rows);
            let items = listed.into_iter().map(|row| group(thresholds, row)).collect();
            Page::new(items, total, request.page)
        }),
    }
}

fn summaries(request: &PerformanceRequest, thresholds: &Thresholds, rows: &[StatRow]) -> Vec<MetricSummary> {
    let stats_of = |metric_type: &str, name: &str, period: i64| {
        let row = rows.iter().find(|row| {
            row.series_type == metric_type && row.series_name == name && row.bucket_start == period
        });
        row.map(Stats::new)
    };
    let mut summaries = Vec::new();
    for metric_type in &request.selection.types {
        let is_vital = *metric_type == VITALS_TYPE;
        let names: &[&str] = if is_vital { &VITALS } else { &[""] };
        // Vitals without a name are told of when there are any.
        let unnamed: &[&str] = if is_vital { &[""] } else { &[] };
        for name in names.iter().chain(unnamed) {
            if !request.selection.asks_for_name(name) {
                continue;
            }
            let stats = stats_of(metric_type, name, 0);
            if name.is_empty() && is_vital && stats.is_none() {
                continue;
            }
            let stats = stats.unwrap_or_default();
            let before = request.range.before;
            summaries.push(MetricSummary {
                metric_type: (*metric_type).to_owned(),
                name: is_vital.then(|| (*name).to_owned()),
                states: States::new(thresholds, metric_type, name, &stats),
                stats,
                previous: before.map(|_| stats_of(metric_type, name, 1).unwrap_or_default()),
            });
        }
    }
    summaries
}

fn group(thresholds: &Thresholds, row: StatRow) -> GroupSummary {
    let stats = Stats::new(&row);
    GroupSummary {
        states: States::new(thresholds, &row.series_type, &row.series_name, &stats),
        stats,
        name: (row.series_type == VITALS_TYPE).then_some(row.series_name),
        group: row.series_group,
        metric_type: row.series_type,
    }
}
