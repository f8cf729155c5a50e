//! How many events there were, of which types, and of how many sessions, users and visitors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use clickhouse::Row;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::grid::Grid;
use super::super::interval::Interval;
use super::super::iso::{as_iso, as_iso_or_null};
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::RawFilters;
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::table::Table;
use crate::warehouse::{Parameter, Retention, SelectError, Statement, Warehouse};

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Types without `groups_max`, and the most.
const GROUPS_DEFAULT: i64 = 10;
const GROUPS_MAX: i64 = 100;
/// Most points of the answer: types times buckets.
const POINTS_MAX: i64 = 20_000;
/// Type of everything that is not among the types shown.
const OTHER: &str = "__other__";

/// What beside period and filters is asked for; [`SummaryRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct SummaryParameters {
    /// Length of a bucket: `1m`, `5m`, `15m`, `1h`, `6h`, `1d` or `auto`.
    #[param(default = "auto", pattern = "^(1m|5m|15m|1h|6h|1d|auto)$")]
    interval: Option<String>,
    /// How many types are shown; the rest is `__other__`.
    #[param(minimum = 1, maximum = 100, default = 10)]
    groups_max: Option<i64>,
    /// `previous`: also the period before.
    #[param(pattern = "^previous$")]
    compare: Option<String>,
    /// Only events of one of these types.
    #[param(max_items = 50)]
    event_type: Option<Vec<String>>,
}

/// A question about events.
#[derive(Clone, Debug, Serialize)]
pub struct SummaryRequest {
    /// When.
    pub period: Period,
    interval: Interval,
    groups_max: i64,
    filters: RawFilters,
    compares: bool,
    #[serde(skip)]
    grid: Grid,
}

/// Events of a period.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct EventsSummary {
    /// When.
    #[serde(flatten)]
    pub period: Period,
    /// Usual length of a bucket.
    pub interval_ms: i64,
    /// Time before which raw rows are kept no more, when that is inside the period.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// All events.
    pub total: EventTotals,
    /// The types with the most events, and `__other__` for the rest.
    pub types: Vec<EventType>,
    /// The period before, when `compare=previous`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousTotals>,
}

/// Counts of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EventTotals {
    /// Events.
    pub count: u64,
    /// Different sessions, within 1 %.
    pub sessions: u64,
    /// Different users, within 1 %; events without one count for none.
    pub users: u64,
    /// Different visitors, within 1 %; a visitor is another one each day.
    pub visitors: u64,
}

/// Events of one type.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct EventType {
    /// The type.
    pub event_type: String,
    /// All of them.
    #[serde(flatten)]
    pub totals: EventTotals,
    /// Their share of all events, 0 to 1.
    pub share: f64,
    /// By bucket, without gaps.
    pub points: Vec<EventPoint>,
}

/// Events of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EventPoint {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Events.
    pub count: u64,
}

/// The period before.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PreviousTotals {
    /// When it was.
    #[serde(flatten)]
    pub period: Period,
    /// All events.
    pub total: EventTotals,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct TotalsRow {
    type_shown: String,
    is_total: bool,
    events: u64,
    sessions: u64,
    users: u64,
    visitors: u64,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct PointRow {
    type_shown: String,
    bucket_start: i64,
    events: u64,
}

impl SummaryRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `from`, `to`, `timezone`, `compare` | the last 7 days unless given |
    /// | `interval` | `1m`, `5m`, `15m`, `1h`, `6h`, `1d` or `auto` |
    /// | `groups_max` | how many types are shown: 1 to 100, otherwise 10 |
    /// | others | filters, among them `event_type` |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let (period, zone) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let interval = reader.interval(period.seconds());
        let groups_max = reader.number("groups_max", GROUPS_DEFAULT, 1..=GROUPS_MAX);
        let compares = reader.compares();
        let filters = reader.raw_filters(Table::UserEvents, &[]);
        reader.nothing_else();
        if (period.seconds() / interval.seconds() + 1) * (groups_max + 1) > POINTS_MAX {
            let message = format!("range, interval and groups make more than {POINTS_MAX} points");
            reader.fault("interval", FieldFault::OutOfRange, message);
        }
        reader.no_faults()?;
        let (from, to) = period.times();
        Ok(Self {
            grid: Grid::new(from, to, interval, &zone),
            period,
            interval,
            groups_max,
            filters,
            compares,
        })
    }

    /// Types by name, and all together. Uniques are states: they are kept for these few, not for each bucket.
    fn totals(&self, database: &str, project_id: &str) -> Statement {
        let sql = format!(
            "SELECT {type_shown} AS type_shown, toBool(grouping(type_shown)) AS is_total,\n    \
                 count() AS events, uniqCombined64(session_id) AS sessions,\n    \
                 uniqCombined64If(user_id, user_id != '') AS users, uniqCombined64If(visitor_id, visitor_id != 0) AS visitors\n\
             FROM {{database:Identifier}}.user_events\n\
             WHERE {condition}\n\
             GROUP BY GROUPING SETS ((type_shown), ())\n\
             ORDER BY is_total, events DESC, type_shown",
            type_shown = self.type_shown(),
            condition = self.condition(),
        );
        self.bind(Statement::new(sql), &self.period, database, project_id)
    }

    fn points(&self, database: &str, project_id: &str) -> Statement {
        let sql = format!(
            "SELECT {type_shown} AS type_shown, {bucket} AS bucket_start, count() AS events\n\
             FROM {{database:Identifier}}.user_events\n\
             WHERE {condition}\n\
             GROUP BY type_shown, bucket_start\n\
             ORDER BY type_shown, bucket_start\n\
             LIMIT {POINTS_MAX}",
            type_shown = self.type_shown(),
            bucket = self.grid.bucket_of("ts"),
            condition = self.condition(),
        );
        let statement = self.bind(Statement::new(sql), &self.period, database, project_id);
        self.grid.bind(statement)
    }

    /// The period before, as a whole.
    fn previous(&self, period: &Period, database: &str, project_id: &str) -> Statement {
        let sql = format!(
            "SELECT '' AS type_shown, true AS is_total, count() AS events, uniqCombined64(session_id) AS sessions,\n    \
                 uniqCombined64If(user_id, user_id != '') AS users, uniqCombined64If(visitor_id, visitor_id != 0) AS visitors\n\
             FROM {{database:Identifier}}.user_events\n\
             WHERE {}",
            self.condition(),
        );
        self.bind(Statement::new(sql), period, database, project_id)
    }

    fn type_shown(&self) -> String {
        format!(
            "if(event_type IN (\n        \
                 SELECT event_type FROM {{database:Identifier}}.user_events\n        \
                 WHERE {}\n        \
                 GROUP BY event_type ORDER BY count() DESC, event_type LIMIT {{groups_max:UInt64}}\n    \
             ), toString(event_type), {{other:String}})",
            self.condition(),
        )
    }

    fn condition(&self) -> String {
        let (period, filters) = (Period::CONDITION, self.filters.condition());
        format!("project_id = {{project:String}} AND {period}{filters}")
    }

    fn bind(&self, statement: Statement, period: &Period, database: &str, project_id: &str) -> Statement {
        let statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()))
            .with("groups_max", Parameter::Integer(self.groups_max))
            .with("other", Parameter::Text(OTHER.to_owned()));
        self.filters.bind(period.bind(statement))
    }
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn summary(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &SummaryRequest,
    now: UnixMicros,
) -> Result<EventsSummary, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let totals = request.totals(&database, project_id);
    let points = request.points(&database, project_id);
    let previous = async {
        if !request.compares {
            return Ok(None);
        }
        let period = request.period.previous();
        let statement = request.previous(&period, &database, project_id);
        let rows: Vec<TotalsRow> = question.select(&statement).await?;
        let total = rows.first().map(EventTotals::from).unwrap_or_default();
        Ok(Some(PreviousTotals { period, total }))
    };
    let (totals, points, previous) = tokio::try_join!(
        question.select::<TotalsRow>(&totals),
        question.select::<PointRow>(&points),
        previous,
    )?;
    let mut answer = assemble(request, totals, points);
    answer.kept_from = request.period.kept_from(retention, now);
    answer.previous = previous;
    Ok(answer)
}

impl From<&TotalsRow> for EventTotals {
    fn from(row: &TotalsRow) -> Self {
        Self {
            count: row.events,
            sessions: row.sessions,
            users: row.users,
            visitors: row.visitors,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of more than 2^53 events")]
fn assemble(request: &SummaryRequest, totals: Vec<TotalsRow>, points: Vec<PointRow>) -> EventsSummary {
    let starts = request.grid.starts();
    let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in points {
        let place = starts.partition_point(|start| *start <= row.bucket_start);
        let counts = counts
            .entry(row.type_shown)
            .or_insert_with(|| vec![0; starts.len()]);
        if let Some(count) = place.checked_sub(1).and_then(|place| counts.get_mut(place)) {
            *count += row.events;
        }
    }
    let all = totals.iter().find(|row| row.is_total);
    let total = all.map(EventTotals::from).unwrap_or_default();
    let types = totals.iter().filter(|row| !row.is_total).map(|row| {
        let counts = counts.remove(&row.type_shown).unwrap_or_default();
        EventType {
            event_type: row.type_shown.clone(),
            totals: row.into(),
            share: row.events as f64 / total.count.max(1) as f64,
            points: starts
                .iter()
                .zip(counts)
                .map(|(ts, count)| EventPoint { ts: *ts, count })
                .collect(),
        }
    });
    EventsSummary {
        types: types.collect(),
        total,
        period: request.period.clone(),
        interval_ms: request.interval.seconds() * 1_000,
        kept_from: None,
        previous: None,
    }
}
