//! How much a question would read, before it is put: what the index says, in a few milliseconds.
//!
//! Never of `count()`: ClickHouse counts whole granules by the index alone, and then estimates that nothing of them is read.

use clickhouse::Row;
use serde::Deserialize;

use crate::warehouse::{Question, SelectError, Statement};

/// How much would be read of one table.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct Estimate {
    #[serde(rename = "database")]
    _database: String,
    #[serde(rename = "table")]
    _table: String,
    #[serde(rename = "parts")]
    _parts: u64,
    rows: u64,
    #[serde(rename = "marks")]
    _marks: u64,
}

impl Estimate {
    /// Rows that a statement would read; the statement begins with `EXPLAIN ESTIMATE`.
    pub(super) async fn rows(question: &Question<'_>, statement: &Statement) -> Result<u64, SelectError> {
        let estimates: Vec<Self> = question.select(statement).await?;
        Ok(estimates.iter().map(|estimate| estimate.rows).sum())
    }

    /// Which part must be looked at so that it is about `rows_max` rows: every n-th.
    pub(super) async fn every(
        question: &Question<'_>,
        statement: &Statement,
        rows_max: u64,
    ) -> Result<u64, SelectError> {
        let rows = Self::rows(question, statement).await?;
        Ok(rows.div_ceil(rows_max.max(1)).max(1))
    }
}
