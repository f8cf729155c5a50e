//! Damage at every byte: the start succeeds, the loss is what the format promises, and it is told.

use std::sync::Arc;

use proptest::prelude::{any, proptest};

use super::harness::{self, append, run};
use super::model::{dir, file, options};
use super::sim::{Loss, SimDisk, Stop};
use crate::domain::table::Table;
use crate::wal::layout::{BLOCK_BYTES, DATA_START};
use crate::wal::{Finding, Recovery};

const SEGMENT: &str = "segment-00000000000000000001.wal";
const FRAMES: usize = 4;

/// A disk with one segment of four frames, of one, two, one and one blocks; sealed, or left by a crash.
async fn written(sealed: bool) -> SimDisk {
    let disk = SimDisk::new(1);
    let (wal, _) = harness::open_on(options(), Arc::new(disk.clone()));
    let lane = wal.lane();
    for (number, length) in [10, 6_000, 10, 10].into_iter().enumerate() {
        let text = format!("{number}:{}", "x".repeat(length));
        append(&lane, Table::UserEvents, &text).await.unwrap();
    }
    if sealed {
        wal.close();
    } else {
        disk.halt();
    }
    disk.restart(Stop::Power(Loss::None))
}

/// Bytes of the frames, without their padding.
fn frame_bytes() -> [std::ops::Range<usize>; FRAMES] {
    let row = |length: usize| 40 + 12 + 4 + 2 + length;
    let starts = [0, 1, 3, 4].map(|block| DATA_START + block * BLOCK_BYTES);
    let lengths = [10, 6_000, 10, 10].map(row);
    std::array::from_fn(|frame| starts[frame]..starts[frame] + lengths[frame])
}

/// What the next process delivers from the disk, and what it has said.
async fn deliver(disk: &SimDisk) -> (Vec<usize>, Recovery, u64) {
    let (wal, recovery) = harness::open_on(options(), Arc::new(disk.clone()));
    let rows = harness::drain(&wal).await;
    let numbers = rows
        .iter()
        .map(|(_, text)| text.split(':').next().unwrap().parse().unwrap())
        .collect();
    (numbers, recovery, wal.status().frames_lost)
}

fn is_in_quarantine(disk: &SimDisk) -> bool {
    disk.names(&dir()).contains(&format!("quarantine/{SEGMENT}"))
}

fn says_damaged(recovery: &Recovery) -> bool {
    recovery
        .findings
        .iter()
        .any(|finding| matches!(finding, Finding::Damaged { .. }))
}

#[test]
fn a_flipped_bit_in_a_sealed_segment_costs_the_frame_that_it_hits_and_is_told() {
    run(async {
        let whole = written(true).await;
        let length = whole.content(&file(SEGMENT)).unwrap().len();
        for at in interesting_bytes(length) {
            let disk = whole.copy();
            disk.tamper(&file(SEGMENT), |bytes| bytes[at] ^= 1 << (at % 8));
            let (delivered, recovery, frames_lost) = deliver(&disk).await;
            let hit = frame_bytes().iter().position(|bytes| bytes.contains(&at));
            let expected: Vec<usize> = (0..FRAMES).filter(|frame| Some(*frame) != hit).collect();
            assert_eq!(delivered, expected, "byte {at}");
            assert_eq!(frames_lost, u64::from(hit.is_some()), "byte {at}");
            let is_told = hit.is_some() || says_damaged(&recovery);
            assert_eq!(is_in_quarantine(&disk), is_told, "byte {at}");
            assert!(hit.is_none() || is_told);
        }
    });
}

#[test]
fn a_flipped_bit_in_an_unsealed_segment_costs_the_frame_that_it_hits() {
    run(async {
        let whole = written(false).await;
        let length = whole.content(&file(SEGMENT)).unwrap().len();
        for at in interesting_bytes(length - BLOCK_BYTES) {
            let disk = whole.copy();
            disk.tamper(&file(SEGMENT), |bytes| bytes[at] ^= 1 << (at % 8));
            let (delivered, recovery, _) = deliver(&disk).await;
            let hit = frame_bytes().iter().position(|bytes| bytes.contains(&at));
            let expected: Vec<usize> = (0..FRAMES).filter(|frame| Some(*frame) != hit).collect();
            assert_eq!(delivered, expected, "byte {at}");
            // The last frame of a segment without a seal cannot be told from a torn one.
            let is_middle = hit.is_some_and(|frame| frame < FRAMES - 1);
            assert!(!is_middle || says_damaged(&recovery), "byte {at}");
            assert_eq!(is_in_quarantine(&disk), says_damaged(&recovery), "byte {at}");
        }
    });
}

/// Every byte that means something, and some of those that do not.
fn interesting_bytes(length: usize) -> Vec<usize> {
    let frames = frame_bytes();
    (0..length)
        .filter(|at| {
            let in_block = at % BLOCK_BYTES;
            let means_something = frames.iter().any(|frame| frame.contains(at));
            let is_text = frames[1].contains(at) && *at > frames[1].start + 80;
            // The header's names and the long row's text are all alike.
            match () {
                () if *at < DATA_START => in_block < 160 || in_block.is_multiple_of(61),
                () if is_text => at.is_multiple_of(97),
                () => means_something || in_block < 70 || in_block.is_multiple_of(509),
            }
        })
        .collect()
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_commit_that_never_finished() {
    run(async {
        let whole = written(false).await;
        let content = whole.content(&file(SEGMENT)).unwrap();
        let frames = frame_bytes();
        let end = frames[FRAMES - 1].end;
        let cuts = (DATA_START..end + 8)
            .filter(|at| !frames[1].contains(at) || at.is_multiple_of(31) || at % 4_096 < 64);
        for cut in cuts {
            let disk = whole.copy();
            disk.tamper(&file(SEGMENT), |bytes| bytes[cut..].fill(0));
            let (delivered, recovery, frames_lost) = deliver(&disk).await;
            let expected: Vec<usize> = (0..FRAMES).filter(|frame| frames[*frame].end <= cut).collect();
            assert_eq!(delivered, expected, "cut at {cut}");
            assert_eq!(frames_lost, 0);
            assert!(!says_damaged(&recovery), "cut at {cut}: {:?}", recovery.findings);
            let cut_in = frames.iter().find(|frame| frame.contains(&cut));
            // From here on the remains say whose they are.
            if cut_in.is_some_and(|frame| cut >= frame.start + 24) {
                let torn = recovery.findings.iter().find_map(|finding| match finding {
                    Finding::TornTail { bytes, .. } => Some(*bytes),
                    _ => None,
                });
                assert!(torn.is_some_and(|bytes| bytes > 0), "cut at {cut}");
                let kept = disk
                    .names(&dir())
                    .into_iter()
                    .find(|name| name.contains("torn"))
                    .unwrap();
                let kept = disk.content(&file(&kept)).unwrap();
                let frame = cut_in.unwrap();
                assert_eq!(kept[..cut - frame.start], content[frame.start..cut]);
            }
        }
    });
}

#[test]
fn a_file_truncated_anywhere_is_damaged_and_delivers_what_is_left() {
    run(async {
        for sealed in [true, false] {
            let whole = written(sealed).await;
            let length = whole.content(&file(SEGMENT)).unwrap().len();
            for left in (1..length)
                .step_by(257)
                .chain([BLOCK_BYTES - 1, BLOCK_BYTES, DATA_START, length - 1])
            {
                let disk = whole.copy();
                disk.tamper(&file(SEGMENT), |bytes| bytes.truncate(left));
                let (delivered, recovery, _) = deliver(&disk).await;
                let frames = frame_bytes();
                let has_header = left >= 1_200;
                let expected: Vec<usize> = (0..FRAMES)
                    .filter(|frame| has_header && frames[*frame].end <= left)
                    .collect();
                assert_eq!(delivered, expected, "{left} bytes left");
                let is_told = recovery
                    .findings
                    .iter()
                    .any(|finding| matches!(finding, Finding::Damaged { .. } | Finding::Unreadable { .. }));
                assert!(is_told, "{left} bytes left: {:?}", recovery.findings);
                assert!(is_in_quarantine(&disk), "{left} bytes left");
            }
        }
    });
}

#[test]
fn frames_that_vanish_from_the_end_of_an_unsealed_segment_are_missed_by_the_next_segment() {
    run(async {
        let disk = written(false).await;
        // A later process adds a segment, and the warehouse has had neither.
        let (wal, _) = harness::open_on(options(), Arc::new(disk.clone()));
        let lane = wal.lane();
        append(&lane, Table::UserEvents, "4:").await.unwrap();
        disk.halt();
        let disk = disk.restart(Stop::Power(Loss::None));
        let last = frame_bytes()[FRAMES - 1].clone();
        disk.tamper(&file(SEGMENT), |bytes| bytes[last].fill(0));
        let (delivered, recovery, _) = deliver(&disk).await;
        assert_eq!(delivered, [0, 1, 2, 4]);
        assert!(
            recovery
                .findings
                .iter()
                .any(|finding| matches!(finding, Finding::Missing { frames: 1, .. })),
            "{:?}",
            recovery.findings
        );
        assert!(is_in_quarantine(&disk));
    });
}

#[test]
fn a_segment_that_vanishes_is_missed() {
    run(async {
        let disk = written(true).await;
        let (wal, _) = harness::open_on(options(), Arc::new(disk.clone()));
        append(&wal.lane(), Table::UserEvents, "4:").await.unwrap();
        wal.close();
        let disk = disk.restart(Stop::Power(Loss::None));
        disk.delete(&file(SEGMENT));
        let (delivered, recovery, _) = deliver(&disk).await;
        assert_eq!(delivered, [4]);
        assert!(matches!(
            recovery.findings[..],
            [Finding::Missing { frames: 4, .. }]
        ));
    });
}

#[test]
fn without_a_usable_checkpoint_every_segment_is_delivered_and_ids_go_on() {
    run(async {
        for content in [None, Some(vec![]), Some(vec![7; 8_192]), Some(vec![0; 5])] {
            let disk = written(true).await;
            disk.delete(&file("checkpoint"));
            if let Some(content) = content.clone() {
                disk.put(&file("checkpoint"), content);
            }
            let (wal, recovery) = harness::open_on(options(), Arc::new(disk.clone()));
            let expected = match content {
                None => Finding::CheckpointMissing,
                Some(_) => Finding::CheckpointDamaged,
            };
            assert_eq!(recovery.findings, [expected]);
            append(&wal.lane(), Table::UserEvents, "new").await.unwrap();
            wal.close();
            let first = wal.next_sealed().await.unwrap();
            let second = wal.next_sealed().await.unwrap();
            assert_eq!(harness::rows(&wal, &first).len(), FRAMES);
            assert!(second.id > first.id);
            assert_ne!(first.token("t"), second.token("t"));
        }
    });
}

#[test]
fn a_flipped_bit_in_the_checkpoint_never_stops_the_start_nor_loses_a_row() {
    run(async {
        let disk = written(true).await;
        // Two generations, so that both blocks count.
        for text in ["5:", "6:"] {
            let (wal, _) = harness::open_on(options(), Arc::new(disk.clone()));
            append(&wal.lane(), Table::UserEvents, text).await.unwrap();
            wal.close();
            let oldest = wal.next_sealed().await.unwrap();
            wal.release(oldest.id).unwrap();
        }
        let disk = disk.restart(Stop::Power(Loss::None));
        for at in (0..2).flat_map(|block| (0..60).map(move |at| block * BLOCK_BYTES + at)) {
            let disk = disk.copy();
            disk.tamper(&file("checkpoint"), |bytes| bytes[at] ^= 1 << (at % 8));
            let (delivered, recovery, _) = deliver(&disk).await;
            assert!(delivered.contains(&6), "byte {at}: {delivered:?}");
            let checked = at % BLOCK_BYTES < 48;
            assert_eq!(
                !recovery.findings.is_empty(),
                checked,
                "byte {at}: {:?}",
                recovery.findings
            );
        }
    });
}

#[test]
fn foreign_empty_and_unreadable_files_do_not_stop_the_start() {
    run(async {
        let disk = written(true).await;
        disk.put(&file("notes.txt"), b"hello".to_vec());
        disk.put(&file("segment-1.wal"), b"wrong number of digits".to_vec());
        disk.put(&file("segment-00000000000000000007.wal"), vec![]);
        disk.put(
            &file("segment-00000000000000000008.wal"),
            vec![0; 9 * BLOCK_BYTES],
        );
        disk.put(&file("segment-00000000000000000009.wal"), vec![0xff; 100]);
        disk.put(&file("spare-00000000000000000077.wal"), vec![1; 3]);
        disk.put(
            &file("spare-00000000000000000078.wal.new"),
            vec![0; 9 * BLOCK_BYTES],
        );
        disk.put(&file("checkpoint.new"), vec![1; 3]);
        let copy = disk.content(&file(SEGMENT)).unwrap();
        disk.put(&file("segment-00000000000000000010.wal"), copy);
        let (delivered, recovery, _) = deliver(&disk).await;
        assert_eq!(delivered, [0, 1, 2, 3]);
        let said: Vec<String> = recovery.findings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 6, "{said:#?}");
        let names = disk.names(&dir());
        for kept in ["notes.txt", "segment-1.wal"] {
            assert!(names.contains(&kept.to_owned()));
        }
        for id in [8, 9, 10] {
            assert!(
                names.contains(&format!("quarantine/segment-{id:020}.wal")),
                "{names:?}"
            );
        }
    });
}

proptest! {
    #[test]
    fn no_content_of_the_folder_stops_the_start_or_makes_it_panic(
        tampering in proptest::collection::vec((0..9 * 4_096_usize, any::<u8>(), 1..600_usize), 1..6),
        sealed in any::<bool>(),
    ) {
        run(async {
            let disk = written(sealed).await;
            for (at, byte, count) in tampering {
                disk.tamper(&file(SEGMENT), |bytes| {
                    let end = bytes.len().min(at + count);
                    bytes[at.min(end)..end].fill(byte);
                });
            }
            let (delivered, _, _) = deliver(&disk).await;
            assert!(delivered.is_sorted());
            assert!(delivered.len() <= FRAMES);
        });
    }
}
