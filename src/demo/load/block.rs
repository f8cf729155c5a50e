//! Visits as rows.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::journey::Visit;
use super::options::LoadPlan;
use crate::domain::beacon::Kind;
use crate::domain::ledger::{Outcome, minute_of};
use crate::ingest::encode::encode;
use crate::ledger::{Entry, put_row};

/// Room that is made for the rows of each visit, by kind in their order: about what they take.
const BYTES_PER_VISIT: [usize; Kind::ALL.len()] = [5_100, 4, 600, 280];

/// Rows of one table.
pub(super) struct Rows {
    pub(super) kind: Kind,
    pub(super) payload: Bytes,
    pub(super) rows: u64,
}

/// The rows of some visits.
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) tables: Vec<Rows>,
    pub(super) visits: u64,
    /// Rows by minute of reception and kind.
    minutes: BTreeMap<(u32, Kind), i64>,
}

impl Block {
    /// The rows of a block's visits, but no more than `rows_max`.
    pub(super) fn make(plan: &LoadPlan, number: u64, rows_max: u64) -> Self {
        let places = plan.places(number);
        let expected = usize::try_from(places.end - places.start).unwrap_or(0);
        let mut tables = BYTES_PER_VISIT.map(|bytes| (Vec::with_capacity(bytes * expected), 0_u64));
        let mut minutes = BTreeMap::new();
        let (mut visits, mut rows) = (0, 0);
        for place in places {
            if rows == rows_max {
                break;
            }
            let visit = Visit::new(&plan.story, place);
            visits += 1;
            for beacon in visit.beacons(&plan.story) {
                if rows == rows_max {
                    break;
                }
                let kind = beacon.detail.kind();
                let (payload, count) = &mut tables[place_of(kind)];
                encode(&beacon, plan.project.as_str(), &visit.visitor.enrichment, payload);
                *count += 1;
                rows += 1;
                let minute = minute_of(beacon.common.time.received_at_ms);
                *minutes.entry((minute, kind)).or_default() += 1;
            }
        }
        let tables = Kind::ALL.into_iter().zip(tables);
        Self {
            number,
            tables: tables
                .filter(|(_, (_, rows))| *rows > 0)
                .map(|(kind, (payload, rows))| Rows {
                    kind,
                    payload: payload.into(),
                    rows,
                })
                .collect(),
            visits,
            minutes,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// The block's rows of the ledger.
    pub(super) fn sums(&self, plan: &LoadPlan) -> Bytes {
        let mut payload = Vec::new();
        for ((minute, kind), items) in &self.minutes {
            let entry = Entry {
                project: plan.project.as_str().into(),
                minute: *minute,
                kind: (*kind).into(),
                outcome: Outcome::Accepted,
            };
            // Numbers of blocks are told from 1 on: 0 is what an empty ledger says.
            put_row(&entry, *items, &plan.name, self.number + 1, &mut payload);
        }
        payload.into()
    }
}

fn place_of(kind: Kind) -> usize {
    Kind::ALL.iter().position(|known| *known == kind).unwrap_or(0)
}
