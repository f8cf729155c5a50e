//! Which rows of a batch are in the warehouse already.
//!
//! Asked when tokens cannot tell: after a loss of power, because ClickHouse does not sync its memory of
//! tokens; and when a batch has to be cut although part of it may have been stored.

use std::collections::HashSet;

use clickhouse::Row;
use serde::Deserialize;
use uuid::Uuid;

use super::batch::{Batch, event_id};
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

/// Ids in one question.
const IDS_MAX: usize = 10_000;

#[derive(Row, Deserialize)]
struct Stored {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
}

/// The ids of this batch's rows that its table holds.
pub(super) async fn stored_ids(warehouse: &Warehouse, batch: &Batch) -> Result<HashSet<Uuid>, SelectError> {
    let ids: Vec<Uuid> = batch.each_row().filter_map(|row| event_id(&row)).collect();
    let mut stored = HashSet::new();
    for some in ids.chunks(IDS_MAX) {
        let statement = Statement::new(
            "SELECT event_id FROM {database:Identifier}.{table:Identifier} WHERE event_id IN {ids:Array(UUID)}",
        )
        .with("database", Parameter::Text(warehouse.database_name()?))
        .with("table", Parameter::Text(batch.table.clone()))
        .with("ids", Parameter::Texts(some.iter().map(Uuid::to_string).collect()));
        let found: Vec<Stored> = warehouse.look_up(&statement).await?;
        stored.extend(found.into_iter().map(|row| row.event_id));
    }
    Ok(stored)
}
