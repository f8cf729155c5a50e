//! Sessions in bands.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::super::estimate::Estimate;
use super::super::iso::as_iso_or_null;
use super::super::period::Period;
use super::request::ImpactRequest;
use super::wilson::ShareInterval;
use super::{ROWS_MAX, SESSIONS_ENOUGH};
use crate::clock::UnixMicros;
use crate::warehouse::{Parameter, Retention, SelectError, Statement, Warehouse};

/// The impact of latency.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Impact {
    /// When.
    #[serde(flatten)]
    pub period: Period,
    /// Type of the measurements.
    #[serde(rename = "type")]
    pub metric_type: &'static str,
    /// Which web vital, if it is about one.
    pub name: Option<&'static str>,
    /// `median` or `worst`.
    pub statistic: &'static str,
    /// The step that counts as conversion.
    pub step: Option<String>,
    /// Time before which raw rows are kept no more, when that is inside the period.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// Share of the sessions that were looked at, when there were too many to look at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_share: Option<f64>,
    /// Sessions that were looked at.
    pub sessions: u64,
    /// The bands, from the fastest to the slowest; those without sessions too.
    pub bands: Vec<Band>,
    /// Whether the conversion of the fastest and of the slowest band that have enough sessions is surely not the same: their
    /// intervals have nothing in common. Null when there are not two such bands, or no step.
    pub conversion_differs: Option<bool>,
}

/// Sessions of about the same latency.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ImpactBand)]
pub struct Band {
    /// Least latency; null for the first band.
    pub from: Option<f64>,
    /// Latency from which on it is the next band; null for the last one.
    pub to: Option<f64>,
    /// Sessions.
    pub sessions: u64,
    /// Whether these are at least 30: fewer say little.
    pub is_enough: bool,
    /// Sessions that took the step; null without one, and without sessions.
    pub conversion: Option<ShareInterval>,
    /// Sessions that met an error; null without sessions.
    pub errors: Option<ShareInterval>,
    /// Median time from a session's first to its last measurement; null without sessions.
    pub length_p50_ms: Option<f64>,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct BandRow {
    band: u64,
    sessions: u64,
    converted: u64,
    with_errors: u64,
    length_ms: f64,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct BoundsRow {
    bounds: Vec<f64>,
}

struct Context<'a> {
    database: &'a str,
    project_id: &'a str,
    request: &'a ImpactRequest,
    every: u64,
}

impl Context<'_> {
    fn estimate(&self) -> Statement {
        self.bind(Statement::new(format!(
            "EXPLAIN ESTIMATE SELECT count() FROM {{database:Identifier}}.performance_metrics \
             WHERE project_id = {{project:String}} AND {}",
            Period::CONDITION
        )))
    }

    /// One row a session that has such measurements. Without its length, only these are read.
    fn sessions(&self, with_length: bool) -> String {
        let named = if self.request.name.is_some() {
            " AND name = {name:String}"
        } else {
            ""
        };
        let fits = format!(
            "type = {{type:String}}{named}{}",
            self.request.filters.condition()
        );
        let latency = match self.request.statistic {
            "worst" => "maxIf(value, fits)",
            _ => "quantileExactIf(0.5)(value, fits)",
        };
        // An alias of a condition is worked out once a row.
        let (alias, only, length) = if with_length {
            (
                format!("({fits}) AS fits"),
                String::new(),
                "toFloat64(max(toUnixTimestamp64Milli(ts)) - min(toUnixTimestamp64Milli(ts)))",
            )
        } else {
            ("true AS fits".to_owned(), format!(" AND {fits}"), "0.")
        };
        format!(
            "SELECT session, {latency} AS latency, countIf(fits AND is_error) > 0 AS has_error, {length} AS length_ms\n    \
             FROM (\n        \
                 SELECT cityHash64(session_id) AS session, ts, value, status >= 500 OR error_context != '' AS is_error, {alias}\n        \
                 FROM {{database:Identifier}}.performance_metrics\n        \
                 WHERE project_id = {{project:String}} AND {period}{only} AND cityHash64(session_id) % {{every:UInt64}} = 0\n    \
             )\n    \
             GROUP BY session HAVING countIf(fits) > 0",
            period = Period::CONDITION,
        )
    }

    /// Where bands of about as many sessions each meet.
    fn quantiles(&self) -> Statement {
        let bands = self.request.bands;
        let levels: Vec<String> = (1..bands).map(|band| format!("{band} / {bands}")).collect();
        self.bind(Statement::new(format!(
            "SELECT quantilesExact({})(latency) AS bounds\nFROM (\n    {}\n)",
            levels.join(", "),
            self.sessions(false)
        )))
    }

    fn bands(&self, bounds: &[f64]) -> Statement {
        let converted = match self.request.step {
            None => "false".to_owned(),
            Some(_) => format!(
                "session IN (SELECT cityHash64(session_id) FROM {{database:Identifier}}.funnel_steps \
                 WHERE project_id = {{project:String}} AND step = {{step:String}} AND {} \
                 AND cityHash64(session_id) % {{every:UInt64}} = 0)",
                Period::CONDITION
            ),
        };
        let sql = format!(
            "SELECT toUInt64(arrayCount(bound -> latency >= toFloat64(bound), {{bounds:Array(String)}})) AS band,\n    \
                 count() AS sessions, countIf({converted}) AS converted, countIf(has_error) AS with_errors,\n    \
                 quantileExact(0.5)(length_ms) AS length_ms\n\
             FROM (\n    {}\n)\n\
             GROUP BY band ORDER BY band\n\
             SETTINGS max_bytes_before_external_group_by = 150000000",
            self.sessions(true)
        );
        let bounds = bounds.iter().map(f64::to_string).collect();
        let statement = self
            .bind(Statement::new(sql))
            .with("bounds", Parameter::Texts(bounds));
        match &self.request.step {
            None => statement,
            Some(step) => statement.with("step", Parameter::Text(step.clone())),
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

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn impact(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &ImpactRequest,
    now: UnixMicros,
) -> Result<Impact, SelectError> {
    let question = warehouse.question();
    let mut context = Context {
        database: &question.database_name()?,
        project_id,
        request,
        every: 1,
    };
    context.every = Estimate::every(&question, &context.estimate(), ROWS_MAX).await?;
    let mut bounds = request.bounds.clone();
    if bounds.is_empty() {
        let rows: Vec<BoundsRow> = question.select(&context.quantiles()).await?;
        bounds = rows.into_iter().flat_map(|row| row.bounds).collect();
        bounds.retain(|bound| bound.is_finite());
        bounds.dedup();
    }
    let rows: Vec<BandRow> = question.select(&context.bands(&bounds)).await?;
    let mut answer = assemble(request, &bounds, &rows);
    answer.kept_from = request.period.kept_from(retention, now);
    #[expect(clippy::cast_precision_loss, reason = "a share of at most some thousand")]
    let share = 1.0 / context.every as f64;
    answer.sampled_share = (context.every > 1).then_some(share);
    Ok(answer)
}

fn assemble(request: &ImpactRequest, bounds: &[f64], rows: &[BandRow]) -> Impact {
    let none = BandRow {
        band: 0,
        sessions: 0,
        converted: 0,
        with_errors: 0,
        length_ms: 0.0,
    };
    let bands: Vec<Band> = (0..=bounds.len())
        .map(|place| {
            let row = rows.iter().find(|row| row.band == place as u64).unwrap_or(&none);
            let conversion = ShareInterval::of(row.converted, row.sessions);
            Band {
                from: place
                    .checked_sub(1)
                    .and_then(|before| bounds.get(before).copied()),
                to: bounds.get(place).copied(),
                sessions: row.sessions,
                is_enough: row.sessions >= SESSIONS_ENOUGH,
                conversion: conversion.filter(|_| request.step.is_some()),
                errors: ShareInterval::of(row.with_errors, row.sessions),
                length_p50_ms: (row.sessions > 0).then_some(row.length_ms),
            }
        })
        .collect();
    let mut enough = bands
        .iter()
        .filter(|band| band.is_enough)
        .filter_map(|band| band.conversion);
    let (fastest, slowest) = (enough.next(), enough.next_back());
    Impact {
        period: request.period.clone(),
        metric_type: request.metric_type,
        name: request.name,
        statistic: request.statistic,
        step: request.step.clone(),
        kept_from: None,
        sampled_share: None,
        sessions: rows.iter().map(|row| row.sessions).sum(),
        conversion_differs: fastest
            .zip(slowest)
            .map(|(fastest, slowest)| fastest.differs_from(slowest)),
        bands,
    }
}
