//! Blocks into the warehouse, with patience: the same rows always go under the same token.

use std::time::Duration;

use bytes::Bytes;
use clickhouse::Row;
use serde::Deserialize;

use super::super::DemoError;
use super::block::Block;
use super::options::LoadPlan;
use crate::ledger;
use crate::warehouse::{Insert, InsertError, Parameter, SelectError, Statement, Warehouse};

/// Time in which a block's insert must have been answered.
const INSERT_TIMEOUT: Duration = Duration::from_secs(300);
/// How often an insert is tried; the pauses between add up to some minutes.
const TRIES_MAX: u32 = 12;
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The warehouse, for one plan.
pub(super) struct Store<'a> {
    plan: &'a LoadPlan,
    warehouse: &'a Warehouse,
}

/// What earlier runs of a plan have loaded.
#[derive(Clone, Copy, Debug, Default, Row, Deserialize)]
pub(super) struct Past {
    pub(super) blocks: u64,
    pub(super) events: i64,
}

/// Why a block is not stored.
pub(super) enum Fault {
    Made(tokio::task::JoinError),
    Stored(String, InsertError),
}

impl Fault {
    pub(super) fn after(self, loaded: u64) -> DemoError {
        match self {
            Self::Made(error) => DemoError::NotMade(error),
            Self::Stored(again, source) => DemoError::NotStored {
                loaded,
                source,
                again,
            },
        }
    }
}

impl<'a> Store<'a> {
    pub(super) fn new(plan: &'a LoadPlan, warehouse: &'a Warehouse) -> Self {
        Self { plan, warehouse }
    }

    /// What the ledger knows of this plan.
    pub(super) async fn past(&self) -> Result<Past, SelectError> {
        let statement = Statement::new(
            "SELECT max(segment_max) AS blocks, sum(items) AS events FROM {database:Identifier}.{table:Identifier} \
             WHERE project_id = {project:String} AND node = {node:String}",
        )
        .with("database", Parameter::Text(self.warehouse.database_name()?))
        .with("table", Parameter::Text(ledger::TABLE.to_owned()))
        .with("project", Parameter::Text(self.plan.project.as_str().to_owned()))
        .with("node", Parameter::Text(self.plan.name.clone()));
        let found: Vec<Past> = self.warehouse.select(&statement).await?;
        Ok(found.first().copied().unwrap_or_default())
    }

    /// Stores the rows of a block.
    pub(super) async fn rows(&self, made: Result<Block, tokio::task::JoinError>) -> Result<Block, Fault> {
        let mut block = made.map_err(Fault::Made)?;
        for rows in &mut block.tables {
            let table = rows.kind.table();
            let columns: Vec<String> = table
                .columns()
                .iter()
                .map(|column| column.name.to_owned())
                .collect();
            // Taken out of the block: its memory is free when it is stored.
            let payload = std::mem::take(&mut rows.payload);
            self.insert(table.name(), &columns, block.number, payload).await?;
        }
        Ok(block)
    }

    /// Tells the ledger of a block whose rows are stored.
    pub(super) async fn sums(&self, block: &Block) -> Result<(), Fault> {
        let columns = ledger::COLUMNS.map(str::to_owned);
        self.insert(ledger::TABLE, &columns, block.number, block.sums(self.plan))
            .await
    }

    async fn insert(&self, table: &str, columns: &[String], block: u64, payload: Bytes) -> Result<(), Fault> {
        let token = format!("{}:{block}:{table}", self.plan.name);
        let mut pause = PAUSE_FIRST;
        let mut tries = 1;
        loop {
            let query_id = format!("{token}:{:016x}", rand::random::<u64>());
            let insert = Insert {
                table,
                columns,
                token: &token,
                query_id: &query_id,
                timeout: INSERT_TIMEOUT,
            };
            match self
                .warehouse
                .insert(insert, std::slice::from_ref(&payload))
                .await
            {
                Ok(()) => return Ok(()),
                Err(error) if tries == TRIES_MAX || matches!(error, InsertError::Refused { .. }) => {
                    return Err(Fault::Stored(self.plan.command(), error));
                }
                Err(error) => {
                    tracing::warn!(%error, table, block, tries, "rows of the demo are sent again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            tries += 1;
        }
    }
}
