//! What a lane has collected and the writer has not yet taken.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use futures_util::task::AtomicWaker;

use crate::domain::table::{FIRST_LOCAL_ID, Table};

use super::AppendError;
use super::frame::{FrameBuilder, SECTION_HEADER_BYTES};

const TABLES: usize = Table::ALL.len();
/// Emptied chunks that a lane keeps for reuse: one fills while another is written.
const CHUNKS_KEPT: usize = 2;
/// A table's buffer that is reused may be this large without question.
const BUFFER_KEPT_BYTES: usize = 256 * 1024;

/// State that every append looks at. Apart from the log's other state, so that a lane that outlives the
/// log holds neither its files nor its lock.
#[derive(Debug)]
pub(super) struct Gate {
    /// Set when the log is closed: what has been collected is committed, nothing is added.
    pub(super) closing: AtomicBool,
    /// Set by the writer when no segment is to be had, cleared by the keeper when there is one.
    pub(super) full: AtomicBool,
    /// Bytes that wait for their commit in all lanes, those in the frame under way included.
    pub(super) pending_bytes: AtomicUsize,
    pub(super) pending_max_bytes: usize,
    /// Largest append, in bytes of sections.
    pub(super) append_max_bytes: usize,
    /// From this size on a lane opens another chunk.
    pub(super) chunk_max_bytes: usize,
    pub(super) chunk_max_rows: u32,
    /// `memory`: an append is acknowledged when it is collected.
    pub(super) acknowledge_at_once: bool,
    /// The writer is about to park, or parked.
    pub(super) idle: AtomicBool,
    pub(super) writer: OnceLock<Thread>,
}

impl Gate {
    /// Wakes the writer if it is idle. The order (change first, `idle` second; the writer the other way
    /// round) is what keeps a wake-up from getting lost.
    pub(super) fn wake_writer(&self) {
        if self.idle.load(Ordering::SeqCst)
            && self.idle.swap(false, Ordering::SeqCst)
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }
}

/// The outcome of one chunk's commit.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicU8);

impl Ticket {
    pub(super) fn resolve(&self, outcome: Result<(), AppendError>) {
        let code = match outcome {
            Ok(()) => 1,
            Err(AppendError::Full) => 2,
            Err(AppendError::Overloaded) => 3,
            Err(AppendError::Poisoned) => 4,
            Err(AppendError::Closed) => 5,
            Err(AppendError::TooLarge) => 6,
        };
        self.0.store(code, Ordering::Release);
    }

    pub(super) fn outcome(&self) -> Option<Result<(), AppendError>> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Ok(())),
            2 => Some(Err(AppendError::Full)),
            3 => Some(Err(AppendError::Overloaded)),
            4 => Some(Err(AppendError::Poisoned)),
            5 => Some(Err(AppendError::Closed)),
            _ => Some(Err(AppendError::TooLarge)),
        }
    }
}

#[derive(Debug, Default)]
struct TableBuffer {
    lengths: Vec<u32>,
    payload: Vec<u8>,
}

/// Appends of one lane that will stand in the same frame.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    tables: [TableBuffer; TABLES],
    /// Rows for the warehouse; those of local tables are not counted.
    pub(super) rows: u32,
    /// Bytes of payload and row lengths.
    pub(super) bytes: usize,
    pub(super) priority: bool,
    pub(super) ticket: Arc<Ticket>,
}

/// The size of a chunk before an append.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    tables: [(usize, usize); TABLES],
    rows: u32,
    pub(super) bytes: usize,
}

const fn slot(table: Table) -> usize {
    if table.is_local() {
        LOCAL_FROM + (table.id() - FIRST_LOCAL_ID) as usize
    } else {
        table.id() as usize - 1
    }
}

/// Place of the first local table.
const LOCAL_FROM: usize = {
    let mut index = 0;
    while !Table::ALL[index].is_local() {
        index += 1;
    }
    index
};

const _: () = {
    let mut index = 0;
    while index < TABLES {
        assert!(
            slot(Table::ALL[index]) == index,
            "ids of tables are dense from 1, local ones come last"
        );
        index += 1;
    }
};

impl Chunk {
    /// Adds one row. `encode` only appends.
    pub(super) fn row(&mut self, table: Table, encode: impl FnOnce(&mut Vec<u8>)) {
        let buffer = &mut self.tables[slot(table)];
        let before = buffer.payload.len();
        encode(&mut buffer.payload);
        let length = buffer
            .payload
            .len()
            .checked_sub(before)
            .expect("the encoder of a row appends and never removes");
        // Longer than 4 GiB: far above the largest append, which refuses it.
        buffer.lengths.push(u32::try_from(length).unwrap_or(u32::MAX));
        if !table.is_local() {
            self.rows = self.rows.saturating_add(1);
        }
        self.bytes += length + size_of::<u32>();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            tables: std::array::from_fn(|index| {
                let buffer = &self.tables[index];
                (buffer.lengths.len(), buffer.payload.len())
            }),
            rows: self.rows,
            bytes: self.bytes,
        }
    }

    /// Forgets everything since the mark.
    pub(super) fn truncate(&mut self, mark: &Mark) {
        for (buffer, (rows, bytes)) in self.tables.iter_mut().zip(mark.tables) {
            buffer.lengths.truncate(rows);
            buffer.payload.truncate(bytes);
        }
        self.rows = mark.rows;
        self.bytes = mark.bytes;
    }

    /// Moves everything since the mark into `other`, which is empty.
    fn move_tail(&mut self, mark: &Mark, other: &mut Self) {
        let tails = self.tables.iter_mut().zip(&mut other.tables).zip(mark.tables);
        for ((from, to), (rows, bytes)) in tails {
            to.lengths.extend_from_slice(&from.lengths[rows..]);
            to.payload.extend_from_slice(&from.payload[bytes..]);
        }
        other.rows = self.rows - mark.rows;
        other.bytes = self.bytes - mark.bytes;
        self.truncate(mark);
    }

    /// Copies the rows into the frame.
    pub(super) fn write_to(&self, frame: &mut FrameBuilder) {
        for (table, buffer) in Table::ALL.into_iter().zip(&self.tables) {
            if !buffer.lengths.is_empty() {
                frame.section(table.id(), &buffer.lengths, &buffer.payload);
            }
        }
    }

    /// Most bytes that the chunk takes in a frame.
    pub(super) const fn framed_bytes(&self) -> usize {
        self.bytes + TABLES * SECTION_HEADER_BYTES
    }

    fn clear(&mut self) {
        for buffer in &mut self.tables {
            let used = buffer.payload.len();
            buffer.lengths.clear();
            buffer.payload.clear();
            if buffer.payload.capacity() > BUFFER_KEPT_BYTES.max(4 * used) {
                buffer.payload.shrink_to(2 * used);
            }
            if buffer.lengths.capacity() > BUFFER_KEPT_BYTES / 4 {
                buffer.lengths.shrink_to(0);
            }
        }
        self.rows = 0;
        self.bytes = 0;
        self.priority = false;
        self.ticket = Arc::default();
    }
}

/// A lane's appends, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    chunks: VecDeque<Chunk>,
    kept: Vec<Chunk>,
    /// Set when the log takes nothing any more: an append that comes later would never be committed.
    pub(super) refusal: Option<AppendError>,
}

impl Pending {
    /// The chunk that takes the next append.
    pub(super) fn open_chunk(&mut self, gate: &Gate) -> &mut Chunk {
        let has_room = self
            .chunks
            .back()
            .is_some_and(|chunk| chunk.bytes < gate.chunk_max_bytes && chunk.rows < gate.chunk_max_rows);
        if !has_room {
            let chunk = self.kept.pop().unwrap_or_default();
            self.chunks.push_back(chunk);
        }
        self.chunks.back_mut().expect("one was pushed if there was none")
    }

    /// After an append: if the last chunk has become too large by it, the append gets a chunk of its own.
    /// Returns the chunk in which the append stands.
    pub(super) fn settle(&mut self, gate: &Gate, mark: &Mark) -> &mut Chunk {
        let last = self.chunks.back_mut().expect("the append was written to it");
        let too_large = last.bytes > gate.chunk_max_bytes || last.rows > gate.chunk_max_rows;
        if too_large && mark.bytes > 0 {
            let mut own = self.kept.pop().unwrap_or_default();
            last.move_tail(mark, &mut own);
            self.chunks.push_back(own);
        }
        self.chunks.back_mut().expect("the append was written to it")
    }

    /// Takes the oldest chunk if `wanted` agrees.
    pub(super) fn take_if(&mut self, wanted: impl FnOnce(&Chunk) -> bool) -> Option<Chunk> {
        let oldest = self.chunks.front()?;
        if oldest.bytes == 0 || !wanted(oldest) {
            return None;
        }
        self.chunks.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.iter().all(|chunk| chunk.bytes == 0)
    }

    /// Takes back a chunk whose commit is over.
    pub(super) fn keep(&mut self, mut chunk: Chunk) {
        if self.kept.len() < CHUNKS_KEPT {
            chunk.clear();
            self.kept.push(chunk);
        }
    }
}

/// The part of a lane that worker and writer share.
#[derive(Debug, Default)]
pub(super) struct LaneShared {
    /// Held for the copying of rows, never over I/O; contended only for the moment in which the writer
    /// takes a chunk.
    pending: Mutex<Pending>,
    /// The lane's dispatcher: the one task that the writer wakes.
    pub(super) dispatcher: AtomicWaker,
    /// The worker has dropped the lane.
    pub(super) gone: AtomicBool,
}

impl LaneShared {
    /// A panic under the lock leaves nothing half-done (see `lane::Rollback`), so poisoning says nothing.
    pub(super) fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
