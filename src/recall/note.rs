//! What is remembered, and how it stands in a row of the log.

pub use crate::domain::quota_count::QuotaCount;

/// An id that a client has sent with a beacon that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMark {
    /// Keyed hash of project and id.
    pub fingerprint: u64,
    /// Hour since 1970 in which it came.
    pub hour: u32,
}

/// A row of the log's own table `recall`: it stands in the same append as the rows that it is about, so both are
/// durable, or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// What was admitted.
    pub count: Option<QuotaCount>,
    /// The id of what was stored.
    pub event: Option<EventMark>,
}

const HAS_COUNT: u8 = 1;
const HAS_EVENT: u8 = 2;
/// Bytes of a count, in a row and in a journal.
pub(super) const COUNT_BYTES: usize = 25;

impl Note {
    /// True when there is nothing to remember: such a note needs no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count.is_none() && self.event.is_none()
    }

    /// Appends the note to a row of the log; at most 38 bytes.
    pub fn encode(&self, row: &mut Vec<u8>) {
        let has = |is_there: bool, bit| if is_there { bit } else { 0 };
        row.push(has(self.count.is_some(), HAS_COUNT) | has(self.event.is_some(), HAS_EVENT));
        if let Some(count) = &self.count {
            push_count(row, count);
        }
        if let Some(event) = &self.event {
            row.extend_from_slice(&event.hour.to_le_bytes());
            row.extend_from_slice(&event.fingerprint.to_le_bytes());
        }
    }

    /// Reads a row of the log; `None` when it is none that this version knows.
    #[must_use]
    pub fn decode(row: &[u8]) -> Option<Self> {
        let (has, mut rest) = row.split_first()?;
        if has & !(HAS_COUNT | HAS_EVENT) != 0 {
            return None;
        }
        let mut note = Self::default();
        if has & HAS_COUNT != 0 {
            let (count, after) = rest.split_first_chunk()?;
            note.count = Some(read_count(count));
            rest = after;
        }
        if has & HAS_EVENT != 0 {
            let (hour, after) = rest.split_first_chunk()?;
            let (fingerprint, after) = after.split_first_chunk()?;
            note.event = Some(EventMark {
                fingerprint: u64::from_le_bytes(*fingerprint),
                hour: u32::from_le_bytes(*hour),
            });
            rest = after;
        }
        rest.is_empty().then_some(note)
    }
}

pub(super) fn push_count(bytes: &mut Vec<u8>, count: &QuotaCount) {
    bytes.extend_from_slice(&count.subject.to_le_bytes());
    bytes.extend_from_slice(&count.network.to_le_bytes());
    bytes.push(count.class);
    bytes.extend_from_slice(&count.minute.to_le_bytes());
    bytes.extend_from_slice(&count.count.to_le_bytes());
}

pub(super) fn read_count(bytes: &[u8; COUNT_BYTES]) -> QuotaCount {
    let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
    let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
    QuotaCount {
        subject: u64_at(0),
        network: u64_at(8),
        class: bytes[16],
        minute: u32_at(17),
        count: u32_at(21),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_count()(numbers in any::<(u64, u64, u8, u32, u32)>()) -> QuotaCount {
            let (subject, network, class, minute, count) = numbers;
            QuotaCount { subject, network, class, minute, count }
        }
    }

    proptest! {
        #[test]
        fn a_note_is_read_as_it_was_written(
            count in prop::option::of(any_count()),
            event in prop::option::of(any::<(u64, u32)>()),
        ) {
            let event = event.map(|(fingerprint, hour)| EventMark { fingerprint, hour });
            let note = Note { count, event };
            let mut row = Vec::new();
            note.encode(&mut row);
            prop_assert!(row.len() <= 38);
            prop_assert_eq!(Note::decode(&row), Some(note));
            row.push(0);
            prop_assert_eq!(Note::decode(&row), None);
        }

        #[test]
        fn no_bytes_make_reading_a_note_fail_otherwise(row in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(note) = Note::decode(&row) {
                let mut again = Vec::new();
                note.encode(&mut again);
                prop_assert_eq!(again, row);
            }
        }
    }
}
