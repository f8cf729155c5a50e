//! What a start can find out of the ordinary.

use std::fmt;

use crate::wal::layout::SegmentId;

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
    pub(super) fn log(&self) {
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
