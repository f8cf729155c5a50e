//! What the start finds in the folder, and what becomes of it.

mod chain;
mod finding;
mod survey;

use std::path::Path;
use std::sync::Arc;

use super::WalError;
use super::checkpoint::{self, Checkpoint, CheckpointFile};
use super::disk::{Disk, Outstanding};
use super::keeper;
use super::layout::{DATA_START, SegmentId};
use super::segment::{self, Origin, Place, SealedSegment};

pub use finding::Finding;
use survey::{Candidate, Survey};

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

/// Takes stock of the folder. `disk.node` is replaced by the log's own.
pub(super) fn recover(mut disk: Disk) -> Result<Recovered, WalError> {
    let dir = disk.dir.clone();
    let entries = disk
        .files
        .list(&dir)
        .map_err(|source| WalError::io(&dir, source))?;
    let checkpoint_error = |source| WalError::io(&dir.join(segment::CHECKPOINT), source);
    let (found, file) = checkpoint::find(disk.files.as_ref(), &dir).map_err(checkpoint_error)?;
    let mut survey = Survey::new(&disk);
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
    chain::check(&mut candidates, expected, &mut recovery.findings);
    recovery.findings.iter().for_each(Finding::log);
    let next_sequence = candidates
        .iter()
        .map(|candidate| candidate.sequences.end)
        .chain(known.map(|checkpoint| checkpoint.sequence))
        .max()
        .unwrap_or(0);
    let first = known.unwrap_or_else(|| make_checkpoint(&candidates, next_sequence));
    disk.node = first.node;
    let checkpoint = match file {
        Some(file) => file,
        None => CheckpointFile::create(disk.files.as_ref(), &dir, first).map_err(checkpoint_error)?,
    };
    keeper.next_id = keeper.next_id.max(first.released.0 + 1);
    let segments = dispose(&disk, candidates, &mut keeper, &mut recovery)?;
    trim_spares(&disk, &mut keeper);
    // An empty segment above the checkpoint may have become a spare, and be given another header next: if
    // its old name came back by then, it would look like damage.
    disk.files
        .sync_dir(&dir)
        .map_err(|source| WalError::io(&dir, source))?;
    Ok(Recovered {
        disk,
        checkpoint,
        keeper,
        segments,
        next_sequence,
        recovery,
    })
}

/// The checkpoint of a new log, or of one that has lost its own: nothing is released.
fn make_checkpoint(candidates: &[Candidate], next_sequence: u64) -> Checkpoint {
    let first = candidates
        .iter()
        .find(|candidate| !candidate.sequences.is_empty());
    Checkpoint {
        released: SegmentId(0),
        sequence: first.map_or(next_sequence, |candidate| candidate.sequences.start),
        node: candidates.last().map_or_else(
            || uuid::Uuid::new_v4().into_bytes(),
            |candidate| candidate.header.node,
        ),
    }
}

/// The limit may have been lowered since the spares were made.
fn trim_spares(disk: &Disk, keeper: &mut keeper::State) {
    while keeper.bytes > disk.max_bytes
        && let Some(spare) = keeper.spares.pop()
    {
        match disk.files.remove(&spare) {
            Ok(()) => keeper.bytes = keeper.bytes.saturating_sub(disk.file_bytes()),
            Err(error) => tracing::warn!(file = %spare.display(), %error, "cannot remove a file of the log"),
        }
    }
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
fn reuse(disk: &Disk, keeper: &mut keeper::State, path: &Path, bytes: u64) {
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
