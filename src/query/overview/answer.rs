//! From rows to figures.

use serde::Serialize;

use super::super::activity::{ActivityRow, Counted};
use super::super::iso::as_iso;
use super::super::stats::{StatRow, Stats, float, share};
use super::{Activity, COMPLETED_STEP, CONVERSION_STEP, HOUR_S, OverviewRequest, STARTED_STEP, Services};
use crate::domain::beacon::{FUNNEL_STEPS, Kind};

/// The first page.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Overview {
    /// Begin of the 30 days.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// Their end.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// The figures.
    pub kpis: Kpis,
    /// How much is used.
    pub credits: Credits,
    /// Endpoints of the product.
    pub services: Services,
    /// Sessions at each of the standard steps.
    pub funnel: Vec<FunnelStepReach>,
    /// The latest events, the newest first.
    pub activities: Vec<Activity>,
    /// How this answer is kept. Nothing here: whoever sends it says so, each time anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_info: Option<CacheInfo>,
}

/// How an answer is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CacheInfo {
    /// When the warehouse was asked.
    #[schema(format = DateTime)]
    pub calculated_at: String,
    /// Until when it is fresh.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// Whether it was there already.
    pub hit: bool,
}

/// The figures of the overview.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Kpis {
    /// Beacons of all kinds.
    pub events: Kpi,
    /// Sessions.
    pub sessions: Kpi,
    /// Sessions that reached the conversion.
    pub conversions: Kpi,
    /// Share of sessions that did, 0 to 1.
    pub conversion_rate: Kpi,
    /// Share of processing that was completed, 0 to 1.
    pub success_rate: Kpi,
    /// Mean time of an effect's processing.
    pub mean_duration_ms: Kpi,
    /// Sessions per hour.
    pub sessions_per_hour: Kpi,
}

/// A figure, and the same of 30 days before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Kpi {
    /// The figure; null when there is nothing to calculate it from.
    pub value: Option<f64>,
    /// The figure before.
    pub previous: Option<f64>,
    /// Change as a share of the figure before: 0.1 is 10 % more. Null when there was nothing before.
    pub change: Option<f64>,
}

/// How much a project uses. Quotas hold per user: a project as a whole has no allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Credits {
    /// Events of the 30 days.
    pub current: u64,
    /// Events since the month began in the project's zone.
    pub used_this_month: u64,
    /// Events that the project may still post: null, without a limit.
    pub remaining: Option<u64>,
}

/// How many reached a step.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FunnelStepReach {
    /// Name of the step.
    pub step: &'static str,
    /// Sessions with it.
    pub sessions: u64,
    /// As a share of the sessions with the first step; null without those.
    pub share: Option<f64>,
}

pub(super) fn assemble(
    request: &OverviewRequest,
    activity: &[ActivityRow],
    durations: &[StatRow],
    services: Services,
    activities: Vec<Activity>,
) -> Overview {
    let found = |counted: Counted, place: i64| {
        let row = activity.iter().find(|row| row.is(&counted, place));
        row.map_or((0, 0), |row| (row.events, row.sessions))
    };
    let step = |name: &str, place: i64| found(Counted::named(Kind::Funnel, name), place);
    let each = |figure: &dyn Fn(i64) -> Option<f64>| Kpi::new(figure(super::NOW), figure(super::BEFORE));
    let first = step(FUNNEL_STEPS[0], 0).1;
    // Those of both periods.
    let hours = ((request.now.to - request.now.from) / HOUR_S) as f64;
    Overview {
        from: request.now.from,
        to: request.now.to,
        kpis: Kpis {
            events: each(&|place| Some(float(found(Counted::all(), place).0))),
            sessions: each(&|place| Some(float(found(Counted::all(), place).1))),
            conversions: each(&|place| Some(float(step(CONVERSION_STEP, place).1))),
            conversion_rate: each(&|place| {
                rate(step(CONVERSION_STEP, place).1, found(Counted::all(), place).1)
            }),
            success_rate: each(&|place| rate(step(COMPLETED_STEP, place).0, step(STARTED_STEP, place).0)),
            mean_duration_ms: each(&|place| {
                let row = durations.iter().find(|row| row.bucket_start == place);
                row.and_then(|row| Stats::new(row).avg)
            }),
            sessions_per_hour: each(&|place| Some(float(found(Counted::all(), place).1) / hours)),
        },
        credits: Credits {
            current: found(Counted::all(), 0).0,
            used_this_month: found(Counted::all(), super::MONTH).0,
            remaining: None,
        },
        services,
        funnel: FUNNEL_STEPS
            .into_iter()
            .map(|name| {
                let (_, sessions) = step(name, 0);
                FunnelStepReach {
                    step: name,
                    sessions,
                    share: share(sessions, first),
                }
            })
            .collect(),
        activities,
        cache_info: None,
    }
}

/// A share that cannot be above 1, whatever the error of its numbers.
fn rate(part: u64, whole: u64) -> Option<f64> {
    share(part.min(whole), whole)
}

impl Kpi {
    fn new(value: Option<f64>, previous: Option<f64>) -> Self {
        let change = match (value, previous) {
            (Some(value), Some(previous)) if previous > 0.0 => Some(value / previous - 1.0),
            _ => None,
        };
        Self {
            value,
            previous,
            change,
        }
    }
}
