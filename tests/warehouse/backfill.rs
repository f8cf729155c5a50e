//! Rollups filled from raw rows, on a real engine.

use std::time::Duration;

use fresnel::clock::UnixMicros;
use fresnel::domain::table::Table;
use fresnel::warehouse::{Insert, Retention, Statement, Warehouse};

use crate::harness::Engine;
use crate::rows::{Metric, NOON_MS, columns, encode};
use crate::{RETENTION, counts, migrated};

/// A day behind the last row.
const NOW: UnixMicros = UnixMicros((NOON_MS + 86_400_000) * 1_000);
const DAY_MS: i64 = 86_400_000;
const ROLLUPS: [&str; 3] = ["metric_slices", "activity", "releases"];

async fn insert(warehouse: &Warehouse, metrics: &[Metric]) {
    let insert = Insert {
        table: "performance_metrics",
        columns: &columns(Table::PerformanceMetrics),
        token: "n:1:m",
        query_id: "backfill",
        timeout: Duration::from_secs(20),
    };
    warehouse
        .insert(insert, &[encode(metrics)])
        .await
        .expect("insert");
}

/// Rows over three days of two months.
fn some_days() -> Vec<Metric> {
    (0..600)
        .map(|n| Metric {
            ts_ms: NOON_MS - (n % 3) * DAY_MS - (n % 50) * 1_000_000,
            page: format!("/page/{}", n % 4),
            value: (n * 7 % 311) as f64,
            weight: 1 + (n % 2) as u32,
            status: if n % 9 == 0 { 503 } else { 200 },
            ..Metric::default()
        })
        .collect()
}

/// Everything that the rollups say, in words; quantiles depend a little on the order in which states are merged.
async fn contents(warehouse: &Warehouse) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [
        "SELECT toString((dimension, grain_minutes, type, name, bucket, environment, member, sum(count), sum(error_count), \
             sum(value_sum), min(value_min), max(value_max), \
             arrayMap(p -> isFinite(p), quantilesTDigestWeightedMerge(0.5, 0.75, 0.9, 0.95, 0.99)(value_quantiles))))
         FROM fresnel.metric_slices
         GROUP BY dimension, grain_minutes, type, name, bucket, environment, member ORDER BY ALL",
        "SELECT toString((grain_minutes, kind, name, bucket, sum(count), uniqCombined64IfMerge(17)(sessions)))
         FROM fresnel.activity GROUP BY grain_minutes, kind, name, bucket ORDER BY ALL",
        "SELECT toString((release, min(first_seen))) FROM fresnel.releases GROUP BY release ORDER BY release",
    ] {
        let rows: Vec<String> = warehouse.select(&Statement::new(sql)).await.expect("rows");
        all.extend(rows);
    }
    all
}

async fn empty(engine: &Engine) {
    for table in ROLLUPS {
        let sql = format!("TRUNCATE TABLE fresnel.{table} SYNC");
        engine.client().query_raw(&sql).execute().await.expect("truncate");
    }
}

async fn backfill(warehouse: &Warehouse, retention: &Retention) -> u64 {
    let plan = warehouse.plan_backfill(retention, NOW).await.expect("a plan");
    warehouse.clear_rollups(&plan).await.expect("clear");
    for day in plan.iter() {
        warehouse.backfill_day(&plan, day).await.expect("a day");
    }
    if plan.days() > 0 {
        warehouse.backfill_weeks(&plan).await.expect("weeks");
    }
    plan.days()
}

#[tokio::test]
async fn a_backfill_makes_what_the_views_had_made_however_often_it_runs() {
    let (engine, warehouse) = migrated().await;
    assert_eq!(backfill(&warehouse, &RETENTION).await, 0);
    insert(&warehouse, &some_days()).await;
    let before = contents(&warehouse).await;
    assert!(before.len() > 200);
    empty(&engine).await;
    assert_eq!(counts(&warehouse).await, [600, 0, 0]);
    for _ in 0..2 {
        assert_eq!(backfill(&warehouse, &RETENTION).await, 4);
        assert!(contents(&warehouse).await == before);
    }
}

#[tokio::test]
async fn days_that_raw_rows_no_longer_hold_as_a_whole_are_left_as_they_are() {
    let (_engine, warehouse) = migrated().await;
    insert(&warehouse, &some_days()).await;
    let before = contents(&warehouse).await;
    // Two and a half days before now: raw rows of the day before yesterday are forgotten in part.
    let shorter = Retention {
        raw_days: 2,
        ..RETENTION
    };
    assert_eq!(backfill(&warehouse, &shorter).await, 1);
    assert!(contents(&warehouse).await == before);
}
