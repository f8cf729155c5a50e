//! How a flush ends, and how the next one goes on.

use std::time::{Duration, Instant};

use crate::station::{PATIENCE, Station, append, some_rows, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_empties_a_closed_log() {
    let station = Station::build().await;
    let wal = station.log();
    let flush = station.flush(&wal);
    for _ in 0..5 {
        append(&wal, &some_rows(100)).await;
    }
    wal.close();
    flush.stop(Instant::now() + PATIENCE).await;
    assert_eq!(station.counts().await, [500; 3]);
    assert_eq!(wal.status().segments_waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_does_not_reach_stays_in_the_log() {
    let station = Station::build().await;
    let connection = station.engine.connection().expect("a running engine");
    station.warehouse.disconnect();
    let wal = station.log();
    let flush = station.flush(&wal);
    append(&wal, &some_rows(100)).await;
    until(&flush, "a segment under way", |status| status.segment.is_some()).await;
    wal.close();
    let started = Instant::now();
    flush.stop(Instant::now() + PATIENCE).await;
    assert!(
        started.elapsed() < PATIENCE / 2,
        "without a connection there is nothing to wait for"
    );
    drop((flush, wal));

    station.warehouse.connect(connection);
    let wal = station.log();
    let flush = station.flush(&wal);
    until(&flush, "the rows", |status| {
        status.rows == 100 && status.segment.is_none()
    })
    .await;
    assert_eq!(station.counts().await, [100; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_at_its_deadline_although_the_warehouse_hangs() {
    let station = Station::build().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut connection = station.engine.connection().expect("a running engine");
    connection.url = format!("http://{}", silent.local_addr().expect("an address"));
    station.warehouse.connect(connection);
    let wal = station.log();
    let flush = station.flush(&wal);
    append(&wal, &some_rows(100)).await;
    until(&flush, "a segment under way", |status| status.segment.is_some()).await;
    wal.close();
    flush.stop(Instant::now() + Duration::from_millis(300)).await;
    assert_eq!(flush.status().rows, 0);
    assert_eq!(wal.status().segments_waiting, 1);
}
