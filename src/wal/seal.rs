//! The seal: the last block of a segment that takes no more frames.

use super::layout::{BLOCK_BYTES, Identity, Reader, SegmentId};

const MAGIC: [u8; 4] = *b"FRSL";
const LENGTH: usize = 64;

/// What a whole segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) identity: Identity,
    pub(super) frames: u64,
    pub(super) rows: u64,
    /// Offset behind the last frame.
    pub(super) end: u64,
    pub(super) first_sequence: u64,
}

/// What the last block of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealBlock {
    /// This segment's seal.
    Whole(Seal),
    /// Recognisably a seal of this segment, but damaged.
    Damaged,
    /// Zeroes, or another life of the file.
    Absent,
}

impl Seal {
    /// One block.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        block.extend_from_slice(&MAGIC);
        block.extend_from_slice(&[0; 12]);
        block.extend_from_slice(&self.identity.id.0.to_le_bytes());
        block.extend_from_slice(&self.identity.salt.to_le_bytes());
        block.extend_from_slice(&self.frames.to_le_bytes());
        block.extend_from_slice(&self.rows.to_le_bytes());
        block.extend_from_slice(&self.end.to_le_bytes());
        block.extend_from_slice(&self.first_sequence.to_le_bytes());
        debug_assert_eq!(block.len(), LENGTH);
        let crc = crc32c::crc32c(&block[8..LENGTH]);
        block[4..8].copy_from_slice(&crc.to_le_bytes());
        block.resize(BLOCK_BYTES, 0);
        block
    }

    /// Reads the last block of the segment `identity`.
    pub(super) fn decode(block: &[u8], identity: Identity) -> SealBlock {
        let Some(seal) = Self::fields(block) else {
            return SealBlock::Absent;
        };
        let whole = block[..4] == MAGIC && checksum_is_right(block);
        if whole && seal.identity == identity {
            return SealBlock::Whole(seal);
        }
        // A flip in one place leaves the others to recognise it by.
        let marks = [
            block[..4] == MAGIC,
            seal.identity.id == identity.id,
            seal.identity.salt == identity.salt,
        ];
        if !whole && seal.identity.salt != 0 && marks.iter().filter(|mark| **mark).count() >= 2 {
            SealBlock::Damaged
        } else {
            SealBlock::Absent
        }
    }

    fn fields(block: &[u8]) -> Option<Self> {
        let mut reader = Reader(block);
        reader.take(16)?;
        Some(Self {
            identity: Identity {
                id: SegmentId(reader.u64()?),
                salt: reader.u64()?,
            },
            frames: reader.u64()?,
            rows: reader.u64()?,
            end: reader.u64()?,
            first_sequence: reader.u64()?,
        })
    }
}

fn checksum_is_right(block: &[u8]) -> bool {
    let stored = block.get(4..).and_then(|rest| Reader(rest).u32());
    let computed = block.get(8..LENGTH).map(crc32c::crc32c);
    stored.is_some() && stored == computed
}
