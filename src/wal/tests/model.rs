//! A service around the log: clients that remember what was acknowledged, and a warehouse that takes each
//! token once. Whatever happens to the disk, `Service::check` must hold at the end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;

use super::harness;
use super::sim::{SimDisk, Stop};
use crate::domain::table::Table;
use crate::wal::{AppendError, Commit, Finding, Lane, SealedSegment, Wal, WalOptions};

/// The folder on the simulated disk.
pub(super) fn dir() -> PathBuf {
    PathBuf::from("/wal")
}

/// A few frames a segment.
pub(super) fn options() -> WalOptions {
    WalOptions {
        segment_max_bytes: 9 * 4_096,
        max_bytes: 1 << 20,
        ..harness::options(&dir())
    }
}

/// One step of a life of the service.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Appends rows of one request and waits for the answer, or not.
    Append {
        lane: usize,
        table: Table,
        row_bytes: Vec<usize>,
        priority: bool,
        waits: bool,
    },
    /// Hands what is sealed to the warehouse; the log is told of it, or not.
    Flush { releases: bool },
    /// Hands over nothing more than the queue holds, out of order.
    FlushBackwards,
    /// Closes the log, so that the rest of the life only flushes.
    Close,
}

#[derive(Debug)]
struct Append {
    lane: usize,
    rows: usize,
    is_acknowledged: bool,
}

#[derive(Debug, Default)]
pub(super) struct Service {
    /// Appends so far.
    appends: Vec<Append>,
    /// Tokens that the warehouse has.
    tokens: HashSet<String>,
    /// Rows in the order in which the warehouse took them.
    stored: Vec<(String, String)>,
    pub(super) findings: Vec<Finding>,
    pub(super) refusals: Vec<AppendError>,
}

impl Service {
    /// One life of the process on this disk, up to its end or the disk's.
    pub(super) async fn live(&mut self, disk: &SimDisk, options: &WalOptions, steps: &[Step]) {
        let Ok((wal, recovery)) = Wal::open(options.clone(), Arc::new(disk.clone())) else {
            assert!(disk.operations() > 0, "a disk without faults opens");
            return;
        };
        self.findings.extend(recovery.findings);
        let lanes = [wal.lane(), wal.lane()];
        let mut waiting = Vec::new();
        for step in steps {
            match step {
                Step::Append {
                    lane,
                    table,
                    row_bytes,
                    priority,
                    waits,
                } => {
                    let lane = lane % 2;
                    let commit = self.append((lane, &lanes[lane]), *table, row_bytes, *priority);
                    match commit {
                        Ok((number, commit)) if *waits => waiting.push((number, commit)),
                        Ok(_dropped) => {}
                        Err(refusal) => self.refusals.push(refusal),
                    }
                    // Some answers are waited for together.
                    if waiting.len() == 3 {
                        self.wait(&mut waiting).await;
                    }
                }
                Step::Flush { releases } => {
                    self.wait(&mut waiting).await;
                    self.flush(&wal, *releases);
                }
                Step::FlushBackwards => {
                    self.wait(&mut waiting).await;
                    self.flush_backwards(&wal);
                }
                Step::Close => {
                    self.wait(&mut waiting).await;
                    wal.close();
                }
            }
        }
        self.wait(&mut waiting).await;
    }

    fn append(
        &mut self,
        (index, lane): (usize, &Lane),
        table: Table,
        row_bytes: &[usize],
        priority: bool,
    ) -> Result<(usize, Commit), AppendError> {
        let number = self.appends.len();
        self.appends.push(Append {
            lane: index,
            rows: row_bytes.len(),
            is_acknowledged: false,
        });
        let commit = lane.append(priority, |rows| {
            for (row, length) in row_bytes.iter().enumerate() {
                let text = format!("{number}:{row}:{}", "x".repeat(*length));
                rows.row(table, |bytes| bytes.extend_from_slice(text.as_bytes()));
            }
        })?;
        Ok((number, commit))
    }

    async fn wait(&mut self, waiting: &mut Vec<(usize, Commit)>) {
        for (number, commit) in waiting.drain(..) {
            match commit.await {
                Ok(()) => self.appends[number].is_acknowledged = true,
                Err(refusal) => self.refusals.push(refusal),
            }
        }
    }

    fn flush(&mut self, wal: &Wal, releases: bool) {
        while let Some(Some(segment)) = wal.next_sealed().now_or_never() {
            if self.insert(wal, &segment) && releases {
                // A failed release is tried again with the next one; what matters is checked at the end.
                drop(wal.release(segment.id));
            }
        }
    }

    fn flush_backwards(&mut self, wal: &Wal) {
        let mut taken = Vec::new();
        while let Some(Some(segment)) = wal.next_sealed().now_or_never() {
            if self.insert(wal, &segment) {
                taken.push(segment);
            }
        }
        for segment in taken.iter().rev() {
            drop(wal.release(segment.id));
        }
    }

    /// Stores the segment's rows, each table under its token, unless the token is known.
    fn insert(&mut self, wal: &Wal, segment: &SealedSegment) -> bool {
        let Ok(read) = wal.read(segment) else {
            return false;
        };
        if read.tables.is_empty() {
            return true;
        }
        let rows = harness::rows_of(read);
        let mut by_table = BTreeMap::<String, Vec<String>>::new();
        for (table, text) in rows {
            by_table.entry(table).or_default().push(text);
        }
        for (table, texts) in by_table {
            if self.tokens.insert(segment.token(&table)) {
                self.stored
                    .extend(texts.into_iter().map(|text| (table.clone(), text)));
            }
        }
        true
    }

    /// The last life, on a disk without faults: everything that the log still has goes to the warehouse.
    pub(super) async fn finish(&mut self, disk: &SimDisk, options: &WalOptions) {
        let (wal, recovery) = harness::open_on(options.clone(), Arc::new(disk.clone()));
        self.findings.extend(recovery.findings);
        wal.close();
        while let Some(segment) = wal.next_sealed().await {
            assert!(self.insert(&wal, &segment));
            wal.release(segment.id).unwrap();
        }
    }

    /// Acknowledged rows are there once; refused ones at most once, and never in part; none is invented;
    /// the rows of a lane and table stand in the order in which they were appended.
    pub(super) fn check(&self) {
        let mut rows_found: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut last: HashMap<(&str, usize), (usize, usize)> = HashMap::new();
        for (table, text) in &self.stored {
            let mut parts = text.split(':');
            let mut number = || parts.next().unwrap().parse::<usize>().unwrap();
            let position = (number(), number());
            rows_found.entry(position.0).or_default().push(position.1);
            let lane = self.appends[position.0].lane;
            if let Some(before) = last.insert((table, lane), position) {
                assert!(
                    before < position,
                    "{table}: {position:?} stands behind {before:?}"
                );
            }
        }
        for (number, append) in self.appends.iter().enumerate() {
            let found = rows_found.remove(&number).unwrap_or_default();
            let all: Vec<usize> = (0..append.rows).collect();
            assert!(
                found == all || (found.is_empty() && !append.is_acknowledged),
                "append {number} {append:?} has rows {found:?}"
            );
        }
        assert!(rows_found.is_empty(), "rows that nobody appended: {rows_found:?}");
    }

    /// No crash and no refused write looks like damage. One case cannot be told from it: a sync fails, the
    /// next process still reads the frame from the kernel's memory, and then the power goes and takes it.
    pub(super) fn check_no_damage_was_seen(&self, disk: &SimDisk) {
        for finding in &self.findings {
            let is_alarm = match finding {
                Finding::TornTail { .. } | Finding::Refused { .. } => false,
                // Each commit that failed may have left a frame that a later life saw, and the power took.
                Finding::Missing { frames, .. } => *frames > disk.syncs_failed(),
                // A block spoilt by the loss of power while it was written.
                Finding::CheckpointOlder => !disk.has_spoilt_blocks(),
                _ => true,
            };
            assert!(!is_alarm, "a false alarm: {finding}");
        }
    }

    pub(super) fn rows_stored(&self) -> usize {
        self.stored.len()
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.appends
            .iter()
            .filter(|append| append.is_acknowledged)
            .count()
    }
}

/// Lives the steps on the disk, stops it, and checks what a last life without faults delivers.
pub(super) async fn live_and_check(disk: &SimDisk, lives: &[(Vec<Step>, Stop)]) -> (Service, SimDisk) {
    let mut service = Service::default();
    let mut disk = disk.clone();
    for (steps, stop) in lives {
        service.live(&disk, &options(), steps).await;
        disk = disk.restart(*stop);
    }
    service.finish(&disk, &options()).await;
    service.check();
    // The folder of a log that has delivered everything opens again and has nothing.
    let disk = disk.restart(Stop::Process);
    let before = service.rows_stored();
    service.finish(&disk, &options()).await;
    assert_eq!(service.rows_stored(), before);
    (service, disk)
}

/// The file of a name in the folder.
pub(super) fn file(name: &str) -> PathBuf {
    Path::new("/wal").join(name)
}
