//! Sizes and offsets that every part of a segment shares, and the two reading helpers.

use std::fmt;

/// Unit of layout; every part of a segment begins on such a boundary. The page size of the systems that
/// Fresnel runs on, so that a commit never makes the kernel read a block before it can change it.
pub(super) const BLOCK_BYTES: usize = 4_096;

/// Offset of the first frame, behind the two copies of the header.
pub(super) const DATA_START: usize = 2 * BLOCK_BYTES;

/// The format that this version writes, and the newest that it reads. Format 1 had no local tables.
pub(super) const FORMAT: u16 = 2;

/// Number of a segment. Ids rise in the order in which segments are filled; they are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What every frame and the seal of one segment carry, and no other segment's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: SegmentId,
    pub(super) salt: u64,
}

/// The next block boundary at or behind `offset`.
pub(super) const fn padded(offset: usize) -> usize {
    offset.next_multiple_of(BLOCK_BYTES)
}

/// Bytes that frames may take in a file of this length.
pub(super) const fn capacity(file_bytes: usize) -> usize {
    file_bytes.saturating_sub(DATA_START + BLOCK_BYTES)
}

/// Offset of the seal in a file of this length.
pub(super) const fn seal_offset(file_bytes: usize) -> usize {
    file_bytes.saturating_sub(BLOCK_BYTES)
}

/// Reads fixed-size values from the front of a slice.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count or a length of 32 bits.
    pub(super) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }
}
