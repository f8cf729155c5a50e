//! Finds the frames of a segment in the bytes of its file, whatever has happened to them.

use std::io;
use std::ops::Range;

use super::files::LogFile;
use super::frame::FrameHeader;
use super::layout::{BLOCK_BYTES, DATA_START, Identity, padded};

/// What the data part of a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Whole frames, by offset.
    pub(super) frames: Vec<(usize, FrameHeader)>,
    /// Bytes that must have held frames and do not any more.
    pub(super) damaged: Vec<Range<usize>>,
    /// The remains of a frame behind the last whole one.
    pub(super) torn: Option<Range<usize>>,
    /// Offset behind the last whole frame.
    pub(super) end: usize,
}

/// Looks for frames from the first data block up to `limit`. With `sealed`, frames are known to reach
/// exactly to `limit`; without, what follows the last whole frame is a torn tail, or nothing.
pub(super) fn scan(bytes: &[u8], identity: Identity, limit: usize, sealed: bool) -> Scan {
    let data = bytes.get(..limit.min(bytes.len())).unwrap_or(bytes);
    let mut found = Scan {
        end: DATA_START,
        ..Scan::default()
    };
    let mut offset = DATA_START;
    while offset < limit {
        if let Some(header) = frame_at(data, offset, identity) {
            found.frames.push((offset, header));
            offset += header.padded_bytes();
            found.end = offset;
            continue;
        }
        let next = (offset + BLOCK_BYTES..data.len())
            .step_by(BLOCK_BYTES)
            .find(|at| frame_at(data, *at, identity).is_some());
        match next {
            Some(next) => {
                found.damaged.push(offset..next);
                offset = next;
            }
            None if sealed => {
                found.damaged.push(offset..limit);
                break;
            }
            None => {
                found.torn = torn_frame(data, offset, identity);
                break;
            }
        }
    }
    found
}

fn frame_at(data: &[u8], offset: usize, identity: Identity) -> Option<FrameHeader> {
    let bytes = data.get(offset..)?;
    // The cheap look first: the checksum is computed only for what claims to be ours.
    FrameHeader::peek(bytes).filter(|header| header.identity == identity)?;
    FrameHeader::decode(bytes)
}

/// A frame of which a part was written: recognised by what it says of itself. Zeroes and the bytes of an
/// earlier life of the file are none.
fn torn_frame(data: &[u8], offset: usize, identity: Identity) -> Option<Range<usize>> {
    let header = FrameHeader::peek(data.get(offset..)?)?;
    let ours = header.identity.id == identity.id || header.identity.salt == identity.salt;
    ours.then(|| offset..padded(offset.saturating_add(header.length)).min(data.len()))
}

/// The first `length` bytes of a file. Blocks that cannot be read are zeroes, counted; a file that ends
/// earlier gives less.
pub(super) fn read_what_can_be_read(file: &dyn LogFile, length: usize) -> io::Result<(Vec<u8>, usize)> {
    let mut bytes = vec![0; length];
    let Err(error) = file.read_at(&mut bytes, 0).map(|read| bytes.truncate(read)) else {
        return Ok((bytes, 0));
    };
    let (mut unreadable, mut readable, mut end) = (0, 0, 0);
    for (block, chunk) in bytes.chunks_mut(BLOCK_BYTES).enumerate() {
        let offset = block * BLOCK_BYTES;
        match file.read_at(chunk, u64::try_from(offset).unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(read) => {
                readable += 1;
                end = offset + read;
            }
            Err(_) => {
                chunk.fill(0);
                unreadable += 1;
                end = offset + chunk.len();
            }
        }
    }
    if readable == 0 {
        return Err(error);
    }
    bytes.truncate(end);
    Ok((bytes, unreadable))
}
