//! How drops stand in a row of the log.

use super::entry::{Entry, Share};
use crate::domain::ledger::{ItemKind, Outcome};

/// A row of the log's own table `ledger`: items that are not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note;

/// Bytes in front of the project's id.
const HEAD_BYTES: usize = 10;

impl Note {
    /// Appends the note to a row of the log: 10 bytes and the project's id.
    pub fn encode(project: &str, minute: u32, share: &Share, row: &mut Vec<u8>) {
        row.push(share.kind.code());
        row.push(share.outcome.code());
        row.extend_from_slice(&minute.to_le_bytes());
        row.extend_from_slice(&share.items.to_le_bytes());
        row.extend_from_slice(project.as_bytes());
    }

    /// Reads a row of the log; `None` when it is none that this version knows.
    #[must_use]
    pub fn decode(row: &[u8]) -> Option<(Entry, u32)> {
        let (head, project) = row.split_first_chunk::<HEAD_BYTES>()?;
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| head[at + index]));
        let entry = Entry {
            project: std::str::from_utf8(project).ok()?.into(),
            minute: u32_at(2),
            kind: ItemKind::from_code(head[0])?,
            outcome: Outcome::from_code(head[1])?,
        };
        Some((entry, u32_at(6)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_note_is_read_as_it_was_written(
            project in "[a-z0-9_-]{1,64}",
            minute in any::<u32>(),
            kind in prop::sample::select(&ItemKind::ALL[..]),
            outcome in (0_u8..40).prop_filter_map("known", Outcome::from_code),
            items in any::<u32>(),
        ) {
            let mut row = Vec::new();
            Note::encode(&project, minute, &Share { kind, outcome, items }, &mut row);
            let entry = Entry { project: project.into(), minute, kind, outcome };
            prop_assert_eq!(Note::decode(&row), Some((entry, items)));
        }
    }
}
