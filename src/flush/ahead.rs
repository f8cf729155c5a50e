//! Reads the log one segment ahead of the warehouse, so that disk and warehouse work at the same time.
//!
//! At most one segment is read ahead, so with the one under way at most two are in memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::batch::Batch;
use super::status::Board;
use crate::domain::table::Table;
use crate::ledger::Sums;
use crate::recall::{Note, Source};
use crate::wal::{Origin, SealedSegment, SegmentId, TableRows, Wal};

/// How often a segment that cannot be read is tried again before the next one gets its turn.
const READ_TRIES: u32 = 5;
const READ_PAUSE: Duration = Duration::from_millis(500);

/// A segment in memory.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) id: SegmentId,
    /// The warehouse may have forgotten its tokens: look its rows up before they are sent.
    pub(super) tokens_forgotten: bool,
    pub(super) batches: Vec<Batch>,
    /// What its rows and notes add up to in the ledger.
    pub(super) sums: Sums,
    /// The token under which the sums are inserted.
    pub(super) ledger_token: String,
    /// Where the notes come from.
    pub(super) source: Source,
    /// Notes of what must be known after a restart, in place of the segment: slices of its buffer, like the batches.
    notes: Vec<TableRows>,
}

impl Loaded {
    /// What must be known after a restart. Read when it is needed: as many notes as rows would take more memory than these.
    pub(super) fn notes(&self) -> impl Iterator<Item = Note> {
        self.notes
            .iter()
            .flat_map(TableRows::rows)
            .filter_map(Note::decode)
    }
}

/// The place for the segment that has been read ahead.
#[derive(Clone, Debug)]
pub(super) struct Ahead(Arc<watch::Sender<Slot>>);

#[derive(Clone, Debug)]
enum Slot {
    Empty,
    Ready(Arc<Loaded>),
    /// The log is closed and everything in it has been taken.
    Ended,
}

impl Ahead {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Slot::Empty)))
    }

    /// Keeps the place filled until the log ends.
    pub(super) async fn fill(self, wal: Wal, board: Arc<Board>) {
        let mut watching = self.0.subscribe();
        loop {
            if watching
                .wait_for(|slot| matches!(slot, Slot::Empty))
                .await
                .is_err()
            {
                return;
            }
            let Some(segment) = wal.next_sealed().await else {
                self.0.send_replace(Slot::Ended);
                return;
            };
            if let Some(loaded) = load(&wal, segment, &board).await {
                self.0.send_replace(Slot::Ready(Arc::new(loaded)));
            }
        }
    }

    /// The next segment, in order; waits for it. `None` when the log has ended.
    pub(super) async fn take(&self) -> Option<Arc<Loaded>> {
        let mut watching = self.0.subscribe();
        let slot = watching
            .wait_for(|slot| !matches!(slot, Slot::Empty))
            .await
            .ok()?
            .clone();
        match slot {
            Slot::Ready(loaded) => {
                self.0.send_replace(Slot::Empty);
                Some(loaded)
            }
            Slot::Empty | Slot::Ended => None,
        }
    }

    /// The segment behind the one under way, when it has been read.
    pub(super) fn peek(&self) -> Option<Arc<Loaded>> {
        match &*self.0.borrow() {
            Slot::Ready(loaded) => Some(Arc::clone(loaded)),
            Slot::Empty | Slot::Ended => None,
        }
    }
}

/// Reads a segment. One that cannot be read after some tries is left in the log, so that the ones behind it
/// are not held up; it is delivered again at the next start.
async fn load(wal: &Wal, segment: SealedSegment, board: &Board) -> Option<Loaded> {
    let mut tries = 0;
    loop {
        let (log, taken) = (wal.clone(), segment.clone());
        let read = move || log.read(&taken).map(|rows| (Sums::of_tables(rows.named()), rows));
        let error = match tokio::task::spawn_blocking(read).await {
            Ok(Ok((sums, rows))) => {
                let (local, for_warehouse): (Vec<_>, Vec<_>) =
                    rows.tables.into_iter().partition(|rows| is_local(&rows.table));
                let batches = for_warehouse
                    .into_iter()
                    .filter(|table| !table.row_bytes.is_empty())
                    .map(|table| Batch::new(segment.token(&table.table), table))
                    .collect();
                return Some(Loaded {
                    id: segment.id,
                    tokens_forgotten: segment.origin == Origin::RecoveredOtherBoot,
                    batches,
                    sums,
                    ledger_token: segment.token(Table::Ledger.name()),
                    source: Source {
                        segment: segment.id.0,
                        salt: segment.salt(),
                    },
                    notes: local
                        .into_iter()
                        .filter(|rows| rows.table == Table::Recall.name())
                        .collect(),
                });
            }
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        tries += 1;
        if tries == READ_TRIES {
            tracing::error!(segment = %segment.id, error, "a segment of the log cannot be read; it stays in the log, the next one goes on");
            board.unreadable(format!("segment {} cannot be read: {error}", segment.id));
            return None;
        }
        tokio::time::sleep(READ_PAUSE).await;
    }
}

fn is_local(table: &str) -> bool {
    Table::from_name(table).is_some_and(Table::is_local)
}
