//! Each row is stored once, in the raw table and in both rollups, whatever happens on the way.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fresnel::config::Secret;
use fresnel::domain::connection::Connection;
use fresnel::domain::table::Table;
use fresnel::wal::{Access, Entry, FileSystem, LockGuard, LogFile, SystemFiles, Wal};
use fresnel::warehouse::Warehouse;
use tokio::task::LocalSet;
use uuid::Uuid;

use crate::network::proxy::{Network, Proxy};
use crate::rows::encode_step;
use crate::station::{Station, append, follow_engine, some_rows, until};

/// Answers that must have been lost before the test has shown anything.
const ANSWERS_LOST_MIN: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_all_tables_of_a_segment_arrive() {
    let station = Station::build().await;
    let wal = station.log();
    let write = async {
        let lane = wal.lane();
        let commit = lane.append(false, |sink| {
            for metric in some_rows(50) {
                sink.row(Table::PerformanceMetrics, |row| metric.encode(row));
            }
            for _ in 0..7 {
                sink.row(Table::FunnelSteps, |row| {
                    encode_step(row, Uuid::now_v7(), "effect_viewed", "{}")
                });
            }
        });
        commit.expect("room").await.expect("a commit");
    };
    LocalSet::new().run_until(write).await;
    let flush = station.flush(&wal);
    until(&flush, "57 rows", |status| {
        status.rows == 57 && status.segment.is_none()
    })
    .await;
    assert_eq!(station.counts().await, [50; 3]);
    assert_eq!(station.count(Table::FunnelSteps).await, 7);
    assert_eq!(flush.status().last_error, None);
    assert_eq!(wal.status().segments_waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_on_the_way_store_nothing_twice() {
    let station = Station::build().await;
    let direct = station.engine.connection().expect("a running engine");
    let upstream = direct
        .url
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let proxy = Proxy::start(upstream, 7, Duration::from_millis(50));
    let through = Connection {
        url: proxy.url(),
        ..direct
    };
    let warehouse = Warehouse::new(Some(through), Duration::from_secs(20));
    let wal = station.log();
    let flush = station.flush_to(&wal, &warehouse);
    proxy.set(Network::Faulty);
    let mut rows = 0;
    let lost = || proxy.faults().swallowed.load(Ordering::Relaxed);
    // Each round is an insert of its own: how many it takes until answers are lost is up to the proxy.
    while lost() < ANSWERS_LOST_MIN {
        assert!(rows < 100_000, "the proxy loses no answers");
        append(&wal, &some_rows(40)).await;
        rows += 40;
        until(&flush, "the rows of a round", |status| {
            status.rows == rows && status.segment.is_none()
        })
        .await;
    }
    assert!(flush.status().retries >= lost());
    assert_eq!(station.counts().await, [rows; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_engine_in_mid_insert_loses_and_doubles_nothing() {
    let station = Station::build().await;
    let wal = station.log();
    let flush = station.flush(&wal);
    let mut rows = 0;
    for round in 0..6 {
        append(&wal, &some_rows(8_000)).await;
        append(&wal, &some_rows(300)).await;
        rows += 8_300;
        // Different moments of the insert: after nothing, or after some milliseconds of it.
        let before = flush.status().segments;
        tokio::time::timeout(Duration::from_millis(round * 4), async {
            until(&flush, "a segment", |status| status.segments > before).await;
        })
        .await
        .ok();
        let old = station.engine.connection().expect("a running engine");
        station.engine.kill();
        follow_engine(&station.engine, &station.warehouse, &old).await;
    }
    until(&flush, "all rows", |status| {
        status.rows >= rows && status.segment.is_none()
    })
    .await;
    assert_eq!(station.counts().await, [rows; 3]);
    assert_eq!(station.letters(), Vec::<serde_json::Value>::new());
}

/// Inserts the next segment's rows as the flush would, and leaves the segment in the log.
async fn insert_by_hand(station: &Station, wal: &Wal) {
    let segment = wal.next_sealed().await.expect("a segment");
    let rows = wal.read(&segment).expect("rows").tables.remove(0);
    let token = segment.token(&rows.table);
    let insert = fresnel::warehouse::Insert {
        table: &rows.table,
        columns: &rows.columns,
        token: &token,
        query_id: "by-hand",
        timeout: Duration::from_secs(10),
    };
    station
        .warehouse
        .insert(insert, &rows.payload)
        .await
        .expect("insert");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_sent_again_by_the_next_process_is_stored_once() {
    let station = Station::build().await;
    let wal = station.log();
    append(&wal, &some_rows(500)).await;
    // The insert takes place, the process dies before the segment is released: sent by hand.
    insert_by_hand(&station, &wal).await;
    wal.close();
    drop(wal);

    let wal = station.log();
    let flush = station.flush(&wal);
    until(&flush, "the segment", |status| status.segments == 1).await;
    assert_eq!(station.counts().await, [500; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_that_the_engine_noted_and_never_stored_is_stored_when_it_comes_again() {
    let station = Station::build().await;
    let wal = station.log();
    append(&wal, &some_rows(500)).await;
    insert_by_hand(&station, &wal).await;
    // As if the engine had died between its note of the token and the part's last step, in the raw table and all rollups.
    for tables in ["performance_metrics", "metric_slices", "activity"] {
        let parts = station.part_folders(tables).await;
        assert!(!parts.is_empty(), "{tables}");
        for part in parts {
            std::fs::remove_dir_all(part).expect("a part");
        }
    }
    let old = station.engine.connection().expect("a running engine");
    station.engine.kill();
    follow_engine(&station.engine, &station.warehouse, &old).await;
    assert_eq!(station.counts().await, [0; 3]);
    wal.close();
    drop(wal);

    let wal = station.log();
    let flush = station.flush(&wal);
    until(&flush, "the segment", |status| status.segments == 1).await;
    assert_eq!(station.counts().await, [500; 3]);
}

/// The system after another start.
#[derive(Debug)]
struct AnotherBoot;

impl FileSystem for AnotherBoot {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        SystemFiles.create_dir_all(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        SystemFiles.list(dir)
    }
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn LogFile>> {
        SystemFiles.open(path, access)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        SystemFiles.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>> {
        SystemFiles.lock(path)
    }
    fn boot_id(&self) -> [u8; 16] {
        [9; 16]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_loss_of_power_only_rows_that_are_missing_are_sent() {
    let station = Station::build().await;
    let wal = station.log();
    let rows = some_rows(400);
    append(&wal, &rows).await;
    wal.close();
    drop(wal);
    // ClickHouse has some of the rows, and its memory of the token is gone: stored under another token.
    let insert = fresnel::warehouse::Insert {
        table: "performance_metrics",
        columns: &crate::rows::columns(Table::PerformanceMetrics),
        token: "forgotten",
        query_id: "by-hand",
        timeout: Duration::from_secs(10),
    };
    let stored = crate::rows::encode(&rows[100..250]);
    station.warehouse.insert(insert, &[stored]).await.expect("insert");

    let wal = station.open_log(Arc::new(AnotherBoot));
    let flush = station.flush(&wal);
    until(&flush, "the segment", |status| status.segments == 1).await;
    assert_eq!(flush.status().already_stored, 150);
    assert_eq!(flush.status().rows, 250);
    assert_eq!(station.counts().await, [400; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_waited_out() {
    let station = Station::build().await;
    let right = station.engine.connection().expect("a running engine");
    let mut wrong = right.clone();
    wrong.password = Secret::new("not the password".to_owned());
    let warehouse = Warehouse::new(Some(wrong), Duration::from_secs(20));
    let wal = station.log();
    let flush = station.flush_to(&wal, &warehouse);
    append(&wal, &some_rows(10)).await;
    until(&flush, "failures", |status| status.tries_failed >= 3).await;
    assert!(flush.status().last_error.is_some());
    assert_eq!(flush.status().rows, 0);
    warehouse.connect(right);
    until(&flush, "the rows", |status| {
        status.rows == 10 && status.last_error.is_none()
    })
    .await;
    assert_eq!(station.counts().await, [10; 3]);
}
