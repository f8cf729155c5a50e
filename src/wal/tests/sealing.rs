//! When segments are sealed, and what becomes of their files.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::harness::{PATIENCE, append, drain, folder, open, open_on, options, rows, run};
use super::model;
use super::sim::{Loss, SimDisk, Stop};
use crate::domain::table::Table;
use crate::wal::{Origin, Wal};

async fn append_priority(lane: &crate::wal::Lane) {
    lane.append(true, |rows| {
        rows.row(Table::ClientAlerts, |bytes| bytes.push(b'!'))
    })
    .unwrap()
    .await
    .unwrap();
}

/// Polls until `holds`.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn priority_seals_at_most_once_in_its_time() {
    let dir = folder();
    run(async {
        let mut options = options(dir.path());
        options.priority_seal_after = Duration::from_millis(40);
        options.segment_max_bytes = 8 << 20;
        let (wal, _) = open(options);
        let lane = wal.lane();
        let start = Instant::now();
        let mut sealed = 0;
        let mut rows_sealed = 0;
        while sealed < 5 {
            append_priority(&lane).await;
            while let Some(segment) = futures_util::FutureExt::now_or_never(wal.next_sealed()) {
                let segment = segment.unwrap();
                rows_sealed += segment.rows;
                wal.release(segment.id).unwrap();
                sealed += 1;
            }
        }
        assert!(
            start.elapsed() >= Duration::from_millis(4 * 40),
            "five seals in {:?}",
            start.elapsed()
        );
        assert!(rows_sealed >= 5);
    });
}

#[test]
fn behind_a_waiting_segment_age_seals_nothing_and_taking_it_seals_the_next() {
    let dir = folder();
    run(async {
        let mut options = options(dir.path());
        options.seal_after = Duration::from_millis(1);
        options.segment_max_bytes = 1 << 20;
        let (wal, _) = open(options);
        let lane = wal.lane();
        append(&lane, Table::UserEvents, "first").await.unwrap();
        eventually("the first is sealed", || wal.status().segments_waiting == 1).await;
        for number in 0..20 {
            append(&lane, Table::UserEvents, &number.to_string())
                .await
                .unwrap();
            append_priority(&lane).await;
        }
        // Far more than its age, and still one batch.
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(wal.status().segments_waiting, 1);
        assert_eq!(wal.next_sealed().await.unwrap().rows, 1);
        let second = wal.next_sealed().await.unwrap();
        assert_eq!(second.rows, 40);
        assert_eq!(rows(&wal, &second).len(), 40);
    });
}

#[test]
fn a_segment_is_sealed_at_its_rows_and_at_its_size() {
    let dir = folder();
    run(async {
        let mut options = options(dir.path());
        options.rows_max = 3;
        let (wal, _) = open(options);
        let lane = wal.lane();
        for number in 0..9 {
            append(&lane, Table::UserEvents, &number.to_string())
                .await
                .unwrap();
        }
        for _ in 0..3 {
            assert_eq!(wal.next_sealed().await.unwrap().rows, 3);
        }
        // Fifty-two kilobytes fit.
        for _ in 0..3 {
            append(&lane, Table::UserEvents, &"x".repeat(20_000))
                .await
                .unwrap();
        }
        assert_eq!(wal.next_sealed().await.unwrap().rows, 2);
    });
}

#[test]
fn the_checkpoint_waits_for_the_oldest() {
    let dir = folder();
    run(async {
        let mut options = options(dir.path());
        options.rows_max = 1;
        let (wal, _) = open(options.clone());
        let lane = wal.lane();
        let mut segments = Vec::new();
        for number in 0..3 {
            append(&lane, Table::UserEvents, &number.to_string())
                .await
                .unwrap();
            segments.push(wal.next_sealed().await.unwrap());
        }
        wal.release(segments[1].id).unwrap();
        wal.release(segments[2].id).unwrap();
        wal.release(segments[2].id).unwrap();
        wal.close();
        drop((wal, lane));
        let (wal, recovery) = open(options.clone());
        assert_eq!(recovery.segments, 3, "the oldest is not released, so none is");
        wal.release(segments[0].id).unwrap();
        wal.close();
        drop(wal);
        assert_eq!(open(options).1.segments, 2);
    });
}

#[test]
fn files_are_used_again_and_never_show_what_they_held_before() {
    run(async {
        let disk = SimDisk::new(11);
        let (wal, _) = open_on(model::options(), Arc::new(disk.clone()));
        let lane = wal.lane();
        // Every block of every file gets a frame of one block, many times over.
        for round in 0..40 {
            for frame in 0..6 {
                append(&lane, Table::UserEvents, &format!("old {round} {frame}"))
                    .await
                    .unwrap();
            }
            while let Some(Some(segment)) = futures_util::FutureExt::now_or_never(wal.next_sealed()) {
                wal.release(segment.id).unwrap();
            }
        }
        let status = wal.status();
        assert!(status.bytes_on_disk <= 12 * 9 * 4_096, "{status:?}");
        while let Some(Some(segment)) = futures_util::FutureExt::now_or_never(wal.next_sealed()) {
            wal.release(segment.id).unwrap();
        }
        let waiting = wal.status().rows_waiting;
        append(&lane, Table::UserEvents, "new").await.unwrap();
        disk.halt();
        for loss in [Loss::All, Loss::None, Loss::Some] {
            let disk = disk.copy().restart(Stop::Power(loss));
            let (wal, recovery) = open_on(model::options(), Arc::new(disk));
            assert_eq!(recovery.findings, []);
            let found = drain(&wal).await;
            assert_eq!(u64::try_from(found.len()).unwrap(), waiting + 1);
            assert_eq!(found.last().unwrap().1, "new");
        }
    });
}

#[test]
fn after_a_start_of_the_system_recovered_segments_say_so() {
    run(async {
        let disk = SimDisk::new(12);
        let (wal, _) = open_on(model::options(), Arc::new(disk.clone()));
        append(&wal.lane(), Table::UserEvents, "row").await.unwrap();
        disk.halt();
        let disk = disk.restart(Stop::Process);
        let (wal, _) = open_on(model::options(), Arc::new(disk.clone()));
        assert_eq!(wal.next_sealed().await.unwrap().origin, Origin::RecoveredSameBoot);
        let disk = disk.restart(Stop::Power(Loss::All));
        let (wal, _) = open_on(model::options(), Arc::new(disk));
        assert_eq!(
            wal.next_sealed().await.unwrap().origin,
            Origin::RecoveredOtherBoot
        );
    });
}

#[test]
fn rows_are_read_with_the_columns_of_their_own_segment() {
    use crate::wal::header::Header;
    use crate::wal::layout::BLOCK_BYTES;
    run(async {
        let disk = SimDisk::new(13);
        let (wal, _) = open_on(model::options(), Arc::new(disk.clone()));
        append(&wal.lane(), Table::UserEvents, "row").await.unwrap();
        disk.halt();
        let disk = disk.restart(Stop::Process);
        // As if a version had written it that knew fewer columns and another name.
        disk.tamper(&model::file("segment-00000000000000000001.wal"), |bytes| {
            let mut header = Header::decode(bytes).unwrap();
            for table in &mut header.tables {
                table.columns.truncate(2);
                table.name = format!("old_{}", table.name);
            }
            bytes[..2 * BLOCK_BYTES].copy_from_slice(&header.encode().unwrap().repeat(2));
        });
        let (wal, _) = open_on(model::options(), Arc::new(disk));
        let segment = wal.next_sealed().await.unwrap();
        let read = wal.read(&segment).unwrap();
        assert_eq!(read.tables[0].table, "old_user_events");
        assert_eq!(read.tables[0].columns, ["event_id", "project_id"]);
    });
}

#[test]
fn a_segment_of_a_newer_format_stops_the_start() {
    use crate::wal::layout::BLOCK_BYTES;
    run(async {
        let disk = SimDisk::new(14);
        let (wal, _) = open_on(model::options(), Arc::new(disk.clone()));
        append(&wal.lane(), Table::UserEvents, "row").await.unwrap();
        disk.halt();
        let disk = disk.restart(Stop::Process);
        disk.tamper(&model::file("segment-00000000000000000001.wal"), |bytes| {
            for block in [0, BLOCK_BYTES] {
                let length = usize::from(bytes[block + 12]) + 256 * usize::from(bytes[block + 13]);
                bytes[block + 16] = 3;
                let crc = crc32c::crc32c(&bytes[block + 12..block + length]);
                bytes[block + 8..block + 12].copy_from_slice(&crc.to_le_bytes());
            }
        });
        let opened = Wal::open(model::options(), Arc::new(disk));
        assert!(matches!(
            opened,
            Err(crate::wal::WalError::NewerFormat { format: 3, .. })
        ));
    });
}

#[test]
fn the_header_has_room_for_many_more_columns() {
    use crate::wal::header::{Header, current_tables};
    use crate::wal::layout::{Identity, SegmentId};
    let header = Header {
        identity: Identity {
            id: SegmentId(1),
            salt: 2,
        },
        file_bytes: 3,
        created: crate::clock::UnixMicros(4),
        node: [5; 16],
        boot: [6; 16],
        tables: current_tables(),
    };
    let block = header.encode().unwrap();
    assert_eq!(Header::decode(&block), Ok(header));
    let used = block.iter().rposition(|byte| *byte != 0).unwrap();
    assert!(
        used < block.len() / 2,
        "{used} bytes of the header's block are used: time for a larger one"
    );
}
