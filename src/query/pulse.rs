//! A few figures for a status bar: how much happens now, and whether it is well.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::activity::{ActivityRow, Counted, Wanted, of_periods};
use super::grain::Kept;
use super::metrics::Plan;
use super::range::Range;
use super::selection::Selection;
use super::stats::{StatRow, States, Stats, share};
use crate::clock::UnixMicros;
use crate::domain::account::{ThresholdState, Thresholds};
use crate::domain::beacon::{Kind, METRIC_TYPES};
use crate::warehouse::{Parameter, Retention, SelectError, Statement, Warehouse};

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;
/// Minutes whose events are counted for "now": one alone would jump with every batch.
const NOW_MINUTES: i64 = 5;

/// A question for the status bar. It has no parameters; the time stands in it, by the minute.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PulseRequest {
    minute: i64,
}

impl PulseRequest {
    /// The status of now.
    #[must_use]
    pub const fn new(now: UnixMicros) -> Self {
        Self {
            minute: (now.as_millis().div_euclid(MINUTE_S * 1_000) + 1) * MINUTE_S,
        }
    }
}

/// The status bar.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Pulse {
    /// Events a minute over the last five.
    pub events_per_minute: f64,
    /// Events since 24 hours ago, by whole hours.
    pub events_last_day: u64,
    /// Sessions with events since then.
    pub sessions_last_day: u64,
    /// Alerts of clients since then.
    pub client_alerts_last_day: u64,
    /// Share of measurements of the last hour that are errors, 0 to 1; null without any.
    pub error_share_last_hour: Option<f64>,
    /// The worst state of all metrics over the last hour.
    pub state: ThresholdState,
}

#[derive(Row, Deserialize)]
struct Recent {
    events: u64,
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn pulse(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    thresholds: &Thresholds,
    request: &PulseRequest,
    now: UnixMicros,
) -> Result<Pulse, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let kept = Kept::new(*retention, now);
    let to = request.minute;
    let day_to = (to + HOUR_S - 1).div_euclid(HOUR_S) * HOUR_S;
    let day = Range {
        from: day_to - 25 * HOUR_S,
        to: day_to,
    };
    let day = [
        (0, day, Wanted::with_sessions([Counted::all()])),
        (0, day, Wanted::events([Counted::of(Kind::Alert)])),
    ];
    let activity = of_periods(&database, project_id, &day);
    let selection = Selection::of_types(METRIC_TYPES.to_vec());
    let hour = Range {
        from: to - HOUR_S,
        to,
    };
    let plan = Plan::totals(&selection, &[hour], &kept);
    let metrics = plan.statement(&database, project_id, 0, 100);
    let recent = recent(&database, project_id, to);

    let (activity, metrics, recent) = tokio::try_join!(
        question.select::<ActivityRow>(&activity),
        question.select::<StatRow>(&metrics),
        question.select::<Recent>(&recent),
    )?;

    let found = |counted: &Counted| {
        let row = activity.iter().find(|row| row.is(counted, 0));
        row.map_or((0, 0), |row| (row.events, row.sessions))
    };
    let (events_last_day, sessions_last_day) = found(&Counted::all());
    let states = metrics
        .iter()
        .map(|row| States::new(thresholds, &row.series_type, &row.series_name, &Stats::new(row)).state);
    let events: u64 = recent.iter().map(|row| row.events).sum();
    let errors: u64 = metrics.iter().map(|row| row.errors).sum();
    let measured: u64 = metrics.iter().map(|row| row.events).sum();
    Ok(Pulse {
        events_per_minute: super::stats::float(events) / NOW_MINUTES as f64,
        events_last_day,
        sessions_last_day,
        client_alerts_last_day: found(&Counted::of(Kind::Alert)).0,
        error_share_last_hour: share(errors, measured),
        state: states.max().unwrap_or(ThresholdState::None),
    })
}

/// Events of the last minutes, counted in the raw tables.
fn recent(database: &str, project_id: &str, to: i64) -> Statement {
    let parts = Kind::ALL.map(|kind| {
        format!(
            "SELECT toUInt64(count()) AS events FROM {{database:Identifier}}.{table} WHERE project_id = {{project:String}} \
             AND ts >= toDateTime64({{from:Int64}}, 3, 'UTC') AND ts < toDateTime64({{to:Int64}}, 3, 'UTC')",
            table = kind.table().name(),
        )
    });
    Statement::new(parts.join("\nUNION ALL\n"))
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(project_id.to_owned()))
        .with("from", Parameter::Integer(to - NOW_MINUTES * MINUTE_S))
        .with("to", Parameter::Integer(to))
}
