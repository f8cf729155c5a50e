//! Single values that are beyond what they may be.
//!
//! Rules of single values act as the values arrive. This is the sweep behind them, which finds what was missed: rows that were
//! received since a time, whatever their own time is. Rows lie by their own time, so that is bounded too: what
//! comes more than an hour late was looked at when it arrived, or is not found.

use std::collections::BTreeMap;

use super::batch::{Look, Subject};
use super::field::Field;
use crate::domain::table::Table;
use crate::warehouse::{Parameter, Statement};

/// Rows may be so much older than their reception, in milliseconds.
const LATE_MAX_MS: i64 = 3_600_000;

/// Which side is bad.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worst {
    is_greatest: bool,
}

impl Worst {
    pub(super) fn of(look: Look) -> Self {
        Self {
            is_greatest: look == Look::Greatest,
        }
    }

    const fn sign(self) -> char {
        if self.is_greatest { '>' } else { '<' }
    }

    /// Rows beyond the threshold that is the easiest to reach, received since the earliest of all times. Thresholds are bound as
    /// the bits of a number: its text would be read with an error in its last digit.
    pub(super) fn select(self, fields: &[Field], filtered: &[Field]) -> String {
        let table = Table::PerformanceMetrics;
        let columns: String = fields
            .iter()
            .map(|field| format!(" {} AS cell_{},", field.of_row(table), field.name()))
            .collect();
        let filters: String = filtered
            .iter()
            .map(|field| {
                format!(
                    " AND {} IN {{any_{}:Array(String)}}",
                    field.of_row(table),
                    field.name()
                )
            })
            .collect();
        format!(
            "SELECT project_id AS cell_project,{columns} value AS cell_value, received_at AS cell_received\n    \
             FROM {{database:Identifier}}.performance_metrics\n    \
             WHERE project_id IN {{projects:Array(String)}} \
             AND ts >= fromUnixTimestamp64Milli({{ts_from:Int64}}, 'UTC') \
             AND received_at >= fromUnixTimestamp64Milli({{seen_from_least:Int64}}, 'UTC') \
             AND value {sign} reinterpretAsFloat64({{threshold_easiest:Int64}}){filters}",
            sign = self.sign(),
        )
    }

    /// That a row is one that its subject looks for.
    pub(super) fn condition(self) -> String {
        format!(
            "cell_value {sign} reinterpretAsFloat64({{thresholds:Array(Int64)}}[subject]) \
             AND cell_received >= fromUnixTimestamp64Milli({{seen_from:Array(Int64)}}[subject], 'UTC')",
            sign = self.sign(),
        )
    }

    /// The columns of what rows are merged into: the worst value stands in all of them.
    pub(super) fn merged(self) -> String {
        let worst = if self.is_greatest { "max" } else { "min" };
        format!(
            "count() AS events,\n    toUInt64(0) AS errors, 0. AS total,\n    \
             {worst}(cell_value) AS least, least AS greatest,\n    CAST([], 'Array(Float32)') AS percentiles"
        )
    }

    pub(super) fn bind(self, statement: Statement, subjects: &[Subject<'_>]) -> Statement {
        let beyond = subjects.iter().map(|subject| subject.beyond.unwrap_or_default());
        let (bits, seen_from): (Vec<u64>, Vec<i64>) = beyond.unzip();
        let numbers: BTreeMap<u64, f64> = bits.iter().map(|bits| (*bits, f64::from_bits(*bits))).collect();
        let easiest = numbers
            .values()
            .copied()
            .reduce(|a, b| if self.is_greatest { a.min(b) } else { a.max(b) });
        let least = seen_from.iter().copied().min().unwrap_or_default();
        statement
            .with(
                "thresholds",
                Parameter::Integers(bits.into_iter().map(u64::cast_signed).collect()),
            )
            .with(
                "threshold_easiest",
                Parameter::Integer(easiest.unwrap_or_default().to_bits().cast_signed()),
            )
            .with("seen_from", Parameter::Integers(seen_from))
            .with("seen_from_least", Parameter::Integer(least))
            .with("ts_from", Parameter::Integer(least.saturating_sub(LATE_MAX_MS)))
    }
}
