//! What the start finds in the folder, and what becomes of it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::WalError;
use super::checkpoint::{self, Checkpoint, CheckpointFile};
use super::disk::{Disk, Outstanding};
use super::files::{Access, Entry};
use super::frame::FrameHeader;
use super::header::{Header, HeaderFault};
use super::keeper;
use super::layout::{BLOCK_BYTES, DATA_START, Identity, SegmentId, seal_offset};
use super::scan::{self, read_what_can_be_read};
use super::seal::{Seal, SealBlock};
use super::segment::{self, Name, Origin, Place, QUARANTINE, SealedSegment};

/// What the start has found.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Segments that the warehouse does not have yet.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Files from behind the checkpoint that are used again.
    pub recycled: u64,
    /// Everything out of the ordinary; each has been logged.
    pub findings: Vec<Finding>,
}

/// Something out of the ordinary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A name that is none of the log's; left alone.
    Foreign(String),
    /// A segment's file of length zero; removed.
    Empty(SegmentId),
    /// No checkpoint, though there are segments: all of them are delivered (again).
    CheckpointMissing,
    /// A checkpoint that tells nothing: all segments are delivered (again).
    CheckpointDamaged,
    /// One of the checkpoint's two blocks is damaged; the other counts.
    CheckpointOlder,
    /// The remains of a commit that never finished; cut off.
    TornTail {
        /// The segment.
        segment: SegmentId,
        /// Bytes that were cut off.
        bytes: u64,
    },
    /// Frames whose write was reported as failed and whose rows were refused; left out.
    Refused {
        /// The segment.
        segment: SegmentId,
        /// Frames that were left out.
        frames: u64,
    },
    /// A segment in which bytes are damaged; what is whole is delivered, the file is kept in the quarantine.
    Damaged {
        /// The segment.
        segment: SegmentId,
        /// What was seen.
        what: &'static str,
    },
    /// A segment that cannot be read; moved to the quarantine.
    Unreadable {
        /// The segment.
        segment: SegmentId,
        /// What was seen.
        what: &'static str,
    },
    /// Frames that were written are nowhere.
    Missing {
        /// The segment before which they should stand.
        before: SegmentId,
        /// How many.
        frames: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(name) => write!(f, "`{name}` is no file of the log and is left alone"),
            Self::Empty(id) => write!(f, "segment {id} has length zero and is removed"),
            Self::CheckpointMissing => f.write_str("the checkpoint is missing: every segment is delivered"),
            Self::CheckpointDamaged => f.write_str("the checkpoint is damaged: every segment is delivered"),
            Self::CheckpointOlder => {
                f.write_str("a block of the checkpoint is damaged: the older one counts")
            }
            Self::TornTail { segment, bytes } => {
                write!(
                    f,
                    "segment {segment} ends in a commit that never finished: {bytes} bytes cut off"
                )
            }
            Self::Refused { segment, frames } => {
                write!(
                    f,
                    "segment {segment} ends in {frames} frames whose rows were refused: left out"
                )
            }
            Self::Damaged { segment, what } => write!(f, "segment {segment} is damaged: {what}"),
            Self::Unreadable { segment, what } => {
                write!(
                    f,
                    "segment {segment} cannot be read ({what}) and is moved to the quarantine"
                )
            }
            Self::Missing { before, frames } => {
                write!(f, "{frames} frames before segment {before} are missing")
            }
        }
    }
}

impl Finding {
    /// The level follows from whether anything acknowledged may be lost.
    fn log(&self) {
        match self {
            Self::Damaged { .. }
            | Self::Unreadable { .. }
            | Self::Missing { .. }
            | Self::CheckpointDamaged => {
                tracing::error!("the log: {self}");
            }
            Self::Foreign(_)
            | Self::Empty(_)
            | Self::CheckpointMissing
            | Self::CheckpointOlder
            | Self::TornTail { .. }
            | Self::Refused { .. } => tracing::warn!("the log: {self}"),
        }
    }
}

/// Everything that the start hands to the running log.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) disk: Disk,
    pub(super) checkpoint: CheckpointFile,
    pub(super) keeper: keeper::State,
    pub(super) segments: Vec<(SealedSegment, Outstanding)>,
    pub(super) next_sequence: u64,
    pub(super) recovery: Recovery,
}

/// A segment above the checkpoint.
#[derive(Debug)]
struct Candidate {
    path: PathBuf,
    file_bytes: u64,
    header: Header,
    /// `None`: it has no whole seal, and was looked through.
    frames: Option<Vec<(usize, FrameHeader)>>,
    /// Of the frames that it should hold; empty when it holds none.
    sequences: Range<u64>,
    /// The first frame that it should hold is damaged, so `sequences.start` may be too high.
    is_head_damaged: bool,
    rows: u64,
    end: usize,
    is_damaged: bool,
}

/// Takes stock of the folder. `disk.node` is replaced by the log's own.
pub(super) fn recover(mut disk: Disk) -> Result<Recovered, WalError> {
    let dir = disk.dir.clone();
    let io = |source| WalError::io(&dir, source);
    let entries = disk.files.list(&dir).map_err(io)?;
    let (found, file) = checkpoint::find(disk.files.as_ref(), &dir)
        .map_err(|source| WalError::io(&dir.join(segment::CHECKPOINT), source))?;
    let mut survey = Survey {
        disk: &disk,
        keeper: keeper::State::default(),
        recovery: Recovery::default(),
        candidates: Vec::new(),
    };
    let known = survey.checkpoint(found, &entries);
    survey.entries(entries, known.as_ref())?;
    let Survey {
        mut keeper,
        mut recovery,
        mut candidates,
        ..
    } = survey;
    let expected = match found {
        checkpoint::Found::Whole(checkpoint) => Some(checkpoint.sequence),
        _ => None,
    };
    check_chain(&mut candidates, expected, &mut recovery.findings);
    let released = known.map_or(SegmentId(0), |checkpoint| checkpoint.released);
    let next_sequence = candidates
        .iter()
        .map(|candidate| candidate.sequences.end)
        .chain(known.map(|checkpoint| checkpoint.sequence))
        .max()
        .unwrap_or(0);
    disk.node = known
        .map(|checkpoint| checkpoint.node)
        .or_else(|| candidates.last().map(|candidate| candidate.header.node))
        .unwrap_or_else(|| uuid::Uuid::new_v4().into_bytes());
    let first = Checkpoint {
        released,
        sequence: candidates
            .iter()
            .find(|candidate| !candidate.sequences.is_empty())
            .map_or(next_sequence, |candidate| candidate.sequences.start),
        node: disk.node,
    };
    let checkpoint = match file {
        Some(file) => file,
        None => CheckpointFile::create(disk.files.as_ref(), &dir, first)
            .map_err(|source| WalError::io(&dir.join(segment::CHECKPOINT), source))?,
    };
    keeper.next_id = keeper.next_id.max(released.0 + 1);
    let segments = dispose(&disk, candidates, &mut keeper, &mut recovery)?;
    recovery.findings.iter().for_each(Finding::log);
    Ok(Recovered {
        disk,
        checkpoint,
        keeper,
        segments,
        next_sequence,
        recovery,
    })
}

struct Survey<'a> {
    disk: &'a Disk,
    keeper: keeper::State,
    recovery: Recovery,
    candidates: Vec<Candidate>,
}

impl Survey<'_> {
    fn find(&mut self, finding: Finding) {
        self.recovery.findings.push(finding);
    }

    fn checkpoint(&mut self, found: checkpoint::Found, entries: &[Entry]) -> Option<Checkpoint> {
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
                let is_used =
                    |entry: &Entry| matches!(Name::parse(&entry.name), Name::Segment(_) | Name::Spare(_));
                if entries.iter().any(is_used) {
                    self.find(Finding::CheckpointMissing);
                }
                None
            }
        }
    }

    fn entries(&mut self, entries: Vec<Entry>, checkpoint: Option<&Checkpoint>) -> Result<(), WalError> {
        let mut segments = Vec::new();
        for entry in entries {
            let path = self.disk.dir.join(&entry.name);
            match Name::parse(&entry.name) {
                Name::Lock | Name::Checkpoint | Name::Quarantine => {}
                Name::NewCheckpoint => self.remove(&path),
                Name::Segment(id) if entry.is_file => segments.push((id, entry.bytes, path)),
                Name::Spare(number) if entry.is_file => self.spare(number, entry.bytes, path),
                Name::Segment(_) | Name::Spare(_) | Name::Foreign => self.find(Finding::Foreign(entry.name)),
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

    fn remove(&self, path: &std::path::Path) {
        if let Err(error) = self.disk.files.remove(path) {
            tracing::warn!(file = %path.display(), %error, "cannot remove a file of the log");
        }
    }

    fn segment(&mut self, id: SegmentId, bytes: u64, path: PathBuf) -> Result<(), WalError> {
        let io = |source| WalError::io(&path, source);
        let file = self.disk.files.open(&path, Access::Read).map_err(io)?;
        let (blocks, _) = read_what_can_be_read(file.as_ref(), DATA_START).unwrap_or_default();
        let first = Header::decode(blocks.get(..BLOCK_BYTES).unwrap_or(&blocks));
        let second = Header::decode(blocks.get(BLOCK_BYTES..).unwrap_or_default());
        let is_header_damaged = first.is_err() || second.is_err();
        let header = match (first, second) {
            (Err(HeaderFault::Newer(format)), _) | (_, Err(HeaderFault::Newer(format))) => {
                return Err(WalError::NewerFormat { path, format });
            }
            (Ok(header), _) | (_, Ok(header)) if header.identity.id == id => header,
            (Ok(_), _) | (_, Ok(_)) => {
                return self.unreadable(id, &path, "it is another segment by its header");
            }
            _ => return self.unreadable(id, &path, "both copies of its header are damaged"),
        };
        self.keeper.bytes += bytes;
        if is_header_damaged {
            self.find(Finding::Damaged {
                segment: id,
                what: "one copy of the header",
            });
        }
        let is_short = bytes < header.file_bytes;
        if is_short {
            self.find(Finding::Damaged {
                segment: id,
                what: "the file is shorter than it was made",
            });
        }
        let file_length = usize::try_from(header.file_bytes.min(bytes)).map_err(|_| WalError::TooLarge)?;
        let seal_at = usize::try_from(header.file_bytes)
            .map(seal_offset)
            .map_err(|_| WalError::TooLarge)?;
        let mut block = vec![0; BLOCK_BYTES];
        let seal = match file.read_at(&mut block, u64::try_from(seal_at).unwrap_or(u64::MAX)) {
            Ok(_) => Seal::decode(&block, header.identity),
            Err(_) => SealBlock::Damaged,
        };
        let mut candidate = Candidate {
            path,
            file_bytes: bytes,
            header,
            frames: None,
            sequences: 0..0,
            is_head_damaged: false,
            rows: 0,
            end: DATA_START,
            is_damaged: is_header_damaged || is_short,
        };
        match seal {
            SealBlock::Whole(seal) => {
                candidate.sequences = seal.first_sequence..seal.first_sequence.saturating_add(seal.frames);
                candidate.rows = seal.rows;
                candidate.end = usize::try_from(seal.end).map_err(|_| WalError::TooLarge)?;
            }
            other => {
                if other == SealBlock::Damaged {
                    candidate.is_damaged = true;
                    self.find(Finding::Damaged {
                        segment: id,
                        what: "the seal",
                    });
                }
                let limit = file_length.min(seal_at);
                self.look_through(&mut candidate, file.as_ref(), limit)?;
            }
        }
        self.candidates.push(candidate);
        Ok(())
    }

    /// Finds the frames of a segment without a seal.
    fn look_through(
        &mut self,
        candidate: &mut Candidate,
        file: &dyn super::files::LogFile,
        limit: usize,
    ) -> Result<(), WalError> {
        let identity = candidate.header.identity;
        let io = |source| WalError::io(&candidate.path, source);
        let (bytes, unreadable) = read_what_can_be_read(file, limit).map_err(io)?;
        let found = scan::scan(&bytes, identity, limit, false);
        if unreadable > 0 || !found.damaged.is_empty() {
            candidate.is_damaged = true;
            self.find(Finding::Damaged {
                segment: identity.id,
                what: "a frame in its middle",
            });
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

    fn unreadable(
        &mut self,
        id: SegmentId,
        path: &std::path::Path,
        what: &'static str,
    ) -> Result<(), WalError> {
        self.find(Finding::Unreadable { segment: id, what });
        keeper::quarantine(self.disk, path).map_err(|source| WalError::io(path, source))
    }
}

/// Compares the sequences of neighbouring segments.
fn check_chain(candidates: &mut [Candidate], expected: Option<u64>, findings: &mut Vec<Finding>) {
    let mut expected = expected;
    // The last one that was looked through rather than told by its seal: where frames can be too few or too many.
    let mut previous: Option<usize> = None;
    for index in 0..candidates.len() {
        let (before, rest) = candidates.split_at_mut(index);
        let Some(current) = rest.first_mut() else { break };
        if current.sequences.is_empty() {
            // Without frames it tells nothing, but its own frames may be what will be missing.
            if previous.is_none() {
                previous = Some(index);
            }
            continue;
        }
        let id = current.header.identity.id;
        if let Some(expected) = expected {
            if current.is_head_damaged {
                current.sequences.start = expected.min(current.sequences.start);
            } else if current.sequences.start > expected {
                findings.push(Finding::Missing {
                    before: id,
                    frames: current.sequences.start - expected,
                });
                if let Some(short) = previous.and_then(|previous| before.get_mut(previous)) {
                    short.is_damaged = true;
                }
            } else if current.sequences.start < expected {
                let first = current.sequences.start;
                if let Some(long) = before
                    .iter_mut()
                    .rev()
                    .find(|candidate| !candidate.sequences.is_empty())
                    && let Some(frames) = cut(long, first)
                {
                    findings.push(Finding::Refused {
                        segment: long.header.identity.id,
                        frames,
                    });
                }
            }
        }
        expected = Some(current.sequences.end);
        previous = Some(index);
    }
}

/// Leaves out the frames from `first` on; `None` when a seal says that they were acknowledged.
fn cut(candidate: &mut Candidate, first: u64) -> Option<u64> {
    let frames = candidate.frames.as_ref()?;
    let kept = || frames.iter().filter(|(_, frame)| frame.sequence < first);
    let left_out = frames.len() - kept().count();
    candidate.rows = kept().map(|(_, frame)| u64::from(frame.rows)).sum();
    candidate.end = kept()
        .next_back()
        .map_or(DATA_START, |(at, frame)| at + frame.padded_bytes());
    candidate.sequences.end = first.max(candidate.sequences.start);
    u64::try_from(left_out).ok()
}

/// Sorts the segments into those to be delivered, those to be used again, and the rest.
fn dispose(
    disk: &Disk,
    candidates: Vec<Candidate>,
    keeper: &mut keeper::State,
    recovery: &mut Recovery,
) -> Result<Vec<(SealedSegment, Outstanding)>, WalError> {
    let mut segments = Vec::new();
    for candidate in candidates {
        if candidate.sequences.is_empty() {
            keeper.bytes = keeper.bytes.saturating_sub(candidate.file_bytes);
            if candidate.is_damaged {
                keeper::quarantine(disk, &candidate.path)
                    .map_err(|source| WalError::io(&candidate.path, source))?;
            } else {
                reuse(disk, keeper, &candidate.path, candidate.file_bytes);
                recovery.recycled += 1;
            }
            continue;
        }
        recovery.segments += 1;
        recovery.rows += candidate.rows;
        segments.push(deliverable(disk, candidate));
    }
    Ok(segments)
}

fn deliverable(disk: &Disk, candidate: Candidate) -> (SealedSegment, Outstanding) {
    let header = candidate.header;
    let sealed = SealedSegment {
        id: header.identity.id,
        rows: candidate.rows,
        bytes: u64::try_from(candidate.end - DATA_START).unwrap_or(u64::MAX),
        origin: if header.boot == disk.boot {
            Origin::RecoveredSameBoot
        } else {
            Origin::RecoveredOtherBoot
        },
        place: Arc::new(Place {
            path: candidate.path.clone(),
            identity: header.identity,
            node: header.node,
            tables: header.tables.into(),
            end: candidate.end,
            sequences: candidate.sequences.clone(),
        }),
    };
    let outstanding = Outstanding {
        path: candidate.path,
        file_bytes: candidate.file_bytes,
        rows: candidate.rows,
        next_sequence: candidate.sequences.end,
        since: header.created,
        released: false,
        damaged: candidate.is_damaged,
        read_damaged: false,
    };
    (sealed, outstanding)
}

/// Makes a file that holds nothing any more a spare, or removes it.
fn reuse(disk: &Disk, keeper: &mut keeper::State, path: &std::path::Path, bytes: u64) {
    let fits = usize::try_from(bytes) == Ok(disk.segment_bytes) && keeper.spares.len() < keeper::SPARES_MAX;
    let done = if fits {
        let spare = segment::spare_path(&disk.dir, keeper.next_spare);
        keeper.next_spare += 1;
        disk.files.rename(path, &spare).map(|()| {
            keeper.bytes += bytes;
            keeper.spares.push(spare);
        })
    } else {
        disk.files.remove(path)
    };
    if let Err(error) = done {
        keeper.bytes += bytes;
        tracing::warn!(file = %path.display(), %error, "cannot put away a file of the log");
    }
}

/// Copies a torn tail to the quarantine, for inspection. It was never acknowledged, so failing to is no
/// more than a warning.
fn keep_torn_tail(disk: &Disk, identity: Identity, bytes: &[u8], torn: Range<usize>) {
    let name = format!("segment-{:020}.wal.torn-{}", identity.id.0, torn.start);
    let path = disk.dir.join(QUARANTINE).join(name);
    let copied = (|| {
        disk.files.create_dir_all(&disk.dir.join(QUARANTINE))?;
        let file = match disk.files.open(&path, Access::Create) {
            // An earlier start has kept it.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
            other => other?,
        };
        file.write_all_at(&bytes[torn], 0)
    })();
    if let Err(error) = copied {
        tracing::warn!(file = %path.display(), %error, "cannot keep a torn tail of the log");
    }
}
