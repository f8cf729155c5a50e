//! A sealed segment, and its rows.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::files::{Access, FileSystem};
use super::frame;
use super::header::TableColumns;
use super::layout::{Identity, SegmentId};
use super::scan;

/// Which life of process and system wrote a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This process.
    Live,
    /// An earlier process, since the last start of the system.
    RecoveredSameBoot,
    /// An earlier process, before the last start of the system: what the warehouse held only in memory is
    /// gone, its memory of tokens included.
    RecoveredOtherBoot,
}

/// A segment that waits for the warehouse.
#[derive(Clone, Debug)]
pub struct SealedSegment {
    /// Its id.
    pub id: SegmentId,
    /// Rows in it, those of local tables not counted.
    pub rows: u64,
    /// Bytes that its frames take on disk.
    pub bytes: u64,
    /// Who wrote it.
    pub origin: Origin,
    pub(super) place: Arc<Place>,
}

/// What is needed to read a segment again.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) node: [u8; 16],
    pub(super) tables: Arc<[TableColumns]>,
    /// Offset behind the last frame that counts.
    pub(super) end: usize,
    /// Sequences of the frames that it should hold.
    pub(super) sequences: Range<u64>,
}

impl SealedSegment {
    /// Random bits that tell this segment from another one with the same id.
    #[must_use]
    pub fn salt(&self) -> u64 {
        self.place.identity.salt
    }

    /// The deduplication token of this segment's rows of one table: the same at every try, in every
    /// process, and never that of other rows, even if ids should repeat because the folder was restored
    /// from a copy.
    #[must_use]
    pub fn token(&self, table: &str) -> String {
        let mut token = hex(&self.place.node);
        let _infallible = write!(token, ":{}.{:016x}:{table}", self.id, self.place.identity.salt);
        token
    }
}

/// The rows of a segment, by table, in the order in which they were appended.
#[derive(Clone, Debug, Default)]
pub struct SegmentRows {
    /// Tables that have rows.
    pub tables: Vec<TableRows>,
    /// Frames that the segment should hold and that are not whole any more. Their rows are lost; the file
    /// goes to the quarantine when the segment is released.
    pub frames_lost: u64,
}

impl SegmentRows {
    /// Each table's name and rows.
    pub fn named(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &[u8]>)> {
        self.tables
            .iter()
            .map(|table| (table.table.as_str(), table.rows()))
    }
}

/// The rows of one table in a segment.
#[derive(Clone, Debug)]
pub struct TableRows {
    /// Name of the table.
    pub table: String,
    /// Names of the columns, in the order of a row's values.
    pub columns: Vec<String>,
    /// The rows in RowBinary, one after another: slices of one buffer.
    pub payload: Vec<Bytes>,
    /// Length of each row in `payload`, in order.
    pub row_bytes: Vec<u32>,
}

impl TableRows {
    /// The rows, one by one.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let mut chunks = self.payload.iter();
        let mut rest: &[u8] = &[];
        self.row_bytes.iter().map_while(move |length| {
            let length = usize::try_from(*length).ok()?;
            // No row reaches from one chunk into the next.
            while rest.len() < length {
                rest = chunks.next()?;
            }
            let (row, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(row)
        })
    }
}

impl Place {
    /// Reads the whole segment and checks every frame.
    pub(super) fn read(&self, files: &dyn FileSystem) -> std::io::Result<SegmentRows> {
        let file = files.open(&self.path, Access::Read)?;
        let (bytes, _unreadable) = scan::read_what_can_be_read(file.as_ref(), self.end)?;
        let bytes = Bytes::from(bytes);
        let found = scan::scan(&bytes, self.identity, self.end, true);
        let mut rows = SegmentRows::default();
        let mut frames_read = 0;
        for (offset, header) in &found.frames {
            if !self.sequences.contains(&header.sequence) {
                continue;
            }
            let end = offset + header.length;
            let Some(sections) = frame::sections(&bytes[*offset..end], header) else {
                continue;
            };
            if sections
                .iter()
                .any(|section| self.columns(section.table).is_none())
            {
                continue;
            }
            frames_read += 1;
            for section in sections {
                let payload = bytes.slice(offset + section.payload.start..offset + section.payload.end);
                self.push(&mut rows.tables, section.table, &section.lengths, payload);
            }
        }
        rows.frames_lost = (self.sequences.end - self.sequences.start).saturating_sub(frames_read);
        Ok(rows)
    }

    fn columns(&self, table: u8) -> Option<&TableColumns> {
        self.tables.iter().find(|columns| columns.id == table)
    }

    fn push(&self, tables: &mut Vec<TableRows>, table: u8, lengths: &[u32], payload: Bytes) {
        let Some(columns) = self.columns(table) else {
            return;
        };
        let index = tables
            .iter()
            .position(|rows| rows.table == columns.name)
            .unwrap_or_else(|| {
                tables.push(TableRows {
                    table: columns.name.clone(),
                    columns: columns.columns.clone(),
                    payload: Vec::new(),
                    row_bytes: Vec::new(),
                });
                tables.len() - 1
            });
        if let Some(rows) = tables.get_mut(index) {
            rows.row_bytes.extend_from_slice(lengths);
            rows.payload.push(payload);
        }
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// What a name in the folder says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Lock,
    Checkpoint,
    NewCheckpoint,
    Quarantine,
    Segment(SegmentId),
    Spare(u64),
    NewSpare,
    Foreign,
}

pub(super) const LOCK: &str = "lock";
pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const NEW_CHECKPOINT: &str = "checkpoint.new";
pub(super) const QUARANTINE: &str = "quarantine";

impl Name {
    pub(super) fn parse(name: &str) -> Self {
        match name {
            LOCK => return Self::Lock,
            CHECKPOINT => return Self::Checkpoint,
            NEW_CHECKPOINT => return Self::NewCheckpoint,
            QUARANTINE => return Self::Quarantine,
            _ => {}
        }
        if let Some(stem) = name.strip_suffix(".new") {
            return match Self::parse(stem) {
                Self::Spare(_) => Self::NewSpare,
                _ => Self::Foreign,
            };
        }
        let Some((kind, number)) = name.strip_suffix(".wal").and_then(|stem| stem.split_once('-')) else {
            return Self::Foreign;
        };
        let digits = |count| number.len() == count && number.bytes().all(|byte| byte.is_ascii_digit());
        match (kind, number.parse()) {
            ("segment", Ok(id)) if digits(20) => Self::Segment(SegmentId(id)),
            ("spare", Ok(number)) if digits(20) => Self::Spare(number),
            _ => Self::Foreign,
        }
    }
}

pub(super) fn segment_path(dir: &Path, id: SegmentId) -> PathBuf {
    dir.join(format!("segment-{:020}.wal", id.0))
}

pub(super) fn spare_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("spare-{number:020}.wal"))
}
