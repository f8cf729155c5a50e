//! The warehouse room against a real engine.

#[path = "warehouse/engine.rs"]
mod engine;
#[path = "warehouse/insert.rs"]
mod insert;
#[path = "warehouse/rows.rs"]
mod rows;
#[path = "warehouse/schema.rs"]
mod schema;

use fresnel::warehouse::{Retention, Statement, Warehouse};

const RETENTION: Retention = Retention {
    raw_days: 20_000,
    minute_days: 20_000,
    hour_days: 20_000,
};

/// Counts of the raw table and of both rollups.
async fn counts(warehouse: &Warehouse) -> [u64; 3] {
    let statement = Statement::new(
        "SELECT arrayMap(n -> assumeNotNull(n), [
             (SELECT count() FROM fresnel.performance_metrics),
             (SELECT sum(count) FROM fresnel.performance_metrics_minute),
             (SELECT sum(count) FROM fresnel.performance_metrics_hour)])",
    );
    let rows: Vec<Vec<u64>> = warehouse.select(&statement).await.expect("counts");
    rows[0].as_slice().try_into().expect("three counts")
}
