//! The checkpoint: up to where the warehouse has everything.

use std::io;
use std::path::Path;

use super::files::{Access, FileSystem, LogFile};
use super::layout::{BLOCK_BYTES, Reader, SegmentId};
use super::segment::{CHECKPOINT, NEW_CHECKPOINT};

const MAGIC: [u8; 4] = *b"FRCP";
const LENGTH: usize = 48;

/// What the checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Every segment up to this one is released.
    pub(super) released: SegmentId,
    /// Sequence of the first frame that is not released.
    pub(super) sequence: u64,
    /// The log's random id.
    pub(super) node: [u8; 16],
}

/// How the checkpoint was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Whole.
    Whole(Checkpoint),
    /// One of its blocks is damaged: this may be the one before the last.
    Older(Checkpoint),
    /// The file is there and tells nothing.
    Damaged,
    /// There is no file.
    Missing,
}

/// The open checkpoint file.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    file: Box<dyn LogFile>,
    generation: u64,
    node: [u8; 16],
}

/// Reads the checkpoint of the folder.
pub(super) fn find(files: &dyn FileSystem, dir: &Path) -> io::Result<(Found, Option<CheckpointFile>)> {
    let file = match files.open(&dir.join(CHECKPOINT), Access::Write) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Found::Missing, None)),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![0; 2 * BLOCK_BYTES];
    // It may still stand in the kernel's memory only, and files behind it are about to be used again.
    file.sync_data()?;
    let read = file.read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(read);
    let blocks = [
        bytes.get(..BLOCK_BYTES).unwrap_or_default(),
        bytes.get(BLOCK_BYTES..).unwrap_or_default(),
    ];
    let slots = blocks.map(decode);
    let newest = slots
        .into_iter()
        .flatten()
        .max_by_key(|(generation, _)| *generation);
    let Some((generation, checkpoint)) = newest else {
        return Ok((Found::Damaged, None));
    };
    // The first generation stands alone, beside a block of zeroes.
    let whole = slots
        .iter()
        .zip(blocks)
        .all(|(slot, block)| slot.is_some() || (generation == 1 && is_zero(block)));
    let opened = CheckpointFile {
        file,
        generation,
        node: checkpoint.node,
    };
    let found = if whole {
        Found::Whole(checkpoint)
    } else {
        Found::Older(checkpoint)
    };
    Ok((found, Some(opened)))
}

impl CheckpointFile {
    /// Creates the file, durably, in place of one that may be there.
    pub(super) fn create(files: &dyn FileSystem, dir: &Path, first: Checkpoint) -> io::Result<Self> {
        let new = dir.join(NEW_CHECKPOINT);
        match files.remove(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = files.open(&new, Access::Create)?;
        let mut bytes = vec![0; BLOCK_BYTES];
        bytes.extend_from_slice(&encode(1, first));
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        files.rename(&new, &dir.join(CHECKPOINT))?;
        files.sync_dir(dir)?;
        Ok(Self {
            file,
            generation: 1,
            node: first.node,
        })
    }

    /// Writes a later checkpoint, durably. After an error the one before still counts, and the same block
    /// is written again at the next try.
    pub(super) fn advance(&mut self, released: SegmentId, sequence: u64) -> io::Result<()> {
        let generation = self.generation + 1;
        let checkpoint = Checkpoint {
            released,
            sequence,
            node: self.node,
        };
        let offset = if generation.is_multiple_of(2) {
            0
        } else {
            BLOCK_BYTES
        };
        let offset = u64::try_from(offset).map_err(io::Error::other)?;
        self.file.write_all_at(&encode(generation, checkpoint), offset)?;
        self.file.sync_data()?;
        self.generation = generation;
        Ok(())
    }
}

fn encode(generation: u64, checkpoint: Checkpoint) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    block.extend_from_slice(&MAGIC);
    block.extend_from_slice(&[0; 4]);
    block.extend_from_slice(&generation.to_le_bytes());
    block.extend_from_slice(&checkpoint.released.0.to_le_bytes());
    block.extend_from_slice(&checkpoint.sequence.to_le_bytes());
    block.extend_from_slice(&checkpoint.node);
    debug_assert_eq!(block.len(), LENGTH);
    let crc = crc32c::crc32c(&block[8..LENGTH]);
    block[4..8].copy_from_slice(&crc.to_le_bytes());
    block.resize(BLOCK_BYTES, 0);
    block
}

fn decode(block: &[u8]) -> Option<(u64, Checkpoint)> {
    let mut reader = Reader(block);
    if reader.array::<4>()? != MAGIC {
        return None;
    }
    let crc = reader.u32()?;
    if crc32c::crc32c(block.get(8..LENGTH)?) != crc {
        return None;
    }
    let generation = reader.u64()?;
    let checkpoint = Checkpoint {
        released: SegmentId(reader.u64()?),
        sequence: reader.u64()?,
        node: reader.array()?,
    };
    Some((generation, checkpoint))
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}
