//! Looks at every file in the folder.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::wal::WalError;
use crate::wal::checkpoint::{self, Checkpoint};
use crate::wal::disk::Disk;
use crate::wal::files::{Access, Entry, LogFile};
use crate::wal::frame::FrameHeader;
use crate::wal::header::{Header, HeaderFault};
use crate::wal::keeper;
use crate::wal::layout::{BLOCK_BYTES, DATA_START, Identity, SegmentId, seal_offset};
use crate::wal::scan::{read_what_can_be_read, scan};
use crate::wal::seal::{Seal, SealBlock};
use crate::wal::segment::{Name, QUARANTINE};

use super::{Finding, Recovery, reuse};

/// A segment above the checkpoint.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) file_bytes: u64,
    pub(super) header: Header,
    /// `None`: it has no whole seal, and was looked through.
    pub(super) frames: Option<Vec<(usize, FrameHeader)>>,
    /// Of the frames that it should hold; empty when it holds none.
    pub(super) sequences: Range<u64>,
    /// The first frame that it should hold is damaged, so `sequences.start` may be too high.
    pub(super) is_head_damaged: bool,
    pub(super) rows: u64,
    pub(super) end: usize,
    pub(super) is_damaged: bool,
}

/// The survey of a folder, while it is made and when it is done.
pub(super) struct Survey<'a> {
    disk: &'a Disk,
    pub(super) keeper: keeper::State,
    pub(super) recovery: Recovery,
    /// Segments above the checkpoint, in order of ids.
    pub(super) candidates: Vec<Candidate>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(disk: &'a Disk) -> Self {
        Self {
            disk,
            keeper: keeper::State::default(),
            recovery: Recovery::default(),
            candidates: Vec::new(),
        }
    }

    fn find(&mut self, finding: Finding) {
        self.recovery.findings.push(finding);
    }

    /// What the checkpoint tells, as far as it can be believed.
    pub(super) fn checkpoint(&mut self, found: checkpoint::Found, entries: &[Entry]) -> Option<Checkpoint> {
        match found {
            checkpoint::Found::Whole(checkpoint) => Some(checkpoint),
            checkpoint::Found::Older(checkpoint) => {
                self.find(Finding::CheckpointOlder);
                Some(checkpoint)
            }
            checkpoint::Found::Damaged => {
                self.find(Finding::CheckpointDamaged);
                None
            }
            checkpoint::Found::Missing => {
                let is_used = |entry: &Entry| matches!(Name::parse(&entry.name), Name::Segment(_));
                if entries.iter().any(is_used) {
                    self.find(Finding::CheckpointMissing);
                }
                None
            }
        }
    }

    /// Sorts everything by its name.
    pub(super) fn entries(
        &mut self,
        entries: Vec<Entry>,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<(), WalError> {
        let mut segments = Vec::new();
        for entry in entries {
            let path = self.disk.dir.join(&entry.name);
            match Name::parse(&entry.name) {
                Name::Lock | Name::Checkpoint | Name::Quarantine => {}
                Name::NewCheckpoint | Name::NewSpare => self.remove(&path),
                Name::Segment(id) if entry.is_file => segments.push((id, entry.bytes, path)),
                Name::Spare(number) if entry.is_file => self.spare(number, entry.bytes, path),
                Name::Segment(_) | Name::Spare(_) | Name::Foreign => {
                    self.find(Finding::Foreign(entry.name));
                }
            }
        }
        segments.sort();
        for (id, bytes, path) in segments {
            self.keeper.next_id = self.keeper.next_id.max(id.0.saturating_add(1));
            if checkpoint.is_some_and(|checkpoint| id <= checkpoint.released) {
                reuse(self.disk, &mut self.keeper, &path, bytes);
                self.recovery.recycled += 1;
            } else if bytes == 0 {
                self.find(Finding::Empty(id));
                self.remove(&path);
            } else {
                self.segment(id, bytes, path)?;
            }
        }
        Ok(())
    }

    fn spare(&mut self, number: u64, bytes: u64, path: PathBuf) {
        self.keeper.next_spare = self.keeper.next_spare.max(number.saturating_add(1));
        if usize::try_from(bytes) == Ok(self.disk.segment_bytes) {
            self.keeper.bytes += bytes;
            self.keeper.spares.push(path);
        } else {
            self.remove(&path);
        }
    }

    fn remove(&self, path: &Path) {
        if let Err(error) = self.disk.files.remove(path) {
            tracing::warn!(file = %path.display(), %error, "cannot remove a file of the log");
        }
    }

    fn damaged(&mut self, segment: SegmentId, what: &'static str) {
        self.find(Finding::Damaged { segment, what });
    }

    fn segment(&mut self, id: SegmentId, bytes: u64, path: PathBuf) -> Result<(), WalError> {
        let file = self
            .disk
            .files
            .open(&path, Access::Read)
            .map_err(|source| WalError::io(&path, source))?;
        let header = match read_header(file.as_ref()) {
            Headers::Newer(format) => return Err(WalError::NewerFormat { path, format }),
            Headers::None => return self.unreadable(id, &path, "both copies of its header are damaged"),
            Headers::Both(header) | Headers::One(header) if header.identity.id != id => {
                return self.unreadable(id, &path, "it is another segment by its header");
            }
            Headers::Both(header) => header,
            Headers::One(header) => {
                self.damaged(id, "one copy of the header");
                header
            }
        };
        self.keeper.bytes += bytes;
        let is_short = bytes < header.file_bytes;
        if is_short {
            self.damaged(id, "the file is shorter than it was made");
        }
        let is_damaged = self
            .recovery
            .findings
            .iter()
            .any(|finding| matches!(finding, Finding::Damaged { segment, .. } if *segment == id));
        let mut candidate = Candidate {
            path,
            file_bytes: bytes,
            header,
            frames: None,
            sequences: 0..0,
            is_head_damaged: false,
            rows: 0,
            end: DATA_START,
            is_damaged,
        };
        self.content(&mut candidate, file.as_ref())?;
        self.candidates.push(candidate);
        Ok(())
    }

    /// What a segment holds: told by its seal, or else found by looking through it.
    fn content(&mut self, candidate: &mut Candidate, file: &dyn LogFile) -> Result<(), WalError> {
        let identity = candidate.header.identity;
        let made_bytes = usize::try_from(candidate.header.file_bytes).map_err(|_| WalError::TooLarge)?;
        let seal_at = seal_offset(made_bytes);
        let mut block = vec![0; BLOCK_BYTES];
        let seal = match file.read_at(&mut block, u64::try_from(seal_at).unwrap_or(u64::MAX)) {
            Ok(_) => Seal::decode(&block, identity),
            Err(_) => SealBlock::Damaged,
        };
        match seal {
            SealBlock::Whole(seal) => {
                candidate.sequences = seal.first_sequence..seal.first_sequence.saturating_add(seal.frames);
                candidate.rows = seal.rows;
                candidate.end = usize::try_from(seal.end).map_err(|_| WalError::TooLarge)?;
                return Ok(());
            }
            SealBlock::Damaged => {
                candidate.is_damaged = true;
                self.damaged(identity.id, "the seal");
            }
            SealBlock::Absent => {}
        }
        let there = usize::try_from(candidate.file_bytes).map_err(|_| WalError::TooLarge)?;
        // What is read here may still stand in the kernel's memory only; what is concluded from it must last.
        file.sync_data()
            .map_err(|source| WalError::io(&candidate.path, source))?;
        self.look_through(candidate, file, there.min(seal_at))
    }

    fn look_through(
        &mut self,
        candidate: &mut Candidate,
        file: &dyn LogFile,
        limit: usize,
    ) -> Result<(), WalError> {
        let identity = candidate.header.identity;
        let (bytes, unreadable) =
            read_what_can_be_read(file, limit).map_err(|source| WalError::io(&candidate.path, source))?;
        let found = scan(&bytes, identity, limit, false);
        if unreadable > 0 || !found.damaged.is_empty() {
            candidate.is_damaged = true;
            self.damaged(identity.id, "a frame in its middle");
        }
        if let Some(torn) = found.torn {
            self.find(Finding::TornTail {
                segment: identity.id,
                bytes: u64::try_from(torn.len()).unwrap_or(u64::MAX),
            });
            keep_torn_tail(self.disk, identity, &bytes, torn);
        }
        candidate.is_head_damaged = found
            .damaged
            .first()
            .is_some_and(|range| range.start == DATA_START);
        candidate.rows = found.frames.iter().map(|(_, frame)| u64::from(frame.rows)).sum();
        candidate.end = found.end;
        if let (Some((_, first)), Some((_, last))) = (found.frames.first(), found.frames.last()) {
            candidate.sequences = first.sequence..last.sequence.saturating_add(1);
        }
        candidate.frames = Some(found.frames);
        Ok(())
    }

    fn unreadable(&mut self, id: SegmentId, path: &Path, what: &'static str) -> Result<(), WalError> {
        self.find(Finding::Unreadable { segment: id, what });
        keeper::quarantine(self.disk, path).map_err(|source| WalError::io(path, source))
    }
}

/// The two copies of a header.
enum Headers {
    Both(Header),
    /// The other copy is damaged.
    One(Header),
    None,
    Newer(u16),
}

fn read_header(file: &dyn LogFile) -> Headers {
    let (blocks, _) = read_what_can_be_read(file, DATA_START).unwrap_or_default();
    let first = Header::decode(blocks.get(..BLOCK_BYTES).unwrap_or(&blocks));
    let second = Header::decode(blocks.get(BLOCK_BYTES..).unwrap_or_default());
    match (first, second) {
        (Err(HeaderFault::Newer(format)), _) | (_, Err(HeaderFault::Newer(format))) => Headers::Newer(format),
        (Ok(header), Ok(_)) => Headers::Both(header),
        (Ok(header), Err(_)) | (Err(_), Ok(header)) => Headers::One(header),
        (Err(_), Err(_)) => Headers::None,
    }
}

/// Copies a torn tail to the quarantine, for inspection. It was never acknowledged, so failing to is no
/// more than a warning.
fn keep_torn_tail(disk: &Disk, identity: Identity, bytes: &[u8], torn: Range<usize>) {
    let name = format!("segment-{:020}.wal.torn-{}", identity.id.0, torn.start);
    let path = disk.dir.join(QUARANTINE).join(name);
    let copied = (|| -> io::Result<()> {
        disk.files.create_dir_all(&disk.dir.join(QUARANTINE))?;
        let file = match disk.files.open(&path, Access::Create) {
            // An earlier start has kept it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other?,
        };
        file.write_all_at(&bytes[torn], 0)
    })();
    if let Err(error) = copied {
        tracing::warn!(file = %path.display(), %error, "cannot keep a torn tail of the log");
    }
}
