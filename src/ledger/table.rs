//! The warehouse's table `ledger`, as a row of it is written.

use super::entry::Entry;
use crate::domain::ledger::MINUTE_MS;
use crate::domain::row_binary::put_text;

/// Name of the table.
pub const TABLE: &str = "ledger";
/// Its columns, in the order of [`put_row`].
pub const COLUMNS: [&str; 7] = [
    "project_id",
    "minute",
    "kind",
    "outcome",
    "node",
    "items",
    "segment_max",
];

/// Appends a row in RowBinary: items that came through the log `node`, the last of them in the segment `segment_max`.
pub fn put_row(entry: &Entry, items: i64, node: &str, segment_max: u64, row: &mut Vec<u8>) {
    let minute_s = i64::from(entry.minute) * (MINUTE_MS / 1_000);
    put_text(&entry.project, row);
    row.extend_from_slice(&u32::try_from(minute_s).unwrap_or(u32::MAX).to_le_bytes());
    put_text(entry.kind.as_str(), row);
    put_text(entry.outcome.as_str(), row);
    put_text(node, row);
    row.extend_from_slice(&items.to_le_bytes());
    row.extend_from_slice(&segment_max.to_le_bytes());
}
