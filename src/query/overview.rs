//! The first page: what became of the last 30 days, today's hours included, against the same days and hours 30 days before. Days
//! are those of UTC: they are covered by few states of sessions.
//!
//! | figure | is |
//! |---|---|
//! | events | beacons of all kinds that are stored |
//! | sessions | sessions with any event |
//! | conversions | sessions with a step [`CONVERSION_STEP`] |
//! | conversion rate | conversions / sessions |
//! | success rate | steps `processing_completed` / steps `processing_started`, at most 1 |
//! | mean duration | mean of `effect_processing_time` |
//! | sessions per hour | sessions / hours |
//!
//! A figure without anything to count is null, but for counts, which are 0.

mod answer;
mod latest;
mod services;

use serde::Serialize;

use super::activity::{ActivityRow, Counted, Wanted, of_periods};
use super::grain::{Grain, Kept};
use super::metrics::Plan;
use super::range::Range;
use super::selection::Selection;
use super::stats::StatRow;
use crate::clock::UnixMicros;
use crate::domain::beacon::{FUNNEL_STEPS, Kind};
use crate::warehouse::{Retention, SelectError, Warehouse};

pub use answer::{CacheInfo, Credits, FunnelStepReach, Kpi, Overview};
pub use latest::Activity;
pub use services::Services;

/// The step that makes a session a conversion: the visitor has what they came for.
pub const CONVERSION_STEP: &str = FUNNEL_STEPS[7];
/// The steps between which processing succeeds or not.
const STARTED_STEP: &str = FUNNEL_STEPS[5];
const COMPLETED_STEP: &str = FUNNEL_STEPS[6];
/// The type of metric whose mean is the mean duration.
const DURATION_TYPE: &str = "effect_processing_time";

const HOUR_S: i64 = 3_600;
/// Days that the overview is about.
const DAYS: i64 = 30;
/// Its range begins with a day and ends with the span of rollups in which it is asked: later ones have nothing yet.
const DAY_S: i64 = Grain::Day.seconds();
const SPAN_S: i64 = Grain::SixHours.seconds();

/// A question for the overview. It has no parameters; the time stands in it, by the span.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OverviewRequest {
    now: Range,
    before: Range,
    /// The calendar month in the project's zone, up to now.
    month: Range,
}

impl OverviewRequest {
    /// The overview of now; `zone` is the project's.
    #[must_use]
    pub fn new(zone: &str, now: UnixMicros) -> Self {
        let to = (now.as_millis().div_euclid(SPAN_S * 1_000) + 1) * SPAN_S;
        let today = now.as_millis().div_euclid(DAY_S * 1_000) * DAY_S;
        let range = Range {
            from: today - (DAYS - 1) * DAY_S,
            to,
        };
        let before = Range {
            from: range.from - DAYS * DAY_S,
            to: range.to - DAYS * DAY_S,
        };
        let month = Range {
            from: start_of_month(zone, now).min(to - HOUR_S),
            to,
        };
        Self {
            now: range,
            before,
            month,
        }
    }
}

/// When the month began, down to a whole hour of UTC.
fn start_of_month(zone: &str, now: UnixMicros) -> i64 {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let now = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    let first = now.to_zoned(zone.clone()).date().first_of_month();
    let start = first
        .to_zoned(zone)
        .map_or_else(|_| now, |start| start.timestamp());
    start.as_second().div_euclid(HOUR_S) * HOUR_S
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn overview(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &OverviewRequest,
    now: UnixMicros,
) -> Result<Overview, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let kept = Kept::new(*retention, now);
    let selection = Selection::of_types(vec![DURATION_TYPE]);
    let plan = Plan::totals(&selection, &[request.now, request.before], &kept).without_percentiles();
    let durations = plan.statement(&database, project_id, 0, 10);
    let activity = of_periods(&database, project_id, &periods(request));
    // Not the end of the range: the hours from now on to there are empty, and would be looked through first.
    let hour_end = (now.as_millis().div_euclid(HOUR_S * 1_000) + 1) * HOUR_S;
    let (activity, durations, services, latest) = tokio::try_join!(
        question.select::<ActivityRow>(&activity),
        question.select::<StatRow>(&durations),
        services::services(&question, &database, project_id, request.now),
        latest::latest(&question, &database, project_id, hour_end),
    )?;
    Ok(answer::assemble(request, &activity, &durations, services, latest))
}

/// Numbers of the periods.
const NOW: i64 = 0;
const BEFORE: i64 = 1;
const MONTH: i64 = 2;

/// What is counted in both periods, and this month; the reach of steps only in the one that is shown.
fn periods(request: &OverviewRequest) -> [(i64, Range, Wanted); 4] {
    let step = |name| Counted::named(Kind::Funnel, name);
    let (now, before) = (request.now, request.before);
    let steps = FUNNEL_STEPS.map(step);
    let shown = std::iter::once(Counted::all()).chain(steps);
    [
        (NOW, open(now), Wanted::with_sessions(shown)),
        (
            BEFORE,
            before,
            Wanted::with_sessions([Counted::all(), step(CONVERSION_STEP)]),
        ),
        (
            BEFORE,
            before,
            Wanted::events([step(STARTED_STEP), step(COMPLETED_STEP)]),
        ),
        (MONTH, open(request.month), Wanted::events([Counted::all()])),
    ]
}

/// A range that ends now, up to the end of the longest bucket in which now is: the rest of it is empty, and one state takes
/// the place of many.
const fn open(range: Range) -> Range {
    let week_s = Grain::Week.seconds();
    Range {
        from: range.from,
        to: (range.to + week_s - 1).div_euclid(week_s) * week_s,
    }
}
