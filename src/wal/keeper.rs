//! The keeper: the thread that has files ready before they are needed and takes them back afterwards, so
//! that a commit never waits for either.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

use super::WalError;
use super::disk::Disk;
use super::files::{Access, LogFile};
use super::header::Header;
use super::layout::{BLOCK_BYTES, Identity, SegmentId};
use super::pending::Gate;
use super::segment::{QUARANTINE, segment_path, spare_path};

/// Spares that are never made segments: given up when the checkpoint finds no space.
const RESERVE: usize = 1;
/// Spares that are kept ready beside the reserve.
const READY_SPARES: usize = 1;
/// Most spares that released files are kept as.
pub(super) const SPARES_MAX: usize = 6;
/// Pause between two tries to make a file when there was no space.
const RETRY: Duration = Duration::from_millis(200);
/// Bytes of zeroes in one write.
const ZEROES: usize = 256 * BLOCK_BYTES;

/// A segment that is ready for frames: named, with a header, all of it durable.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) file: Box<dyn LogFile>,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

/// What becomes of a file that is needed no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A spare, or removed when there are enough.
    Recycle,
    /// Removed: it has failed a write.
    Remove,
}

/// A file that is needed no more after the grace time.
#[derive(Clone, Debug)]
pub(super) struct Retired {
    pub(super) path: PathBuf,
    pub(super) file_bytes: u64,
    pub(super) since: Instant,
    pub(super) fate: Fate,
}

#[derive(Debug)]
pub(super) struct Keeper {
    disk: Arc<Disk>,
    gate: Arc<Gate>,
    grace: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) spares: Vec<PathBuf>,
    pub(super) retired: VecDeque<Retired>,
    pub(super) next_id: u64,
    pub(super) next_spare: u64,
    /// Length of all files of the log outside the quarantine.
    pub(super) bytes: u64,
    ready: Option<Prepared>,
    /// No segment is ready and none can be made now.
    blocked: bool,
    retry_at: Option<Instant>,
    stop: bool,
}

enum Action {
    Stop,
    Wait(Option<Duration>),
    Retire(Retired),
    Prepare(PathBuf, SegmentId),
    Prewrite(PathBuf),
}

impl Keeper {
    pub(super) fn new(disk: Arc<Disk>, gate: Arc<Gate>, grace: Duration, state: State) -> Self {
        Self {
            disk,
            gate,
            grace,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next segment; waits while one is being made. `None`: there is no space for one. Then appends
    /// are refused until there is.
    pub(super) fn next_segment(&self) -> Option<Prepared> {
        let mut state = self.lock();
        loop {
            if let Some(ready) = state.ready.take() {
                self.changed.notify_all();
                return Some(ready);
            }
            if state.blocked || state.stop {
                // Under the lock, so that it cannot overtake the keeper's clearing it.
                if !self.gate.full.swap(true, Ordering::SeqCst) {
                    tracing::error!(
                        bytes = state.bytes,
                        max_bytes = self.disk.max_bytes,
                        "the log is full: beacons are refused until the warehouse has taken some or there is space"
                    );
                }
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a file back.
    pub(super) fn retire(&self, retired: Retired) {
        self.lock().retired.push_back(retired);
        self.changed.notify_all();
    }

    /// Removes a spare, to make space for the checkpoint. False when there is none.
    pub(super) fn give_up_spare(&self) -> bool {
        let Some(path) = self.lock().spares.pop() else {
            return false;
        };
        tracing::warn!("no space for the checkpoint of the log: giving up a reserved file");
        let removed = self.disk.files.remove(&path).is_ok();
        if removed {
            let mut state = self.lock();
            state.bytes = state.bytes.saturating_sub(self.disk.file_bytes());
        }
        removed
    }

    /// That a header can be written at all, which depends on the version's column lists only.
    pub(super) fn check_header(&self) -> Result<(), WalError> {
        let identity = Identity {
            id: SegmentId(0),
            salt: 0,
        };
        header(&self.disk, identity)
            .encode()
            .map(drop)
            .ok_or(WalError::Header)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// A file has left the folder by another way.
    pub(super) fn forget_bytes(&self, bytes: u64) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// The body of the thread.
    pub(super) fn run(&self) -> std::thread::Result<()> {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.work()));
        // Whoever waits for a segment must not wait for ever.
        self.stop();
        ended
    }

    fn work(&self) {
        loop {
            let action = {
                let mut state = self.lock();
                let action = self.choose(&mut state, Instant::now());
                if let Action::Wait(timeout) = action {
                    self.wait(state, timeout);
                    continue;
                }
                action
            };
            match action {
                Action::Stop => return,
                Action::Wait(_) => {}
                Action::Retire(retired) => self.put_away(&retired),
                Action::Prepare(spare, id) => self.prepare(spare, id),
                Action::Prewrite(path) => self.prewrite(path),
            }
        }
    }

    fn wait(&self, state: MutexGuard<'_, State>, timeout: Option<Duration>) {
        // What happened is looked at afresh each time, so what ended the wait does not matter.
        match timeout {
            None => drop(self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)),
            Some(timeout) => drop(
                self.changed
                    .wait_timeout(state, timeout)
                    .unwrap_or_else(PoisonError::into_inner),
            ),
        }
    }

    fn choose(&self, state: &mut State, now: Instant) -> Action {
        if state.stop {
            return Action::Stop;
        }
        let grace_over = state.retired.front().map(|retired| retired.since + self.grace);
        if grace_over.is_some_and(|at| at <= now)
            && let Some(retired) = state.retired.pop_front()
        {
            return Action::Retire(retired);
        }
        let is_needed = state.ready.is_none();
        let is_pausing = state.retry_at.is_some_and(|at| at > now);
        let can_prepare = is_needed && state.spares.len() > RESERVE;
        if can_prepare
            && !is_pausing
            && let Some(spare) = state.spares.pop()
        {
            let id = SegmentId(state.next_id);
            state.next_id += 1;
            return Action::Prepare(spare, id);
        }
        let has_room = state.bytes + self.disk.file_bytes() <= self.disk.max_bytes;
        let can_prewrite = has_room && state.spares.len() < RESERVE + READY_SPARES;
        if can_prewrite && !is_pausing {
            let path = spare_path(&self.disk.dir, state.next_spare);
            state.next_spare += 1;
            state.bytes += self.disk.file_bytes();
            return Action::Prewrite(path);
        }
        if is_needed {
            // Grace is a courtesy; taking rows comes first.
            if let Some(retired) = state.retired.pop_front() {
                return Action::Retire(retired);
            }
            state.blocked = true;
            self.changed.notify_all();
        }
        let retry = state.retry_at.filter(|_| can_prepare || can_prewrite);
        let next = [grace_over, retry].into_iter().flatten().min();
        Action::Wait(next.map(|at| at.saturating_duration_since(now)))
    }

    fn put_away(&self, retired: &Retired) {
        let files = &self.disk.files;
        let recycled = {
            let mut state = self.lock();
            let wanted = retired.fate == Fate::Recycle
                && retired.file_bytes == self.disk.file_bytes()
                && state.spares.len() < SPARES_MAX
                && state.bytes <= self.disk.max_bytes;
            wanted.then(|| {
                state.next_spare += 1;
                spare_path(&self.disk.dir, state.next_spare - 1)
            })
        };
        let done = match &recycled {
            Some(spare) => files.rename(&retired.path, spare),
            None => files.remove(&retired.path),
        };
        match done {
            Ok(()) => {
                let mut state = self.lock();
                match recycled {
                    Some(spare) => {
                        state.spares.push(spare);
                        state.retry_at = None;
                    }
                    None => state.bytes = state.bytes.saturating_sub(retired.file_bytes),
                }
            }
            // It stays below the checkpoint; the next start finds it there.
            Err(error) => {
                tracing::warn!(file = %retired.path.display(), %error, "cannot put away a file of the log");
            }
        }
    }

    fn prepare(&self, spare: PathBuf, id: SegmentId) {
        let identity = Identity {
            id,
            salt: random_salt(),
        };
        match make_segment(&self.disk, &spare, identity) {
            Ok(prepared) => {
                let mut state = self.lock();
                state.ready = Some(prepared);
                state.blocked = false;
                if self.gate.full.swap(false, Ordering::SeqCst) {
                    tracing::info!("the log takes beacons again");
                }
                drop(state);
                self.changed.notify_all();
            }
            Err(error) => {
                tracing::warn!(segment = %id, %error, "cannot make a segment of the log");
                self.discard(&[spare, segment_path(&self.disk.dir, id)]);
            }
        }
    }

    fn prewrite(&self, path: PathBuf) {
        match write_zeroes(&self.disk, &path) {
            Ok(()) => {
                let mut state = self.lock();
                state.spares.push(path);
                state.retry_at = None;
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "cannot make a file for the log");
                self.discard(&[new_spare_path(&path), path]);
            }
        }
    }

    /// Removes what is left of a file whose making failed, so that its space is free, and pauses.
    fn discard(&self, paths: &[PathBuf]) {
        for path in paths {
            if let Err(error) = self.disk.files.remove(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(file = %path.display(), %error, "cannot remove an unfinished file of the log");
            }
        }
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(self.disk.file_bytes());
        state.retry_at = Some(Instant::now() + RETRY);
    }
}

/// Moves a file to the quarantine.
pub(super) fn quarantine(disk: &Disk, path: &Path) -> io::Result<()> {
    let dir = disk.dir.join(QUARANTINE);
    disk.files.create_dir_all(&dir)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let taken: Vec<String> = disk
        .files
        .list(&dir)?
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    let name = name.to_string_lossy();
    let free = std::iter::once(name.to_string())
        .chain((1_u32..).map(|number| format!("{name}.{number}")))
        .find(|candidate| !taken.contains(candidate))
        .ok_or(io::ErrorKind::AlreadyExists)?;
    disk.files.rename(path, &dir.join(free))?;
    disk.files.sync_dir(&dir)?;
    disk.files.sync_dir(&disk.dir)
}

/// Makes a spare. Under its own name it is whole: one whose sync failed must not be mistaken for one.
fn write_zeroes(disk: &Disk, path: &Path) -> io::Result<()> {
    let new = new_spare_path(path);
    let file = disk.files.open(&new, Access::Create)?;
    let zeroes = vec![0; ZEROES.min(disk.segment_bytes)];
    let mut offset = 0;
    while offset < disk.segment_bytes {
        let length = zeroes.len().min(disk.segment_bytes - offset);
        file.write_all_at(
            &zeroes[..length],
            u64::try_from(offset).map_err(io::Error::other)?,
        )?;
        offset += length;
    }
    file.sync_data()?;
    disk.files.rename(&new, path)
}

fn new_spare_path(path: &Path) -> PathBuf {
    path.with_extension("wal.new")
}

fn header(disk: &Disk, identity: Identity) -> Header {
    Header {
        identity,
        file_bytes: disk.file_bytes(),
        created: clock::now(),
        node: disk.node,
        boot: disk.boot,
        tables: disk.tables.to_vec(),
    }
}

fn make_segment(disk: &Disk, spare: &Path, identity: Identity) -> io::Result<Prepared> {
    let block = header(disk, identity)
        .encode()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let file = disk.files.open(spare, Access::Write)?;
    file.write_all_at(&block.repeat(2), 0)?;
    file.sync_data()?;
    let path = segment_path(&disk.dir, identity.id);
    disk.files.rename(spare, &path)?;
    disk.files.sync_dir(&disk.dir)?;
    Ok(Prepared { file, path, identity })
}

fn random_salt() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    // The fixed bits of a version-4 UUID stand in different places of the two halves.
    high ^ low.rotate_left(32)
}
