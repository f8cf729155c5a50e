//! How third-party services do, for the rules of many projects at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use clickhouse::Row;
use serde::Deserialize;

use super::super::stats::share;
use super::super::vendors::Excluded;
use super::ask::Answer;
use super::{GROUPS_MAX, Reading, Watched};
use crate::clock::UnixMicros;
use crate::domain::rule::{VendorMeasure, VendorWatch, Watch};
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

/// Most projects of one statement.
const PROJECTS_MAX: usize = 500;

/// Which share of what is seen of an integration may fail, by its project and its name in addresses. A clone is the same.
#[derive(Clone)]
pub struct ErrorBudgets(Arc<Budget>);

/// A share over 0 to 1; none of what is no integration.
type Budget = dyn Fn(&str, &str) -> Option<f64> + Send + Sync;

impl fmt::Debug for ErrorBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorBudgets").finish_non_exhaustive()
    }
}

impl Default for ErrorBudgets {
    /// None.
    fn default() -> Self {
        Self::new(|_, _| None)
    }
}

impl ErrorBudgets {
    /// Those that this knows.
    #[must_use]
    pub fn new(known: impl Fn(&str, &str) -> Option<f64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(known))
    }
}

/// What is known of vendors beside what was seen of them.
#[derive(Clone, Debug, Default)]
pub struct VendorFacts {
    /// What they may fail in.
    pub budgets: ErrorBudgets,
    /// When what is seen of them counts neither for nor against them.
    pub away: Vec<Excluded>,
}

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

/// The same for one vendor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) seen: u64,
    pub(super) failed: u64,
    pub(super) timed_out: u64,
    pub(super) p95_ms: f32,
}

impl Seen {
    /// What a rule sees in it; none: no data.
    pub(super) fn value(
        self,
        (project, integration): (&str, &str),
        watch: &VendorWatch,
        budgets: &ErrorBudgets,
    ) -> Option<f64> {
        let Self { seen, failed, .. } = self;
        if seen < u64::from(watch.seen_min.max(1)) {
            return None;
        }
        match watch.measure {
            VendorMeasure::ErrorRate => share(failed, seen),
            VendorMeasure::Availability => share(seen.saturating_sub(failed), seen),
            VendorMeasure::TimeoutShare => share(self.timed_out, seen),
            VendorMeasure::ResponseMs => Some(f64::from(self.p95_ms)).filter(|ms| ms.is_finite()),
            VendorMeasure::BurnRate => {
                let budget = budgets.0(project, integration).filter(|budget| *budget > 0.0)?;
                share(failed, seen).map(|failed| failed / budget)
            }
        }
    }
}

/// The answers of all rules that are about vendors: a statement for each length of window.
pub(super) async fn of_vendors(
    warehouse: &Warehouse,
    facts: &VendorFacts,
    rules: &[Watched<'_>],
    now: UnixMicros,
) -> Vec<Answer> {
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
            let away = facts.away.iter();
            let away = away.filter(|one| projects.contains(one.project_id.as_str()));
            let away: Vec<Excluded> = away.cloned().collect();
            let rows = seen(warehouse, window_ms, &projects, &away, now).await;
            answers.extend(rules.iter().map(|(number, project, watch)| {
                let readings = |rows: &Vec<SeenRow>| readings(rows, project, watch, &facts.budgets);
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
    away: &[Excluded],
    now: UnixMicros,
) -> Result<Vec<SeenRow>, SelectError> {
    let question = warehouse.question();
    let from_s = (now.as_millis() - window_ms).div_euclid(1_000);
    let projects = projects.iter().map(|project| (*project).to_owned()).collect();
    let counted = Excluded::condition(away);
    let statement = Statement::new(format!(
        "SELECT toString(project_id) AS project, toString(integration) AS name, count() AS seen,\n    \
             countIf(outcome != 'answered') AS failed, countIf(outcome = 'timed_out') AS timed_out,\n    \
             quantileTDigest(0.95)(took_ms) AS p95_ms\n\
         FROM {{database:Identifier}}.vendor_calls\n\
         WHERE project_id IN {{projects:Array(String)}} AND tries > 0 AND ts >= toDateTime64({{from:Int64}}, 3, 'UTC'){counted}\n\
         GROUP BY project, name ORDER BY project, name",
    ))
    .with("database", Parameter::Text(question.database_name()?))
    .with("projects", Parameter::Texts(projects))
    .with("from", Parameter::Integer(from_s));
    question.select(&Excluded::bind(away, statement)).await
}

/// A reading for each integration that was seen, those with the most contacts.
fn readings(rows: &[SeenRow], project: &str, watch: &VendorWatch, budgets: &ErrorBudgets) -> Vec<Reading> {
    let wanted = |row: &&SeenRow| {
        row.project == project && (watch.integrations.is_empty() || watch.integrations.contains(&row.name))
    };
    let reading = |row: &SeenRow| {
        let seen = Seen {
            seen: row.seen,
            failed: row.failed,
            timed_out: row.timed_out,
            p95_ms: row.p95_ms,
        };
        Reading {
            group: vec![row.name.clone()],
            value: seen.value((project, &row.name), watch, budgets),
            events: row.seen,
        }
    };
    let mut readings: Vec<Reading> = rows.iter().filter(wanted).map(reading).collect();
    readings.sort_by_key(|reading| std::cmp::Reverse(reading.events));
    readings.truncate(GROUPS_MAX);
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_burns_at_the_pace_of_what_may_fail() {
        let budgets = ErrorBudgets::new(|project, integration| match (project, integration) {
            ("p", "stripe") => Some(0.001),
            ("p", "perfect") => Some(0.0),
            _ => None,
        });
        let watch = VendorWatch {
            measure: VendorMeasure::BurnRate,
            seen_min: 10,
            ..VendorWatch::default()
        };
        let of = |integration: &str, seen: u64, failed: u64| {
            let seen = Seen {
                seen,
                failed,
                timed_out: 0,
                p95_ms: f32::NAN,
            };
            seen.value(("p", integration), &watch, &budgets)
        };
        assert_eq!(of("stripe", 1_000, 1), Some(1.0));
        assert!((of("stripe", 1_000, 144).unwrap() - 144.0).abs() < 1e-9);
        assert_eq!(of("stripe", 1_000, 0), Some(0.0));
        assert_eq!(of("stripe", 9, 9), None, "too little was seen");
        assert_eq!(
            of("perfect", 1_000, 1),
            None,
            "nothing may fail: there is no pace"
        );
        assert_eq!(of("gone", 1_000, 1), None);
    }
}
