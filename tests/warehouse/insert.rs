//! Inserts against a real engine: exact when repeated, honest about failures.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fresnel::domain::table::Table;
use fresnel::warehouse::{Insert, InsertError, Statement, Warehouse};
use uuid::Uuid;

use crate::harness::Engine;
use crate::rows::{Metric, NOON_MS, columns, encode, encode_first_version, encode_step};
use crate::{RETENTION, counts, migrated, warehouse_of};

const TIMEOUT: Duration = Duration::from_secs(20);

async fn insert(
    warehouse: &Warehouse,
    table: Table,
    token: &str,
    payload: &[Bytes],
) -> Result<(), InsertError> {
    let insert = Insert {
        table: table.name(),
        columns: &columns(table),
        token,
        query_id: &format!("{token}-{}", Uuid::now_v7()),
        timeout: TIMEOUT,
    };
    warehouse.insert(insert, payload).await
}

/// Rows over three minutes, two hours and two months: several parts and several buckets an insert.
fn scattered(rows: i64) -> Vec<Metric> {
    (0..rows)
        .map(|n| Metric {
            ts_ms: NOON_MS + (n % 3) * 60_000 + (n % 2) * 3_600_000 - (n % 5 / 4) * 31 * 86_400_000,
            page: format!("/page/{}", n % 7),
            value: n as f64,
            ..Metric::default()
        })
        .collect()
}

#[tokio::test]
async fn a_repeated_token_stores_its_rows_once_everywhere() {
    let (_engine, warehouse) = migrated().await;
    let payload = encode(&scattered(1_000));
    for _ in 0..3 {
        insert(
            &warehouse,
            Table::PerformanceMetrics,
            "n:1:m",
            std::slice::from_ref(&payload),
        )
        .await
        .expect("insert");
    }
    assert_eq!(counts(&warehouse).await, [1_000; 3]);
    insert(&warehouse, Table::PerformanceMetrics, "n:2:m", &[payload])
        .await
        .expect("another token");
    assert_eq!(counts(&warehouse).await, [2_000; 3]);
}

#[tokio::test]
async fn concurrent_duplicates_are_stored_once() {
    let (_engine, warehouse) = migrated().await;
    let payload = [encode(&scattered(20_000))];
    let tries = (0..6).map(|_| insert(&warehouse, Table::PerformanceMetrics, "n:1:m", &payload));
    let answers = futures_util::future::join_all(tries).await;
    assert!(answers.iter().any(Result::is_ok), "{answers:?}");
    insert(&warehouse, Table::PerformanceMetrics, "n:1:m", &payload)
        .await
        .expect("a last one");
    assert_eq!(counts(&warehouse).await, [20_000; 3]);
}

#[tokio::test]
async fn rows_may_be_cut_into_chunks_anywhere() {
    let (_engine, warehouse) = migrated().await;
    let payload = encode(&scattered(500));
    let mut rest = payload;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        chunks.push(rest.split_to(rest.len().min(777)));
    }
    insert(&warehouse, Table::PerformanceMetrics, "n:1:m", &chunks)
        .await
        .expect("insert");
    assert_eq!(counts(&warehouse).await, [500; 3]);
}

#[tokio::test]
async fn rows_are_compressed_for_a_warehouse_that_is_not_on_this_machine() {
    let (engine, warehouse) = migrated().await;
    let mut connection = engine.until_ready().await;
    // Another way to write the same address, which does not look like one of this machine.
    connection.url = connection.url.replace("127.0.0.1", "127.1");
    warehouse.connect(connection);
    let payload = encode(&scattered(20_000));
    assert!(payload.len() > 2 * 1024 * 1024, "more than one compressed piece");
    for _ in 0..2 {
        insert(
            &warehouse,
            Table::PerformanceMetrics,
            "n:1:m",
            std::slice::from_ref(&payload),
        )
        .await
        .expect("insert");
    }
    assert_eq!(counts(&warehouse).await, [20_000; 3]);
}

#[tokio::test]
async fn rows_that_clickhouse_cannot_read_are_refused_and_leave_nothing() {
    let (_engine, warehouse) = migrated().await;
    let mut bad_json = scattered(100);
    bad_json[57].metadata = "{not json";
    let refused = insert(&warehouse, Table::PerformanceMetrics, "a", &[encode(&bad_json)]).await;
    assert!(matches!(refused, Err(InsertError::Refused { .. })), "{refused:?}");

    let whole = encode(&scattered(100));
    let refused = insert(
        &warehouse,
        Table::PerformanceMetrics,
        "b",
        &[whole.slice(..whole.len() - 3)],
    )
    .await;
    assert!(matches!(refused, Err(InsertError::Refused { .. })), "{refused:?}");

    let mut too_long = whole.to_vec();
    too_long.extend_from_slice(&[0xff; 64]);
    let refused = insert(&warehouse, Table::PerformanceMetrics, "c", &[too_long.into()]).await;
    assert!(matches!(refused, Err(InsertError::Refused { .. })), "{refused:?}");

    assert_eq!(counts(&warehouse).await, [0; 3]);
    // The tokens of refused rows are not used up.
    insert(
        &warehouse,
        Table::PerformanceMetrics,
        "a",
        &[encode(&scattered(10))],
    )
    .await
    .expect("good rows");
    assert_eq!(counts(&warehouse).await, [10; 3]);
}

#[tokio::test]
async fn missing_tables_and_columns_are_no_fault_of_the_rows() {
    let engine = Engine::start().await;
    let warehouse = warehouse_of(&engine);
    let rows = [encode(&scattered(1))];
    let failed = insert(&warehouse, Table::PerformanceMetrics, "a", &rows).await;
    assert!(
        matches!(failed, Err(InsertError::Failed { code: 60 | 81, .. })),
        "{failed:?}"
    );

    warehouse.migrate(&RETENTION).await.expect("migrate");
    let mut names = columns(Table::PerformanceMetrics);
    names[8] = "kind_of_tomorrow".to_owned();
    let insert = Insert {
        table: "performance_metrics",
        columns: &names,
        token: "b",
        query_id: "b-1",
        timeout: TIMEOUT,
    };
    let failed = warehouse.insert(insert, &rows).await;
    assert!(
        matches!(failed, Err(InsertError::Failed { code: 16, .. })),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_warehouse_that_is_not_there_is_unavailable() {
    let (engine, warehouse) = migrated().await;
    warehouse.disconnect();
    let rows = [encode(&scattered(1))];
    let answer = insert(&warehouse, Table::PerformanceMetrics, "a", &rows).await;
    assert!(matches!(answer, Err(InsertError::Unavailable(_))), "{answer:?}");

    warehouse.connect(engine.until_ready().await);
    insert(&warehouse, Table::PerformanceMetrics, "a", &rows)
        .await
        .expect("insert");
    engine.kill();
    // The first tries may still find the dying engine's connection in the pool: those are ambiguous.
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match insert(&warehouse, Table::PerformanceMetrics, "b", &rows).await {
            Err(InsertError::Unavailable(_)) => break,
            Err(InsertError::Ambiguous(_)) => assert!(Instant::now() < deadline),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn json_values_keep_their_types() {
    let (_engine, warehouse) = migrated().await;
    let mut row = Vec::new();
    encode_step(
        &mut row,
        Uuid::now_v7(),
        "effect_viewed",
        r#"{"n":1.5,"deep":{"x":[1,2]},"s":"ü\u0001","b":true,"gone":null}"#,
    );
    insert(&warehouse, Table::FunnelSteps, "a", &[row.into()])
        .await
        .expect("insert");
    let statement = fresnel::warehouse::Statement::new("SELECT toString(metadata) FROM fresnel.funnel_steps");
    let found: Vec<String> = warehouse.select(&statement).await.expect("select");
    let value: serde_json::Value = serde_json::from_str(&found[0]).expect("json");
    assert_eq!(
        value,
        serde_json::json!({"n": 1.5, "deep": {"x": [1, 2]}, "s": "ü\u{1}", "b": true})
    );
}

#[tokio::test]
async fn a_batch_with_the_columns_of_an_older_version_loads_beside_a_new_one() {
    let (_engine, warehouse) = migrated().await;
    let mut older = columns(Table::PerformanceMetrics);
    older.truncate(older.len() - 6);
    assert_eq!(older.last().map(String::as_str), Some("metadata"));
    let old = Insert {
        table: Table::PerformanceMetrics.name(),
        columns: &older,
        token: "n:1:m",
        query_id: "of an older version",
        timeout: TIMEOUT,
    };
    let rows = encode_first_version(&Metric::default());
    warehouse.insert(old, &[rows]).await.expect("old columns");
    let rows = encode(&scattered(1));
    insert(&warehouse, Table::PerformanceMetrics, "n:2:m", &[rows])
        .await
        .expect("new columns");
    assert_eq!(counts(&warehouse).await, [2; 3]);
    let sql = "SELECT concat(browser, ',', os, ',', device, ',', country, ',', toString(visitor_id), ',', toString(sample_weight))
               FROM fresnel.performance_metrics ORDER BY browser";
    let added: Vec<String> = warehouse.select(&Statement::new(sql)).await.expect("rows");
    assert_eq!(added, [",,,,0,1", "Firefox,Linux,desktop,DE,4711,1"]);
}
