//! Looks for what is missing, in all projects.

use std::collections::HashSet;

use clickhouse::Row;
use serde::Deserialize;

use crate::clock::UnixMicros;
use crate::domain::beacon::Kind;
use crate::domain::ledger::MINUTE_MS;
use crate::ledger::Ledger;
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

/// Minutes before now that are left alone: other nodes may still have their rows in a log of their own.
const LEAVE_MINUTES: i64 = 5;
/// Minutes before those that are looked at.
const LOOK_MINUTES: i64 = 60;
/// Most minutes that are told.
const FOUND_MAX: i64 = 1_000;

/// A minute of a project whose account does not close.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct Missing {
    /// The project.
    pub project: String,
    /// Start of the minute, in seconds since 1970.
    pub minute_start: i64,
    /// Accepted items that are not stored; below 0, what is stored and was not accepted.
    pub items: i64,
}

/// Minutes of the last hour whose accounts do not close, although nothing of them is in the log any more.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn missing(
    warehouse: &Warehouse,
    ledger: &Ledger,
    now: UnixMicros,
) -> Result<Vec<Missing>, SelectError> {
    let to = now.as_millis().div_euclid(MINUTE_MS) - LEAVE_MINUTES;
    let seconds = MINUTE_MS / 1_000;
    let statement = statement()
        .with("database", Parameter::Text(warehouse.database_name()?))
        .with("from", Parameter::Integer((to - LOOK_MINUTES) * seconds))
        .with("to", Parameter::Integer(to * seconds))
        .with("found_max", Parameter::Integer(FOUND_MAX));
    // First the log: what leaves it in the meantime is left alone once more.
    let in_log = ledger.in_log(None);
    let mut found: Vec<Missing> = warehouse.select(&statement).await?;
    let on_their_way: HashSet<(&str, i64)> = in_log
        .iter()
        .map(|(entry, _)| (&*entry.project, i64::from(entry.minute) * seconds))
        .collect();
    found.retain(|missing| !on_their_way.contains(&(missing.project.as_str(), missing.minute_start)));
    Ok(found)
}

fn statement() -> Statement {
    let stored = Kind::ALL.map(|kind| {
        format!(
            "UNION ALL\n    \
             SELECT project_id, toInt64(toUnixTimestamp(toStartOfMinute(received_at))) AS minute_start, -toInt64(count()) AS items\n    \
             FROM {{database:Identifier}}.{table}\n    \
             WHERE received_at >= toDateTime64({{from:Int64}}, 3, 'UTC') AND received_at < toDateTime64({{to:Int64}}, 3, 'UTC')\n    \
             GROUP BY project_id, minute_start",
            table = kind.table().name()
        )
    });
    Statement::new(format!(
        "SELECT project_id AS project, minute_start, sum(items) AS items\n\
         FROM (\n    \
             SELECT project_id, toInt64(toUnixTimestamp(minute)) AS minute_start,\n        \
                 sumIf(items, outcome = 'accepted') - sumIf(items, outcome = 'dead_letter') AS items\n    \
             FROM {{database:Identifier}}.ledger\n    \
             WHERE minute >= toDateTime({{from:Int64}}, 'UTC') AND minute < toDateTime({{to:Int64}}, 'UTC')\n    \
             GROUP BY project_id, minute_start\n    \
             {}\n\
         )\n\
         GROUP BY project, minute_start\n\
         HAVING items != 0\n\
         ORDER BY minute_start, project\n\
         LIMIT {{found_max:UInt64}}",
        stored.join("\n    ")
    ))
}
