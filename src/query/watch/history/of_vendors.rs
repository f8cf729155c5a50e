//! What a rule about third-party services would have seen.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;

use super::super::super::grain::{Grain, Kept};
use super::super::super::vendors::Excluded;
use super::super::vendor::Seen;
use super::request::{HistoryRequest, IN_EACH_WINDOW};
use super::{GROUP_SAMPLES_MAX, HISTORY_GROUPS_MAX, History, Pasts};
use crate::clock::UnixMicros;
use crate::domain::rule::{PastSample, PastSeries, VendorMeasure, VendorWatch};
use crate::warehouse::{Parameter, SelectError, Statement};

/// What was seen of a vendor in a window.
#[derive(Clone, Debug, Row, Deserialize)]
struct WindowRow {
    name: String,
    sample_end: i64,
    seen: u64,
    failed: u64,
    timed_out: u64,
    p95_ms: f32,
}

/// Asks what was seen of each vendor in each window: of those that were seen most.
pub(super) async fn history(
    pasts: Pasts<'_>,
    project_id: &str,
    watch: &VendorWatch,
    request: &HistoryRequest,
    now: UnixMicros,
) -> Result<History, SelectError> {
    let question = pasts.warehouse.question();
    let (database, away) = (question.database_name()?, &pasts.vendors.away);
    let statement = statement(&database, project_id, watch, away, request);
    let rows: Vec<WindowRow> = question.select(&statement).await?;
    let mut vendors: BTreeMap<String, BTreeMap<i64, Seen>> = BTreeMap::new();
    for row in rows {
        let seen = Seen {
            seen: row.seen,
            failed: row.failed,
            timed_out: row.timed_out,
            p95_ms: row.p95_ms,
        };
        vendors.entry(row.name).or_default().insert(row.sample_end, seen);
    }
    let series = vendors.into_iter().map(|(name, seen)| {
        let sample = |end: i64| {
            let seen = seen.get(&end);
            PastSample {
                ts_ms: end * 1_000,
                value: seen.and_then(|seen| seen.value((project_id, &name), watch, &pasts.vendors.budgets)),
                events: seen.map_or(0, |seen| seen.seen),
            }
        };
        PastSeries {
            samples: request.samples().map(sample).collect(),
            group: vec![name.clone()],
        }
    });
    let kept_from = Kept::new(*pasts.retention, now).from(Grain::Raw);
    Ok(History {
        step_ms: request.step * 1_000,
        window_ms: request.window * 1_000,
        source: Grain::Raw,
        kept_from_ms: Some(kept_from * 1_000).filter(|_| kept_from > request.read_from()),
        series: series.collect(),
    })
}

fn statement(
    database: &str,
    project_id: &str,
    watch: &VendorWatch,
    away: &[Excluded],
    request: &HistoryRequest,
) -> Statement {
    // Merging the states of percentiles is what such a statement costs: only where they are asked for.
    let (state, merged) = match watch.measure {
        VendorMeasure::ResponseMs => (
            "quantileTDigestState(0.95)(took_ms)",
            "quantileTDigestMerge(0.95)(part_ms)",
        ),
        _ => ("0", "toFloat32(any(part_ms))"),
    };
    let among = if watch.integrations.is_empty() {
        ""
    } else {
        " AND integration IN {integrations:Array(String)}"
    };
    let counted = Excluded::condition(away);
    let rows = format!(
        "FROM {{database:Identifier}}.vendor_calls\n    \
         WHERE project_id = {{project:String}} AND tries > 0{among} \
         AND ts >= toDateTime64({{from:Int64}}, 3, 'UTC') AND ts < toDateTime64({{last:Int64}}, 3, 'UTC'){counted}"
    );
    let sql = format!(
        "SELECT toString(name) AS name, toInt64(sample) AS sample_end, sum(part_seen) AS seen, sum(part_failed) AS failed, \
         sum(part_timed_out) AS timed_out, {merged} AS p95_ms\n\
         FROM (\n    \
         SELECT intDiv(toInt64(toUnixTimestamp(ts)), {{bucket:Int64}}) * {{bucket:Int64}} AS cell_bucket, integration AS name, \
         count() AS part_seen, countIf(outcome != 'answered') AS part_failed, countIf(outcome = 'timed_out') AS part_timed_out, \
         {state} AS part_ms\n    \
         {rows}\n    \
         AND integration IN (SELECT integration {rows} GROUP BY integration ORDER BY count() DESC, integration LIMIT {{groups_max:UInt64}})\n    \
         GROUP BY cell_bucket, name\n\
         )\n\
         {IN_EACH_WINDOW}\n\
         GROUP BY name, sample_end\n\
         LIMIT {{rows_max:UInt64}}"
    );
    let groups_max = i64::try_from(HISTORY_GROUPS_MAX).unwrap_or(i64::MAX);
    let mut statement = Statement::new(sql)
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(project_id.to_owned()))
        .with("from", Parameter::Integer(request.read_from()))
        .with("groups_max", Parameter::Integer(groups_max))
        .with("rows_max", Parameter::Integer(GROUP_SAMPLES_MAX * groups_max));
    if !watch.integrations.is_empty() {
        statement = statement.with("integrations", Parameter::Texts(watch.integrations.clone()));
    }
    request.bind(Excluded::bind(away, statement))
}
