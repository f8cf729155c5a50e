//! What a rule about the ledger would have seen.
//!
//! What is missing is what is missing now of what came then: a loss that was found and mended since is none. Minutes of which something is
//! in the log, and all behind them, are left out of it, as they are when a rule is evaluated.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;

use super::super::super::grain::Grain;
use super::super::super::ledger::{kept_from, settled};
use super::super::ledger::{Sums, missing_minutes};
use super::request::{HistoryRequest, IN_EACH_WINDOW};
use super::{History, Pasts, SAMPLES_MAX};
use crate::clock::UnixMicros;
use crate::domain::ledger::{MINUTE_MS, Outcome};
use crate::domain::rule::{LedgerMeasure, PastSample, PastSeries};
use crate::ledger::Entry;
use crate::warehouse::{Parameter, SelectError, Statement};

const MINUTE_S: i64 = MINUTE_MS / 1_000;
/// More than there are outcomes.
const OUTCOMES_MAX: i64 = 64;

/// What has become of the items of a window.
#[derive(Clone, Debug, Row, Deserialize)]
struct WindowRow {
    sample_end: i64,
    item_outcome: String,
    items: i64,
}

/// Asks what the ledger said of each window.
pub(super) async fn history(
    pasts: Pasts<'_>,
    project_id: &str,
    measure: LedgerMeasure,
    request: &HistoryRequest,
    now: UnixMicros,
) -> Result<History, SelectError> {
    let is_missing = measure == LedgerMeasure::Missing;
    let kept_from = kept_from(pasts.retention, now);
    let minutes = if is_missing {
        (
            kept_from.max(request.read_from()),
            settled_to(pasts, project_id, now),
        )
    } else {
        (request.read_from(), request.last)
    };
    let statement = statement(
        &pasts.warehouse.database_name()?,
        project_id,
        is_missing,
        minutes,
        request,
    );
    let (rows, in_log, _) =
        settled::<WindowRow>(pasts.warehouse, pasts.ledger, Some(project_id), &statement).await?;
    let mut sums: BTreeMap<i64, Sums> = BTreeMap::new();
    for row in rows {
        let of_window = sums.entry(row.sample_end).or_default();
        match Outcome::from_name(&row.item_outcome) {
            Some(outcome) => of_window.add(outcome, row.items),
            None => of_window.missing += row.items,
        }
    }
    if !is_missing {
        add_log(&mut sums, &in_log, request);
    }
    let sample = |end: i64| {
        let reading = sums.get(&end).copied().unwrap_or_default().reading(measure);
        PastSample {
            ts_ms: end * 1_000,
            value: reading.value,
            events: reading.events,
        }
    };
    Ok(History {
        step_ms: request.step * 1_000,
        window_ms: request.window * 1_000,
        source: Grain::Raw,
        kept_from_ms: Some(kept_from * 1_000).filter(|_| kept_from > request.read_from()),
        series: vec![PastSeries {
            group: Vec::new(),
            samples: request.samples().map(sample).collect(),
        }],
    })
}

/// The first minute that is not looked at: what came since may still be on its way.
fn settled_to(pasts: Pasts<'_>, project_id: &str, now: UnixMicros) -> i64 {
    let in_log = pasts.ledger.in_log(Some(project_id));
    let accepted = in_log
        .iter()
        .filter(|(entry, _)| entry.outcome == Outcome::Accepted);
    let oldest = accepted.map(|(entry, _)| i64::from(entry.minute)).min();
    let last = now.as_millis().div_euclid(MINUTE_MS) - 1;
    oldest.map_or(last, |oldest| oldest.min(last)) * MINUTE_S
}

/// Adds what is in the log to each window that it lies in.
fn add_log(sums: &mut BTreeMap<i64, Sums>, in_log: &[(Entry, i64)], request: &HistoryRequest) {
    for (entry, items) in in_log {
        let minute = i64::from(entry.minute) * MINUTE_S;
        let windows = request
            .samples()
            .skip_while(|end| *end <= minute)
            .take_while(|end| end - request.window <= minute);
        for end in windows {
            sums.entry(end).or_default().add(entry.outcome, *items);
        }
    }
}

fn statement(
    database: &str,
    project_id: &str,
    is_missing: bool,
    (from, to): (i64, i64),
    request: &HistoryRequest,
) -> Statement {
    let cells = if is_missing {
        format!(
            "SELECT intDiv(minute_start, {{bucket:Int64}}) * {{bucket:Int64}} AS cell_bucket, '' AS item_outcome, items AS part\n    \
             FROM (\n{}\n    )",
            missing_minutes()
        )
    } else {
        CELLS_SQL.to_owned()
    };
    let sql = format!(
        "SELECT toInt64(sample) AS sample_end, item_outcome, toInt64(sum(part)) AS items\n\
         FROM (\n    {cells}\n)\n\
         {IN_EACH_WINDOW}\n\
         GROUP BY sample_end, item_outcome\n\
         LIMIT {{rows_max:UInt64}}"
    );
    let statement = Statement::new(sql)
        .with("database", Parameter::Text(database.to_owned()))
        .with("projects", Parameter::Texts(vec![project_id.to_owned()]))
        .with("from", Parameter::Integer(from))
        .with("to", Parameter::Integer(to))
        .with("rows_max", Parameter::Integer(SAMPLES_MAX * OUTCOMES_MAX));
    request.bind(statement)
}

const CELLS_SQL: &str = "SELECT intDiv(toInt64(toUnixTimestamp(minute)), {bucket:Int64}) * {bucket:Int64} AS cell_bucket, outcome AS item_outcome, toInt64(sum(items)) AS part\n    \
     FROM {database:Identifier}.ledger\n    \
     WHERE project_id IN {projects:Array(String)} \
     AND minute >= toDateTime({from:Int64}, 'UTC') AND minute < toDateTime({to:Int64}, 'UTC')\n    \
     GROUP BY cell_bucket, item_outcome";
