//! The latest events.

use clickhouse::Row;
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::beacon::Kind;
use crate::warehouse::{Parameter, Question, SelectError, Statement};

/// How many are shown.
const COUNT: usize = 20;
/// What is looked through at first. Rows lie by type and time, so a long stretch would be read from all types.
const FIRST_S: i64 = 3_600;
/// How far back it is looked when that has not enough.
const REACH_S: i64 = 30 * 86_400;
/// Kinds of events that are listed.
const KINDS: [Kind; 3] = [Kind::Funnel, Kind::Event, Kind::Alert];

/// One event in the list of the latest.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Activity {
    /// When it happened, in milliseconds since 1970.
    #[serde(serialize_with = "as_iso_ms")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: i64,
    /// `funnel`, `event` or `alert`.
    pub kind: String,
    /// Step, type of event, or metric of an alert.
    pub name: String,
    /// Its session; empty for alerts without one.
    pub session_id: String,
    /// Its user; empty when not sent.
    pub user_id: String,
    /// Class of the device; empty when not known.
    pub device: String,
    /// Country; empty when not known.
    pub country: String,
}

/// An hour with events.
#[derive(Clone, Copy, Debug, Row, Deserialize)]
struct Hour {
    /// Its start in seconds since 1970.
    start: i64,
    events: u64,
}

/// The latest events before a time, in seconds since 1970.
pub(super) async fn latest(
    question: &Question<'_>,
    database: &str,
    project_id: &str,
    to: i64,
) -> Result<Vec<Activity>, SelectError> {
    let mut found = question
        .select(&statement(database, project_id, to - FIRST_S, to))
        .await?;
    if found.len() >= COUNT {
        return Ok(found);
    }
    let hours: Vec<Hour> = question.select(&last_hours(database, project_id, to)).await?;
    for from in beginnings(&hours) {
        found = question
            .select(&statement(database, project_id, from, to))
            .await?;
        if found.len() >= COUNT {
            break;
        }
    }
    Ok(found)
}

/// From when on there should be enough events, and where to begin in any case. An hour counts events by their weights, so it may
/// have fewer rows than events, but it has one.
fn beginnings(hours: &[Hour]) -> Vec<i64> {
    let mut events = 0_u64;
    let enough = hours.iter().find(|hour| {
        events = events.saturating_add(hour.events);
        events >= COUNT as u64
    });
    let mut beginnings: Vec<_> = enough
        .into_iter()
        .chain(hours.last())
        .map(|hour| hour.start)
        .collect();
    beginnings.dedup();
    beginnings
}

/// The last hours with events, the latest first; as many as may be needed.
fn last_hours(database: &str, project_id: &str, to: i64) -> Statement {
    let statement = Statement::new(
        "SELECT toInt64(toUnixTimestamp(bucket)) AS start, sum(count) AS events\n\
         FROM {database:Identifier}.activity\n\
         WHERE project_id = {project:String} AND grain_minutes = 60 AND kind IN {kinds:Array(String)} AND name = '' \
             AND bucket >= toDateTime({from:Int64}, 'UTC') AND bucket < toDateTime({to:Int64}, 'UTC')\n\
         GROUP BY start\n\
         ORDER BY start DESC LIMIT {count:UInt64}",
    );
    let kinds = KINDS.map(|kind| kind.as_str().to_owned());
    bind(statement.of_rollups(), database, project_id, to - REACH_S, to)
        .with("kinds", Parameter::Texts(kinds.to_vec()))
}

fn statement(database: &str, project_id: &str, from: i64, to: i64) -> Statement {
    let of = |table: &str, kind: Kind, name: &str| {
        format!(
            "SELECT toUnixTimestamp64Milli(ts) AS at_ms, '{kind}' AS of_kind, toString({name}) AS of_name, session_id, user_id, \
                 toString(device) AS of_device, toString(country) AS of_country\n    \
             FROM {{database:Identifier}}.{table}\n    \
             WHERE project_id = {{project:String}} \
                 AND ts >= toDateTime64({{from:Int64}}, 3, 'UTC') AND ts < toDateTime64({{to:Int64}}, 3, 'UTC')\n    \
             ORDER BY ts DESC LIMIT {{count:UInt64}}",
            kind = kind.as_str(),
        )
    };
    let parts = [
        of("funnel_steps", Kind::Funnel, "step"),
        of("user_events", Kind::Event, "event_type"),
        of("client_alerts", Kind::Alert, "metric"),
    ];
    let sql = format!(
        "SELECT at_ms AS timestamp, of_kind AS kind, of_name AS name, session_id, user_id, of_device AS device, of_country AS country\n\
         FROM (\n    {parts}\n)\n\
         ORDER BY at_ms DESC, session_id, name LIMIT {{count:UInt64}}",
        parts = parts
            .map(|part| format!("({part})"))
            .join("\n    UNION ALL\n    "),
    );
    bind(Statement::new(sql), database, project_id, from, to)
}

fn bind(statement: Statement, database: &str, project_id: &str, from: i64, to: i64) -> Statement {
    statement
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(project_id.to_owned()))
        .with("from", Parameter::Integer(from))
        .with("to", Parameter::Integer(to))
        .with(
            "count",
            Parameter::Integer(i64::try_from(COUNT).unwrap_or_default()),
        )
}

fn as_iso_ms<S: Serializer>(at_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let time = jiff::Timestamp::from_millisecond(*at_ms).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: &[(i64, u64)]) -> Vec<Hour> {
        let hour = |(start, events): &(i64, u64)| Hour {
            start: *start,
            events: *events,
        };
        hours.iter().map(hour).collect()
    }

    #[test]
    fn it_begins_where_the_latest_hours_have_enough_and_then_with_all_of_them() {
        assert!(beginnings(&[]).is_empty());
        assert_eq!(beginnings(&hours(&[(72_000, 3)])), [72_000]);
        assert_eq!(beginnings(&hours(&[(72_000, 3), (36_000, 17)])), [36_000]);
        assert_eq!(
            beginnings(&hours(&[(72_000, 19), (68_400, 4), (3_600, 9)])),
            [68_400, 3_600]
        );
    }
}
