//! The writer: the thread that turns what the lanes have collected into frames, and frames into sealed
//! segments.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::clock::{self, UnixMicros};
use crate::config::Durability;

use super::AppendError;
use super::disk::Outstanding;
use super::files::LogFile;
use super::frame::{FRAME_HEADER_BYTES, FrameBuilder};
use super::keeper::{Fate, Prepared, Retired};
use super::layout::{DATA_START, Identity, seal_offset};
use super::pending::{Chunk, LaneShared};
use super::seal::Seal;
use super::segment::{Origin, Place, SealedSegment};
use super::shared::Shared;

/// The segment that takes frames.
#[derive(Debug)]
struct Active {
    file: Box<dyn LogFile>,
    path: PathBuf,
    identity: Identity,
    end: usize,
    frames: u64,
    rows: u64,
    first_sequence: u64,
    first_frame: Option<(Instant, UnixMicros)>,
    first_priority: Option<Instant>,
}

impl From<Prepared> for Active {
    fn from(prepared: Prepared) -> Self {
        Self {
            file: prepared.file,
            path: prepared.path,
            identity: prepared.identity,
            end: DATA_START,
            frames: 0,
            rows: 0,
            first_sequence: 0,
            first_frame: None,
            first_priority: None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    lanes: Vec<Arc<LaneShared>>,
    lanes_generation: u64,
    /// The lane that is asked first next time, so that none starves.
    first_lane: usize,
    /// Chunks of the frame under way, with the index of their lane.
    taken: Vec<(usize, Chunk)>,
    frame: FrameBuilder,
    active: Option<Active>,
    /// Sequence of the next frame.
    sequence: u64,
    last_start: Option<Instant>,
    last_priority_seal: Option<Instant>,
}

/// The log can take nothing any more.
struct Poisoned;

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, sequence: u64) -> Self {
        Self {
            shared,
            lanes: Vec::new(),
            lanes_generation: u64::MAX,
            first_lane: 0,
            taken: Vec::new(),
            frame: FrameBuilder::default(),
            active: None,
            sequence,
            last_start: None,
            last_priority_seal: None,
        }
    }

    /// The body of the thread. Whoever waits when it ends is told, whatever ended it.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.work()));
        let outcome = match ended {
            Ok(Ok(())) => AppendError::Closed,
            Ok(Err(Poisoned)) => AppendError::Poisoned,
            Err(_panic) => {
                tracing::error!("the writer of the log panicked: the log is poisoned");
                AppendError::Poisoned
            }
        };
        if outcome == AppendError::Poisoned {
            shared.poison();
        }
        self.refuse_everything(outcome);
        shared.ledger.end();
        shared.keeper.stop();
    }

    fn work(&mut self) -> Result<(), Poisoned> {
        loop {
            // Read before looking at anything: what is signalled later makes `park` return at once.
            let signals = self.shared.signals.load(Ordering::SeqCst);
            self.refresh_lanes();
            if self.gather() {
                self.commit()?;
                self.seal_if_due(Instant::now());
                self.pace();
            } else if self.shared.gate.closing.load(Ordering::SeqCst) {
                self.seal();
                return Ok(());
            } else {
                let due = self.seal_if_due(Instant::now());
                self.park(signals, due);
            }
        }
    }

    fn refresh_lanes(&mut self) {
        let generation = self.shared.lanes_generation.load(Ordering::SeqCst);
        if generation == self.lanes_generation
            && !self.lanes.iter().any(|lane| lane.gone.load(Ordering::Acquire))
        {
            return;
        }
        let mut registry = self.shared.lanes();
        registry
            .lanes
            .retain(|lane| !lane.gone.load(Ordering::Acquire) || !lane.lock().is_empty());
        self.lanes.clone_from(&registry.lanes);
        self.lanes_generation = generation;
    }

    /// Takes chunks from the lanes until a frame is full. False when there are none.
    fn gather(&mut self) -> bool {
        let limit = self.shared.gate.chunk_max_bytes;
        let rows_max = self.shared.options.rows_max;
        let (mut bytes, mut rows) = (0, 0_u32);
        let lanes = self.lanes.len();
        for turn in 0..lanes {
            let index = (self.first_lane + turn) % lanes;
            let mut pending = self.lanes[index].lock();
            while let Some(chunk) = pending.take_if(|chunk| {
                let fits =
                    bytes + chunk.framed_bytes() <= limit && rows.saturating_add(chunk.rows) <= rows_max;
                bytes == 0 || fits
            }) {
                bytes += chunk.framed_bytes();
                rows = rows.saturating_add(chunk.rows);
                self.taken.push((index, chunk));
            }
        }
        self.first_lane = self.first_lane.wrapping_add(1);
        !self.taken.is_empty()
    }

    fn commit(&mut self) -> Result<(), Poisoned> {
        let start = Instant::now();
        self.last_start = Some(start);
        let bytes: usize = self.taken.iter().map(|(_, chunk)| chunk.framed_bytes()).sum();
        self.frame.start(FRAME_HEADER_BYTES + bytes);
        for (_, chunk) in &self.taken {
            chunk.write_to(&mut self.frame);
        }
        let priority = self.taken.iter().any(|(_, chunk)| chunk.priority);
        self.make_room();
        let Some(active) = &mut self.active else {
            self.resolve(Err(AppendError::Full));
            return Ok(());
        };
        let rows = u64::from(self.frame.rows());
        let frame = self.frame.finish(active.identity, self.sequence);
        if let Err(error) = write_at(active.file.as_ref(), frame, active.end) {
            tracing::error!(segment = %active.identity.id, %error, "a write to the log failed: its rows are refused");
            self.abandon();
            self.resolve(Err(AppendError::Full));
            return Ok(());
        }
        if self.shared.options.durability == Durability::Fsync
            && let Err(error) = active.file.sync_data()
        {
            tracing::error!(segment = %active.identity.id, %error, "a sync of the log failed: the log is poisoned");
            self.resolve(Err(AppendError::Poisoned));
            return Err(Poisoned);
        }
        let now = Instant::now();
        if active.frames == 0 {
            active.first_sequence = self.sequence;
            active.first_frame = Some((start, clock::now()));
        }
        if priority && active.first_priority.is_none() {
            active.first_priority = Some(start);
        }
        active.end += frame.len();
        active.frames += 1;
        active.rows += rows;
        self.sequence += 1;
        self.shared.stats.committed(rows, now - start);
        self.shared
            .stats
            .active(active.rows, active.first_frame.map(|(_, at)| at));
        self.resolve(Ok(()));
        Ok(())
    }

    /// Makes the active segment one that has room for the frame; none when there is no space.
    fn make_room(&mut self) {
        let needed = self.frame.padded_bytes();
        let limit = seal_offset(self.shared.disk.segment_bytes);
        let rows_max = u64::from(self.shared.options.rows_max);
        if let Some(active) = &self.active {
            let fits = active.end + needed <= limit;
            let rows_fit = active.frames == 0 || active.rows + u64::from(self.frame.rows()) <= rows_max;
            if fits && rows_fit {
                return;
            }
            self.seal();
        }
        self.active = self.shared.keeper.next_segment().map(Active::from);
    }

    /// Tells the lanes the outcome, gives them their buffers back, and wakes each of them once.
    fn resolve(&mut self, outcome: Result<(), AppendError>) {
        let mut bytes = 0;
        for (_, chunk) in &self.taken {
            bytes += chunk.bytes;
            chunk.ticket.resolve(outcome);
        }
        self.shared.gate.pending_bytes.fetch_sub(bytes, Ordering::SeqCst);
        let mut woken = None;
        // A lane's chunks stand together.
        for (index, chunk) in self.taken.drain(..) {
            let lane = &self.lanes[index];
            if woken != Some(index) {
                lane.dispatcher.wake();
                woken = Some(index);
            }
            lane.lock().keep(chunk);
        }
    }

    /// Seals the active segment when it is old enough and the warehouse would get it at once; returns when
    /// to look again.
    fn seal_if_due(&mut self, now: Instant) -> Option<Instant> {
        let active = self.active.as_ref()?;
        let options = &self.shared.options;
        let (first_frame, _) = active.first_frame?;
        let by_age = first_frame + options.seal_after;
        let by_priority = active.first_priority.map(|at| match self.last_priority_seal {
            Some(last) => at.max(last + options.priority_seal_after),
            None => at,
        });
        let due = by_priority.map_or(by_age, |at| at.min(by_age));
        if active.rows >= u64::from(options.rows_max) {
            self.seal();
            return None;
        }
        if now < due {
            return Some(due);
        }
        // Behind a queue it would only wait, and more and smaller batches make the queue longer. Taking
        // the last of the queue signals the writer.
        if self.shared.ledger.is_drained() {
            if active.first_priority.is_some() {
                self.last_priority_seal = Some(now);
            }
            self.seal();
        }
        None
    }

    /// Hands the active segment over, if it holds anything.
    fn seal(&mut self) {
        if let Some(active) = self.active.take_if(|active| active.frames > 0) {
            self.hand_over(active);
        }
    }

    fn hand_over(&self, active: Active) {
        let seal = Seal {
            identity: active.identity,
            frames: active.frames,
            rows: active.rows,
            end: u64::try_from(active.end).unwrap_or(u64::MAX),
            first_sequence: active.first_sequence,
        };
        let disk = &self.shared.disk;
        if let Err(error) = write_at(
            active.file.as_ref(),
            &seal.encode(),
            seal_offset(disk.segment_bytes),
        ) {
            tracing::warn!(segment = %active.identity.id, %error, "cannot write the seal of a segment");
        }
        let next_sequence = active.first_sequence + active.frames;
        let segment = SealedSegment {
            id: active.identity.id,
            rows: active.rows,
            bytes: u64::try_from(active.end - DATA_START).unwrap_or(u64::MAX),
            origin: Origin::Live,
            place: Arc::new(Place {
                path: active.path.clone(),
                identity: active.identity,
                node: disk.node,
                tables: Arc::clone(&disk.tables),
                end: active.end,
                sequences: active.first_sequence..next_sequence,
            }),
        };
        self.shared.ledger.push(
            segment,
            Outstanding {
                path: active.path,
                file_bytes: disk.file_bytes(),
                rows: active.rows,
                next_sequence,
                since: active.first_frame.map_or_else(clock::now, |(_, at)| at),
                released: false,
                damaged: false,
                read_damaged: false,
            },
        );
        self.shared.stats.active(0, None);
    }

    /// After a failed write: what stands behind the last whole frame must never be followed by another.
    fn abandon(&mut self) {
        let Some(active) = self.active.take() else {
            return;
        };
        if active.frames > 0 {
            self.hand_over(active);
            return;
        }
        self.shared.keeper.retire(Retired {
            path: active.path,
            file_bytes: self.shared.disk.file_bytes(),
            since: Instant::now(),
            fate: Fate::Remove,
        });
    }

    /// Under load, lets appends gather until the next commit is due.
    fn pace(&self) {
        let Some(next) = self
            .last_start
            .map(|start| start + self.shared.options.commit_interval)
        else {
            return;
        };
        while !self.shared.gate.closing.load(Ordering::SeqCst) {
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    /// Waits for an append, a signal or `until`.
    fn park(&self, signals: u64, until: Option<Instant>) {
        let gate = &self.shared.gate;
        gate.idle.store(true, Ordering::SeqCst);
        let quiet = gate.pending_bytes.load(Ordering::SeqCst) == 0
            && self.shared.signals.load(Ordering::SeqCst) == signals;
        if quiet {
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => std::thread::park(),
                Some(Duration::ZERO) => {}
                Some(left) => std::thread::park_timeout(left),
            }
        }
        gate.idle.store(false, Ordering::SeqCst);
    }

    /// The end: everything that waits or will ever come is refused.
    fn refuse_everything(&mut self, outcome: AppendError) {
        self.lanes.clear();
        self.lanes_generation = u64::MAX;
        let lanes = {
            let mut registry = self.shared.lanes();
            registry.refusal = Some(outcome);
            registry.lanes.clone()
        };
        for (_, chunk) in self.taken.drain(..) {
            chunk.ticket.resolve(Err(outcome));
        }
        for lane in lanes {
            let mut pending = lane.lock();
            pending.refusal = Some(outcome);
            while let Some(chunk) = pending.take_if(|_| true) {
                chunk.ticket.resolve(Err(outcome));
            }
            drop(pending);
            lane.dispatcher.wake();
        }
    }
}

fn write_at(file: &dyn LogFile, bytes: &[u8], offset: usize) -> io::Result<()> {
    file.write_all_at(bytes, u64::try_from(offset).map_err(io::Error::other)?)
}
