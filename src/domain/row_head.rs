//! What each row of a raw table begins with, in RowBinary: `event_id`, `project_id`, `ts`, `received_at`.

use uuid::Uuid;

/// The columns that can be read without knowing the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowHead<'r> {
    /// Identity of the event.
    pub event_id: Uuid,
    /// The project.
    pub project_id: &'r str,
    /// Milliseconds since 1970 at which the server received it.
    pub received_at_ms: i64,
}

impl<'r> RowHead<'r> {
    /// Reads the head; `None` when the row is too short, or its project is no text.
    #[must_use]
    pub fn read(row: &'r [u8]) -> Option<Self> {
        let event_id = event_id(row)?;
        // A project's id has at most 64 bytes, so its LEB128 length has one.
        let (length, rest) = row.get(EVENT_ID_BYTES..)?.split_first()?;
        if *length >= 0x80 {
            return None;
        }
        let (project_id, rest) = rest.split_at_checked(usize::from(*length))?;
        let received_at_ms = rest.get(8..16)?.try_into().ok()?;
        Some(Self {
            event_id,
            project_id: std::str::from_utf8(project_id).ok()?,
            received_at_ms: i64::from_le_bytes(received_at_ms),
        })
    }
}

/// Bytes of the event id.
pub const EVENT_ID_BYTES: usize = 16;

/// The event id that a row begins with. ClickHouse writes a UUID in RowBinary as two little-endian halves.
#[must_use]
pub fn event_id(row: &[u8]) -> Option<Uuid> {
    let (high, rest) = row.split_first_chunk()?;
    let (low, _) = rest.split_first_chunk()?;
    Some(Uuid::from_u64_pair(
        u64::from_le_bytes(*high),
        u64::from_le_bytes(*low),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_up_to_its_last_byte_and_not_before() {
        let id = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        let (high, low) = id.as_u64_pair();
        let mut row = [high.to_le_bytes(), low.to_le_bytes()].concat();
        row.push(4);
        row.extend_from_slice(b"shop");
        row.extend_from_slice(&7_i64.to_le_bytes());
        row.extend_from_slice(&1_700_000_000_123_i64.to_le_bytes());
        for bytes in 0..row.len() {
            assert_eq!(RowHead::read(&row[..bytes]), None, "{bytes}");
        }
        row.push(0);
        let head = RowHead::read(&row).unwrap();
        assert_eq!(
            (head.event_id, head.project_id, head.received_at_ms),
            (id, "shop", 1_700_000_000_123)
        );
    }
}
