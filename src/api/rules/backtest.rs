//! `POST /api/rules/backtest`: how often a rule would have fired, before it may wake anyone.

use std::sync::Arc;

use actix_web::web;
use serde::Serialize;

use super::read;
use crate::api::body::Fields;
use crate::api::error::ApiError;
use crate::api::manage::{Call, OfProject, time_ms};
use crate::api::query::QueryState;
use crate::clock;
use crate::domain::account::{ProjectId, Role};
use crate::domain::rule::{Backtest, LevelThresholds, PastSeries, RuleDefinition, Watch};
use crate::query::vendors::Excluded;
use crate::query::watch::{HistoryRequest, Pasts, VendorFacts, history};

/// Range without `from`: a week.
const RANGE_DEFAULT_MS: i64 = 7 * 24 * 3_600_000;

/// A rule to be tried: the members of a new rule, and over which time.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(in crate::api) struct BacktestFields {
    #[schema(inline)]
    #[serde(flatten)]
    rule: RuleDefinition,
    /// Begin; a week before `to` unless given.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// End; now unless given.
    #[schema(format = DateTime)]
    to: Option<String>,
}

/// What a rule would have seen and told.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::api) struct Tried {
    /// From one sample to the next. What begins and ends between two samples is not found.
    step_ms: i64,
    /// How far each sample looks back.
    window_ms: i64,
    /// Time before which nothing is kept any more, if that is in the range.
    kept_from_ms: Option<i64>,
    /// The thresholds, to be drawn over the series.
    thresholds: LevelThresholds,
    /// What it would have seen: a series for each group, those with the most events.
    series: Vec<PastSeries>,
    /// What it would have told.
    #[serde(flatten)]
    told: Backtest,
}

/// Tries a rule over the past: what it would have seen, and every time that it would have fired.
#[utoipa::path(post, path = "/api/rules/backtest", tag = "alerts", params(OfProject), request_body = BacktestFields, responses((status = 200, body = Tried), (status = 503, description = "`WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_OVERLOADED`, `MEMORY_PRESSURE`"), (status = 504, description = "`PERFORMANCE_TIMEOUT`")))]
pub(in crate::api) async fn backtest(call: &mut Call) -> Result<Tried, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let state = call.request().app_data::<web::Data<QueryState>>().cloned();
    let state: Option<Arc<QueryState>> = state.map(web::Data::into_inner);
    let state = state.ok_or(ApiError::NoSuch("there are no questions"))?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let now = clock::now();
    let to_ms = fields.parsed("to", time_ms).unwrap_or_else(|| now.as_millis());
    let from_ms = fields.parsed("from", time_ms).unwrap_or(to_ms - RANGE_DEFAULT_MS);
    let definition = read::new(&mut fields);
    let request = definition
        .as_ref()
        .map(|definition| HistoryRequest::new(&definition.watch, from_ms, to_ms));
    let request = match request {
        Some(Err(fault)) => {
            fields.note(fault);
            None
        }
        Some(Ok(request)) => Some(request),
        None => None,
    };
    let (definition, request) = fields.finish(definition.zip(request))?;
    let vendors = VendorFacts {
        budgets: call.state().budgets.clone(),
        away: away(call, &project_id, &definition.watch, (from_ms, to_ms)).await?,
    };
    let past = history(
        Pasts {
            warehouse: &state.warehouse,
            retention: &state.retention,
            ledger: &state.ledger,
            vendors: &vendors,
        },
        project_id.as_str(),
        &definition.watch,
        definition.thresholds.direction,
        &request,
        now,
    )
    .await?;
    let told = Backtest::run(&definition, &past.series);
    Ok(Tried {
        step_ms: past.step_ms,
        window_ms: past.window_ms,
        kept_from_ms: past.kept_from_ms,
        thresholds: definition.thresholds,
        series: past.series,
        told,
    })
}

/// When the vendors that a rule watches may have been away, in what it would have looked at.
async fn away(
    call: &Call,
    project_id: &ProjectId,
    watch: &Watch,
    (from_ms, to_ms): (i64, i64),
) -> Result<Vec<Excluded>, ApiError> {
    let Watch::Vendor(watch) = watch else {
        return Ok(Vec::new());
    };
    let (control, from_ms) = (call.control(), from_ms - watch.window_ms);
    let windows = control
        .maintenance_between(Some(project_id), from_ms, to_ms)
        .await?;
    let directory = control.directory();
    Ok(Excluded::of_windows(&windows, directory.integrations().all()))
}
