//! `/api-integrations`: how the third-party services that a product depends on do.

pub(super) mod dashboard;
pub(super) mod evidence;
pub(super) mod maintenance;
pub(super) mod report;
pub(super) mod sla;
pub(super) mod switches;

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use serde::Serialize;
use uuid::Uuid;

use super::error::ApiError;
use super::manage::{Call, OfProject, delete, look, make, on};
use super::resource;
use crate::breaker::State;
use crate::clock;
use crate::domain::account::{ProjectId, Role};
use crate::domain::integration::{Integration, Slug};
use crate::integrations::{Health, Reason, health};
use crate::query::vendors::{Totals, totals};

/// What "lately" is: how a vendor does is judged by this time.
const LATELY_S: i64 = 900;
pub(super) const DAY_S: i64 = 86_400;

/// Adds the addresses. (`service/{name}/metrics` is a question.)
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/api-integrations/health-status", "GET").route(look(health_status)))
        .service(resource("/api-integrations/monitoring-dashboard", "GET").route(look(dashboard::dashboard)))
        .service(resource("/api-integrations/alerts", "GET").route(look(dashboard::alerts)))
        .service(resource("/api-integrations/sla-compliance", "GET").route(look(sla::compliance)))
        .service(resource("/api-integrations/evidence", "GET").route(look(evidence::evidence)))
        .service(resource("/api-integrations/evidence/key", "GET").route(look(evidence::key)))
        .service(resource("/api-integrations/optimization-report", "GET").route(look(report::report)))
        .service(
            resource("/api-integrations/maintenance", "GET, POST")
                .route(look(maintenance::list))
                .route(make(maintenance::create)),
        )
        .service(resource("/api-integrations/maintenance/{id}", "DELETE").route(delete(maintenance::remove)))
        .service(
            resource("/api-integrations/initialize-optimizations", "POST").route(on(
                Method::POST,
                StatusCode::OK,
                switches::initialize,
            )),
        )
        .service(
            resource("/api-integrations/reset-optimizations", "POST").route(on(
                Method::POST,
                StatusCode::OK,
                switches::reset,
            )),
        );
}

/// A breaker, as answers have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VendorBreaker)]
pub(super) enum Breaker {
    Closed,
    Open,
    HalfOpen,
}

impl From<State> for Breaker {
    fn from(state: State) -> Self {
        match state {
            State::Closed => Self::Closed,
            State::Open => Self::Open,
            State::HalfOpen => Self::HalfOpen,
        }
    }
}

/// How one vendor does.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = VendorHealth)]
pub(super) struct VendorHealth {
    /// The integration.
    id: Uuid,
    /// Its name in addresses.
    integration: Slug,
    /// The catalogue's service.
    service: Slug,
    /// Its name, for people.
    name: String,
    state: Health,
    /// Why; null when there is nothing to say.
    reason: Option<Reason>,
    /// Of the node that answers.
    breaker: Breaker,
    /// Whether Fresnel looks if it is there.
    is_monitored: bool,
    /// When it was called or looked for last, within the last 15 minutes.
    last_check_ms: Option<i64>,
    /// How that ended.
    last_outcome: Option<String>,
    /// Share of what was seen in the last 15 minutes that did not fail.
    availability: Option<f64>,
    /// Mean milliseconds of an answer in the last 15 minutes.
    mean_ms: Option<f64>,
}

/// How all vendors do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = VendorHealthStatus)]
pub(super) struct HealthStatus {
    /// The worst state of those that are turned on and known; `unknown` when none is.
    state: Health,
    /// How many there are of each.
    counts: Counts,
    services: Vec<VendorHealth>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = VendorHealthCounts)]
struct Counts {
    healthy: u32,
    degraded: u32,
    down: u32,
    unknown: u32,
    off: u32,
}

/// How the vendors do now: by what was seen of them in the last 15 minutes, and by the breakers of this node.
#[utoipa::path(get, path = "/api-integrations/health-status", tag = "integrations", params(OfProject), responses((status = 200, body = HealthStatus)))]
pub(super) async fn health_status(call: &mut Call) -> Result<HealthStatus, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let all = integrations_of(call, &project_id);
    let lately = totals_of(call, &project_id, LATELY_S).await?;
    Ok(status_of(call, &all, &lately))
}

/// How the vendors do, by what was seen of them lately.
fn status_of(call: &Call, all: &[Arc<Integration>], lately: &HashMap<String, Totals>) -> HealthStatus {
    let services: Vec<VendorHealth> = all.iter().map(|one| health_of(call, one, lately)).collect();
    let mut counts = Counts::default();
    for service in &services {
        *match service.state {
            Health::Healthy => &mut counts.healthy,
            Health::Degraded => &mut counts.degraded,
            Health::Down => &mut counts.down,
            Health::Unknown => &mut counts.unknown,
            Health::Off => &mut counts.off,
        } += 1;
    }
    let known = services
        .iter()
        .map(|service| service.state)
        .filter(|state| !matches!(state, Health::Off | Health::Unknown));
    HealthStatus {
        state: known.max().unwrap_or(Health::Unknown),
        counts,
        services,
    }
}

fn health_of(call: &Call, integration: &Integration, lately: &HashMap<String, Totals>) -> VendorHealth {
    let state = call.state();
    let breaker = state.relay.breaker(integration);
    let lately = lately.get(integration.slug.as_str());
    let effective = state.integrations.effective(integration);
    let is_enabled = integration.definition.is_enabled;
    let (health, reason) = health(is_enabled, breaker, lately, effective.sla.response_ms);
    let reason = match effective.base_url {
        None if health == Health::Unknown => Some(Reason::Incomplete),
        _ => reason,
    };
    VendorHealth {
        id: integration.id,
        integration: integration.slug.clone(),
        service: integration.service.clone(),
        name: integration.definition.name.as_str().to_owned(),
        state: health,
        reason,
        breaker: breaker.into(),
        is_monitored: integration.definition.is_monitored && effective.probe.is_some(),
        last_check_ms: lately.and_then(|lately| lately.last_seen_ms),
        last_outcome: lately.and_then(|lately| lately.last_outcome.clone()),
        availability: lately.and_then(|lately| lately.availability),
        mean_ms: lately.and_then(|lately| lately.mean_ms),
    }
}

/// The integrations of a project, by their slugs.
fn integrations_of(call: &Call, project_id: &ProjectId) -> Vec<Arc<Integration>> {
    let directory = call.control().directory();
    let all = directory.integrations().all();
    let mut found: Vec<_> = all.filter(|one| one.project_id == *project_id).cloned().collect();
    found.sort_unstable_by(|a, b| a.slug.as_str().cmp(b.slug.as_str()));
    found
}

/// What contacts of the last seconds add up to, by slug.
pub(super) async fn totals_of(
    call: &Call,
    project_id: &ProjectId,
    seconds: i64,
) -> Result<HashMap<String, Totals>, ApiError> {
    let to_s = clock::now().as_millis().div_euclid(1_000) + 1;
    let found = totals(
        &call.state().warehouse,
        project_id.as_str(),
        (to_s - seconds, to_s),
        &[],
    )
    .await?;
    Ok(found.into_iter().collect())
}
