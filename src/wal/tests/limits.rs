//! Full disks, too much at once, and failed syncs: what is refused, and that it passes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::harness::{self, PATIENCE, append, drain, folder, open, open_on, run, texts};
use super::model::{dir, options};
use super::sim::{Fault, Kind, SimDisk, Stop};
use crate::config::Durability;
use crate::domain::table::Table;
use crate::wal::{AppendError, Finding, Lane, Wal};

/// One row, and what became of it.
async fn try_append(lane: &Lane, text: &str) -> Result<(), AppendError> {
    lane.append(false, |rows| {
        rows.row(Table::UserEvents, |bytes| {
            bytes.extend_from_slice(text.as_bytes())
        });
    })?
    .await
}

/// Appends rows of this size until one is refused; returns those that were not.
async fn fill(lane: &Lane, row_bytes: usize) -> (Vec<String>, AppendError) {
    let mut acknowledged = Vec::new();
    loop {
        let text = format!("{}:{}", acknowledged.len(), "x".repeat(row_bytes));
        match try_append(lane, &text).await {
            Ok(()) => acknowledged.push(text),
            Err(refusal) => return (acknowledged, refusal),
        }
    }
}

/// Appends until the log takes a row again.
async fn append_when_possible(lane: &Lane, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(refusal) = try_append(lane, text).await {
        assert_eq!(refusal, AppendError::Full);
        assert!(Instant::now() < deadline, "the log stays full");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn at_its_limit_the_log_refuses_and_after_a_release_it_takes_again() {
    run(async {
        for durability in [Durability::Fsync, Durability::Os] {
            let dir = folder();
            let mut options = harness::options(dir.path());
            options.durability = durability;
            options.max_bytes = 4 * options.segment_max_bytes;
            // Space comes first: grace is given up when the log is full.
            options.grace = Duration::from_secs(3_600);
            let (wal, _) = open(options);
            let lane = wal.lane();
            let (mut acknowledged, refusal) = fill(&lane, 2_000).await;
            assert_eq!(refusal, AppendError::Full);
            assert!(wal.status().full);
            assert!(wal.status().bytes_on_disk <= 4 * 64 * 1024);
            // Two of four files: one is the reserve, one holds too little room for another frame.
            assert!(acknowledged.len() > 20, "{}", acknowledged.len());
            let first = wal.next_sealed().await.unwrap();
            let mut found = harness::rows(&wal, &first);
            wal.release(first.id).unwrap();
            append_when_possible(&lane, "after").await;
            acknowledged.push("after".to_owned());
            assert!(!wal.status().full);
            found.extend(drain(&wal).await);
            assert_eq!(texts(&found, Table::UserEvents), acknowledged);
        }
    });
}

#[test]
fn in_memory_mode_a_full_log_refuses_too() {
    let dir = folder();
    run(async {
        let mut options = harness::options(dir.path());
        options.durability = Durability::Memory;
        options.max_bytes = 3 * options.segment_max_bytes;
        let (wal, _) = open(options);
        let lane = wal.lane();
        let deadline = Instant::now() + PATIENCE;
        // Acknowledged before it is written, so that the refusal comes some rows late.
        while try_append(&lane, &"x".repeat(5_000)).await != Err(AppendError::Full) {
            assert!(Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_disk_without_space_refuses_and_takes_again_when_there_is_some() {
    run(async {
        let disk = SimDisk::new(3);
        disk.set_capacity(6 * 9 * 4_096);
        let (wal, _) = open_on(options(), Arc::new(disk.clone()));
        let lane = wal.lane();
        let (mut acknowledged, refusal) = fill(&lane, 1_000).await;
        assert_eq!(refusal, AppendError::Full);
        disk.set_capacity(usize::MAX);
        append_when_possible(&lane, "after").await;
        acknowledged.push("after".to_owned());
        assert_eq!(texts(&drain(&wal).await, Table::UserEvents), acknowledged);
    });
}

#[test]
fn a_full_disk_does_not_keep_the_warehouse_from_emptying_the_log() {
    run(async {
        let disk = SimDisk::new(3);
        disk.set_capacity(6 * 9 * 4_096);
        let (wal, _) = open_on(options(), Arc::new(disk.clone()));
        let lane = wal.lane();
        let (acknowledged, _) = fill(&lane, 1_000).await;
        // As on a file system that needs space even to overwrite.
        disk.fault_on(Some((Kind::Write, Fault::Short)));
        let segment = wal.next_sealed().await.unwrap();
        let before = wal.status().bytes_on_disk;
        assert!(wal.release(segment.id).is_err());
        assert!(wal.status().bytes_on_disk < before, "the reserve was given up");
        disk.fault_on(None);
        let mut found = harness::rows(&wal, &segment);
        found.extend(drain(&wal).await);
        assert_eq!(texts(&found, Table::UserEvents), acknowledged);
        assert_eq!(
            wal.status().segments_waiting,
            0,
            "the failed release was made good"
        );
    });
}

#[test]
fn a_failed_write_refuses_its_rows_alone() {
    run(async {
        // The seal behind it can be written, or not.
        for seal_fails in [false, true] {
            let disk = SimDisk::new(5);
            let (wal, _) = open_on(options(), Arc::new(disk.clone()));
            let lane = wal.lane();
            append(&lane, Table::UserEvents, "before").await.unwrap();
            disk.fault_segment_write(Fault::Lie);
            if seal_fails {
                disk.fault_segment_write(Fault::Error);
            }
            assert_eq!(try_append(&lane, "refused").await, Err(AppendError::Full));
            append_when_possible(&lane, "after").await;
            // The next process finds the refused frame whole, and knows better.
            disk.halt();
            let disk = disk.restart(Stop::Process);
            let (wal, recovery) = open_on(options(), Arc::new(disk.clone()));
            assert_eq!(texts(&drain(&wal).await, Table::UserEvents), ["before", "after"]);
            let refused = recovery
                .findings
                .iter()
                .filter(|finding| matches!(finding, Finding::Refused { frames: 1, .. }));
            assert_eq!(
                refused.count(),
                usize::from(seal_fails),
                "{:?}",
                recovery.findings
            );
            assert_eq!(recovery.findings.len(), usize::from(seal_fails));
        }
    });
}

#[test]
fn a_failed_sync_poisons_the_log_for_good() {
    run(async {
        let disk = SimDisk::new(6);
        let (wal, _) = open_on(options(), Arc::new(disk.clone()));
        let lane = wal.lane();
        let other = wal.lane();
        append(&lane, Table::UserEvents, "before").await.unwrap();
        disk.fault_on(Some((Kind::Sync, Fault::Error)));
        assert_eq!(try_append(&lane, "unsure").await, Err(AppendError::Poisoned));
        wal.poisoned().await;
        disk.fault_on(None);
        for lane in [&lane, &other, &wal.lane()] {
            assert_eq!(try_append(lane, "late").await, Err(AppendError::Poisoned));
        }
        assert!(wal.status().poisoned);
        wal.close();
        assert!(wal.next_sealed().await.is_none());

        let (wal, _) = open_on(options(), Arc::new(disk.restart(Stop::Process)));
        assert_eq!(texts(&drain(&wal).await, Table::UserEvents)[0], "before");
    });
}

#[test]
fn more_than_may_wait_is_refused_and_what_waits_is_committed() {
    let dir = folder();
    run(async {
        let mut options = harness::options(dir.path());
        options.pending_max_bytes = 10_000;
        let (wal, _) = open(options);
        let lane = wal.lane();
        let mut commits = Vec::new();
        // The writer takes some meanwhile; without an end to appends the limit is met sooner or later.
        let refusal = loop {
            let row = |rows: &mut crate::wal::RowSink<'_>| {
                rows.row(Table::UserEvents, |bytes| bytes.extend_from_slice(&[b'x'; 900]));
            };
            match lane.append(false, row) {
                Ok(commit) => commits.push(commit),
                Err(refusal) => break refusal,
            }
            assert!(commits.len() < 1_000_000);
        };
        assert_eq!(refusal, AppendError::Overloaded);
        let appended = commits.len();
        for commit in commits {
            commit.await.unwrap();
        }
        assert_eq!(drain(&wal).await.len(), appended);
        assert_eq!(wal.status().pending_bytes, 0);
    });
}

#[test]
fn an_append_that_fits_no_segment_is_refused_and_the_largest_one_is_taken() {
    run(async {
        let disk = SimDisk::new(8);
        let (wal, _) = open_on(options(), Arc::new(disk));
        let lane = wal.lane();
        // Six blocks for frames; 40 bytes of frame, 12 of a section for each table, 4 of the row's length.
        let largest = 6 * 4_096 - 40 - 12 * Table::ALL.len() - 4;
        assert_eq!(
            try_append(&lane, &"x".repeat(largest + 1)).await,
            Err(AppendError::TooLarge)
        );
        append(&lane, Table::UserEvents, "small").await.unwrap();
        try_append(&lane, &"x".repeat(largest)).await.unwrap();
        assert_eq!(drain(&wal).await.len(), 2);
        assert!(dir().is_absolute());
    });
}

#[test]
fn a_log_that_nobody_holds_any_more_lets_go_of_its_folder() {
    let dir = folder();
    run(async {
        let (wal, _) = open(harness::options(dir.path()));
        let lane = wal.lane();
        append(&lane, Table::UserEvents, "row").await.unwrap();
        drop(wal);
        assert!(matches!(
            try_append(&lane, "late").await,
            Err(AppendError::Closed)
        ));
        let deadline = Instant::now() + PATIENCE;
        // Its threads end soon, not at once.
        let wal = loop {
            match Wal::open(harness::options(dir.path()), Arc::new(crate::wal::SystemFiles)) {
                Ok((wal, _)) => break wal,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        assert_eq!(drain(&wal).await.len(), 1);
    });
}

/// A small file system of its own; `None` where mounting is not allowed.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(at: &'a Path, size: &str) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(at))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0).output());
    }
}

#[test]
fn a_really_full_file_system_refuses_drops_nothing_and_recovers() {
    let dir = folder();
    let Some(_mount) = Mount::new(dir.path(), "size=1m") else {
        // Injected in `a_disk_without_space_refuses_and_takes_again_when_there_is_some`.
        eprintln!("no right to mount: not tested on a real file system");
        return;
    };
    run(async {
        let ballast = dir.path().join("ballast");
        std::fs::write(&ballast, vec![1; 256 * 1024]).unwrap();
        let options = harness::options(&dir.path().join("wal"));
        let (wal, _) = open(options.clone());
        let lane = wal.lane();
        let (mut acknowledged, refusal) = fill(&lane, 2_000).await;
        assert_eq!(refusal, AppendError::Full);
        wal.close();
        drop((lane, wal));

        // A start on the full disk works, and so does emptying it.
        let (wal, _) = open(options);
        let lane = wal.lane();
        let first = wal.next_sealed().await.unwrap();
        let mut found = harness::rows(&wal, &first);
        wal.release(first.id).unwrap();
        append_when_possible(&lane, "after the release").await;
        acknowledged.push("after the release".to_owned());
        std::fs::remove_file(&ballast).unwrap();
        let (more, _) = fill(&lane, 2_000).await;
        acknowledged.extend(more);
        found.extend(drain(&wal).await);
        assert_eq!(texts(&found, Table::UserEvents), acknowledged);
    });
}
