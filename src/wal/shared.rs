//! What the log's threads and its handles share.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::UnixMicros;

use super::checkpoint::CheckpointFile;
use super::disk::{Disk, Ledger, Outstanding};
use super::files::LockGuard;
use super::keeper::{self, Fate, Keeper, Retired};
use super::layout::SegmentId;
use super::pending::{Gate, LaneShared};
use super::{AppendError, WalError, WalOptions};

pub(super) struct Shared {
    pub(super) options: WalOptions,
    pub(super) disk: Arc<Disk>,
    pub(super) gate: Arc<Gate>,
    pub(super) keeper: Keeper,
    pub(super) ledger: Ledger,
    pub(super) stats: Stats,
    /// Raised when lanes come; the writer then reads the registry again.
    pub(super) lanes_generation: AtomicU64,
    /// Counts what the writer should look at even if no append comes.
    pub(super) signals: AtomicU64,
    registry: Mutex<Registry>,
    /// Held over the checkpoint's I/O, by releases only.
    checkpoint: Mutex<CheckpointFile>,
    poisoned: watch::Sender<bool>,
    _lock: LockGuard,
}

/// The lanes that there are.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) lanes: Vec<Arc<LaneShared>>,
    /// Set when the writer has ended: a lane that comes later is born refused.
    pub(super) refusal: Option<AppendError>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wal")
            .field("dir", &self.disk.dir)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(
        options: WalOptions,
        disk: Arc<Disk>,
        gate: Arc<Gate>,
        keeper: Keeper,
        checkpoint: CheckpointFile,
        lock: LockGuard,
    ) -> Self {
        Self {
            options,
            disk,
            gate,
            keeper,
            ledger: Ledger::default(),
            stats: Stats::default(),
            lanes_generation: AtomicU64::new(0),
            signals: AtomicU64::new(0),
            registry: Mutex::default(),
            checkpoint: Mutex::new(checkpoint),
            poisoned: watch::Sender::new(false),
            _lock: lock,
        }
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_lane(&self) -> Arc<LaneShared> {
        let lane = Arc::<LaneShared>::default();
        let mut registry = self.lanes();
        lane.lock().refusal = registry.refusal;
        registry.lanes.push(Arc::clone(&lane));
        drop(registry);
        self.lanes_generation.fetch_add(1, Ordering::SeqCst);
        self.signal_writer();
        lane
    }

    /// Makes the writer look at everything again.
    pub(super) fn signal_writer(&self) {
        self.signals.fetch_add(1, Ordering::SeqCst);
        self.gate.wake_writer();
    }

    pub(super) fn poison(&self) {
        self.poisoned.send_replace(true);
    }

    pub(super) fn is_poisoned(&self) -> bool {
        *self.poisoned.borrow()
    }

    pub(super) fn watch_poison(&self) -> watch::Receiver<bool> {
        self.poisoned.subscribe()
    }

    /// Notes that the warehouse has a segment, and moves the checkpoint if it was the oldest one.
    pub(super) fn release(&self, id: SegmentId) -> Result<(), WalError> {
        let mut checkpoint = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        let done: Vec<(SegmentId, Outstanding)> = {
            let mut ledger = self.ledger.lock();
            if let Some(outstanding) = ledger.outstanding.get_mut(&id) {
                outstanding.released = true;
            }
            ledger
                .outstanding
                .iter()
                .take_while(|(_, outstanding)| outstanding.released)
                .map(|(id, outstanding)| (*id, outstanding.clone()))
                .collect()
        };
        let Some((last, last_outstanding)) = done.last() else {
            return Ok(());
        };
        // Before the checkpoint passes them: behind it a file is free to be used again.
        for (id, outstanding) in done.iter().filter(|(_, outstanding)| outstanding.damaged) {
            self.quarantine(*id, outstanding)?;
        }
        self.advance(&mut checkpoint, *last, last_outstanding.next_sequence)?;
        let mut ledger = self.ledger.lock();
        for (id, _) in &done {
            ledger.outstanding.remove(id);
        }
        drop(ledger);
        drop(checkpoint);
        for (_, outstanding) in done.into_iter().filter(|(_, outstanding)| !outstanding.damaged) {
            self.keeper.retire(Retired {
                path: outstanding.path,
                file_bytes: outstanding.file_bytes,
                since: std::time::Instant::now(),
                fate: Fate::Recycle,
            });
        }
        Ok(())
    }

    fn quarantine(&self, id: SegmentId, outstanding: &Outstanding) -> Result<(), WalError> {
        match keeper::quarantine(&self.disk, &outstanding.path) {
            Ok(()) => {
                tracing::error!(segment = %id, "a damaged segment of the log is now in the quarantine");
                self.keeper.forget_bytes(outstanding.file_bytes);
                Ok(())
            }
            // Moved by an earlier try, whose checkpoint then failed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(WalError::io(&outstanding.path, source)),
        }
    }

    fn advance(&self, checkpoint: &mut CheckpointFile, id: SegmentId, sequence: u64) -> Result<(), WalError> {
        loop {
            match checkpoint.advance(id, sequence) {
                Ok(()) => return Ok(()),
                Err(error) if is_no_space(&error) && self.keeper.give_up_spare() => {}
                Err(source) => {
                    return Err(WalError::io(
                        &self.disk.dir.join(super::segment::CHECKPOINT),
                        source,
                    ));
                }
            }
        }
    }
}

fn is_no_space(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    )
}

/// Numbers for whoever asks; each is right for itself.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) commits: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) last_commit_us: AtomicU64,
    pub(super) active_rows: AtomicU64,
    /// µs since 1970; 0: the active segment is empty.
    pub(super) active_since: AtomicI64,
}

impl Stats {
    pub(super) fn committed(&self, rows: u64, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_commit_us.store(micros, Ordering::Relaxed);
    }

    pub(super) fn active(&self, rows: u64, since: Option<UnixMicros>) {
        self.active_rows.store(rows, Ordering::Relaxed);
        self.active_since
            .store(since.map_or(0, |at| at.0), Ordering::Relaxed);
    }
}
