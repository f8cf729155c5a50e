//! Journals over restarts, whatever happens to their files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;

fn options(dir: &Path) -> RecallOptions {
    RecallOptions {
        dir: dir.join("recall"),
        ids_max: 10_000,
    }
}

fn source(segment: u64) -> Source {
    Source { segment, salt: 1 }
}

fn note(subject: u64, count: u32, fingerprint: u64, now_ms: i64) -> Note {
    Note {
        count: Some(QuotaCount {
            subject,
            network: 0,
            class: 1,
            minute: u32::try_from(now_ms / MINUTE_MS).unwrap(),
            count,
        }),
        event: Some(EventMark {
            fingerprint,
            hour: hour(now_ms),
        }),
    }
}

/// Sum of counts by subject, ids, and sources.
fn remembered(dir: &Path, now_ms: i64) -> (BTreeMap<u64, u32>, HashSet<u64>, HashSet<Source>) {
    let (_, remembered) = Recall::open(&options(dir), now_ms).unwrap();
    let (mut counts, mut events) = (BTreeMap::new(), HashSet::new());
    let sources = remembered.replay(|memory| match memory {
        Memory::Count(count) => *counts.entry(count.subject).or_default() += count.count,
        Memory::Event(event) => {
            events.insert(event.fingerprint);
        }
    });
    (counts, events, sources)
}

#[test]
fn what_was_noted_is_remembered_once_for_as_long_as_it_is_of_use() {
    let dir = tempfile::tempdir().unwrap();
    let (recall, _) = Recall::open(&options(dir.path()), NOW_MS).unwrap();
    let notes = [
        note(1, 2, 10, NOW_MS),
        note(1, 3, 11, NOW_MS),
        note(2, 4, 10, NOW_MS),
    ];
    recall
        .note_segment(source(5), notes.iter().copied(), NOW_MS)
        .unwrap();
    // A crash before the checkpoint: the next process notes the segment again.
    let (recall, _) = Recall::open(&options(dir.path()), NOW_MS).unwrap();
    recall
        .note_segment(source(5), notes.iter().copied(), NOW_MS)
        .unwrap();
    recall
        .note_segment(source(6), notes[2..].iter().copied(), NOW_MS)
        .unwrap();

    let (counts, events, sources) = remembered(dir.path(), NOW_MS);
    assert_eq!(counts, BTreeMap::from([(1, 5), (2, 8)]));
    assert_eq!(events, HashSet::from([10, 11]));
    assert_eq!(sources, HashSet::from([source(5), source(6)]));

    let (counts, events, _) = remembered(dir.path(), NOW_MS + 62 * MINUTE_MS);
    assert_eq!((counts.len(), events.len()), (0, 2));
    let (_, events, _) = remembered(dir.path(), NOW_MS + 26 * HOUR_MS);
    assert_eq!(events.len(), 0);
    let files = std::fs::read_dir(options(dir.path()).dir).unwrap().count();
    assert_eq!(files, 0, "old files are removed");
}

#[test]
fn foreign_and_damaged_files_stop_nothing_and_foreign_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let folder = options(dir.path()).dir;
    let (recall, _) = Recall::open(&options(dir.path()), NOW_MS).unwrap();
    recall
        .note_segment(source(5), [note(1, 2, 10, NOW_MS)], NOW_MS)
        .unwrap();
    let foreign = [
        "README",
        "quota-1.journal",
        "events-0000472222-0000000009.journal.old",
    ];
    for name in foreign {
        std::fs::write(folder.join(name), "not ours").unwrap();
    }
    std::fs::write(folder.join(Kind::Events.file_name(hour(NOW_MS), 90)), "torn").unwrap();
    std::fs::write(folder.join(Kind::Counts.file_name(hour(NOW_MS), 91)), "").unwrap();
    std::fs::create_dir(folder.join(Kind::Counts.file_name(hour(NOW_MS), 92))).unwrap();

    let (counts, events, _) = remembered(dir.path(), NOW_MS);
    assert_eq!((counts.len(), events.len()), (1, 1));
    let (recall, _) = Recall::open(&options(dir.path()), NOW_MS).unwrap();
    recall
        .note_segment(source(6), [note(1, 2, 11, NOW_MS)], NOW_MS)
        .unwrap();
    assert_eq!(remembered(dir.path(), NOW_MS).1.len(), 2);
    remembered(dir.path(), NOW_MS + 30 * HOUR_MS);
    for name in foreign {
        assert!(folder.join(name).exists(), "{name}");
    }
}

#[test]
fn the_size_is_bounded_and_the_oldest_ids_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let (recall, _) = Recall::open(&options(dir.path()), NOW_MS).unwrap();
    let mut next = 0..;
    for segment in 0..600 {
        let notes: Vec<_> = next
            .by_ref()
            .take(500)
            .map(|number| Note {
                count: None,
                ..note(1, 1, number, NOW_MS)
            })
            .collect();
        recall
            .note_segment(source(segment), notes.iter().copied(), NOW_MS)
            .unwrap();
        let bytes: u64 = std::fs::read_dir(options(dir.path()).dir)
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(bytes <= JOURNAL_MIN_BYTES + 8_192, "{bytes}");
    }
    let (_, events, _) = remembered(dir.path(), NOW_MS);
    let least = events.iter().min().unwrap();
    assert_eq!(
        events.len() as u64,
        300_000 - least,
        "the last ones, without a gap"
    );
    assert!(events.len() > 10_000);
}

#[test]
fn only_the_owner_can_read_journals() {
    let dir = tempfile::tempdir().unwrap();
    let (recall, _) = Recall::open(&options(dir.path()), NOW_MS).unwrap();
    recall
        .note_segment(source(5), [note(1, 2, 10, NOW_MS)], NOW_MS)
        .unwrap();
    for entry in std::fs::read_dir(options(dir.path()).dir).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

proptest! {
    /// The files are cut at any length, as a crash in the middle of a write leaves them. The log then still has the
    /// segments from there on.
    #[test]
    fn after_a_crash_in_any_write_journals_and_log_together_count_everything_once(
        segments in prop::collection::vec((1_u64..4, 1_u32..9, 0_u64..2_000), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let folder = options(dir.path()).dir;
        let (recall, _) = Recall::open(&options(dir.path()), NOW_MS).unwrap();
        let crash_at = cut.index(segments.len());
        let mut expected = BTreeMap::<u64, u32>::new();
        let mut all_events = HashSet::new();
        for (number, (subject, count, event)) in (0_u64..).zip(&segments) {
            recall.note_segment(source(number), [note(*subject, *count, *event, NOW_MS)], NOW_MS).unwrap();
            *expected.entry(*subject).or_default() += count;
            all_events.insert(*event);
        }
        // The crash came while this segment was noted, so it and all later ones are in the log.
        for (kind, length) in [(Kind::Counts, 32 + 25), (Kind::Events, 32 + 8)] {
            let path = folder.join(kind.file_name(hour(NOW_MS), 1));
            let bytes = std::fs::read(&path).unwrap();
            let end = crash_at * length + cut.index(length + 1);
            std::fs::write(&path, &bytes[..end]).unwrap();
        }
        let (mut counts, mut events, sources) = remembered(dir.path(), NOW_MS);
        for (number, (subject, count, event)) in (0_u64..).zip(&segments).skip(crash_at) {
            if !sources.contains(&source(number)) {
                *counts.entry(*subject).or_default() += count;
            }
            events.insert(*event);
        }
        prop_assert_eq!(counts, expected);
        prop_assert_eq!(events, all_events);
    }
}
