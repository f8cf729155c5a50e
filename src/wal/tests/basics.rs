//! The way of a row that meets no trouble.

use std::time::Duration;

use super::harness::{append, drain, folder, open, options, rows, run, texts};
use crate::config::Durability;
use crate::domain::table::Table;
use crate::wal::{AppendError, Origin, Wal, WalError};

#[test]
fn committed_rows_are_delivered_in_order_of_each_table() {
    let dir = folder();
    run(async {
        let (wal, recovery) = open(options(dir.path()));
        assert_eq!(recovery.findings, vec![]);
        let lane = wal.lane();
        for number in 0..50 {
            append(&lane, Table::UserEvents, &format!("event {number}"))
                .await
                .unwrap();
            append(&lane, Table::FunnelSteps, &format!("step {number}"))
                .await
                .unwrap();
        }
        let found = drain(&wal).await;
        let expected: Vec<String> = (0..50).map(|number| format!("event {number}")).collect();
        assert_eq!(texts(&found, Table::UserEvents), expected);
        let expected: Vec<String> = (0..50).map(|number| format!("step {number}")).collect();
        assert_eq!(texts(&found, Table::FunnelSteps), expected);
        assert!(wal.next_sealed().await.is_none());
        assert_eq!(wal.status().segments_waiting, 0);
        assert_eq!(wal.status().rows_waiting, 0);
    });
}

#[test]
fn every_durability_delivers_after_a_clean_close() {
    for durability in [Durability::Fsync, Durability::Os, Durability::Memory] {
        let dir = folder();
        run(async {
            let mut options = options(dir.path());
            options.durability = durability;
            let (wal, _) = open(options);
            let lane = wal.lane();
            for number in 0..20 {
                append(&lane, Table::UserEvents, &number.to_string())
                    .await
                    .unwrap();
            }
            assert_eq!(drain(&wal).await.len(), 20);
        });
    }
}

#[test]
fn a_closed_log_refuses_rows_and_lanes_born_later_too() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        let lane = wal.lane();
        wal.close();
        let refused = |lane: &crate::wal::Lane| {
            lane.append(false, |rows| rows.row(Table::UserEvents, |bytes| bytes.push(1)))
                .map(drop)
        };
        assert_eq!(refused(&lane), Err(AppendError::Closed));
        assert_eq!(refused(&wal.lane()), Err(AppendError::Closed));
    });
}

#[test]
fn a_segment_that_was_not_released_is_delivered_by_the_next_process() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        let lane = wal.lane();
        append(&lane, Table::UserEvents, "first").await.unwrap();
        wal.close();
        let segment = wal.next_sealed().await.unwrap();
        let token = segment.token("user_events");
        assert!(token.starts_with(wal.node()));
        drop((lane, wal));

        let (wal, recovery) = open(options(dir.path()));
        assert_eq!((recovery.segments, recovery.rows), (1, 1));
        assert_eq!(recovery.findings, vec![]);
        let again = wal.next_sealed().await.unwrap();
        assert_eq!(again.origin, Origin::RecoveredSameBoot);
        assert_eq!(again.token("user_events"), token);
        assert_eq!(rows(&wal, &again), rows(&wal, &segment));
        wal.release(again.id).unwrap();
        wal.close();
        assert!(wal.next_sealed().await.is_none());
        drop(wal);

        let (_wal, recovery) = open(options(dir.path()));
        assert_eq!((recovery.segments, recovery.rows), (0, 0));
    });
}

#[test]
fn a_second_log_in_the_same_folder_is_refused() {
    let dir = folder();
    let (_wal, _) = open(options(dir.path()));
    let second = Wal::open(options(dir.path()), std::sync::Arc::new(crate::wal::SystemFiles));
    assert!(matches!(second, Err(WalError::Locked(_))));
}

#[test]
fn a_segment_is_sealed_at_its_age_without_further_appends() {
    let dir = folder();
    run(async {
        let mut options = options(dir.path());
        options.seal_after = Duration::from_millis(20);
        let (wal, _) = open(options);
        let lane = wal.lane();
        append(&lane, Table::UserEvents, "only").await.unwrap();
        let segment = wal.next_sealed().await.unwrap();
        assert_eq!(rows(&wal, &segment).len(), 1);
        assert_eq!(segment.origin, Origin::Live);
    });
}

#[test]
fn priority_seals_long_before_the_age_does() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        let lane = wal.lane();
        append(&lane, Table::UserEvents, "ordinary").await.unwrap();
        lane.append(true, |rows| {
            rows.row(Table::ClientAlerts, |bytes| bytes.push(b'a'))
        })
        .unwrap()
        .await
        .unwrap();
        // Its age would seal it in an hour; the harness gives up far earlier.
        let segment = wal.next_sealed().await.unwrap();
        assert_eq!(rows(&wal, &segment).len(), 2);
    });
}
