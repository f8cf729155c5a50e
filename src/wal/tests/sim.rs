//! A disk in memory that can fail at any operation, lose power, and forget what was not synced.
//!
//! Contents and names are kept twice: as the running system sees them, and as the medium has them. What lies
//! between is lost at the loss of power, in sectors of 512 bytes: all of it, none of it or some of it.
//! Names are lost as a journalling file system loses them: the later ones first.

mod files;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

const SECTOR: usize = 512;
const BLOCK: usize = crate::wal::layout::BLOCK_BYTES;

/// What goes wrong at one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The operation fails and does nothing; a sync that fails leaves what it should have synced unsure
    /// for good, as Linux does.
    Error,
    /// A write does half of its work and fails for want of space.
    Short,
    /// A write does all of its work and fails all the same.
    Lie,
    /// The machine stops here: this operation is done in part, no later one is done at all.
    Halt,
}

/// How the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Only the process dies: the kernel keeps what it has.
    Process,
    /// The power goes, and the unsynced writes with it: all, none or some of them.
    Power(Loss),
}

/// What becomes of unsynced writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    All,
    None,
    Some,
    /// All, none, or the whole block of 4,096 bytes is spoiled, whatever else it held: a disk that promises
    /// nothing of a block in whose writing the power goes.
    Spoilt,
}

/// The kind of an operation, to aim faults at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Write,
    Sync,
    Rename,
    Remove,
    SyncDir,
}

#[derive(Debug, Default)]
struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync, oldest first.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// Writes whose sync failed: no later sync makes them durable, but the medium may have them.
    unsure: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum Naming {
    Add(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Debug)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<Naming>,
    dirs: BTreeSet<PathBuf>,
    locked: HashSet<PathBuf>,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    fault_on: Option<(Kind, Fault)>,
    /// For the next writes of frames and seals.
    segment_faults: VecDeque<Fault>,
    halted: bool,
    /// A sync has failed, in this life or an earlier one.
    syncs_failed: u64,
    /// The power has gone in the worst way, in this life or an earlier one.
    spoilt: bool,
    capacity: usize,
    boot: u8,
    random: SmallRng,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            dirs: BTreeSet::new(),
            locked: HashSet::new(),
            operations: 0,
            faults: BTreeMap::new(),
            fault_on: None,
            segment_faults: VecDeque::new(),
            halted: false,
            syncs_failed: 0,
            spoilt: false,
            capacity: usize::MAX,
            boot: 1,
            random: SmallRng::seed_from_u64(seed),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations so far.
    pub(super) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Puts a fault at the operation with this number.
    pub(super) fn fault_at(&self, operation: u64, fault: Fault) {
        self.lock().faults.insert(operation, fault);
    }

    /// Every operation of this kind fails from now on.
    pub(super) fn fault_on(&self, fault: Option<(Kind, Fault)>) {
        self.lock().fault_on = fault;
    }

    /// The next write of a frame or a seal that has no fault yet gets this one.
    pub(super) fn fault_segment_write(&self, fault: Fault) {
        self.lock().segment_faults.push_back(fault);
    }

    /// Sets the space for the contents of all files.
    pub(super) fn set_capacity(&self, bytes: usize) {
        self.lock().capacity = bytes;
    }

    /// Syncs that have failed, in this life and earlier ones.
    pub(super) fn syncs_failed(&self) -> u64 {
        self.lock().syncs_failed
    }

    /// The power has gone in the worst way, in this life or an earlier one.
    pub(super) fn has_spoilt_blocks(&self) -> bool {
        self.lock().spoilt
    }

    /// Nothing is done any more, for the process that runs.
    pub(super) fn halt(&self) {
        self.lock().halted = true;
    }

    /// The disk as the next process finds it. The one before it holds a dead disk.
    pub(super) fn restart(&self, stop: Stop) -> Self {
        let mut state = self.lock();
        state.halted = true;
        let seed = state.random.random();
        let mut next = State {
            inodes: Vec::new(),
            names: state.names.clone(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            dirs: state.dirs.clone(),
            locked: HashSet::new(),
            operations: 0,
            faults: BTreeMap::new(),
            fault_on: None,
            segment_faults: VecDeque::new(),
            halted: false,
            syncs_failed: state.syncs_failed,
            spoilt: state.spoilt || stop == Stop::Power(Loss::Spoilt),
            capacity: state.capacity,
            boot: state.boot,
            random: SmallRng::seed_from_u64(seed),
        };
        match stop {
            Stop::Process => {
                next.inodes = std::mem::take(&mut state.inodes);
                next.durable_names = state.durable_names.clone();
                next.unsynced_names = state.unsynced_names.clone();
            }
            Stop::Power(loss) => {
                next.boot = state.boot.wrapping_add(1);
                next.names = state.names_after(loss);
                next.durable_names = next.names.clone();
                let State { inodes, random, .. } = &mut *state;
                next.inodes = inodes.iter().map(|inode| inode.after(loss, random)).collect();
            }
        }
        Self(Arc::new(Mutex::new(next)))
    }

    /// Changes a file behind the log's back, durably.
    pub(super) fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let inode = state.names[path];
        let inode = &mut state.inodes[inode];
        change(&mut inode.seen);
        inode.durable = inode.seen.clone();
    }

    /// Puts a file there, durably.
    pub(super) fn put(&self, path: &Path, content: Vec<u8>) {
        let mut state = self.lock();
        state.inodes.push(Inode {
            durable: content.clone(),
            seen: content,
            ..Inode::default()
        });
        let inode = state.inodes.len() - 1;
        state.names.insert(path.to_owned(), inode);
        state.durable_names.insert(path.to_owned(), inode);
    }

    pub(super) fn delete(&self, path: &Path) {
        let mut state = self.lock();
        state.names.remove(path);
        state.durable_names.remove(path);
    }

    pub(super) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        state
            .names
            .get(path)
            .map(|inode| state.inodes[*inode].seen.clone())
    }

    /// A copy that shares nothing.
    pub(super) fn copy(&self) -> Self {
        let state = self.lock();
        let copy = Self::new(7);
        for (path, inode) in &state.names {
            copy.put(path, state.inodes[*inode].seen.clone());
        }
        copy.lock().dirs = state.dirs.clone();
        copy
    }

    /// Names of files below the folder, with the folder's own name cut off.
    pub(super) fn names(&self, dir: &Path) -> Vec<String> {
        let state = self.lock();
        let below = |path: &PathBuf| path.strip_prefix(dir).ok().map(|rest| rest.display().to_string());
        state.names.keys().filter_map(below).collect()
    }
}

impl Inode {
    fn after(&self, loss: Loss, random: &mut SmallRng) -> Self {
        let mut durable = self.durable.clone();
        let sector = if loss == Loss::Spoilt { BLOCK } else { SECTOR };
        for (offset, bytes) in self.unsure.iter().chain(&self.unsynced) {
            let mut from = 0;
            while from < bytes.len() {
                let sector_start = (offset + from) / sector * sector;
                let to = bytes.len().min(sector_start + sector - offset);
                let dice = random.random_range(0..3_u8);
                if loss == Loss::None || (dice > 0 && loss != Loss::All) {
                    write(&mut durable, offset + from, &bytes[from..to]);
                }
                if loss == Loss::Spoilt && dice == 2 {
                    let end = durable.len().min(sector_start + sector);
                    durable[sector_start..end].fill(0xa5);
                }
                from = to;
            }
        }
        Self {
            seen: durable.clone(),
            durable,
            ..Self::default()
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

impl State {
    fn names_after(&mut self, loss: Loss) -> BTreeMap<PathBuf, usize> {
        let mut names = self.durable_names.clone();
        let kept = match loss {
            Loss::All => 0,
            Loss::None => self.unsynced_names.len(),
            Loss::Some | Loss::Spoilt => self.random.random_range(0..=self.unsynced_names.len()),
        };
        for naming in &self.unsynced_names[..kept] {
            apply(&mut names, naming);
        }
        names
    }

    /// Counts an operation; tells what goes wrong at it.
    fn begin(&mut self, kind: Kind) -> io::Result<Option<Fault>> {
        if self.halted {
            return Err(io::Error::other("the machine has stopped"));
        }
        let number = self.operations;
        self.operations += 1;
        let everywhere = self
            .fault_on
            .filter(|(wanted, _)| *wanted == kind)
            .map(|(_, fault)| fault);
        let fault = self.faults.remove(&number).or(everywhere);
        if fault == Some(Fault::Halt) {
            self.halted = true;
        }
        Ok(fault)
    }

    fn name(&mut self, naming: Naming) {
        apply(&mut self.names, &naming);
        self.unsynced_names.push(naming);
    }

    fn is_segment(&self, inode: usize) -> bool {
        let name = self.names.iter().find(|(_, named)| **named == inode);
        name.is_some_and(|(path, _)| path.to_string_lossy().contains("segment-"))
    }

    fn used(&self) -> usize {
        self.names
            .values()
            .map(|inode| self.inodes[*inode].seen.len())
            .sum()
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, naming: &Naming) {
    match naming {
        Naming::Add(path, inode) => {
            names.insert(path.clone(), *inode);
        }
        Naming::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
        Naming::Remove(path) => {
            names.remove(path);
        }
    }
}
