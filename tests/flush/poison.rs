//! A batch that cannot be stored holds up nobody for ever.

use crate::rows::Metric;
use crate::station::{Station, append, some_rows, until};

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_clickhouse_cannot_read_become_dead_letters_and_the_rest_lands() {
    let station = Station::build().await;
    let wal = station.log();
    let mut rows = some_rows(3_000);
    let bad = [0, 1_499, 1_500, 2_999];
    for index in bad {
        rows[index].metadata = "{not json";
    }
    append(&wal, &rows).await;
    let flush = station.flush(&wal);
    until(&flush, "the segment", |status| status.segments == 1).await;
    append(&wal, &some_rows(20)).await;
    until(&flush, "the segment behind", |status| status.segments == 2).await;

    assert_eq!(station.counts().await, [3_016; 3]);
    let status = flush.status();
    assert_eq!(
        (status.rows, status.dead_letters, status.last_error),
        (3_016, 4, None)
    );
    let mut found: Vec<_> = station
        .letters()
        .iter()
        .map(|letter| letter["event_id"].as_str().map(str::to_owned))
        .collect();
    found.sort();
    let mut wanted: Vec<_> = bad
        .iter()
        .map(|index| Some(rows[*index].event_id.to_string()))
        .collect();
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(wal.status().segments_waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_alone_is_cut_and_nothing_is_stored_twice() {
    let station = Station::build().await;
    // A view that fails on one value: ClickHouse answers with a code that says nothing against the rows,
    // and may have stored them in the raw table by then.
    station
        .meddle(
            "CREATE MATERIALIZED VIEW fresnel.trap ENGINE = Null AS
             SELECT throwIf(value = 666) AS sprung FROM fresnel.performance_metrics",
        )
        .await;
    let wal = station.log();
    let mut rows = some_rows(200);
    rows[77] = Metric {
        value: 666.0,
        ..Metric::default()
    };
    append(&wal, &rows).await;
    let flush = station.flush(&wal);
    until(&flush, "failures", |status| status.tries_failed >= 3).await;
    assert!(flush.status().last_error.is_some(), "a failing flush says so");
    append(&wal, &some_rows(30)).await;
    until(&flush, "both segments", |status| status.segments == 2).await;

    let [raw, ..] = station.counts().await;
    let letters = station.letters();
    let doubles: Vec<u64> = station
        .warehouse
        .select(&fresnel::warehouse::Statement::new(
            "SELECT toUInt64(count() - uniqExact(event_id)) FROM fresnel.performance_metrics",
        ))
        .await
        .expect("doubles");
    assert_eq!(doubles, [0]);
    let buried = letters.len() as u64;
    assert!(raw + buried == 230 && buried <= 1, "raw {raw}, dead {buried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_server_is_waited_out_without_dead_letters() {
    let station = Station::build().await;
    station
        .meddle("RENAME TABLE fresnel.performance_metrics TO fresnel.away")
        .await;
    let wal = station.log();
    append(&wal, &some_rows(100)).await;
    let flush = station.flush(&wal);
    until(&flush, "failures", |status| status.tries_failed >= 2).await;
    append(&wal, &some_rows(100)).await;
    // Longer than suspicion takes: the batch behind fails as well, so neither is cut.
    until(&flush, "more failures", |status| status.failing_ms >= Some(1_000)).await;
    station
        .meddle("RENAME TABLE fresnel.away TO fresnel.performance_metrics")
        .await;
    until(&flush, "both segments", |status| status.segments == 2).await;
    assert_eq!(station.counts().await, [200; 3]);
    assert_eq!(flush.status().dead_letters, 0);
}
