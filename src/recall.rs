//! Recall: what must outlive both the process and a segment of the log.
//!
//! Quotas count the last hour, and ids of events are known for a day; both live in memory. The log holds what
//! they are made of only until the warehouse has it. Recall keeps it for as long as it is of use.
//!
//! # Words
//! - A **note** says what was admitted and which id was stored. It is a row of the log's own table `recall`, in the
//!   same append as the rows that it is about: one commit makes both durable, or neither.
//! - A **journal** is a row of append-only files, `quota-…` for counts and `events-…` for ids. A file is for
//!   one hour of writing, and is removed when nothing in it is of use any more.
//! - A **source** is the segment that a record comes from.
//!
//! # One note's journey
//! ```text
//! ingest ─► log (same frame as the beacon) ─► flush: warehouse has the segment ─► journal ─► log.release(segment)
//!                 │                                                                 │
//!                 └───────────────── the next start reads both ─────────────────────┘
//! ```
//!
//! # Guarantees
//! 1. A note of a durable append is in the log, in a journal, or in both, at every moment: a record is written before
//!    the log's checkpoint passes its segment.
//! 2. A segment's counts count once, also when they stand in both, or twice in a journal: records carry their
//!    source. (Ids may stand anywhere any number of times.)
//! 3. Ids are synced. Counts are not: after a loss of power a user may spend again what was counted since the
//!    system last wrote by itself, half a minute as a rule.
//! 4. A torn or damaged record costs itself. Files that are not ours are left alone. Neither stops a start.
//! 5. The size is bounded: 9 bytes for each of `dedup.ids_max` ids, and 256 MiB of counts. Beyond it the oldest go.
//!
//! The folder also holds the two keys under which subjects and ids are hashed (`private_file`). Nothing in it
//! names a user, an address or an id.

mod journal;
mod note;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use journal::{Journal, Kept, Kind};
use record::{Entries, Records};

pub use note::{EventMark, Note, QuotaCount};

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// Minutes for which a count is of use: a window, and the slot in which it began.
const COUNT_MINUTES: u32 = 61;
/// Hours for which an id is of use.
const EVENT_HOURS: u32 = 24;
/// Most bytes of counts: ten million of them, 2,900 a second for an hour.
const COUNTS_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Least bytes of a journal.
const JOURNAL_MIN_BYTES: u64 = 1024 * 1024;

/// The segment of the log that a record comes from: its number, and the random bits that tell it from
/// another one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Number of the segment.
    pub segment: u64,
    /// Its random bits.
    pub salt: u64,
}

/// Where the journals are, and how large they may be.
#[derive(Clone, Debug)]
pub struct RecallOptions {
    /// The folder; made if it is not there.
    pub dir: PathBuf,
    /// Ids that there is room for.
    pub ids_max: usize,
}

/// The journals, to be written to. Clones share them.
#[derive(Clone, Debug)]
pub struct Recall {
    /// Held over I/O: the flush, which waits for it anyhow, is the only one that comes here.
    journals: Arc<Mutex<Journals>>,
}

#[derive(Debug)]
struct Journals {
    counts: Journal,
    events: Journal,
}

/// What the journals held when they were opened, to be read once.
#[derive(Debug)]
pub struct Remembered {
    files: Vec<PathBuf>,
    now_ms: i64,
}

/// Something that is still of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Items that were admitted.
    Count(QuotaCount),
    /// An id that was stored.
    Event(EventMark),
}

impl Recall {
    /// Opens the folder. Read what is remembered before anything new is noted.
    ///
    /// # Errors
    /// The folder cannot be made or listed.
    pub fn open(options: &RecallOptions, now_ms: i64) -> io::Result<(Self, Remembered)> {
        let dir = &options.dir;
        if !dir.exists() {
            std::fs::create_dir_all(dir)?;
            dir.parent().map_or(Ok(()), journal::sync_dir)?;
        }
        let mut found = list(dir)?;
        let ids_bytes = u64::try_from(options.ids_max)
            .unwrap_or(u64::MAX)
            .saturating_mul(9);
        let mut open = |kind: Kind, bytes_max| {
            let mut kept = std::mem::take(&mut found[kind as usize]);
            kept.make_contiguous().sort_unstable_by_key(|kept| kept.number);
            let mut journal = Journal::new(kind, dir.clone(), bytes_max, kept);
            journal.prune(hour(now_ms));
            journal
        };
        let journals = Journals {
            counts: open(Kind::Counts, COUNTS_MAX_BYTES),
            events: open(Kind::Events, ids_bytes.max(JOURNAL_MIN_BYTES)),
        };
        let files = [&journals.counts, &journals.events]
            .into_iter()
            .flat_map(|journal| journal.kept().map(|kept| journal.path(kept)))
            .collect();
        let recall = Self {
            journals: Arc::new(Mutex::new(journals)),
        };
        Ok((recall, Remembered { files, now_ms }))
    }

    /// Writes down what a segment holds, before it is released. Blocks on the disk. May be repeated.
    ///
    /// # Errors
    /// Something could not be written; repeat it, or it is forgotten at the next start.
    pub fn note_segment(
        &self,
        source: Source,
        notes: impl IntoIterator<Item = Note>,
        now_ms: i64,
    ) -> io::Result<()> {
        let (counts, events) = of_use(notes, now_ms);
        let mut journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = Vec::new();
        for (hour, fingerprints) in events {
            record::push_events(&mut record, source, hour, fingerprints.into_iter());
        }
        if !record.is_empty() {
            journals.events.append(&record, hour(now_ms))?;
        }
        if !counts.is_empty() {
            record.clear();
            // One record: the next start takes all counts of a segment from one place.
            record::push_counts(&mut record, source, &counts);
            journals.counts.append(&record, hour(now_ms))?;
        }
        Ok(())
    }
}

/// What is worth a record: counts added up by who, what and when, and ids by hour.
fn of_use(notes: impl IntoIterator<Item = Note>, now_ms: i64) -> (Vec<QuotaCount>, BTreeMap<u32, Vec<u64>>) {
    let mut sums: HashMap<(u64, u64, u8, u32), u32> = HashMap::new();
    let mut events: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for note in notes {
        if let Some(count) = note.count.filter(|count| is_count_of_use(count, now_ms)) {
            let key = (count.subject, count.network, count.class, count.minute);
            let sum = sums.entry(key).or_default();
            *sum = sum.saturating_add(count.count);
        }
        if let Some(event) = note.event.filter(|event| is_event_of_use(event, now_ms)) {
            events.entry(event.hour).or_default().push(event.fingerprint);
        }
    }
    let counts = sums
        .into_iter()
        .map(|((subject, network, class, minute), count)| QuotaCount {
            subject,
            network,
            class,
            minute,
            count,
        });
    (counts.collect(), events)
}

fn list(dir: &std::path::Path) -> io::Result<[VecDeque<Kept>; 2]> {
    let mut found = [VecDeque::new(), VecDeque::new()];
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        for kind in Kind::ALL {
            if let Some((hour, number)) = kind.parse(name).filter(|_| metadata.is_file()) {
                found[kind as usize].push_back(Kept {
                    hour,
                    number,
                    bytes: metadata.len(),
                });
            }
        }
    }
    Ok(found)
}

impl Remembered {
    /// Hands over what is still of use, the oldest first. Returns the segments whose counts are among it: the log may
    /// still have them.
    pub fn replay(self, mut each: impl FnMut(Memory)) -> HashSet<Source> {
        let mut sources = HashSet::new();
        for path in &self.files {
            let file = match std::fs::read(path) {
                Ok(file) => file,
                Err(error) => {
                    tracing::warn!(file = %path.display(), %error, "a journal cannot be read: what it holds is forgotten");
                    continue;
                }
            };
            let mut records = Records::of(&file);
            for (source, entries) in records.by_ref() {
                match entries {
                    Entries::Counts(counts) if sources.insert(source) => counts
                        .into_iter()
                        .filter(|count| is_count_of_use(count, self.now_ms))
                        .for_each(|count| each(Memory::Count(count))),
                    Entries::Counts(_) => {}
                    Entries::Events(events) => events
                        .into_iter()
                        .filter(|event| is_event_of_use(event, self.now_ms))
                        .for_each(|event| each(Memory::Event(event))),
                }
            }
            if records.damaged_bytes > 0 {
                tracing::warn!(file = %path.display(), bytes = records.damaged_bytes, "a journal is torn or damaged: what is whole of it counts");
            }
        }
        sources
    }
}

/// True while a count may matter to a quota.
#[must_use]
pub fn is_count_of_use(count: &QuotaCount, now_ms: i64) -> bool {
    i64::from(count.minute) + i64::from(COUNT_MINUTES) >= now_ms / MINUTE_MS
}

/// True while an id may come again.
#[must_use]
pub fn is_event_of_use(event: &EventMark, now_ms: i64) -> bool {
    i64::from(event.hour) + i64::from(EVENT_HOURS) >= now_ms / HOUR_MS
}

fn hour(now_ms: i64) -> u32 {
    u32::try_from(now_ms.max(0) / HOUR_MS).unwrap_or(u32::MAX)
}
