//! How third-party services do, for the rules of many projects at once.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Row;
use serde::Deserialize;

use super::super::stats::{float, share};
use super::ask::Answer;
use super::{GROUPS_MAX, Reading, Watched};
use crate::clock::UnixMicros;
use crate::domain::rule::{VendorMeasure, VendorWatch, Watch};
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

/// Most projects of one statement.
const PROJECTS_MAX: usize = 500;

/// What was seen of a vendor within a window.
#[derive(Clone, Debug, Row, Deserialize)]
struct SeenRow {
    project: String,
    name: String,
    seen: u64,
    failed: u64,
    timed_out: u64,
    p95_ms: f32,
}

/// The answers of all rules that are about vendors: a statement for each length of window.
pub(super) async fn of_vendors(warehouse: &Warehouse, rules: &[Watched<'_>], now: UnixMicros) -> Vec<Answer> {
    let mut by_window: BTreeMap<i64, Vec<(usize, &str, &VendorWatch)>> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        if let Watch::Vendor(watch) = rule.watch {
            let of_window = by_window.entry(watch.window_ms).or_default();
            of_window.push((number, rule.project_id, watch));
        }
    }
    let mut answers = Vec::new();
    for (window_ms, mut rules) in by_window {
        rules.sort_by_key(|(_, project, _)| *project);
        for rules in rules.chunks(PROJECTS_MAX) {
            let projects: BTreeSet<&str> = rules.iter().map(|(_, project, _)| *project).collect();
            let rows = seen(warehouse, window_ms, &projects, now).await;
            answers.extend(rules.iter().map(|(number, project, watch)| {
                let readings = |rows: &Vec<SeenRow>| readings(rows, project, watch);
                (*number, rows.as_ref().map(readings).map_err(SelectError::clone))
            }));
        }
    }
    answers
}

async fn seen(
    warehouse: &Warehouse,
    window_ms: i64,
    projects: &BTreeSet<&str>,
    now: UnixMicros,
) -> Result<Vec<SeenRow>, SelectError> {
    let question = warehouse.question();
    let from_s = (now.as_millis() - window_ms).div_euclid(1_000);
    let projects = projects.iter().map(|project| (*project).to_owned()).collect();
    let statement = Statement::new(
        "SELECT toString(project_id) AS project, toString(integration) AS name, count() AS seen,\n    \
             countIf(outcome != 'answered') AS failed, countIf(outcome = 'timed_out') AS timed_out,\n    \
             quantileTDigest(0.95)(took_ms) AS p95_ms\n\
         FROM {database:Identifier}.vendor_calls\n\
         WHERE project_id IN {projects:Array(String)} AND tries > 0 AND ts >= toDateTime64({from:Int64}, 3, 'UTC')\n\
         GROUP BY project, name ORDER BY project, name",
    )
    .with("database", Parameter::Text(question.database_name()?))
    .with("projects", Parameter::Texts(projects))
    .with("from", Parameter::Integer(from_s));
    question.select(&statement).await
}

/// A reading for each integration that was seen, those with the most contacts.
fn readings(rows: &[SeenRow], project: &str, watch: &VendorWatch) -> Vec<Reading> {
    let wanted = |row: &&SeenRow| {
        row.project == project && (watch.integrations.is_empty() || watch.integrations.contains(&row.name))
    };
    let mut readings: Vec<Reading> = rows
        .iter()
        .filter(wanted)
        .map(|row| Reading {
            group: vec![row.name.clone()],
            value: (row.seen >= u64::from(watch.seen_min.max(1)))
                .then(|| value(row, watch.measure))
                .flatten(),
            events: row.seen,
        })
        .collect();
    readings.sort_by_key(|reading| std::cmp::Reverse(reading.events));
    readings.truncate(GROUPS_MAX);
    readings
}

fn value(row: &SeenRow, measure: VendorMeasure) -> Option<f64> {
    match measure {
        VendorMeasure::ErrorRate => share(row.failed, row.seen),
        VendorMeasure::Availability => share(row.seen - row.failed, row.seen),
        VendorMeasure::TimeoutShare => share(row.timed_out, row.seen),
        VendorMeasure::ResponseMs => Some(f64::from(row.p95_ms)).filter(|ms| ms.is_finite()),
    }
    .filter(|_| float(row.seen) > 0.0)
}
