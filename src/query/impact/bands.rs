//! Sessions in bands.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::super::estimate::Estimate;
use super::super::iso::as_iso_or_null;
use super::super::period::Period;
use super::request::ImpactRequest;
use super::statement::Context;
use super::wilson::ShareInterval;
use super::{Limits, SESSIONS_ENOUGH};
use crate::clock::UnixMicros;
use crate::warehouse::{Retention, SelectError, Warehouse};

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
    bounds: Vec<f64>,
    sessions: u64,
    converted: u64,
    with_errors: u64,
    length_ms: f64,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct CountRow {
    rows: u64,
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
    impact_of(warehouse, retention, project_id, request, now, Limits::default()).await
}

/// The same with other limits.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn impact_of(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &ImpactRequest,
    now: UnixMicros,
    limits: Limits,
) -> Result<Impact, SelectError> {
    let question = warehouse.question();
    let mut context = Context {
        database: &question.database_name()?,
        project_id,
        request,
        every: 1,
        names_sessions: false,
    };
    // The index knows the type alone. Only when that is too much, the measurements are counted.
    if Estimate::rows(&question, &context.estimate()).await? > limits.measurements_max {
        let counts: Vec<CountRow> = question.select(&context.count()).await?;
        let rows: u64 = counts.iter().map(|count| count.rows).sum();
        context.every = rows.div_ceil(limits.measurements_max.max(1)).max(1);
    }
    if let Some(estimate) = context.hours_estimate() {
        let rows = Estimate::rows(&question, &estimate).await?;
        context.names_sessions = rows / context.every > limits.session_hours_max;
    }
    let rows: Vec<BandRow> = question.select(&context.bands()).await?;
    let bounds = match rows.first() {
        Some(row) => row.bounds.clone(),
        None => request.bounds.clone(),
    };
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
        bounds: Vec::new(),
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
