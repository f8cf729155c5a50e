//! What every part of the log that touches files shares: the folder, the operations on it, and the ledger
//! of segments that the warehouse does not have yet.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::clock::UnixMicros;

use super::files::FileSystem;
use super::header::TableColumns;
use super::layout::SegmentId;
use super::segment::SealedSegment;

/// The folder.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) files: Arc<dyn FileSystem>,
    pub(super) dir: PathBuf,
    pub(super) segment_bytes: usize,
    pub(super) max_bytes: u64,
    pub(super) node: [u8; 16],
    pub(super) boot: [u8; 16],
    pub(super) tables: Arc<[TableColumns]>,
}

impl Disk {
    /// Length of a segment's file.
    pub(super) fn file_bytes(&self) -> u64 {
        u64::try_from(self.segment_bytes).unwrap_or(u64::MAX)
    }
}

/// A sealed segment that is not yet behind the checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Outstanding {
    pub(super) path: PathBuf,
    pub(super) file_bytes: u64,
    pub(super) rows: u64,
    /// Sequence behind its last frame.
    pub(super) next_sequence: u64,
    /// Time of its first frame; for recovered ones, of the file.
    pub(super) since: UnixMicros,
    pub(super) released: bool,
    pub(super) damaged: bool,
    /// Reading it has shown damage, which has been counted and logged.
    pub(super) read_damaged: bool,
}

/// Sealed segments on their way to the warehouse.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    state: Mutex<LedgerState>,
    /// Something was sealed, or nothing more will be.
    changed: Notify,
}

#[derive(Debug, Default)]
pub(super) struct LedgerState {
    /// Not yet handed out, in order of ids.
    pub(super) queue: VecDeque<SealedSegment>,
    pub(super) outstanding: BTreeMap<SegmentId, Outstanding>,
    /// Nothing will be sealed any more.
    ended: bool,
    pub(super) damaged_segments: u64,
    pub(super) frames_lost: u64,
}

impl Ledger {
    /// Held for moments only; a panic under it leaves nothing half-done.
    pub(super) fn lock(&self) -> MutexGuard<'_, LedgerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, segment: SealedSegment, outstanding: Outstanding) {
        let mut state = self.lock();
        state.outstanding.insert(segment.id, outstanding);
        state.queue.push_back(segment);
        drop(state);
        self.changed.notify_one();
    }

    /// Tells the consumer that it will get what is queued and nothing more.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    /// The next segment; `None` when there will be none.
    pub(super) async fn next(&self) -> Option<SealedSegment> {
        loop {
            {
                let mut state = self.lock();
                if let Some(segment) = state.queue.pop_front() {
                    return Some(segment);
                }
                if state.ended {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Nothing waits to be taken: sealing early makes the warehouse have it early.
    pub(super) fn is_drained(&self) -> bool {
        self.lock().queue.is_empty()
    }
}
