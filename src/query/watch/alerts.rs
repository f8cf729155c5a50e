//! Alerts that clients raise, of all projects.

use clickhouse::Row;
use serde::Deserialize;

use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

/// Most groups that are told.
pub const CLIENT_ALERT_GROUPS_MAX: i64 = 1_000;
/// Most sessions that are counted for a group.
pub const CLIENT_ALERT_SESSIONS_MAX: i64 = 1_000;
/// An alert may say that it was raised so long before it arrived, in milliseconds.
const LATE_MAX_MS: i64 = 8 * 86_400_000;

/// Alerts of one project, metric and severity.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct ClientAlertGroup {
    /// The project.
    pub project: String,
    /// The metric that clients watched.
    pub watched_metric: String,
    /// `warning`, `error` or `critical`.
    pub alert_severity: String,
    /// Alerts.
    pub alerts: u64,
    /// Sessions that raised them, counted up to [`CLIENT_ALERT_SESSIONS_MAX`]; alerts without a session count for none.
    pub sessions: u64,
    /// Value of the alert that was received last.
    pub last_value: f64,
    /// The threshold that it crossed.
    pub last_threshold: f64,
    /// When the first of them was received, in milliseconds since 1970.
    pub first_received_ms: i64,
    /// When the last of them was received, in milliseconds since 1970.
    pub last_received_ms: i64,
}

/// Alerts that clients raised and that were received at a time or later, in milliseconds since 1970; groups with the last ones first, at most
/// [`CLIENT_ALERT_GROUPS_MAX`].
///
/// This is about all projects: Fresnel asks it for itself, and for nobody else.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn client_alerts(
    warehouse: &Warehouse,
    seen_from_ms: i64,
) -> Result<Vec<ClientAlertGroup>, SelectError> {
    warehouse
        .select(&statement(&warehouse.database_name()?, seen_from_ms))
        .await
}

pub(super) fn statement(database: &str, seen_from_ms: i64) -> Statement {
    let sql = "SELECT project_id AS project, metric AS watched_metric, severity AS alert_severity,\n    \
             count() AS alerts,\n    \
             toUInt64(length(groupUniqArrayIf({sessions_max:UInt64})(session_id, session_id != ''))) AS sessions,\n    \
             argMax(actual_value, received_at) AS last_value,\n    \
             argMax(threshold, received_at) AS last_threshold,\n    \
             toUnixTimestamp64Milli(min(received_at)) AS first_received_ms,\n    \
             toUnixTimestamp64Milli(max(received_at)) AS last_received_ms\n\
         FROM {database:Identifier}.client_alerts\n\
         WHERE received_at >= fromUnixTimestamp64Milli({seen_from:Int64}, 'UTC') \
         AND ts >= fromUnixTimestamp64Milli({ts_from:Int64}, 'UTC')\n\
         GROUP BY project, watched_metric, alert_severity\n\
         ORDER BY last_received_ms DESC, project, watched_metric, alert_severity\n\
         LIMIT {groups_max:UInt64}";
    Statement::new(sql)
        .with("database", Parameter::Text(database.to_owned()))
        .with("sessions_max", Parameter::Integer(CLIENT_ALERT_SESSIONS_MAX))
        .with("groups_max", Parameter::Integer(CLIENT_ALERT_GROUPS_MAX))
        .with("seen_from", Parameter::Integer(seen_from_ms))
        .with(
            "ts_from",
            Parameter::Integer(seen_from_ms.saturating_sub(LATE_MAX_MS)),
        )
}
