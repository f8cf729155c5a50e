//! At the start: quotas and ids of events as the process before left them, however it ended.

use crate::domain::table::Table;
use crate::recall::{self, Memory, Note, Remembered, Source};
use crate::wal::Wal;

use super::dedup::Dedup;
use crate::ledger::{Ledger, Sums};
use crate::quota::Quotas;

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Counts of quotas.
    pub counts: u64,
    /// Ids of events.
    pub ids: u64,
    /// Segments of the log that notes were read from.
    pub segments: u64,
    /// Segments that cannot be read: what they hold is not remembered. They are reported by the flush.
    pub segments_unreadable: u64,
}

/// Of what [`remember`] does, the ledger's part alone.
pub fn restore_ledger(wal: &Wal, ledger: &Ledger) {
    for segment in wal.waiting() {
        // One that cannot be read is reported by the flush.
        if let Ok(rows) = wal.read(&segment) {
            ledger.restore(&Sums::of_tables(rows.named()));
        }
    }
}

/// Reads the journals, and then what the log still has. Blocks. Call it when the log has been opened and before
/// anything is appended to it, or taken from it.
pub fn remember(
    wal: &Wal,
    remembered: Remembered,
    quotas: &Quotas,
    dedup: &Dedup,
    ledger: &Ledger,
    now_ms: i64,
) -> Restored {
    let mut restored = Restored::default();
    let mut each = |memory| match memory {
        Memory::Count(count) => {
            quotas.restore(&count, now_ms);
            restored.counts += 1;
        }
        Memory::Event(event) => {
            dedup.restore(event);
            restored.ids += 1;
        }
    };
    let noted = remembered.replay(&mut each);
    let (mut segments, mut segments_unreadable) = (0, 0);
    for segment in wal.waiting() {
        let source = Source {
            segment: segment.id.0,
            salt: segment.salt(),
        };
        let Ok(rows) = wal.read(&segment) else {
            segments_unreadable += 1;
            continue;
        };
        segments += 1;
        ledger.restore(&Sums::of_tables(rows.named()));
        let tables = rows
            .tables
            .iter()
            .filter(|rows| rows.table == Table::Recall.name());
        for note in tables.flat_map(|table| table.rows()).filter_map(Note::decode) {
            // The process before may have died between the journal and the checkpoint.
            let count = note
                .count
                .filter(|count| !noted.contains(&source) && recall::is_count_of_use(count, now_ms));
            let event = note.event.filter(|event| recall::is_event_of_use(event, now_ms));
            count.map(Memory::Count).into_iter().for_each(&mut each);
            event.map(Memory::Event).into_iter().for_each(&mut each);
        }
    }
    Restored {
        segments,
        segments_unreadable,
        ..restored
    }
}
