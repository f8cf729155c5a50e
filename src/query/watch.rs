//! What rules look at, asked of the warehouse: many rules in few statements.
//!
//! ```text
//! Watched (a rule) ─► Subject (which rows) ─┐
//!                     Shape (which columns) ┴─► Batch ─► Statement ─► Found ─► Reading
//! ```
//!
//! - Rules that tell rows apart by the same columns, over the same window, have one **shape**. One statement answers all
//!   rules of a shape, up to a limit: it adds rows up into **cells**, one for each combination of these columns, and joins the
//!   cells with the **subjects**, which are what rules filter by. Rules that differ only in what is computed share a subject.
//! - A cell has counts, sums and mergeable states, so one statement gives all aggregates at once.
//! - Small projects share statements. Each subject is joined with cells of its own project only.
//! - Windows of up to 15 minutes are counted from raw rows, to the second. Longer ones are widened to whole minutes, and read from
//!   rollups where these have what is asked for.
//! - Nothing here is kept, and nothing is degraded: a rule has an answer of now, or a failure.

mod alerts;
mod ask;
mod batch;
mod cells;
mod field;
mod found;
mod history;
mod ledger;
mod single;
mod statement;
#[cfg(test)]
mod tests;
mod vendor;
mod window;

use crate::clock::UnixMicros;
use crate::domain::rule::{Direction, LevelThresholds, Watch};
use crate::ledger::Ledger;
use crate::warehouse::{SelectError, Warehouse};

pub use super::grain::Grain;

pub use alerts::{CLIENT_ALERT_GROUPS_MAX, CLIENT_ALERT_SESSIONS_MAX, ClientAlertGroup, client_alerts};
pub use ask::statements;
pub use history::{
    GROUP_SAMPLES_MAX, HISTORY_GROUPS_MAX, History, HistoryRequest, Pasts, SAMPLES_MAX, history,
};
pub use vendor::{ErrorBudgets, VendorFacts};

/// Most groups of one rule over a window that are told apart: those with the most events.
pub const GROUPS_MAX: usize = 100;

/// A rule as the warehouse is asked about it.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// Whose rows it looks at.
    pub project_id: &'a str,
    /// What it looks at.
    pub watch: &'a Watch,
    /// Which value of a single watch is the worst: the greatest for `Above`, the least for `Below`.
    pub direction: Direction,
    /// From which value on something is wrong; single watches look for such rows only.
    pub thresholds: &'a LevelThresholds,
    /// Single watches: rows received at this time or later, in milliseconds since 1970.
    pub seen_from_ms: i64,
}

/// What was found for one group of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Values in the order of `group_by`; empty without.
    pub group: Vec<String>,
    /// The value; `None`: no data, or fewer events than the rule asks for.
    pub value: Option<f64>,
    /// Events behind it, by their weights. Single watches: rows beyond the threshold. Ledger: items that the value is about.
    pub events: u64,
}

/// One answer a rule, in their order.
///
/// - A rule without groups has one reading. Nothing is 0 for what counts, and no data for everything else.
/// - A rule with groups has a reading for each that has events, at most [`GROUPS_MAX`].
/// - A single watch has a reading for each group with a value beyond its lowest threshold, at most
///   [`Rule::GROUPS_MAX`](crate::domain::rule::Rule::GROUPS_MAX), and none where all is well.
/// - What is not in the warehouse, the cache's hits and the memory, has an empty answer: the caller knows it itself.
///
/// # Errors
/// A statement that fails is the failure of the rules that it was for, and of no other. When rules of several projects share one that is
/// too much for the warehouse, each project is asked for alone.
pub async fn evaluate(
    warehouse: &Warehouse,
    ledger: &Ledger,
    vendors: &VendorFacts,
    rules: &[Watched<'_>],
    now: UnixMicros,
) -> Vec<Result<Vec<Reading>, SelectError>> {
    let mut answers: Vec<Result<Vec<Reading>, SelectError>> = rules.iter().map(|_| Ok(Vec::new())).collect();
    let of_rows = ask::of_rows(warehouse, rules, now).await;
    let of_ledger = ledger::of_ledger(warehouse, ledger, rules, now).await;
    let of_vendors = vendor::of_vendors(warehouse, vendors, rules, now).await;
    for (number, answer) in of_rows.into_iter().chain(of_ledger).chain(of_vendors) {
        answers[number] = answer;
    }
    answers
}
