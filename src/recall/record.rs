//! The records of a journal, and how they are found in a file whatever has happened to it.
//!
//! ```text
//! magic [4]  crc u32 (CRC32C of what follows)  bytes u32 (of the entries)  hour u32  segment u64  salt u64  entries
//! ```
//!
//! All integers are little-endian. `FRQC`: entries are counts (`subject u64, network u64, class u8, minute u32,
//! count u32`), `hour` is 0. `FREV`: entries are fingerprints (`u64`) of that hour.

use super::Source;
use super::note::{COUNT_BYTES, EventMark, QuotaCount, push_count, read_count};

const COUNTS: [u8; 4] = *b"FRQC";
const EVENTS: [u8; 4] = *b"FREV";
const HEADER_BYTES: usize = 32;
const CHECKED_FROM: usize = 8;

/// What one record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entries {
    Counts(Vec<QuotaCount>),
    Events(Vec<EventMark>),
}

/// Appends a record of all counts of a segment.
pub(super) fn push_counts(bytes: &mut Vec<u8>, source: Source, counts: &[QuotaCount]) {
    let start = begin(bytes, COUNTS, 0, source);
    for count in counts {
        push_count(bytes, count);
    }
    finish(bytes, start);
}

/// Appends a record of the fingerprints of one hour.
pub(super) fn push_events(
    bytes: &mut Vec<u8>,
    source: Source,
    hour: u32,
    fingerprints: impl Iterator<Item = u64>,
) {
    let start = begin(bytes, EVENTS, hour, source);
    for fingerprint in fingerprints {
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
    }
    finish(bytes, start);
}

fn begin(bytes: &mut Vec<u8>, magic: [u8; 4], hour: u32, source: Source) -> usize {
    let start = bytes.len();
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&hour.to_le_bytes());
    bytes.extend_from_slice(&source.segment.to_le_bytes());
    bytes.extend_from_slice(&source.salt.to_le_bytes());
    start
}

fn finish(bytes: &mut [u8], start: usize) {
    let record = &mut bytes[start..];
    let length = u32::try_from(record.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    record[8..12].copy_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c(&record[CHECKED_FROM..]);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// The records of a file; what is none is passed over, and counted in bytes.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    /// Bytes that belong to no record.
    pub(super) damaged_bytes: usize,
}

impl<'a> Records<'a> {
    pub(super) const fn of(file: &'a [u8]) -> Self {
        Self {
            rest: file,
            damaged_bytes: 0,
        }
    }
}

impl Iterator for Records<'_> {
    type Item = (Source, Entries);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            if let Some((record, length)) = decode(self.rest) {
                self.rest = self.rest.get(length..).unwrap_or_default();
                return Some(record);
            }
            // The next place where a record could begin.
            let after = self.rest.get(1..).unwrap_or_default();
            let next = after
                .windows(4)
                .position(|window| window == COUNTS || window == EVENTS);
            let skipped = next.map_or(self.rest.len(), |next| next + 1);
            self.damaged_bytes += skipped;
            self.rest = self.rest.get(skipped..).unwrap_or_default();
        }
        None
    }
}

fn decode(bytes: &[u8]) -> Option<((Source, Entries), usize)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| header[at + index]));
    let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| header[at + index]));
    let entries_bytes = usize::try_from(u32_at(8)).ok()?;
    let entries = rest.get(..entries_bytes)?;
    let length = HEADER_BYTES + entries_bytes;
    if crc32c::crc32c(bytes.get(CHECKED_FROM..length)?) != u32_at(4) {
        return None;
    }
    let hour = u32_at(12);
    let (counts, no_count_rest) = entries.as_chunks::<COUNT_BYTES>();
    let (fingerprints, no_event_rest) = entries.as_chunks::<8>();
    let entries = match *header.first_chunk::<4>()? {
        COUNTS if no_count_rest.is_empty() => Entries::Counts(counts.iter().map(read_count).collect()),
        EVENTS if no_event_rest.is_empty() => Entries::Events(
            fingerprints
                .iter()
                .map(|bytes| EventMark {
                    fingerprint: u64::from_le_bytes(*bytes),
                    hour,
                })
                .collect(),
        ),
        _ => return None,
    };
    let source = Source {
        segment: u64_at(16),
        salt: u64_at(24),
    };
    Some(((source, entries), length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(segment: u64) -> Source {
        Source { segment, salt: 7 }
    }

    fn count(number: u32) -> QuotaCount {
        QuotaCount {
            subject: u64::from(number),
            network: 9,
            class: 1,
            minute: number,
            count: 3,
        }
    }

    fn write(kinds: &[(bool, u32)]) -> (Vec<u8>, Vec<(Source, Entries)>, Vec<usize>) {
        let (mut bytes, mut records, mut starts) = (Vec::new(), Vec::new(), Vec::new());
        for (segment, (is_count, entries)) in (1..).zip(kinds) {
            starts.push(bytes.len());
            let source = source(segment);
            if *is_count {
                let counts: Vec<_> = (0..*entries).map(count).collect();
                push_counts(&mut bytes, source, &counts);
                records.push((source, Entries::Counts(counts)));
            } else {
                let prints = 0..u64::from(*entries);
                push_events(&mut bytes, source, 5, prints.clone());
                let marks = prints.map(|fingerprint| EventMark { fingerprint, hour: 5 });
                records.push((source, Entries::Events(marks.collect())));
            }
        }
        starts.push(bytes.len());
        (bytes, records, starts)
    }

    proptest! {
        #[test]
        fn a_torn_tail_costs_the_last_record_only(
            kinds in prop::collection::vec((any::<bool>(), 0_u32..9), 1..9),
            cut in any::<prop::sample::Index>(),
        ) {
            let (bytes, records, starts) = write(&kinds);
            let cut = cut.index(bytes.len() + 1);
            let whole = starts.iter().filter(|start| **start <= cut).count() - 1;
            let found: Vec<_> = Records::of(&bytes[..cut]).collect();
            prop_assert_eq!(&found[..], &records[..whole]);
        }

        #[test]
        fn damage_costs_the_records_that_it_hits(
            kinds in prop::collection::vec((any::<bool>(), 0_u32..9), 1..9),
            place in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let (mut bytes, records, starts) = write(&kinds);
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            let hit = starts.iter().filter(|start| **start <= place).count() - 1;
            let expected: Vec<_> = records.iter().enumerate().filter(|(index, _)| *index != hit).map(|(_, record)| record.clone()).collect();
            let mut reading = Records::of(&bytes);
            let found: Vec<_> = reading.by_ref().collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(reading.damaged_bytes, starts[hit + 1] - starts[hit]);
        }

        #[test]
        fn no_bytes_make_reading_fail(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut reading = Records::of(&bytes);
            prop_assert_eq!(reading.by_ref().count(), 0);
            prop_assert_eq!(reading.damaged_bytes, bytes.len());
        }
    }
}
