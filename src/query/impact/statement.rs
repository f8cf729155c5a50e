//! The statements of a question for impact.

use super::super::period::Period;
use super::request::ImpactRequest;
use crate::warehouse::{Parameter, Statement};

/// Length of what the projection `session_hours` tells about sessions.
const HOUR_S: i64 = 3_600;
/// Beyond this, gathering goes on in files: slower, and within a query's memory.
const SPILL_BYTES: u64 = 300_000_000;
/// A session's key: of 64 bits, two of ten million sessions share one with a probability of 3 in a million.
const SESSION: &str = "cityHash64(session_id)";

/// What the statements are about.
pub(super) struct Context<'a> {
    pub(super) database: &'a str,
    pub(super) project_id: &'a str,
    pub(super) request: &'a ImpactRequest,
    /// Every n-th session is looked at.
    pub(super) every: u64,
    /// See [`Limits::session_hours_max`](super::Limits::session_hours_max).
    pub(super) names_sessions: bool,
}

impl Context<'_> {
    /// That a row is one of the measurements that the question is about.
    fn fits(&self) -> String {
        let named = if self.request.name.is_some() {
            " AND name = {name:String}"
        } else {
            ""
        };
        format!(
            "type = {{type:String}}{named}{}",
            self.request.filters.condition()
        )
    }

    /// Rows that the index says must be read for the measurements.
    pub(super) fn estimate(&self) -> Statement {
        self.count_of("EXPLAIN ESTIMATE SELECT ts", "type = {type:String}")
    }

    /// How many measurements there are.
    pub(super) fn count(&self) -> Statement {
        self.count_of("SELECT count() AS rows", &self.fits())
    }

    fn count_of(&self, select: &str, condition: &str) -> Statement {
        self.bind(Statement::new(format!(
            "{select} FROM {{database:Identifier}}.performance_metrics \
             WHERE project_id = {{project:String}} AND {condition} AND {}",
            Period::CONDITION
        )))
    }

    /// Of each session that has such measurements, its latency, whether one is an error, and when they were.
    fn measured(&self) -> String {
        let latency = match self.request.statistic {
            "worst" => "max(value)",
            _ => "quantileExact(0.5)(value)",
        };
        format!(
            "SELECT {SESSION} AS session, {latency} AS own_latency, max(status >= 500 OR error_context != '') AS own_error,\n        \
                 min(ts) AS first, max(ts) AS last, true AS fits\n    \
             FROM {{database:Identifier}}.performance_metrics\n    \
             WHERE project_id = {{project:String}} AND {fits} AND {period} AND {SESSION} % {{every:UInt64}} = 0\n    \
             GROUP BY session",
            fits = self.fits(),
            period = Period::CONDITION,
        )
    }

    /// The same with the length of each session: from its first measurement in the period to its last, of any kind.
    ///
    /// For the whole hours of the period, these come from the projection `session_hours`. A part without it is read row by
    /// row, with the same result. The rest of the period is less than two hours.
    fn sessions(&self) -> String {
        let (hours, rest) = match self.hours() {
            None => (String::new(), Period::CONDITION.to_owned()),
            Some(_) => (
                format!("UNION ALL\n    {}\n    ", self.session_hours()),
                format!(
                    "{} AND (ts < toDateTime64({{hours_from:Int64}}, 3, 'UTC') OR ts >= toDateTime64({{hours_to:Int64}}, 3, 'UTC'))",
                    Period::CONDITION
                ),
            ),
        };
        format!(
            "SELECT session, sum(own_latency) AS latency, max(own_error) > 0 AS has_error,\n    \
                 toFloat64(toUnixTimestamp64Milli(max(last)) - toUnixTimestamp64Milli(min(first))) AS length_ms\n\
             FROM (\n    {measured}\n    {hours}\
                 UNION ALL\n    \
                 SELECT {SESSION} AS session, 0., 0, ts, ts, false\n    \
                 FROM {{database:Identifier}}.performance_metrics\n    \
                 WHERE project_id = {{project:String}} AND {rest} AND {SESSION} % {{every:UInt64}} = 0\n\
             )\n\
             GROUP BY session HAVING max(fits)",
            measured = self.measured(),
        )
    }

    /// When a session's first and last measurement was, within the whole hours of the period.
    fn session_hours(&self) -> String {
        let only = if self.names_sessions {
            format!(
                "{SESSION} IN (\n            \
                     SELECT {SESSION} FROM {{database:Identifier}}.performance_metrics\n            \
                     WHERE project_id = {{project:String}} AND {fits} AND {period} AND {SESSION} % {{every:UInt64}} = 0\n        \
                 )",
                fits = self.fits(),
                period = Period::CONDITION,
            )
        } else {
            format!("{SESSION} % {{every:UInt64}} = 0")
        };
        format!(
            "SELECT {SESSION} AS session, 0., 0, min(ts) AS first, max(ts) AS last, false\n    \
             FROM {{database:Identifier}}.performance_metrics\n    \
             WHERE project_id = {{project:String}}\n        \
                 AND toStartOfHour(ts) >= toDateTime({{hours_from:Int64}}, 'UTC') AND toStartOfHour(ts) < toDateTime({{hours_to:Int64}}, 'UTC')\n        \
                 AND {only}\n    \
             GROUP BY session"
        )
    }

    /// Rows that the index says must be read for the sessions' lengths; none for a period without a whole hour.
    pub(super) fn hours_estimate(&self) -> Option<Statement> {
        let (from, to) = self.hours()?;
        let statement = Statement::new(format!("EXPLAIN ESTIMATE {}", self.session_hours()));
        Some(
            self.bind(statement)
                .with("hours_from", Parameter::Integer(from))
                .with("hours_to", Parameter::Integer(to)),
        )
    }

    /// The whole hours of the period.
    fn hours(&self) -> Option<(i64, i64)> {
        let Period { from, to, .. } = &self.request.period;
        let first = (from + HOUR_S - 1).div_euclid(HOUR_S) * HOUR_S;
        let end = to.div_euclid(HOUR_S) * HOUR_S;
        (first < end).then_some((first, end))
    }

    /// Sessions by band, and where the bands meet. All sessions are gathered in one array first, because where the bands meet
    /// may depend on all of them, and looking at them twice would read everything twice.
    pub(super) fn bands(&self) -> Statement {
        let request = self.request;
        let converted = match request.step {
            None => "false".to_owned(),
            Some(_) => format!(
                "session IN (SELECT {SESSION} FROM {{database:Identifier}}.funnel_steps \
                 WHERE project_id = {{project:String}} AND step = {{step:String}} AND {} \
                 AND {SESSION} % {{every:UInt64}} = 0)",
                Period::CONDITION
            ),
        };
        let edges = if request.bounds.is_empty() {
            let bands = request.bands;
            let levels: Vec<String> = (1..bands).map(|band| format!("{band} / {bands}")).collect();
            format!("arrayDistinct(quantilesExact({})(latency))", levels.join(", "))
        } else {
            "arrayMap(bound -> toFloat64(bound), {bounds:Array(String)})".to_owned()
        };
        let sql = format!(
            "SELECT toUInt64(arrayCount(edge -> one.1 >= edge, edges)) AS band, any(edges) AS bounds,\n    \
                 count() AS sessions, countIf(one.2) AS converted, countIf(one.3) AS with_errors,\n    \
                 quantileExact(0.5)(one.4) AS length_ms\n\
             FROM (\n\
             SELECT {edges} AS edges, groupArray((latency, {converted}, has_error, length_ms)) AS gathered\n\
             FROM (\n{sessions}\n)\n\
             )\n\
             ARRAY JOIN gathered AS one\n\
             GROUP BY band ORDER BY band\n\
             SETTINGS max_bytes_before_external_group_by = {SPILL_BYTES}",
            sessions = self.sessions()
        );
        let bounds = request.bounds.iter().map(f64::to_string).collect();
        let statement = self
            .bind(Statement::new(sql))
            .with("bounds", Parameter::Texts(bounds));
        let statement = match &request.step {
            None => statement,
            Some(step) => statement.with("step", Parameter::Text(step.clone())),
        };
        match self.hours() {
            None => statement,
            Some((from, to)) => statement
                .with("hours_from", Parameter::Integer(from))
                .with("hours_to", Parameter::Integer(to)),
        }
    }

    fn bind(&self, statement: Statement) -> Statement {
        let every = i64::try_from(self.every).unwrap_or(i64::MAX);
        let statement = statement
            .with("database", Parameter::Text(self.database.to_owned()))
            .with("project", Parameter::Text(self.project_id.to_owned()))
            .with("type", Parameter::Text(self.request.metric_type.to_owned()))
            .with("every", Parameter::Integer(every));
        let statement = match self.request.name {
            None => statement,
            Some(name) => statement.with("name", Parameter::Text(name.to_owned())),
        };
        let request = self.request;
        request.filters.bind(request.period.bind(statement))
    }
}
