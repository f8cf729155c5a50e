//! The conservation ledger over time: `received = stored + dropped(reason) + pending`.
//!
//! - **Received** and **dropped** are the sums that the log gave, those in the warehouse's table and those still in
//!   the log of the node that answers.
//! - **Stored** is counted in the raw tables, now. So what was lost on its way is found, and not what somebody wrote
//!   down about it.
//! - **Pending** is the rest of a bucket that has rows in the log; **missing** is the rest of a bucket that has none.
//!   It should be 0: a number above is lost, one below is stored without having been received.

mod answer;
mod request;
mod watch;

use std::time::Duration;

use clickhouse::{RowOwned, RowRead};

use crate::clock::UnixMicros;
use crate::ledger::{Entry, Ledger};
use crate::warehouse::{Parameter, Retention, SelectError, Statement, Warehouse};

pub use answer::{Account, Bucket, LedgerAnswer};
pub use request::{LedgerParameters, LedgerRequest};
pub use watch::{Missing, missing};

/// Most buckets of an answer.
pub const BUCKETS_MAX: usize = 2_000;
/// How often the warehouse is asked again because a segment's sums were on their way into it.
const TRIES_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);
/// Events may be stored with a time of up to a week before their reception, and are forgotten by that time.
const SKEW_DAYS: u32 = 8;
const DAY_S: i64 = 86_400;

/// Asks the warehouse, and adds what is still in the log.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn ledger(
    warehouse: &Warehouse,
    retention: &Retention,
    ledger: &Ledger,
    project_id: &str,
    request: &LedgerRequest,
    now: UnixMicros,
) -> Result<LedgerAnswer, SelectError> {
    let statement = statement(request, &warehouse.database_name()?, project_id);
    let (rows, in_log, is_exact) = settled(warehouse, ledger, Some(project_id), &statement).await?;
    let kept_from = kept_from(retention, now);
    Ok(answer::assemble(request, rows, in_log, kept_from, is_exact))
}

/// From when on all raw rows are kept, so that what is not among them is missing; seconds since 1970.
pub(super) fn kept_from(retention: &Retention, now: UnixMicros) -> i64 {
    let kept_days = i64::from(retention.raw_days.saturating_sub(SKEW_DAYS));
    now.as_millis().div_euclid(1_000) - kept_days * DAY_S
}

/// What a statement about the ledger gives, and what is in the log of one project or of all. The last value is true when nothing moved from
/// the log into the warehouse in between: otherwise some items may have been looked at on both sides of their way.
pub(super) async fn settled<R>(
    warehouse: &Warehouse,
    ledger: &Ledger,
    project_id: Option<&str>,
    statement: &Statement,
) -> Result<(Vec<R>, Vec<(Entry, i64)>, bool), SelectError>
where
    R: RowOwned + RowRead,
{
    let mut tries = 0;
    loop {
        let version = ledger.version();
        let rows: Vec<R> = warehouse.select(statement).await?;
        let in_log = ledger.in_log(project_id);
        tries += 1;
        let is_exact = version.is_multiple_of(2) && version == ledger.version();
        if is_exact || tries == TRIES_MAX {
            return Ok((rows, in_log, is_exact));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sums by bucket, kind and outcome; rows of the raw tables have the outcome `stored`.
fn statement(request: &LedgerRequest, database: &str, project_id: &str) -> Statement {
    let mut sql = format!(
        "SELECT {bucket} AS bucket_start, kind AS item_kind, outcome AS item_outcome, toInt64(sum(items)) AS total\n\
         FROM {{database:Identifier}}.ledger\n\
         WHERE project_id = {{project:String}} \
         AND minute >= toDateTime({{from:Int64}}, 'UTC') AND minute < toDateTime({{to:Int64}}, 'UTC')\n\
         GROUP BY bucket_start, item_kind, item_outcome",
        bucket = request.grid.bucket_of("minute"),
    );
    for (kind, table) in request.tables() {
        sql.push_str(&format!(
            "\nUNION ALL\n\
             SELECT {bucket} AS bucket_start, '{kind}' AS item_kind, 'stored' AS item_outcome, toInt64(count()) AS total\n\
             FROM {{database:Identifier}}.{table}\n\
             WHERE project_id = {{project:String}} \
             AND received_at >= toDateTime64({{from:Int64}}, 3, 'UTC') AND received_at < toDateTime64({{to:Int64}}, 3, 'UTC')\n\
             GROUP BY bucket_start",
            bucket = request.grid.bucket_of("received_at"),
        ));
    }
    let statement = Statement::new(sql)
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(project_id.to_owned()));
    request.grid.bind(statement)
}
