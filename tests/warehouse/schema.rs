//! Migrations against a real engine.

use clickhouse::Row;
use fresnel::domain::table::Table;
use fresnel::warehouse::{MigrateError, Migrated, Parameter, Retention, Statement, Warehouse};
use serde::Deserialize;

use crate::harness::Engine;
use crate::{RETENTION, migrated, warehouse_of};

const ALL: [&str; 7] = [
    "0001_raw_tables",
    "0002_performance_rollups",
    "0003_enrichment",
    "0004_ledger",
    "0005_rollups",
    "0006_session_hours",
    "0007_vendor_calls",
];

async fn texts(warehouse: &Warehouse, sql: &str) -> Vec<String> {
    warehouse.select(&Statement::new(sql)).await.expect("an answer")
}

/// Runs a statement that no part of the product would run.
async fn meddle(engine: &Engine, sql: &str) {
    engine.client().query_raw(sql).execute().await.expect("meddling");
}

#[tokio::test]
async fn migrating_twice_does_nothing_the_second_time() {
    let engine = Engine::start().await;
    let warehouse = warehouse_of(&engine);
    let first = warehouse.migrate(&RETENTION).await.expect("first");
    assert_eq!(first.applied, ALL);
    assert_eq!(first.retention_changed, Vec::<&str>::new());
    assert_eq!(
        warehouse.migrate(&RETENTION).await.expect("second"),
        Migrated::default()
    );
}

#[derive(Row, Deserialize)]
struct LiveColumn {
    name: String,
    r#type: String,
    comment: String,
}

#[tokio::test]
async fn live_tables_have_exactly_the_columns_of_the_rows() {
    let (_engine, warehouse) = migrated().await;
    for table in Table::ALL.into_iter().filter(|table| !table.is_local()) {
        let statement = Statement::new(
            "SELECT name, type, comment FROM system.columns
             WHERE database = 'fresnel' AND table = {table:String} ORDER BY position",
        )
        .with("table", Parameter::Text(table.name().to_owned()));
        let live: Vec<LiveColumn> = warehouse.select(&statement).await.expect("columns");
        let live_names: Vec<_> = live
            .iter()
            .map(|column| (column.name.as_str(), column.r#type.as_str()))
            .collect();
        let known: Vec<_> = table
            .columns()
            .iter()
            .map(|column| (column.name, column.clickhouse_type))
            .collect();
        assert_eq!(live_names, known, "{}", table.name());
        assert!(
            live.iter().all(|column| !column.comment.is_empty()),
            "{}",
            table.name()
        );
    }
}

#[tokio::test]
async fn two_nodes_may_migrate_an_empty_warehouse_at_once() {
    let engine = Engine::start().await;
    let warehouses: Vec<_> = (0..4).map(|_| warehouse_of(&engine)).collect();
    let runs = warehouses.iter().map(|warehouse| warehouse.migrate(&RETENTION));
    for run in futures_util::future::join_all(runs).await {
        run.expect("each of them");
    }
    assert_eq!(
        warehouses[0].migrate(&RETENTION).await.expect("again"),
        Migrated::default()
    );
    let tables = texts(
        &warehouses[0],
        "SELECT name FROM system.tables WHERE database = 'fresnel' ORDER BY name",
    )
    .await;
    assert_eq!(tables.len(), 17, "{tables:?}");
}

#[tokio::test]
async fn a_migration_that_died_half_way_is_finished_by_the_next_run() {
    let (engine, warehouse) = migrated().await;
    // As after a death: some statements of the last file have run, and it is not written down.
    meddle(&engine, "DROP TABLE fresnel.metrics_to_slices_hour SYNC").await;
    meddle(&engine, "DROP TABLE fresnel.metric_slices SYNC").await;
    meddle(
        &engine,
        "ALTER TABLE fresnel.schema_migrations DELETE WHERE version = 5 SETTINGS mutations_sync = 1",
    )
    .await;
    let again = warehouse.migrate(&RETENTION).await.expect("again");
    assert_eq!(again.applied, ["0005_rollups"]);
    let views = texts(
        &warehouse,
        "SELECT name FROM system.tables WHERE database = 'fresnel' AND engine = 'MaterializedView'",
    )
    .await;
    assert_eq!(views.len(), 7);
}

#[tokio::test]
async fn a_newer_database_and_a_changed_migration_are_refused_untouched() {
    let (engine, warehouse) = migrated().await;
    meddle(
        &engine,
        "INSERT INTO fresnel.schema_migrations VALUES (77, '0077_future', 'x', now64(3))",
    )
    .await;
    let shorter = Retention {
        raw_days: 7,
        ..RETENTION
    };
    let error = warehouse.migrate(&shorter).await.expect_err("newer");
    assert_eq!(error, MigrateError::Newer { found: 77, known: 7 });
    assert!(error.to_string().contains("start the newer Fresnel"), "{error}");
    let ttl = texts(
        &warehouse,
        "SELECT engine_full FROM system.tables WHERE database = 'fresnel' AND name = 'user_events'",
    )
    .await;
    assert!(ttl[0].contains("toIntervalDay(20000)"), "{}", ttl[0]);

    meddle(
        &engine,
        "ALTER TABLE fresnel.schema_migrations DELETE WHERE version = 77 SETTINGS mutations_sync = 1",
    )
    .await;
    meddle(&engine, "ALTER TABLE fresnel.schema_migrations UPDATE checksum = 'y' WHERE version = 1 SETTINGS mutations_sync = 1").await;
    let error = warehouse.migrate(&RETENTION).await.expect_err("changed");
    assert_eq!(
        error,
        MigrateError::Changed {
            name: "0001_raw_tables"
        }
    );
}

#[tokio::test]
async fn retention_follows_the_settings() {
    let (_engine, warehouse) = migrated().await;
    let shorter = Retention {
        minute_days: 14,
        ..RETENTION
    };
    let changed = warehouse.migrate(&shorter).await.expect("shorter");
    assert_eq!(changed.retention_changed, ["metric_slices"]);
    assert_eq!(
        warehouse.migrate(&shorter).await.expect("same"),
        Migrated::default()
    );
}

#[tokio::test]
async fn a_retention_that_would_delete_everything_is_refused() {
    let engine = Engine::start().await;
    let warehouse = warehouse_of(&engine);
    for days in [0, 20_001, 36_500] {
        let error = warehouse
            .migrate(&Retention {
                hour_days: days,
                ..RETENTION
            })
            .await;
        assert_eq!(
            error,
            Err(MigrateError::Retention {
                setting: "warehouse.hour_retention_days",
                days
            })
        );
    }
}
