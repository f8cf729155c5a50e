//! From when to when sessions have rows.

use clickhouse::Row;
use serde::Deserialize;

use super::super::period::Period;
use crate::domain::beacon::Kind;
use crate::warehouse::{Parameter, Statement};

/// Of some sessions, the time of the first and of the last row.
#[derive(Clone, Copy, Debug, Row, Deserialize)]
pub(super) struct Span {
    first_ms: i64,
    last_ms: i64,
    rows: u64,
}

impl Span {
    /// Asks for it. Of a period, only the columns are read that tell it: an index of sessions leaves a third of the rows
    /// for fifty of them, and these rows have all that a row can have.
    pub(super) fn statement(around: &Period, sessions: Vec<String>) -> Statement {
        let selects = Kind::ALL.map(|kind| {
            format!(
                "SELECT ts FROM {{database:Identifier}}.{table} \
                 WHERE project_id = {{project:String}} AND session_id IN {{sessions:Array(String)}} AND {period}",
                table = kind.table().name(),
                period = Period::CONDITION,
            )
        });
        let sql = format!(
            "SELECT toUnixTimestamp64Milli(min(ts)) AS first_ms, toUnixTimestamp64Milli(max(ts)) AS last_ms, count() AS rows\n\
             FROM (\n    {}\n)",
            selects.join("\n    UNION ALL\n    "),
        );
        around
            .bind(Statement::new(sql))
            .with("sessions", Parameter::Texts(sessions))
    }

    /// The part of a period that has all of these rows.
    pub(super) fn within(&self, period: &Period) -> Period {
        if self.rows == 0 {
            return period.clone();
        }
        Period {
            from: self.first_ms.div_euclid(1_000).max(period.from),
            to: (self.last_ms.div_euclid(1_000) + 1).min(period.to),
            timezone: period.timezone.clone(),
        }
    }
}
