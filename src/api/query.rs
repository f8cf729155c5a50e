//! `GET /api/analytics/…` and `GET /api/ledger`: questions.

use std::time::Instant;

use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};

use super::error::{self, ApiError, Limit};
use super::identity::{Identity, Parameters, Viewer, project_and_others};
use super::{envelope, get};
use crate::clock::{self, UnixMicros};
use crate::ledger::Ledger;
use crate::memory::{Level, Pressure};
use crate::query::ledger::{self, LedgerRequest};
use crate::query::timeseries::{self, TimeseriesRequest};
use crate::warehouse::{Retention, Warehouse};

/// What the handlers of questions share.
pub struct QueryState {
    /// Who may look.
    pub identity: Identity,
    /// Where the answers are.
    pub warehouse: Warehouse,
    /// How far back each table goes.
    pub retention: Retention,
    /// What is in the log.
    pub ledger: Ledger,
    /// How short memory is.
    pub pressure: Pressure,
}

impl QueryState {
    /// Who asks, and what beside the project.
    pub(super) async fn asked<'r>(
        &self,
        request: &'r HttpRequest,
        now: UnixMicros,
    ) -> Result<(Viewer, Parameters<'r>), ApiError> {
        let (project_id, parameters) = project_and_others(request.query_string());
        let viewer = self
            .identity
            .viewer(request, project_id.as_deref(), now.as_millis())
            .await?;
        self.must_have_memory()?;
        Ok((viewer, parameters))
    }

    /// Refuses questions while memory is so short that beacons might suffer.
    fn must_have_memory(&self) -> Result<(), ApiError> {
        match self.pressure.level() {
            Level::Ok | Level::Warning => Ok(()),
            Level::Critical => Err(Limit::Memory.into()),
        }
    }
}

/// Adds the addresses of questions.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(get("/api/analytics/performance/timeseries", timeseries))
        .service(get("/api/ledger", ledger));
}

async fn timeseries(request: HttpRequest, state: web::Data<QueryState>) -> HttpResponse {
    let started = Instant::now();
    let answer = async {
        let now = clock::now();
        let (viewer, parameters) = state.asked(&request, now).await?;
        let question = TimeseriesRequest::parse(parameters, now).map_err(ApiError::BadParameters)?;
        let project_id = viewer.project.project.id.as_str();
        timeseries::timeseries(&state.warehouse, &state.retention, project_id, &question, now)
            .await
            .map_err(ApiError::from)
    };
    match answer.await {
        Ok(series) => envelope::success(&series, started),
        Err(error) => error::answer(&request, &error),
    }
}

async fn ledger(request: HttpRequest, state: web::Data<QueryState>) -> HttpResponse {
    let started = Instant::now();
    let answer = async {
        let now = clock::now();
        let (viewer, parameters) = state.asked(&request, now).await?;
        let question = LedgerRequest::parse(parameters, now).map_err(ApiError::BadParameters)?;
        let project_id = viewer.project.project.id.as_str();
        ledger::ledger(
            &state.warehouse,
            &state.retention,
            &state.ledger,
            project_id,
            &question,
            now,
        )
        .await
        .map_err(ApiError::from)
    };
    match answer.await {
        Ok(accounts) => envelope::success(&accounts, started),
        Err(error) => error::answer(&request, &error),
    }
}
