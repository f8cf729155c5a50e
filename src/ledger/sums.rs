//! Entries with numbers, in bounded memory.

use std::collections::HashMap;

use super::entry::Entry;
use super::note::Note;
use crate::domain::beacon::Kind;
use crate::domain::ledger::{ItemKind, Outcome, minute_of};
use crate::domain::row_head::RowHead;
use crate::domain::table::Table;

/// Entries from which on minutes are collected by the hour: the minutes of a day of ten busy projects, with room.
pub const ENTRIES_MAX: usize = 200_000;

/// Numbers of items by entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(HashMap<Entry, i64>);

impl Sums {
    /// True when no entry has a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Entries and their numbers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Entry, i64)> {
        self.0.iter().map(|(entry, items)| (entry, *items))
    }

    /// Adds items to an entry, or takes them away. None goes below zero: what was never added is not missed.
    pub fn add(&mut self, entry: &Entry, items: i64) {
        let rest = self.add_to_known(entry, items);
        if rest == 0 {
            return;
        }
        if rest < 0 {
            // Perhaps it was collected by the hour.
            self.add_to_known(&entry.of_hour(), rest);
        } else if self.0.len() < ENTRIES_MAX {
            self.0.insert(entry.clone(), rest);
        } else {
            let hour = entry.of_hour();
            let rest = self.add_to_known(&hour, rest);
            if rest > 0 && self.0.len() < 2 * ENTRIES_MAX {
                self.0.insert(hour, rest);
            }
        }
    }

    /// What could not be added, because the entry is unknown or has too little to take away.
    fn add_to_known(&mut self, entry: &Entry, items: i64) -> i64 {
        let Some(sum) = self.0.get_mut(entry) else {
            return items;
        };
        *sum += items;
        let rest = (*sum).min(0);
        if *sum <= 0 {
            self.0.remove(entry);
        }
        rest
    }

    /// Adds all of others `times`, which is 1 or −1.
    pub fn add_all(&mut self, others: &Self, times: i64) {
        for (entry, items) in others.iter() {
            self.add(entry, items * times);
        }
    }

    /// What the tables of a segment add up to: their names, and their rows.
    #[must_use]
    pub fn of_tables<'r, R: Iterator<Item = &'r [u8]>>(tables: impl Iterator<Item = (&'r str, R)>) -> Self {
        let mut sums = Self::default();
        for (table, rows) in tables {
            sums.add_rows(table, rows);
        }
        sums
    }

    /// Counts rows of the log, of whichever table. A row that this version cannot read counts as nothing.
    fn add_rows<'r>(&mut self, table: &str, rows: impl Iterator<Item = &'r [u8]>) {
        let table = Table::from_name(table);
        if table == Some(Table::Ledger) {
            for (entry, items) in rows.filter_map(Note::decode) {
                self.add(&entry, i64::from(items));
            }
        } else if let Some(kind) = Kind::ALL.into_iter().find(|kind| Some(kind.table()) == table) {
            self.add_alike(kind.into(), Outcome::Accepted, rows);
        }
    }

    /// Counts rows of a raw table whose items have the same outcome. Neighbours are alike as a rule.
    pub fn add_alike<'r>(&mut self, kind: ItemKind, outcome: Outcome, rows: impl Iterator<Item = &'r [u8]>) {
        let mut run: Option<((&str, u32), i64)> = None;
        let mut add = |(project, minute): (&str, u32), items| {
            let entry = Entry {
                project: project.into(),
                minute,
                kind,
                outcome,
            };
            self.add(&entry, items);
        };
        for whose in rows.filter_map(project_and_minute) {
            match &mut run {
                Some((before, items)) if *before == whose => *items += 1,
                _ => {
                    if let Some((before, items)) = run.replace((whose, 1)) {
                        add(before, items);
                    }
                }
            }
        }
        if let Some((whose, items)) = run {
            add(whose, items);
        }
    }
}

fn project_and_minute(row: &[u8]) -> Option<(&str, u32)> {
    let head = RowHead::read(row)?;
    Some((head.project_id, minute_of(head.received_at_ms)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(minute: u32) -> Entry {
        Entry {
            project: "shop".into(),
            minute,
            kind: ItemKind::Known(Kind::Funnel),
            outcome: Outcome::Accepted,
        }
    }

    #[test]
    fn beyond_the_limit_minutes_are_collected_by_the_hour_and_taken_from_it_again() {
        let mut sums = Sums::default();
        let minutes = u32::try_from(ENTRIES_MAX).unwrap() + 600;
        for minute in 0..minutes {
            sums.add(&entry(minute), 2);
        }
        let count: i64 = sums.iter().map(|(_, items)| items).sum();
        assert_eq!(count, i64::from(minutes) * 2);
        assert!(sums.0.len() <= ENTRIES_MAX + 11);
        for minute in 0..minutes {
            sums.add(&entry(minute), -2);
        }
        assert!(sums.is_empty());
    }

    #[test]
    fn what_was_never_added_is_not_missed() {
        let mut sums = Sums::default();
        sums.add(&entry(1), -3);
        assert!(sums.is_empty());
        sums.add(&entry(1), 2);
        sums.add(&entry(1), -3);
        assert!(sums.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_a_row_fail(row in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut sums = Sums::default();
            for table in Table::ALL {
                sums.add_rows(table.name(), [row.as_slice()].into_iter());
            }
        }
    }
}
