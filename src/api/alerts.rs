//! `/api/alerts`: what is wrong, and what was.

mod trends;

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use serde::Serialize;
use uuid::Uuid;

use super::error::ApiError;
use super::manage::{Call, OfProject, look, on, time_ms};
use super::paging::Paging;
use super::{paging, resource};
use crate::clock;
use crate::control::{AlertFilter, AlertStateFilter};
use crate::domain::account::Role;
use crate::domain::alert::{Alert, AlertEvent, AlertSource};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;
use crate::domain::rule::Level;
use trends::AlertTrends;

/// Adds the addresses. `/api/alerts/stream` must be there before.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/api/alerts", "GET").route(look(list)))
        .service(resource("/api/alerts/trends", "GET").route(look(trends)))
        .service(resource("/api/alerts/{id}", "GET").route(look(one)))
        .service(resource("/api/alerts/{id}/acknowledge", "POST").route(on(
            Method::POST,
            StatusCode::OK,
            acknowledge,
        )));
}

/// Which alerts are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `filter` reads")]
struct AlertParameters {
    /// `open`: those that are not over; `resolved`: those that are.
    state: Option<AlertState>,
    /// As bad as this.
    level: Option<Level>,
    /// From rules, from clients, or about Fresnel itself.
    source: Option<AlertSource>,
    /// Of this rule.
    rule_id: Option<Uuid>,
    /// Begun at this time or later, in ISO 8601.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Begun before this time, in ISO 8601.
    #[param(format = DateTime)]
    to: Option<String>,
}

#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a parameter")]
enum AlertState {
    Open,
    Resolved,
}

/// Alerts: those that are not over first, of each the newest first.
#[utoipa::path(get, path = "/api/alerts", tag = "alerts", params(OfProject, Paging, AlertParameters), responses((status = 200, body = Page<Alert>)))]
async fn list(call: &mut Call) -> Result<Page<Alert>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let (page, others) = call.page()?;
    let filter = filter(others).map_err(ApiError::BadParameters)?;
    Ok(call.control().alerts(&project_id, &filter, page).await?)
}

fn filter(parameters: paging::Others<'_>) -> Result<AlertFilter, Vec<FieldError>> {
    let mut filter = AlertFilter::default();
    let (mut faults, mut unknown) = (Vec::new(), Vec::new());
    for (name, value) in parameters {
        let read = match name.as_ref() {
            "state" => state(&value).map(|it| filter.state = it),
            "level" => one_of(
                "level",
                Level::from_name(&value),
                "info, warning, error, critical",
            )
            .map(|it| filter.level = Some(it)),
            "source" => one_of("source", AlertSource::from_name(&value), "rule, client, fresnel")
                .map(|it| filter.source = Some(it)),
            "rule_id" => paging::id("rule_id", &value).map(|it| filter.rule_id = Some(it)),
            "from" => time_ms("from", &value).map(|it| filter.from_ms = Some(it)),
            "to" => time_ms("to", &value).map(|it| filter.to_ms = Some(it)),
            _ => {
                unknown.push((name, value));
                continue;
            }
        };
        faults.extend(read.err());
    }
    faults.extend(paging::no_others(&unknown).err().into_iter().flatten());
    if faults.is_empty() {
        Ok(filter)
    } else {
        Err(faults)
    }
}

fn state(value: &str) -> Result<AlertStateFilter, FieldError> {
    let state = match value {
        "open" => Some(AlertStateFilter::Open),
        "resolved" => Some(AlertStateFilter::Resolved),
        _ => None,
    };
    one_of("state", state, "open, resolved")
}

fn one_of<T>(field: &'static str, value: Option<T>, names: &str) -> Result<T, FieldError> {
    let fault = || FieldError::new(field, FieldFault::UnknownValue, format!("must be one of {names}"));
    value.ok_or_else(fault)
}

/// An alert, and what has happened to it.
#[derive(Serialize, utoipa::ToSchema)]
struct AlertWithHistory {
    #[serde(flatten)]
    alert: Alert,
    /// What has happened, the first first; of more than 500 the first.
    history: Vec<AlertEvent>,
}

/// An alert, and what has happened to it.
#[utoipa::path(get, path = "/api/alerts/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = AlertWithHistory)))]
async fn one(call: &mut Call) -> Result<AlertWithHistory, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let control = call.control();
    let alert = control.alert(&project_id, call.id("id")?).await?;
    let history = control.alert_history(&project_id, alert.id).await?;
    Ok(AlertWithHistory { alert, history })
}

/// Says that one looks after an alert: nobody else is woken, and nobody is reminded, until it is over. Its end is told.
#[utoipa::path(post, path = "/api/alerts/{id}/acknowledge", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Alert)))]
async fn acknowledge(call: &mut Call) -> Result<Alert, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    Ok(control
        .acknowledge_alert(manager.by(), &project_id, call.id("id")?)
        .await?)
}

/// How many alerts began on each day of UTC, and how long it took until they were over. Today is the last day.
#[utoipa::path(get, path = "/api/alerts/trends", tag = "alerts", params(OfProject, ("days" = Option<u32>, Query, description = "How many days, today with them; 30 unless given", minimum = 1, maximum = 365)), responses((status = 200, body = AlertTrends)))]
async fn trends(call: &mut Call) -> Result<AlertTrends, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let parameters = call.parameters();
    let days = trends::days(parameters).map_err(ApiError::BadParameters)?;
    let (from_ms, to_ms) = trends::range(days, clock::now().as_millis());
    let counts = call.control().alert_days(&project_id, from_ms, to_ms).await?;
    Ok(AlertTrends::new(from_ms, to_ms, &counts))
}
