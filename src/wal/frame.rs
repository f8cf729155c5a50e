//! A frame: what one group commit writes.

use super::layout::{BLOCK_BYTES, Identity, Reader, SegmentId, padded};
use crate::domain::table::FIRST_LOCAL_ID;

const MAGIC: [u8; 4] = *b"FRMF";
const CHECKED_FROM: usize = 8;

/// Bytes of a frame before its first section.
pub(super) const FRAME_HEADER_BYTES: usize = 40;
/// Bytes of a section before its row lengths.
pub(super) const SECTION_HEADER_BYTES: usize = 12;

/// Builds one frame after another in the same buffer.
#[derive(Debug, Default)]
pub(super) struct FrameBuilder {
    buffer: Vec<u8>,
    /// Bytes up to the end of the last section; padding follows.
    length: usize,
    rows: u32,
}

impl FrameBuilder {
    /// Forgets the frame before; gives memory back when that one was far larger than `expected_bytes`.
    pub(super) fn start(&mut self, expected_bytes: usize) {
        self.buffer.clear();
        if self.buffer.capacity() > (expected_bytes * 4).max(1 << 20) {
            self.buffer.shrink_to(expected_bytes * 2);
        }
        self.buffer.resize(FRAME_HEADER_BYTES, 0);
        self.length = FRAME_HEADER_BYTES;
        self.rows = 0;
    }

    /// Adds rows of one table. `lengths` sum up to the length of `payload`; both are below 4 GiB, which
    /// the limit on a frame guarantees.
    pub(super) fn section(&mut self, table: u8, lengths: &[u32], payload: &[u8]) {
        let rows = u32::try_from(lengths.len()).unwrap_or(u32::MAX);
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.buffer.extend_from_slice(&[table, 0, 0, 0]);
        self.buffer.extend_from_slice(&rows.to_le_bytes());
        self.buffer.extend_from_slice(&bytes.to_le_bytes());
        self.buffer.reserve(lengths.len() * 4 + payload.len());
        for length in lengths {
            self.buffer.extend_from_slice(&length.to_le_bytes());
        }
        self.buffer.extend_from_slice(payload);
        self.length = self.buffer.len();
        if table < FIRST_LOCAL_ID {
            self.rows = self.rows.saturating_add(rows);
        }
    }

    /// Bytes that the frame will take on disk.
    pub(super) const fn padded_bytes(&self) -> usize {
        padded(self.length)
    }

    /// Rows in the frame, those of local tables not counted.
    pub(super) const fn rows(&self) -> u32 {
        self.rows
    }

    /// The whole frame, padded to a block boundary. May be called again with another identity.
    pub(super) fn finish(&mut self, identity: Identity, sequence: u64) -> &[u8] {
        let length = u32::try_from(self.length).unwrap_or(u32::MAX);
        self.buffer.truncate(self.length);
        self.buffer[..4].copy_from_slice(&MAGIC);
        self.buffer[8..12].copy_from_slice(&length.to_le_bytes());
        self.buffer[12..16].copy_from_slice(&self.rows.to_le_bytes());
        self.buffer[16..24].copy_from_slice(&identity.id.0.to_le_bytes());
        self.buffer[24..32].copy_from_slice(&identity.salt.to_le_bytes());
        self.buffer[32..40].copy_from_slice(&sequence.to_le_bytes());
        let crc = crc32c::crc32c(&self.buffer[CHECKED_FROM..]);
        self.buffer[4..8].copy_from_slice(&crc.to_le_bytes());
        self.buffer.resize(padded(self.length), 0);
        &self.buffer
    }
}

/// A frame of rows that are all alike, to measure what encoding one costs.
#[doc(hidden)]
#[derive(Debug)]
pub struct FrameMeasure {
    frame: FrameBuilder,
    lengths: Vec<u32>,
    payload: Vec<u8>,
}

impl FrameMeasure {
    /// Frames of `rows` rows of `row_bytes` bytes.
    #[must_use]
    pub fn new(rows: usize, row_bytes: usize) -> Self {
        Self {
            frame: FrameBuilder::default(),
            lengths: vec![u32::try_from(row_bytes).unwrap_or(u32::MAX); rows],
            payload: vec![b'x'; rows * row_bytes],
        }
    }

    /// Encodes one; returns its length on disk.
    pub fn encode(&mut self) -> usize {
        let identity = Identity {
            id: SegmentId(1),
            salt: 2,
        };
        self.frame.start(self.payload.len());
        self.frame.section(1, &self.lengths, &self.payload);
        self.frame.finish(identity, 3).len()
    }
}

/// The fields of a frame before its sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) length: usize,
    pub(super) rows: u32,
    pub(super) identity: Identity,
    pub(super) sequence: u64,
}

impl FrameHeader {
    /// Reads the fields without checking the checksum; `None` when this is no frame's beginning.
    pub(super) fn peek(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.array::<4>()? != MAGIC {
            return None;
        }
        reader.u32()?;
        let length = reader.size()?;
        let rows = reader.u32()?;
        let identity = Identity {
            id: SegmentId(reader.u64()?),
            salt: reader.u64()?,
        };
        let sequence = reader.u64()?;
        Some(Self {
            length,
            rows,
            identity,
            sequence,
        })
    }

    /// Reads the frame that begins `bytes`; `None` when it is not whole.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let header = Self::peek(bytes)?;
        if header.length < FRAME_HEADER_BYTES {
            return None;
        }
        let checked = bytes.get(CHECKED_FROM..header.length)?;
        let crc = Reader(bytes.get(4..)?).u32()?;
        (crc32c::crc32c(checked) == crc).then_some(header)
    }

    /// Bytes that the frame takes on disk.
    pub(super) const fn padded_bytes(&self) -> usize {
        padded(self.length)
    }
}

/// Rows of one table in a frame, as offsets into the bytes that the frame was decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) table: u8,
    pub(super) lengths: Vec<u32>,
    pub(super) payload: std::ops::Range<usize>,
}

/// The sections of a whole frame; `None` when they contradict each other, which the checksum makes a
/// fault of the writer.
pub(super) fn sections(frame: &[u8], header: &FrameHeader) -> Option<Vec<Section>> {
    let body = frame.get(..header.length)?;
    let mut offset = FRAME_HEADER_BYTES;
    let mut rows_seen = 0_u32;
    let mut sections = Vec::new();
    while offset < body.len() {
        let mut reader = Reader(body.get(offset..)?);
        let table = reader.u8()?;
        reader.take(3)?;
        let rows = reader.u32()?;
        let bytes = reader.size()?;
        let lengths: Vec<u32> = reader
            .take(usize::try_from(rows).ok()?.checked_mul(4)?)?
            .chunks_exact(4)
            .filter_map(|chunk| Reader(chunk).u32())
            .collect();
        let sum: u64 = lengths.iter().copied().map(u64::from).sum();
        if sum != u64::try_from(bytes).ok()? {
            return None;
        }
        let start = offset + SECTION_HEADER_BYTES + lengths.len() * 4;
        reader.take(bytes)?;
        offset = start + bytes;
        if table < FIRST_LOCAL_ID {
            rows_seen = rows_seen.checked_add(rows)?;
        }
        sections.push(Section {
            table,
            lengths,
            payload: start..offset,
        });
    }
    (rows_seen == header.rows).then_some(sections)
}

const _: () = assert!(
    FRAME_HEADER_BYTES + SECTION_HEADER_BYTES < BLOCK_BYTES,
    "a block holds a row"
);
