//! `GET /api/rejected`: the last beacons that were refused.

use std::sync::Arc;
use std::time::Instant;

use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::error::{self, ApiError};
use super::identity::{Identity, project_and_others};
use super::manage::OfProject;
use super::paging::Paging;
use super::{envelope, get, paging};
use crate::clock::{self, UnixMicros};
use crate::domain::field_error::FieldError;
use crate::domain::page::Page;
use crate::ingest::rejected::{RejectedBeacon, RejectedLog};

/// What the handler needs.
pub struct RejectedState {
    /// Who may look.
    pub identity: Identity,
    /// What was refused.
    pub log: Arc<RejectedLog>,
}

impl RejectedState {
    /// With nothing refused yet.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            log: Arc::default(),
        }
    }
}

/// Adds the address.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(get("/api/rejected", rejected));
}

/// A beacon that was refused; its values are not kept.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RejectedBeacon)]
struct Item {
    timestamp: String,
    kind: &'static str,
    code: &'static str,
    details: Vec<FieldError>,
    shape: String,
}

impl From<RejectedBeacon> for Item {
    fn from(beacon: RejectedBeacon) -> Self {
        Self {
            timestamp: UnixMicros::from_millis(beacon.at_ms).rfc3339(),
            kind: beacon.kind,
            code: beacon.reason,
            details: beacon.faults,
            shape: beacon.shape,
        }
    }
}

/// The last 100 beacons that were refused, the newest first. They are gone after a restart.
#[utoipa::path(get, path = "/api/rejected", tag = "questions", params(OfProject, Paging), responses((status = 200, body = Page<Item>)))]
async fn rejected(request: HttpRequest, state: web::Data<RejectedState>) -> HttpResponse {
    let started = Instant::now();
    match answer(&request, &state).await {
        Ok(page) => envelope::success(&page, started),
        Err(error) => error::answer(&request, &error),
    }
}

async fn answer(request: &HttpRequest, state: &RejectedState) -> Result<Page<Item>, ApiError> {
    let (project_id, parameters) = project_and_others(request.query_string());
    let viewer = state
        .identity
        .viewer(request, project_id.as_deref(), clock::now().as_millis())
        .await?;
    let (page, others) = paging::parse(parameters).map_err(ApiError::BadParameters)?;
    paging::no_others(&others).map_err(ApiError::BadParameters)?;
    let items = state.log.of(viewer.project.project.id.as_str());
    Ok(paging::cut(items.into_iter().map(Item::from).collect(), page))
}
