//! `GET /api/analytics/…` and `GET /api/ledger`: questions.
//!
//! A question is a [`Question`]: how its parameters are read, how it is asked, and how long its answer is fresh. Its line
//! in [`QUESTIONS`] gives it an address; the cache, and what is given when the warehouse is away, come with that.
//! The ledger alone is asked anew each time: who looks for what is missing must not be told of what was there.

mod answers;
mod dashboard;
mod export;
pub(super) mod live;
mod metrics;
mod pages;
mod question;
mod raw;
mod reply;
mod vendors;

use std::sync::Arc;
use std::time::Instant;

use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};

use super::error::{self, ApiError, Limit};
use super::identity::{Identity, Parameters, Viewer, project_and_others};
use super::manage::OfProject;
use super::{envelope, get};
use crate::cache::Wish;
use crate::clock::{self, UnixMicros};
use crate::control::ProjectEntry;
use crate::ledger::Ledger;
use crate::memory::{Level, Pressure};
use crate::query::RangeParameters;
use crate::query::ledger::{self, LedgerAnswer, LedgerParameters, LedgerRequest};
use crate::warehouse::{Retention, Warehouse};

pub use answers::Answers;
pub use live::LiveStreams;
pub(super) use question::{Asking, Question, Warmed};
pub(super) use reply::Meta as KeptMeta;

pub(super) use question::Address;

/// What the handlers of questions share.
pub struct QueryState {
    /// Who may look.
    pub identity: Identity,
    /// Where the answers are.
    pub warehouse: Warehouse,
    /// How far back each table goes.
    pub retention: Retention,
    /// Most rows of a file.
    pub export_rows_max: u64,
    /// What is in the log.
    pub ledger: Ledger,
    /// How short memory is.
    pub pressure: Pressure,
    /// Answers that are kept.
    pub answers: Answers,
    /// Who is told answers as they change.
    pub live: LiveStreams,
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

/// Every question, with its address.
pub(super) const QUESTIONS: &[Address] = &[
    Address::of::<metrics::TimeseriesQuestion>("/api/analytics/performance/timeseries"),
    Address::of::<metrics::PerformanceQuestion>("/api/analytics/performance/dashboard"),
    Address::of::<metrics::VitalsQuestion>("/api/analytics/performance/web-vitals"),
    Address::of::<raw::EventsQuestion>("/api/analytics/events/list"),
    Address::of::<raw::SummaryQuestion>("/api/analytics/events/summary"),
    Address::of::<raw::PropertiesQuestion>("/api/analytics/events/properties"),
    Address::of::<raw::HeatmapQuestion>("/api/analytics/performance/heatmap"),
    Address::of::<raw::ImpactQuestion>("/api/analytics/impact"),
    Address::of::<raw::SessionsQuestion>("/api/analytics/sessions"),
    Address::of::<raw::TimelineQuestion>("/api/analytics/sessions/timeline"),
    Address::of::<raw::ErrorsQuestion>("/api/analytics/errors"),
    Address::of::<raw::OccurrencesQuestion>("/api/analytics/errors/events"),
    Address::of::<vendors::BlameQuestion>("/api/analytics/blame"),
    Address::of::<vendors::ServiceMetricsQuestion>("/api-integrations/service/{name}/metrics"),
    Address::of::<dashboard::OverviewQuestion>("/api/dashboard/overview"),
    Address::of::<dashboard::TrendsQuestion>("/api/dashboard/analytics"),
    Address::of::<dashboard::PulseQuestion>("/api/dashboard/stats"),
];

/// Questions at addresses that also take beacons, and that are registered with these.
const AT_ADDRESSES_OF_BEACONS: &[Address] = &[Address::of::<raw::FunnelQuestion>("/api/analytics/funnel")];

/// Fetches the answer to the question at a path ahead.
pub(super) async fn warm(
    state: &Arc<QueryState>,
    project: &Arc<ProjectEntry>,
    path: &str,
    parameters: Parameters<'_>,
) -> Warmed {
    let Some((address, mut all)) = question_at(path) else {
        return Warmed::Failed;
    };
    all.extend(parameters);
    match address.ask(state, project, all, Wish::Any).await {
        Ok(answer) => Warmed::Answered(answer.origin),
        Err(_) => Warmed::Failed,
    }
}

/// The question at a path, with what stands in the path's parts that vary.
fn question_at<'q>(path: &str) -> Option<(&'static Address, Parameters<'q>)> {
    let mut all = QUESTIONS.iter().chain(AT_ADDRESSES_OF_BEACONS);
    all.find_map(|address| Some((address, address.matched(path)?)))
}

/// Adds the addresses of questions.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    for address in QUESTIONS {
        config.service(get(address.path, address.answer));
    }
    config.service(get("/api/ledger", ledger));
    config.service(get("/api/live", live::live));
}

/// `GET /api/analytics/funnel`, whose address also takes beacons.
pub(super) async fn funnel(request: HttpRequest, state: web::Data<QueryState>) -> HttpResponse {
    question::answer::<raw::FunnelQuestion>(request, state).await
}

/// What has become of every item that was received.
#[utoipa::path(get, path = "/api/ledger", tag = "questions", params(OfProject, RangeParameters, LedgerParameters), responses((status = 200, body = LedgerAnswer)))]
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
