//! The header of a segment: whose it is, and the columns that its rows have.

use crate::clock::UnixMicros;
use crate::domain::table::Table;

use super::layout::{BLOCK_BYTES, FORMAT, Identity, Reader, SegmentId};

const MAGIC: [u8; 8] = *b"FRSNLWAL";
const CHECKED_FROM: usize = 12;

/// Columns of one table, as the segment's writer knew them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableColumns {
    pub(super) id: u8,
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

/// The header of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) identity: Identity,
    pub(super) file_bytes: u64,
    pub(super) created: UnixMicros,
    pub(super) node: [u8; 16],
    pub(super) boot: [u8; 16],
    pub(super) tables: Vec<TableColumns>,
}

/// Why a block is not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Not a header, or a damaged one.
    Bad,
    /// A whole header of a format that this version does not know.
    Newer(u16),
}

/// The raw tables as this version of Fresnel knows them.
pub(super) fn current_tables() -> Vec<TableColumns> {
    Table::ALL
        .into_iter()
        .map(|table| TableColumns {
            id: table.id(),
            name: table.name().to_owned(),
            columns: table
                .columns()
                .iter()
                .map(|column| column.name.to_owned())
                .collect(),
        })
        .collect()
}

impl Header {
    /// One block; `None` when the column lists do not fit into it.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        block.extend_from_slice(&MAGIC);
        block.extend_from_slice(&[0; 8]);
        block.extend_from_slice(&FORMAT.to_le_bytes());
        block.extend_from_slice(&[0; 2]);
        block.extend_from_slice(&u32::try_from(BLOCK_BYTES).ok()?.to_le_bytes());
        block.extend_from_slice(&self.identity.id.0.to_le_bytes());
        block.extend_from_slice(&self.identity.salt.to_le_bytes());
        block.extend_from_slice(&self.file_bytes.to_le_bytes());
        block.extend_from_slice(&self.created.0.to_le_bytes());
        block.extend_from_slice(&self.node);
        block.extend_from_slice(&self.boot);
        block.push(u8::try_from(self.tables.len()).ok()?);
        for table in &self.tables {
            block.push(table.id);
            push_name(&mut block, &table.name)?;
            block.extend_from_slice(&u16::try_from(table.columns.len()).ok()?.to_le_bytes());
            for column in &table.columns {
                push_name(&mut block, column)?;
            }
        }
        let length = u32::try_from(block.len()).ok()?;
        if block.len() > BLOCK_BYTES {
            return None;
        }
        block[12..16].copy_from_slice(&length.to_le_bytes());
        let crc = crc32c::crc32c(&block[CHECKED_FROM..]);
        block[8..12].copy_from_slice(&crc.to_le_bytes());
        block.resize(BLOCK_BYTES, 0);
        Some(block)
    }

    /// Reads one copy of the header from the beginning of `block`.
    pub(super) fn decode(block: &[u8]) -> Result<Self, HeaderFault> {
        let checked = checked_part(block).ok_or(HeaderFault::Bad)?;
        let mut reader = Reader(checked);
        let format = reader.u16().ok_or(HeaderFault::Bad)?;
        if format > FORMAT {
            return Err(HeaderFault::Newer(format));
        }
        Self::decode_fields(reader).ok_or(HeaderFault::Bad)
    }

    fn decode_fields(mut reader: Reader<'_>) -> Option<Self> {
        reader.u16()?;
        if reader.size()? != BLOCK_BYTES {
            return None;
        }
        let identity = Identity {
            id: SegmentId(reader.u64()?),
            salt: reader.u64()?,
        };
        let file_bytes = reader.u64()?;
        let created = UnixMicros(i64::from_le_bytes(reader.array()?));
        let node = reader.array()?;
        let boot = reader.array()?;
        let mut tables = Vec::new();
        for _ in 0..reader.u8()? {
            let id = reader.u8()?;
            let name = read_name(&mut reader)?;
            let columns = reader.u16()?;
            tables.push(TableColumns {
                id,
                name,
                columns: (0..columns)
                    .map(|_| read_name(&mut reader))
                    .collect::<Option<_>>()?,
            });
        }
        Some(Self {
            identity,
            file_bytes,
            created,
            node,
            boot,
            tables,
        })
    }
}

/// The part behind `length`, when magic, length and checksum are right.
fn checked_part(block: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(block);
    if reader.array::<8>()? != MAGIC {
        return None;
    }
    let crc = reader.u32()?;
    let length = reader.size()?;
    if length > BLOCK_BYTES {
        return None;
    }
    let checked = block.get(CHECKED_FROM..length)?;
    (crc32c::crc32c(checked) == crc).then_some(())?;
    checked.get(4..)
}

fn push_name(block: &mut Vec<u8>, name: &str) -> Option<()> {
    block.push(u8::try_from(name.len()).ok()?);
    block.extend_from_slice(name.as_bytes());
    Some(())
}

fn read_name(reader: &mut Reader<'_>) -> Option<String> {
    let length = usize::from(reader.u8()?);
    String::from_utf8(reader.take(length)?.to_vec()).ok()
}
