//! `GET /api/analytics/funnels` and `GET /api/analytics/funnel`.

use std::time::Instant;

use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};

use super::error::{self, ApiError};
use super::manage::OfProject;
use super::paging::Paging;
use super::query::{self, QueryState};
use super::{asked, envelope, get, paging, rate_limit};
use crate::clock;
use crate::domain::page::Page;
use crate::query::funnel::{Funnel, FunnelQuestionParameters, KnownFunnel, known_funnels};
use crate::query::{PeriodParameters, RawFilterParameters};
use crate::quota::Class;

/// Adds the address of the list. That of a funnel also takes beacons: see [`at_address_of_beacons`].
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(get("/api/analytics/funnels", funnels));
}

/// The funnels of a project: the standard one, and its own.
#[utoipa::path(get, path = "/api/analytics/funnels", tag = "questions", params(OfProject, Paging), responses((status = 200, body = Page<KnownFunnel>)))]
async fn funnels(request: HttpRequest, state: web::Data<QueryState>) -> HttpResponse {
    let started = Instant::now();
    match list(&request, &state).await {
        Ok(page) => envelope::success(&page, started),
        Err(error) => error::answer(&request, &error),
    }
}

async fn list(request: &HttpRequest, state: &QueryState) -> Result<Page<KnownFunnel>, ApiError> {
    let (viewer, parameters) = state.asked(request, clock::now()).await?;
    let (page, others) = paging::parse(parameters).map_err(ApiError::BadParameters)?;
    paging::no_others(&others).map_err(ApiError::BadParameters)?;
    Ok(paging::cut(known_funnels(&viewer.project.project.settings), page))
}

/// How many sessions reach each step of a funnel, and how fast.
///
/// Also filters by any key of `metadata`: `metadata.KEY=value`. This is the address where steps are posted, too.
#[utoipa::path(get, path = "/api/analytics/funnel", tag = "questions", params(OfProject, PeriodParameters, FunnelQuestionParameters, RawFilterParameters), responses((status = 200, body = Funnel)))]
pub(super) async fn at_address_of_beacons(request: HttpRequest) -> HttpResponse {
    let Some(state) = request.app_data::<web::Data<QueryState>>() else {
        return HttpResponse::InternalServerError().finish();
    };
    let mut answer = query::funnel(request.clone(), state.clone()).await;
    if let Some(decision) = asked::decision(&request) {
        rate_limit::insert(answer.headers_mut(), Class::Api, &decision);
    }
    answer
}
