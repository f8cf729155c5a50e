//! A segment's sums into the warehouse's ledger.
//!
//! They go when all of the segment's rows are stored or among the dead letters, and before the log lets go of it. So the
//! ledger never claims a row that is not stored yet, and none that is stored stays without its entry for long.

use std::collections::BTreeMap;

use bytes::Bytes;
use clickhouse::Row;
use serde::Deserialize;

use super::ahead::Loaded;
use super::batch::Batch;
use super::delivery::{Courier, Stopping, Verdict};
use crate::ledger::{COLUMNS, Ledger, Sums, TABLE, put_row};
use crate::wal::TableRows;
use crate::warehouse::{Parameter, SelectError, Statement};

/// Inserts what a segment adds up to; `buried` are its rows that the warehouse refused.
///
/// The ledger must not hold up the beacons behind it: sums that the warehouse refuses go to the dead letters.
pub(super) async fn account(
    courier: &Courier,
    ledger: &Ledger,
    node: &str,
    segment: &Loaded,
    buried: &Sums,
) -> Result<(), Stopping> {
    if segment.sums.is_empty() {
        return Ok(());
    }
    let settlement = ledger.settling();
    if !segment.tokens_forgotten || !has_been_accounted(courier, node, segment.id.0).await? {
        let mut sums = segment.sums.clone();
        sums.add_all(buried, 1);
        let batch = Batch::of_sums(segment.ledger_token.clone(), rows(&sums, node, segment.id.0));
        if let Verdict::Refused { code, message } | Verdict::Stuck { code, message } =
            courier.until_definite(&batch, false).await?
        {
            tracing::error!(segment = %segment.id, code, message, "the warehouse refuses a segment's sums; they go to the dead letters, and the ledger lacks them");
            courier.bury(batch, code, message).await?;
        }
    }
    settlement.settle(&segment.sums);
    Ok(())
}

#[derive(Row, Deserialize)]
struct Last {
    segment: u64,
}

/// True when the ledger has this segment of this log, whatever ClickHouse has forgotten. Segments come in order, and an
/// insert is one part.
async fn has_been_accounted(courier: &Courier, node: &str, segment: u64) -> Result<bool, Stopping> {
    let ask = || async {
        let statement = Statement::new(
            "SELECT max(segment_max) AS segment FROM {database:Identifier}.{table:Identifier} WHERE node = {node:String}",
        )
        .with("database", Parameter::Text(courier.warehouse.database_name()?))
        .with("table", Parameter::Text(TABLE.to_owned()))
        .with("node", Parameter::Text(node.to_owned()));
        let found: Vec<Last> = courier.warehouse.look_up(&statement).await?;
        Ok::<_, SelectError>(found.first().is_some_and(|last| last.segment >= segment))
    };
    courier.until_answered(ask, "looking up the ledger").await
}

/// RowBinary, in an order that depends on the sums alone: a token always comes with the same bytes.
fn rows(sums: &Sums, node: &str, segment: u64) -> TableRows {
    let ordered: BTreeMap<_, _> = sums
        .iter()
        .map(|(entry, items)| {
            let key = (&*entry.project, entry.minute, entry.kind, entry.outcome);
            (key, (entry, items))
        })
        .collect();
    let mut payload = Vec::new();
    let mut row_bytes = Vec::new();
    for (entry, items) in ordered.into_values() {
        let before = payload.len();
        put_row(entry, items, node, segment, &mut payload);
        row_bytes.push(u32::try_from(payload.len() - before).unwrap_or(u32::MAX));
    }
    TableRows {
        table: TABLE.to_owned(),
        columns: COLUMNS.map(str::to_owned).into(),
        payload: vec![Bytes::from(payload)],
        row_bytes,
    }
}
