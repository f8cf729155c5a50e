//! The embedded engine on the real ClickHouse library.

mod harness;

use clickhouse::Row;
use fresnel::engine::supervisor::EngineState;
use harness::{Engine, eventually};
use serde::{Deserialize, Serialize};

/// Not a test by itself: the engine's process, when a test starts this program again as one.
#[test]
fn engine_process() {
    harness::be_the_engine_if_asked();
}

#[derive(Row, Serialize, Deserialize, Debug, PartialEq)]
struct Sample {
    id: u64,
    name: String,
    value: f64,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_inserts_and_selects() {
    let engine = Engine::start().await;
    let client = engine.client();
    client
        .query("CREATE TABLE samples (id UInt64, name String, value Float64) ENGINE = MergeTree ORDER BY id")
        .execute()
        .await
        .unwrap();
    let rows: Vec<Sample> = (0..1_000)
        .map(|id| Sample {
            id,
            name: format!("n{id}"),
            value: 0.5,
        })
        .collect();
    let mut insert = client.insert::<Sample>("samples").await.unwrap();
    for row in &rows {
        insert.write(row).await.unwrap();
    }
    insert.end().await.unwrap();
    let select = client.query("SELECT ?fields FROM samples ORDER BY id");
    assert_eq!(select.fetch_all::<Sample>().await.unwrap(), rows);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_engine_loses_no_row_and_another_one_starts() {
    let engine = Engine::start().await;
    let client = engine.client();
    let execute = async |sql: &str| client.query(sql).execute().await.unwrap();
    execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n").await;
    execute("INSERT INTO t SELECT number FROM numbers(1000)").await;
    let first = engine.status();
    assert_eq!(first.state, EngineState::Ready);

    engine.kill();
    eventually("the death is seen", || {
        engine.connection().is_none().then_some(())
    })
    .await;
    engine.until_ready().await;
    let count = engine.client().query("SELECT count() FROM t");
    assert_eq!(count.fetch_one::<u64>().await.unwrap(), 1_000);
    let second = engine.status();
    assert_eq!(second.restarts, 1);
    assert_ne!(second.pid, first.pid);
    engine.stop().await;
}
