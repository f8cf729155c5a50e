//! The promise of the product, checked: nothing acknowledged is missing, nothing stands twice, nothing was made
//! up, and the rollups count exactly what the raw table holds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use super::beacons::Kind;
use super::load::Sent;
use super::process::say;
use super::rollups::ROLLUPS;
use super::wait;
use super::warehouse::Warehouse;

/// What ClickHouse holds.
struct Stored {
    copies: HashMap<Uuid, (Kind, u64)>,
    metrics: u64,
    rollups: Vec<u64>,
}

impl Stored {
    fn read(warehouse: &Warehouse) -> std::io::Result<Self> {
        let mut copies = HashMap::new();
        for kind in Kind::ALL {
            let sql = format!(
                "SELECT toString(event_id) AS id, count() AS copies FROM {} GROUP BY event_id",
                kind.table()
            );
            for row in warehouse.try_query(&sql)? {
                let id = row["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
                let previous = copies.insert(id, (kind, row["copies"].as_u64().expect("a count")));
                assert!(previous.is_none(), "{id} stands in two tables");
            }
        }
        let number = |sql: &str| -> std::io::Result<u64> {
            let rows = warehouse.try_query(sql)?;
            Ok(rows.first().and_then(|row| row["n"].as_u64()).unwrap_or_default())
        };
        let metrics = number("SELECT count() AS n FROM performance_metrics")?;
        let rollups = ROLLUPS
            .iter()
            .map(|table| number(&format!("SELECT toUInt64(sum(count)) AS n FROM {table}")))
            .collect::<std::io::Result<_>>()?;
        Ok(Self {
            copies,
            metrics,
            rollups,
        })
    }

    fn missing(&self, sent: &Sent) -> Vec<Uuid> {
        let is_missing = |id: &&Uuid| !self.copies.contains_key(*id);
        sent.acknowledged.keys().filter(is_missing).copied().collect()
    }

    fn is_caught_up(&self, sent: &Sent) -> bool {
        self.missing(sent).is_empty() && self.rollups.iter().all(|&rollup| rollup == self.metrics)
    }
}

/// Waits until everything acknowledged is in ClickHouse, then checks every id and every rollup. Gives the time
/// that catching up took.
#[track_caller]
pub(crate) fn check(sent: &Sent, warehouse: &Warehouse, patience: Duration) -> Duration {
    let start = Instant::now();
    let mut last = None;
    let caught_up = wait::within(patience, || {
        let stored = Stored::read(warehouse).ok()?;
        let done = stored.is_caught_up(sent).then_some(());
        last = Some(stored);
        done
    });
    let took = start.elapsed();
    let stored = last.unwrap_or_else(|| panic!("ClickHouse did not answer within {patience:?}"));
    let missing = stored.missing(sent);
    assert!(
        missing.is_empty(),
        "{} of {} acknowledged beacons are missing: {}",
        missing.len(),
        sent.acknowledged.len(),
        first_few(&missing),
    );
    let twice: Vec<Uuid> = stored
        .copies
        .iter()
        .filter(|(_, copies)| copies.1 > 1)
        .map(|(id, _)| *id)
        .collect();
    assert!(
        twice.is_empty(),
        "{} beacons stand more than once: {}",
        twice.len(),
        first_few(&twice)
    );
    for (id, (kind, _)) in &stored.copies {
        let sent_as = sent.acknowledged.get(id).or_else(|| sent.doubtful.get(id));
        assert_eq!(sent_as, Some(kind), "{id} was stored, but not sent as such");
    }
    for (table, &rollup) in ROLLUPS.iter().zip(&stored.rollups) {
        assert_eq!(
            rollup, stored.metrics,
            "{table} counts another number of rows than the raw table holds"
        );
    }
    assert!(caught_up.is_some(), "not caught up within {patience:?}");
    say(&format!(
        "    {} acknowledged, {} doubtful of which {} stored, answers {:?}, {} connections broken; caught up in {took:.1?}",
        sent.acknowledged.len(),
        sent.doubtful.len(),
        sent.doubtful
            .keys()
            .filter(|id| stored.copies.contains_key(*id))
            .count(),
        sent.answers,
        sent.broken,
    ));
    took
}

fn first_few(ids: &[Uuid]) -> String {
    let shown: Vec<String> = ids.iter().take(5).map(Uuid::to_string).collect();
    shown.join(", ")
}

/// Number of rows in all raw tables.
pub(crate) fn rows_stored(warehouse: &Warehouse) -> std::io::Result<u64> {
    let sql = Kind::ALL
        .map(|kind| format!("SELECT count() AS n FROM {}", kind.table()))
        .join(" UNION ALL ");
    let rows = warehouse.try_query(&format!("SELECT toUInt64(sum(n)) AS n FROM ({sql})"))?;
    Ok(rows
        .first()
        .and_then(|row: &Value| row["n"].as_u64())
        .unwrap_or_default())
}
