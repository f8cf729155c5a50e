//! Statements with bound parameters only, and why one has no answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};
use serde::Serialize;
use thiserror::Error;

use super::failure::Failure;
use super::{Link, Warehouse};
use crate::breaker::Outcome;
use crate::telemetry::traces::{Span, SpanKind};

/// Longest text of a statement that a trace holds.
const TRACED_CHARS_MAX: usize = 2_048;

/// ClickHouse compiles an expression when it meets it for the third time, and takes one with other constants for another: at
/// the third look at a new range a dashboard waited 40 ms, and scans of millions of rows were no faster for it.
const UNCOMPILED: [(&str, &str); 3] = [
    ("compile_expressions", "0"),
    ("compile_aggregate_expressions", "0"),
    ("compile_sort_description", "0"),
];

/// How to read few rows in many places of small granules. All that ClickHouse prepares for long scans costs more here than
/// the rows do.
const ROLLUP_SETTINGS: [(&str, &str); 8] = [
    // States are worth a second thread from some rows on, not only from 163,840.
    ("merge_tree_min_rows_for_concurrent_read", "32"),
    ("merge_tree_min_bytes_for_concurrent_read", "1024"),
    // Ranges of the index are halved instead of cut in eight: a fifth fewer looks at keys.
    ("merge_tree_coarse_index_granularity", "2"),
    // A place is a granule of some kilobytes, and a megabyte would be read for it.
    ("max_read_buffer_size", "16384"),
    ("max_read_buffer_size_local_fs", "16384"),
    // They have no projections, and the index knows more than statistics do.
    ("optimize_use_projections", "0"),
    ("optimize_use_implicit_projections", "0"),
    ("allow_statistics_optimize", "0"),
];

/// How to read a short stretch of raw rows beside other statements that do the same: a second thread, and the search for projections, take
/// longer than the rows do.
const ONE_CORE_SETTINGS: [(&str, &str); 4] = [
    ("max_threads", "1"),
    ("optimize_use_projections", "0"),
    ("optimize_use_implicit_projections", "0"),
    ("allow_statistics_optimize", "0"),
];

/// A statement with its parameters: `{name:Type}` in the text, the value beside it. A value never becomes
/// part of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    sql: String,
    parameters: Vec<(Cow<'static, str>, Parameter)>,
    settings: &'static [(&'static str, &'static str)],
    is_on_one_core: bool,
}

/// A value for a parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Parameter {
    /// For `String` and what is read from one.
    Text(String),
    /// For integers.
    Integer(i64),
    /// For `Array(String)`.
    Texts(Vec<String>),
    /// For arrays of integers.
    Integers(Vec<i64>),
    /// For arrays of a text and two integers, or what is read from them.
    Buckets(Vec<(String, i64, i64)>),
    /// For arrays of an integer and a text.
    Pairs(Vec<(i64, String)>),
}

impl Statement {
    /// A statement; the text must come from this program alone.
    #[must_use]
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            parameters: Vec::new(),
            settings: &[],
            is_on_one_core: false,
        }
    }

    /// Says that it is one of many which are asked beside each other.
    #[must_use]
    pub(crate) const fn on_one_core(mut self) -> Self {
        self.is_on_one_core = true;
        self
    }

    /// Says that it reads rollups.
    #[must_use]
    pub(crate) const fn of_rollups(mut self) -> Self {
        self.settings = &ROLLUP_SETTINGS;
        self
    }

    /// Binds a parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: Parameter) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    pub(super) fn on(&self, client: &Client) -> Query {
        let query = client.query_raw(&self.sql);
        let query = self
            .parameters
            .iter()
            .fold(query, |query, (name, value)| query.param(name, value));
        let one_core: &[_] = if self.is_on_one_core {
            &ONE_CORE_SETTINGS
        } else {
            &[]
        };
        let settings = UNCOMPILED.iter().chain(self.settings).chain(one_core);
        settings.fold(query, |query, (name, value)| query.with_setting(*name, *value))
    }

    /// The text, with placeholders.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The bound parameters.
    #[must_use]
    pub fn parameters(&self) -> &[(Cow<'static, str>, Parameter)] {
        &self.parameters
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectError {
    /// There is no connection, or it broke before the answer was whole.
    #[error("the warehouse cannot be reached: {0}")]
    Unavailable(String),
    /// The answer took too long.
    #[error("the warehouse took too long: {0}")]
    TimedOut(String),
    /// The warehouse has too much to do or too little memory now.
    #[error("the warehouse is overloaded, code {code}: {message}")]
    Overloaded {
        /// ClickHouse's code.
        code: u32,
        /// ClickHouse's message.
        message: String,
    },
    /// The tables are not there: migrations have not run on this database.
    #[error("the warehouse is not migrated, code {code}: {message}")]
    NotMigrated {
        /// ClickHouse's code.
        code: u32,
        /// ClickHouse's message.
        message: String,
    },
    /// It has failed so often that it is left alone for a time; it was not asked.
    #[error("the warehouse is left alone, it failed too often; next try in {retry_in_ms} ms")]
    LeftAlone {
        /// Time until it is tried again.
        retry_in_ms: u64,
    },
    /// ClickHouse refused the question, or its answer was not understood.
    #[error("the warehouse failed, code {code}: {message}")]
    Failed {
        /// ClickHouse's code, 0 when the failure is on our side.
        code: u32,
        /// ClickHouse's message.
        message: String,
    },
}

impl SelectError {
    /// One word for what happened, without ClickHouse's own, which may quote values.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::TimedOut(_) => "timed_out",
            Self::Overloaded { .. } => "overloaded",
            Self::NotMigrated { .. } => "not_migrated",
            Self::LeftAlone { .. } => "left_alone",
            Self::Failed { .. } => "failed",
        }
    }
}

impl SelectError {
    /// What a failure says about ClickHouse. A question that is wrong says nothing: it came back, but perhaps unread.
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Unavailable(_) | Self::TimedOut(_) | Self::Overloaded { .. } => Outcome::Failure,
            Self::NotMigrated { .. } | Self::LeftAlone { .. } | Self::Failed { .. } => Outcome::Unknown,
        }
    }
}

impl From<Failure> for SelectError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable(message) | Failure::Unanswered(message) => Self::Unavailable(message),
            Failure::Misunderstood(message) => Self::Failed { code: 0, message },
            Failure::Exception { code, message } => match code {
                159 | 160 | 209 => Self::TimedOut(message), // TIMEOUT_EXCEEDED, TOO_SLOW, SOCKET_TIMEOUT
                202 | 241 => Self::Overloaded { code, message }, // TOO_MANY_SIMULTANEOUS_QUERIES, MEMORY_LIMIT_EXCEEDED
                16 | 47 | 60 | 81 => Self::NotMigrated { code, message }, // column, identifier, table, database unknown
                _ => Self::Failed { code, message },
            },
        }
    }
}

impl Warehouse {
    /// Asks as the user who migrates, who sees more of the system's tables than a reader.
    pub(super) async fn select_as_writer<R>(&self, statement: &Statement) -> Result<Vec<R>, SelectError>
    where
        R: RowOwned + RowRead,
    {
        let link = self.connected()?;
        let deadline = Instant::now() + self.query_timeout;
        self.limited(statement, &link, deadline, statement.on(&link.writer).fetch_all())
            .await
    }

    /// Asks what the flush must know to go on. It goes past the breaker and the line of questions: what people ask may fail as often
    /// as it likes, beacons are stored all the same.
    ///
    /// # Errors
    /// Why there is no whole answer.
    pub async fn look_up<R>(&self, statement: &Statement) -> Result<Vec<R>, SelectError>
    where
        R: RowOwned + RowRead,
    {
        self.select_as_writer(statement).await
    }

    /// Runs a statement of the schema, which has no answer.
    pub(super) async fn execute(&self, statement: &Statement) -> Result<(), SelectError> {
        self.execute_within(self.query_timeout, statement).await
    }

    /// The same with a time of its own.
    pub(super) async fn execute_within(
        &self,
        timeout: Duration,
        statement: &Statement,
    ) -> Result<(), SelectError> {
        let link = self.connected()?;
        let deadline = Instant::now() + timeout;
        self.limited(statement, &link, deadline, statement.on(&link.writer).execute())
            .await
    }

    pub(super) async fn limited<T>(
        &self,
        statement: &Statement,
        link: &Link,
        deadline: Instant,
        answer: impl Future<Output = Result<T, clickhouse::error::Error>>,
    ) -> Result<T, SelectError> {
        let span = Span::begin("query clickhouse", SpanKind::Client);
        let outcome = match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Failure::from_client(error).into()),
            Err(_) => Err(SelectError::TimedOut("no answer in time".to_owned())),
        };
        if let Some(span) = span.filter(Span::is_recorded) {
            let text: String = statement.sql.chars().take(TRACED_CHARS_MAX).collect();
            span.note("db.system.name", "clickhouse");
            span.note("db.namespace", link.database.clone());
            span.note("db.query.text", text);
            if let Err(error) = &outcome {
                span.fail(error.kind());
            }
        }
        outcome
    }

    pub(super) fn connected(&self) -> Result<Arc<Link>, SelectError> {
        self.link()
            .ok_or_else(|| SelectError::Unavailable("not connected".to_owned()))
    }
}
