//! From counts by furthest step to a funnel.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::super::iso::{as_iso, as_iso_or_null};
use super::super::period::Period;
use super::request::FunnelRequest;

/// Counts of a group, of a bucket, or of all, as the warehouse gives them.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct FunnelRow {
    pub(super) group_value: String,
    pub(super) bucket_start: i64,
    pub(super) is_group: bool,
    pub(super) is_bucket: bool,
    pub(super) sessions: Vec<u64>,
    pub(super) times: Vec<Vec<f64>>,
}

/// A funnel over a period.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Funnel {
    /// Its id; null when the question named the steps itself.
    pub funnel: Option<String>,
    /// Longest time from the entry to the last step, in milliseconds.
    pub window_ms: i64,
    /// The period in which sessions enter.
    #[serde(flatten)]
    pub period: Period,
    /// Time before which raw rows are kept no more, when that is inside the period.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// Share of the sessions that were looked at, when there were too many to look at all; counts are multiplied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_share: Option<f64>,
    /// All sessions.
    pub total: Counts,
    /// By the value of `breakdown`, those with the most entries first, `__other__` for the rest; empty without it.
    pub groups: Vec<Group>,
    /// Over time, without gaps, by the entry that counts.
    pub trend: Vec<TrendPoint>,
    /// Usual length of the trend's buckets.
    pub interval_ms: i64,
    /// The period before, when `compare=previous`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Comparison>,
}

/// Sessions on their way through the steps.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FunnelCounts)]
pub struct Counts {
    /// Sessions that entered.
    pub entered: u64,
    /// Sessions that reached the last step.
    pub converted: u64,
    /// Share of those that entered, 0 to 1; null when none did.
    pub conversion: Option<f64>,
    /// The steps, in their order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FunnelStepCounts)]
pub struct Step {
    /// Its name.
    pub step: String,
    /// Sessions that reached it.
    pub sessions: u64,
    /// Share of the sessions that entered; null when none did.
    pub conversion_from_start: Option<f64>,
    /// Share of the sessions that reached the step before; null for the first step, and when none did.
    pub conversion_from_previous: Option<f64>,
    /// Sessions that reached the step before and not this one; 0 for the first step.
    pub drop_off: u64,
    /// Time from the step before; null for the first step, and when no session reached this one.
    pub time_from_previous: Option<StepTime>,
}

/// Time between two steps, of the sessions that reached the second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FunnelStepTime)]
pub struct StepTime {
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 90th percentile, in milliseconds.
    pub p90_ms: f64,
}

/// Sessions with the same value.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FunnelGroup)]
pub struct Group {
    /// The value; empty for sessions without one.
    pub group: String,
    /// Their way.
    #[serde(flatten)]
    pub counts: Counts,
}

/// One bucket of the trend.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FunnelTrendPoint)]
pub struct TrendPoint {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Sessions whose entry lies in it.
    pub entered: u64,
    /// Of these, those that reached the last step, whenever.
    pub converted: u64,
    /// Their share; null when none entered.
    pub conversion: Option<f64>,
}

/// The period before.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FunnelComparison)]
pub struct Comparison {
    /// When it was.
    #[serde(flatten)]
    pub period: Period,
    /// See [`Funnel::sampled_share`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_share: Option<f64>,
    /// All sessions.
    pub total: Counts,
}

pub(super) fn assemble(request: &FunnelRequest, rows: Vec<FunnelRow>, every: u64) -> Funnel {
    let starts = request.grid.starts();
    let mut trend: Vec<TrendPoint> = starts.iter().map(|ts| TrendPoint::new(*ts, 0, 0)).collect();
    let mut total = Counts::new(&request.steps, &[], &[], every);
    let mut groups = Vec::new();
    for row in rows {
        let counts = Counts::new(&request.steps, &row.sessions, &row.times, every);
        if row.is_group {
            let group = row.group_value;
            groups.push(Group { group, counts });
        } else if row.is_bucket {
            let place = starts.partition_point(|start| *start <= row.bucket_start);
            if let Some(point) = place.checked_sub(1).and_then(|place| trend.get_mut(place)) {
                *point = TrendPoint::new(point.ts, counts.entered, counts.converted);
            }
        } else {
            total = counts;
        }
    }
    Funnel {
        funnel: request.funnel.clone(),
        window_ms: request.window_ms,
        period: request.period.clone(),
        kept_from: None,
        sampled_share: sampled_share(every),
        total,
        groups,
        trend,
        interval_ms: request.interval.seconds() * 1_000,
        previous: None,
    }
}

pub(super) fn comparison(
    request: &FunnelRequest,
    period: &Period,
    rows: Vec<FunnelRow>,
    every: u64,
) -> Comparison {
    let all = rows.into_iter().find(|row| !row.is_group && !row.is_bucket);
    let (sessions, times) = all.map(|row| (row.sessions, row.times)).unwrap_or_default();
    Comparison {
        period: period.clone(),
        sampled_share: sampled_share(every),
        total: Counts::new(&request.steps, &sessions, &times, every),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of at most some thousand")]
fn sampled_share(every: u64) -> Option<f64> {
    (every > 1).then(|| 1.0 / every as f64)
}

/// Which part of the whole; none of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share of more than 2^53 sessions")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Counts {
    fn new(names: &[String], sessions: &[u64], times: &[Vec<f64>], every: u64) -> Self {
        let reached = |place: usize| sessions.get(place).copied().unwrap_or_default() * every;
        let entered = reached(0);
        let steps = names.iter().enumerate().map(|(place, name)| {
            let before = place.checked_sub(1);
            let sessions = reached(place);
            Step {
                step: name.clone(),
                sessions,
                conversion_from_start: share(sessions, entered),
                conversion_from_previous: before.and_then(|before| share(sessions, reached(before))),
                drop_off: before.map_or(0, |before| reached(before).saturating_sub(sessions)),
                time_from_previous: before
                    .and_then(|before| times.get(before))
                    .filter(|_| sessions > 0)
                    .and_then(|quantiles| StepTime::new(quantiles)),
            }
        });
        let steps: Vec<Step> = steps.collect();
        let converted = steps.last().map_or(0, |step| step.sessions);
        Self {
            entered,
            converted,
            conversion: share(converted, entered),
            steps,
        }
    }
}

impl StepTime {
    fn new(quantiles: &[f64]) -> Option<Self> {
        let &[p50, p90] = quantiles else { return None };
        let whole = f64::round;
        (p50.is_finite() && p90.is_finite()).then(|| Self {
            p50_ms: whole(p50),
            p90_ms: whole(p90),
        })
    }
}

impl TrendPoint {
    fn new(ts: i64, entered: u64, converted: u64) -> Self {
        Self {
            ts,
            entered,
            converted,
            conversion: share(converted, entered),
        }
    }
}
