//! The official Rust client works against the engine unchanged; `tests/clients/` has the Python one.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::harness::Engine;

#[derive(Row, Serialize, Deserialize, Debug, PartialEq)]
struct Sample {
    id: u64,
    name: String,
    value: f64,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_rust_client_inserts_and_selects() {
    let engine = Engine::start().await;
    let client = engine.client();
    let create =
        "CREATE TABLE samples (id UInt64, name String, value Float64) ENGINE = MergeTree ORDER BY id";
    client.query(create).execute().await.unwrap();
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
    for client in [client, engine.reader()] {
        let select = client
            .query("SELECT ?fields FROM samples WHERE id < ? ORDER BY id")
            .bind(1_000);
        assert_eq!(select.fetch_all::<Sample>().await.unwrap(), rows);
    }
    engine.stop().await;
}
