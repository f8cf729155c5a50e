//! What the ledger says of windows, for many projects at once.
//!
//! What is missing is looked for by minute and kind, as [`missing`](super::super::ledger::missing) does it: a number above 0 is lost. A
//! number below is stored before its sums are, and hides no loss of another minute. The last minute is left alone, and so are
//! minutes of which something is in the log.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use clickhouse::Row;
use serde::Deserialize;

use super::super::ledger::settled;
use super::super::stats::float;
use super::ask::Answer;
use super::{Reading, Watched};
use crate::clock::UnixMicros;
use crate::domain::beacon::Kind;
use crate::domain::ledger::{DropReason, ItemKind, MINUTE_MS, Outcome};
use crate::domain::rule::{LedgerMeasure, Watch};
use crate::ledger::{Entry, Ledger};
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

const MINUTE_S: i64 = MINUTE_MS / 1_000;
/// Most projects of one statement.
const PROJECTS_MAX: usize = 500;
/// Most minutes that are told as missing something.
const FOUND_MAX: i64 = 100_000;

/// A stretch of whole minutes, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Minutes {
    from: i64,
    to: i64,
}

/// What is asked: whether it is about what is missing, and of when.
type Asked = (bool, Minutes);

/// What has become of a project's items, or of those of one minute that do not add up.
#[derive(Clone, Debug, Row, Deserialize)]
struct SumRow {
    project: String,
    minute_start: i64,
    item_kind: String,
    item_outcome: String,
    items: i64,
}

/// Sums of a project's window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    received: i64,
    dropped: i64,
    client_lost: i64,
    /// Items that are neither stored nor dropped for a reason nor pending.
    pub(super) missing: i64,
}

/// The answers of all rules that are about the ledger.
pub(super) async fn of_ledger(
    warehouse: &Warehouse,
    ledger: &Ledger,
    rules: &[Watched<'_>],
    now: UnixMicros,
) -> Vec<Answer> {
    let mut asked: BTreeMap<Asked, Vec<(usize, &str, LedgerMeasure)>> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        if let Watch::Ledger(watch) = rule.watch {
            let is_missing = watch.measure == LedgerMeasure::Missing;
            let minutes = Minutes::ending(now, watch.window_ms, is_missing);
            let of_minutes = asked.entry((is_missing, minutes)).or_default();
            of_minutes.push((number, rule.project_id, watch.measure));
        }
    }
    let mut answers = Vec::new();
    for (question, mut rules) in asked {
        rules.sort_by_key(|(_, project, _)| *project);
        for rules in rules.chunks(PROJECTS_MAX) {
            let projects: BTreeSet<&str> = rules.iter().map(|(_, project, _)| *project).collect();
            let sums = sums(warehouse, ledger, question, &projects).await;
            answers.extend(rules.iter().map(|(number, project, measure)| {
                let of_project = |sums: &BTreeMap<String, Sums>| {
                    vec![sums.get(*project).copied().unwrap_or_default().reading(*measure)]
                };
                (*number, sums.as_ref().map(of_project).map_err(SelectError::clone))
            }));
        }
    }
    answers
}

impl Minutes {
    /// The window up to the present minute; what may be missing is looked for up to the minute before the last one.
    fn ending(now: UnixMicros, window_ms: i64, is_missing: bool) -> Self {
        let present = now.as_millis().div_euclid(MINUTE_MS);
        let to = if is_missing { present - 1 } else { present + 1 };
        Self {
            from: (to - window_ms.div_euclid(MINUTE_MS).max(1)) * MINUTE_S,
            to: to * MINUTE_S,
        }
    }

    fn has(self, minute: u32) -> bool {
        (self.from..self.to).contains(&(i64::from(minute) * MINUTE_S))
    }
}

impl Sums {
    /// Adds what has become of items.
    pub(super) fn add(&mut self, outcome: Outcome, items: i64) {
        match outcome {
            Outcome::Accepted => self.received += items,
            Outcome::ClientLost => self.client_lost += items,
            Outcome::Dropped(reason) => {
                // What the warehouse refused was accepted before.
                if reason != DropReason::DeadLetter {
                    self.received += items;
                }
                self.dropped += items;
            }
        }
    }

    /// What a rule sees in these sums.
    pub(super) fn reading(self, measure: LedgerMeasure) -> Reading {
        let number = |items: i64| u64::try_from(items).unwrap_or_default();
        let (value, events) = match measure {
            LedgerMeasure::Missing => (Some(float(number(self.missing))), self.missing),
            LedgerMeasure::ClientLost => (Some(float(number(self.client_lost))), self.client_lost),
            LedgerMeasure::DroppedShare => {
                let share = float(number(self.dropped)) / float(number(self.received));
                (Some(share).filter(|_| self.received > 0), self.received)
            }
        };
        Reading {
            group: Vec::new(),
            value,
            events: number(events),
        }
    }
}

async fn sums(
    warehouse: &Warehouse,
    ledger: &Ledger,
    (is_missing, minutes): Asked,
    projects: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Sums>, SelectError> {
    let database = warehouse.database_name()?;
    let statement = statement(&database, is_missing, minutes, projects);
    let (rows, in_log, _) = settled::<SumRow>(warehouse, ledger, None, &statement).await?;
    let in_log = in_log.into_iter().filter(|(entry, _)| minutes.has(entry.minute));
    let in_log: Vec<(Entry, i64)> = in_log.collect();
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    if is_missing {
        let on_their_way = in_log
            .iter()
            .filter(|(entry, _)| entry.outcome == Outcome::Accepted);
        let on_their_way: HashSet<(&str, i64, ItemKind)> = on_their_way
            .map(|(entry, _)| (&*entry.project, i64::from(entry.minute) * MINUTE_S, entry.kind))
            .collect();
        for row in rows {
            let kind = ItemKind::from_name(&row.item_kind).unwrap_or(ItemKind::Unknown);
            if !on_their_way.contains(&(row.project.as_str(), row.minute_start, kind)) {
                sums.entry(row.project).or_default().missing += row.items;
            }
        }
        return Ok(sums);
    }
    for row in rows {
        if let Some(outcome) = Outcome::from_name(&row.item_outcome) {
            sums.entry(row.project).or_default().add(outcome, row.items);
        }
    }
    for (entry, items) in in_log {
        sums.entry(entry.project.to_string())
            .or_default()
            .add(entry.outcome, items);
    }
    Ok(sums)
}

fn statement(database: &str, is_missing: bool, minutes: Minutes, projects: &BTreeSet<&str>) -> Statement {
    let sql = if is_missing {
        missing_sql()
    } else {
        SUMS_SQL.to_owned()
    };
    let projects = projects.iter().map(|project| (*project).to_owned());
    Statement::new(sql)
        .with("database", Parameter::Text(database.to_owned()))
        .with("projects", Parameter::Texts(projects.collect()))
        .with("from", Parameter::Integer(minutes.from))
        .with("to", Parameter::Integer(minutes.to))
        .with("found_max", Parameter::Integer(FOUND_MAX))
}

const SUMS_SQL: &str = "SELECT project_id AS project, toInt64(0) AS minute_start, '' AS item_kind, outcome AS item_outcome, toInt64(sum(items)) AS items\n\
     FROM {database:Identifier}.ledger\n\
     WHERE project_id IN {projects:Array(String)} \
     AND minute >= toDateTime({from:Int64}, 'UTC') AND minute < toDateTime({to:Int64}, 'UTC')\n\
     GROUP BY project, item_outcome\n\
     LIMIT {found_max:UInt64}";

/// The minutes of which something is missing, the latest first.
fn missing_sql() -> String {
    format!(
        "{}\n\
         ORDER BY minute_start DESC, project, item_kind\n\
         LIMIT {{found_max:UInt64}}",
        missing_minutes()
    )
}

/// What is missing by project, minute and kind. The ledger stands first: a batch's rows are stored before its sums are.
pub(super) fn missing_minutes() -> String {
    let stored = Kind::ALL.map(|kind| {
        format!(
            "UNION ALL\n    \
             SELECT project_id AS project, toInt64(toUnixTimestamp(toStartOfMinute(received_at))) AS minute_start, '{kind}' AS item_kind, -toInt64(count()) AS part\n    \
             FROM {{database:Identifier}}.{table}\n    \
             WHERE project_id IN {{projects:Array(String)}} \
             AND received_at >= toDateTime64({{from:Int64}}, 3, 'UTC') AND received_at < toDateTime64({{to:Int64}}, 3, 'UTC')\n    \
             GROUP BY project, minute_start",
            kind = kind.as_str(),
            table = kind.table().name()
        )
    });
    format!(
        "SELECT project, minute_start, item_kind, '' AS item_outcome, sum(part) AS items\n\
         FROM (\n    \
             SELECT project_id AS project, toInt64(toUnixTimestamp(minute)) AS minute_start, kind AS item_kind,\n        \
                 toInt64(sumIf(items, outcome = 'accepted') - sumIf(items, outcome = 'dead_letter')) AS part\n    \
             FROM {{database:Identifier}}.ledger\n    \
             WHERE project_id IN {{projects:Array(String)}} \
             AND minute >= toDateTime({{from:Int64}}, 'UTC') AND minute < toDateTime({{to:Int64}}, 'UTC')\n    \
             GROUP BY project, minute_start, item_kind\n    \
             {}\n\
         )\n\
         GROUP BY project, minute_start, item_kind\n\
         HAVING items > 0",
        stored.join("\n    ")
    )
}
