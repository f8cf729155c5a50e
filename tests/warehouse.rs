//! The warehouse room against a real engine.

#[path = "warehouse/answers.rs"]
mod answers;
#[allow(dead_code, reason = "shared with the control store's tests")]
#[expect(clippy::unwrap_used, reason = "a failure in a test is a failed test")]
#[path = "certificates/authority.rs"]
mod authority;
#[path = "warehouse/backfill.rs"]
mod backfill;
#[expect(clippy::unwrap_used, reason = "a failure in a test is a failed test")]
#[path = "warehouse/encryption.rs"]
mod encryption;
#[allow(dead_code, reason = "shared with the engine's own tests, which use all of it")]
#[path = "engine/harness.rs"]
mod harness;
#[path = "warehouse/insert.rs"]
mod insert;
#[path = "harness/rollups.rs"]
mod rollups;
#[path = "warehouse/rows.rs"]
mod rows;
#[path = "warehouse/schema.rs"]
mod schema;

use std::time::Duration;

use fresnel::warehouse::{Retention, Statement, Warehouse};
use harness::Engine;
use rollups::counts_sql;

const RETENTION: Retention = Retention {
    raw_days: 20_000,
    minute_days: 20_000,
    hour_days: 20_000,
};

/// A warehouse on this engine, not migrated yet.
fn warehouse_of(engine: &Engine) -> Warehouse {
    let connection = engine.connection().expect("a running engine");
    Warehouse::new(Some(connection), Duration::from_secs(20))
}

/// A warehouse on an engine of its own.
async fn migrated() -> (Engine, Warehouse) {
    let engine = Engine::start().await;
    let warehouse = warehouse_of(&engine);
    warehouse.migrate(&RETENTION).await.expect("migrate");
    (engine, warehouse)
}

/// Count of the raw table, and the least and the greatest of the rollups.
async fn counts(warehouse: &Warehouse) -> [u64; 3] {
    let statement = Statement::new(counts_sql());
    let rows: Vec<Vec<u64>> = warehouse.select(&statement).await.expect("counts");
    rows[0].as_slice().try_into().expect("three counts")
}
