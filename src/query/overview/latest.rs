//! The latest events.

use clickhouse::Row;
use serde::{Deserialize, Serialize, Serializer};

use crate::warehouse::{Parameter, Question, SelectError, Statement};

/// How many are shown.
const COUNT: usize = 20;
/// Stretches of time that are looked through, one after the other, until there are enough: rows lie by type and time, so a
/// long stretch is read from all types.
const STRETCHES_S: [i64; 3] = [3_600, 86_400, 30 * 86_400];

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

/// The latest events before a time, in seconds since 1970.
pub(super) async fn latest(
    question: &Question<'_>,
    database: &str,
    project_id: &str,
    to: i64,
) -> Result<Vec<Activity>, SelectError> {
    let mut found = Vec::new();
    for stretch_s in STRETCHES_S {
        let statement = statement(database, project_id, to - stretch_s, to);
        found = question.select(&statement).await?;
        if found.len() >= COUNT {
            break;
        }
    }
    Ok(found)
}

fn statement(database: &str, project_id: &str, from: i64, to: i64) -> Statement {
    let of = |table: &str, kind: &str, name: &str| {
        format!(
            "SELECT toUnixTimestamp64Milli(ts) AS at_ms, '{kind}' AS of_kind, toString({name}) AS of_name, session_id, user_id, \
                 toString(device) AS of_device, toString(country) AS of_country\n    \
             FROM {{database:Identifier}}.{table}\n    \
             WHERE project_id = {{project:String}} \
                 AND ts >= toDateTime64({{from:Int64}}, 3, 'UTC') AND ts < toDateTime64({{to:Int64}}, 3, 'UTC')\n    \
             ORDER BY ts DESC LIMIT {{count:UInt64}}"
        )
    };
    let parts = [
        of("funnel_steps", "funnel", "step"),
        of("user_events", "event", "event_type"),
        of("client_alerts", "alert", "metric"),
    ];
    let sql = format!(
        "SELECT at_ms AS timestamp, of_kind AS kind, of_name AS name, session_id, user_id, of_device AS device, of_country AS country\n\
         FROM (\n    {parts}\n)\n\
         ORDER BY at_ms DESC, session_id, name LIMIT {{count:UInt64}}",
        parts = parts
            .map(|part| format!("({part})"))
            .join("\n    UNION ALL\n    "),
    );
    Statement::new(sql)
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
