//! The write-ahead log: what makes a beacon durable before it is answered, and a batch out of beacons.
//!
#![doc = include_str!("../docs/wal-format.md")]
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]

mod checkpoint;
mod disk;
mod error;
mod files;
mod frame;
mod header;
mod keeper;
mod lane;
mod layout;
mod pending;
mod recovery;
mod scan;
mod seal;
mod segment;
mod shared;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock;
use crate::config::Durability;

pub use error::{AppendError, WalError};
pub use files::{Access, Entry, FileSystem, LockGuard, LogFile, SystemFiles};
#[doc(hidden)]
pub use frame::FrameMeasure;
pub use lane::{Commit, Lane, RowSink};
pub use layout::SegmentId;
pub use recovery::{Finding, Recovery};
pub use segment::{Origin, SealedSegment, SegmentRows, TableRows};

use disk::Disk;
use frame::{FRAME_HEADER_BYTES, SECTION_HEADER_BYTES};
use keeper::Keeper;
use layout::{BLOCK_BYTES, capacity};
use pending::Gate;
use shared::Shared;
use writer::Writer;

/// From this size on a frame takes no more chunks: large enough for any bandwidth, small enough for memory.
const FRAME_TARGET_BYTES: usize = 4 * 1024 * 1024;
/// Time in which the threads must have ended when the log is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How the log works.
#[derive(Clone, Debug)]
pub struct WalOptions {
    /// The log's folder; created if it is not there.
    pub dir: PathBuf,
    /// When an append counts as committed.
    pub durability: Durability,
    /// Most bytes that the log's files may take, the quarantine not counted.
    pub max_bytes: u64,
    /// Length of a segment's file; rounded down to whole blocks of 4,096 bytes, at least five.
    pub segment_max_bytes: u64,
    /// Most bytes that may wait in memory for their commit.
    pub pending_max_bytes: usize,
    /// Least time between the starts of two commits; the first one after a pause is immediate.
    pub commit_interval: Duration,
    /// Age at which a segment is sealed, unless another one still waits to be taken.
    pub seal_after: Duration,
    /// The same for a segment that holds an append with priority; also the least time between two such seals.
    pub priority_seal_after: Duration,
    /// Most rows in a segment; only a single append with more goes beyond it.
    pub rows_max: u32,
    /// Time for which a file is kept after its release.
    pub grace: Duration,
}

/// The state of the log, for people and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalStatus {
    /// Length of all files, the quarantine not counted.
    pub bytes_on_disk: u64,
    /// Segments that are sealed and that the warehouse does not have.
    pub segments_waiting: u64,
    /// Rows that are committed and that the warehouse does not have.
    pub rows_waiting: u64,
    /// Age of the oldest of those rows.
    pub oldest_age: Option<Duration>,
    /// Bytes that wait in memory for their commit.
    pub pending_bytes: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Rows committed since the start.
    pub rows: u64,
    /// Duration of the last commit.
    pub last_commit: Duration,
    /// Appends are refused for want of space.
    pub full: bool,
    /// A sync failed.
    pub poisoned: bool,
    /// Segments that were found damaged since the start.
    pub damaged_segments: u64,
    /// Frames that were lost in them, as far as they have been read.
    pub frames_lost: u64,
}

/// The log. Clones are cheap and share it; when the last one goes, its threads end.
#[derive(Clone, Debug)]
pub struct Wal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    node: String,
    /// `None` when the log has been closed.
    threads: Mutex<Option<Threads>>,
}

#[derive(Debug)]
struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// Disconnected when all of them have ended.
    ended: Receiver<()>,
}

impl Wal {
    /// Opens the log in its folder and takes stock of what is there. Segments of earlier processes come
    /// first from [`Wal::next_sealed`].
    ///
    /// # Errors
    /// The folder is used by another process, holds segments of a newer version, or cannot be worked with.
    pub fn open(options: WalOptions, files: Arc<dyn FileSystem>) -> Result<(Self, Recovery), WalError> {
        let dir = options.dir.clone();
        let io = |source| WalError::io(&dir, source);
        files.create_dir_all(&dir.join(segment::QUARANTINE)).map_err(io)?;
        let lock = files
            .lock(&dir.join(segment::LOCK))
            .map_err(io)?
            .ok_or_else(|| WalError::Locked(dir.clone()))?;
        let segment_bytes = usize::try_from(options.segment_max_bytes).map_err(|_| WalError::TooLarge)?;
        let disk = Disk {
            boot: files.boot_id(),
            files,
            dir: dir.clone(),
            segment_bytes: (segment_bytes / BLOCK_BYTES).max(5) * BLOCK_BYTES,
            max_bytes: options.max_bytes,
            node: [0; 16],
            tables: header::current_tables().into(),
        };
        let recovered = recovery::recover(disk)?;
        let disk = Arc::new(recovered.disk);
        let gate = Arc::new(gate(&options, disk.segment_bytes));
        let keeper = Keeper::new(
            Arc::clone(&disk),
            Arc::clone(&gate),
            options.grace,
            recovered.keeper,
        );
        keeper.check_header()?;
        let shared = Arc::new(Shared::new(
            options,
            disk,
            gate,
            keeper,
            recovered.checkpoint,
            lock,
        ));
        for (segment, outstanding) in recovered.segments {
            shared.ledger.push(segment, outstanding);
        }
        let threads = start_threads(&shared, recovered.next_sequence)?;
        let inner = Inner {
            node: segment::hex(&shared.disk.node),
            shared,
            threads: Mutex::new(Some(threads)),
        };
        let wal = Self {
            inner: Arc::new(inner),
        };
        Ok((wal, recovered.recovery))
    }

    /// A way into the log for the calling thread, on which it stays. The thread must run a
    /// `tokio::task::LocalSet`, as each actix worker does.
    ///
    /// # Panics
    /// Without a `LocalSet`.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane::start(Arc::clone(&self.inner.shared.gate), self.inner.shared.add_lane())
    }

    /// The next segment for the warehouse, in order of ids; for one consumer. `None` after
    /// [`Wal::close`], when there are no more.
    pub async fn next_sealed(&self) -> Option<SealedSegment> {
        let next = self.inner.shared.ledger.next().await;
        if next.is_some() {
            // The active segment may be old enough and have waited for this one to go first.
            self.inner.shared.signal_writer();
        }
        next
    }

    /// The segments that [`Wal::next_sealed`] would give, in order, without taking them.
    #[must_use]
    pub fn waiting(&self) -> Vec<SealedSegment> {
        self.inner.shared.ledger.lock().queue.iter().cloned().collect()
    }

    /// The rows of a sealed segment. Blocks; takes as much memory as the segment has bytes. Damage is
    /// logged, counted in [`SegmentRows::frames_lost`], and costs the damaged frames only.
    ///
    /// # Errors
    /// The file cannot be read at all.
    pub fn read(&self, segment: &SealedSegment) -> Result<SegmentRows, WalError> {
        let shared = &self.inner.shared;
        let place = &segment.place;
        let rows = place
            .read(shared.disk.files.as_ref())
            .map_err(|source| WalError::io(&place.path, source))?;
        if rows.frames_lost > 0 {
            let mut ledger = shared.ledger.lock();
            if let Some(outstanding) = ledger.outstanding.get_mut(&segment.id)
                && !std::mem::replace(&mut outstanding.read_damaged, true)
            {
                outstanding.damaged = true;
                ledger.damaged_segments += 1;
                ledger.frames_lost += rows.frames_lost;
                tracing::error!(
                    segment = %segment.id,
                    frames_lost = rows.frames_lost,
                    "a segment of the log is damaged: what is whole of it is delivered, the file will be kept"
                );
            }
        }
        Ok(rows)
    }

    /// Tells the log that the warehouse has a segment. Blocks on the disk: when it returns and all
    /// segments before are released too, the segment is not delivered again.
    ///
    /// # Errors
    /// The checkpoint could not be moved; the segment counts as released all the same, and the next
    /// release tries again.
    pub fn release(&self, id: SegmentId) -> Result<(), WalError> {
        self.inner.shared.release(id)
    }

    /// The state of the log.
    #[must_use]
    pub fn status(&self) -> WalStatus {
        let shared = &self.inner.shared;
        let stats = &shared.stats;
        let active_since = stats.active_since.load(Ordering::Relaxed);
        let mut oldest = (active_since != 0).then_some(clock::UnixMicros(active_since));
        let mut status = WalStatus {
            bytes_on_disk: shared.keeper.bytes(),
            rows_waiting: stats.active_rows.load(Ordering::Relaxed),
            pending_bytes: u64::try_from(shared.gate.pending_bytes.load(Ordering::Relaxed))
                .unwrap_or(u64::MAX),
            commits: stats.commits.load(Ordering::Relaxed),
            rows: stats.rows.load(Ordering::Relaxed),
            last_commit: Duration::from_micros(stats.last_commit_us.load(Ordering::Relaxed)),
            full: shared.gate.full.load(Ordering::Relaxed),
            poisoned: shared.is_poisoned(),
            ..WalStatus::default()
        };
        let ledger = shared.ledger.lock();
        for outstanding in ledger
            .outstanding
            .values()
            .filter(|outstanding| !outstanding.released)
        {
            status.segments_waiting += 1;
            status.rows_waiting += outstanding.rows;
            oldest = Some(oldest.map_or(outstanding.since, |oldest| oldest.min(outstanding.since)));
        }
        status.damaged_segments = ledger.damaged_segments;
        status.frames_lost = ledger.frames_lost;
        drop(ledger);
        status.oldest_age = oldest.map(|oldest| {
            let age_us = clock::now().0.saturating_sub(oldest.0);
            Duration::from_micros(u64::try_from(age_us).unwrap_or(0))
        });
        status
    }

    /// Resolves when a sync has failed. The process must then end: only the disk knows what is durable.
    pub async fn poisoned(&self) {
        let mut poisoned = self.inner.shared.watch_poison();
        if poisoned.wait_for(|poisoned| *poisoned).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Refuses further appends, commits what waits and seals the active segment. Blocks until that is
    /// done, at most some seconds. Sealed segments can still be taken, read and released.
    pub fn close(&self) {
        self.inner.stop();
        let threads = self
            .inner
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(threads) = threads else { return };
        match threads.ended.recv_timeout(CLOSE_TIMEOUT) {
            // A panic in one has been logged and told to the waiters where it happened.
            Err(RecvTimeoutError::Disconnected) | Ok(()) => {
                threads.handles.into_iter().for_each(|thread| drop(thread.join()));
            }
            Err(RecvTimeoutError::Timeout) => {
                tracing::error!("the log did not close in time: an operation on its files hangs");
            }
        }
    }

    /// The log's random id, made when the folder was.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.inner.node
    }
}

impl Inner {
    fn stop(&self) {
        self.shared.gate.closing.store(true, Ordering::SeqCst);
        self.shared.signal_writer();
        // In a paced pause the writer is not idle; it looks at `closing` when woken.
        if let Some(writer) = self.shared.gate.writer.get() {
            writer.unpark();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn gate(options: &WalOptions, segment_bytes: usize) -> Gate {
    let sections = crate::domain::table::Table::ALL.len() * SECTION_HEADER_BYTES;
    let append_max_bytes = capacity(segment_bytes) - FRAME_HEADER_BYTES - sections;
    Gate {
        closing: AtomicBool::new(false),
        full: AtomicBool::new(false),
        pending_bytes: AtomicUsize::new(0),
        pending_max_bytes: options.pending_max_bytes,
        append_max_bytes,
        chunk_max_bytes: append_max_bytes.min(FRAME_TARGET_BYTES),
        chunk_max_rows: options.rows_max.max(1),
        acknowledge_at_once: options.durability == Durability::Memory,
        idle: AtomicBool::new(false),
        writer: OnceLock::new(),
    }
}

fn start_threads(shared: &Arc<Shared>, next_sequence: u64) -> Result<Threads, WalError> {
    let (alive, ended) = mpsc::sync_channel(1);
    let for_keeper = Arc::clone(shared);
    let keeper_alive = alive.clone();
    let keeper = std::thread::Builder::new()
        .name("wal-keeper".to_owned())
        .spawn(move || {
            if for_keeper.keeper.run().is_err() {
                tracing::error!("the keeper of the log's files panicked: the log is poisoned");
                for_keeper.poison();
            }
            drop((for_keeper, keeper_alive));
        })
        .map_err(WalError::Thread)?;
    let writer = Writer::new(Arc::clone(shared), next_sequence);
    let writer = std::thread::Builder::new()
        .name("wal-writer".to_owned())
        .spawn(move || {
            writer.run();
            drop(alive);
        })
        .map_err(|source| {
            shared.keeper.stop();
            WalError::Thread(source)
        })?;
    // Until this is set the writer cannot be woken; it is then woken once, to look at what came before.
    let _first = shared.gate.writer.set(writer.thread().clone());
    writer.thread().unpark();
    Ok(Threads {
        handles: vec![writer, keeper],
        ended,
    })
}
