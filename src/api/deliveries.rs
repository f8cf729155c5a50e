//! `/api/deliveries`: what was told to whom, or is to be.

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use serde::Serialize;
use uuid::Uuid;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, Done, OfProject, look, on};
use super::paging::Paging;
use super::{paging, resource};
use crate::clock;
use crate::control::DeliveryFilter;
use crate::domain::account::Role;
use crate::domain::alert::{Attempt, Delivery, DeliveryState};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Adds the addresses; `replay` is no id.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let ok = StatusCode::OK;
    config
        .service(resource("/api/deliveries", "GET").route(look(list)))
        .service(resource("/api/deliveries/replay", "POST").route(on(Method::POST, ok, replay_dead)))
        .service(resource("/api/deliveries/{id}", "GET").route(look(one)))
        .service(resource("/api/deliveries/{id}/replay", "POST").route(on(Method::POST, ok, replay)));
}

/// Which notices are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `filter` reads")]
struct DeliveryParameters {
    /// How they stand.
    state: Option<DeliveryState>,
    /// To this channel.
    channel_id: Option<Uuid>,
    /// Of this alert.
    alert_id: Option<Uuid>,
}

/// Notices, the newest first.
#[utoipa::path(get, path = "/api/deliveries", tag = "alerts", params(OfProject, Paging, DeliveryParameters), responses((status = 200, body = Page<Delivery>)))]
async fn list(call: &mut Call) -> Result<Page<Delivery>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    let (page, others) = call.page()?;
    let filter = filter(others).map_err(ApiError::BadParameters)?;
    Ok(call.control().deliveries(&project_id, filter, page).await?)
}

fn filter(parameters: paging::Others<'_>) -> Result<DeliveryFilter, Vec<FieldError>> {
    let mut filter = DeliveryFilter::default();
    let (mut faults, mut unknown) = (Vec::new(), Vec::new());
    for (name, value) in parameters {
        let read = match name.as_ref() {
            "state" => state(&value).map(|it| filter.state = Some(it)),
            "channel_id" => paging::id("channel_id", &value).map(|it| filter.channel_id = Some(it)),
            "alert_id" => paging::id("alert_id", &value).map(|it| filter.alert_id = Some(it)),
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

fn state(value: &str) -> Result<DeliveryState, FieldError> {
    let message = "must be one of waiting, delivered, dead";
    DeliveryState::from_name(value).ok_or_else(|| FieldError::new("state", FieldFault::UnknownValue, message))
}

/// A notice, and how it was tried to send it.
#[derive(Serialize, utoipa::ToSchema)]
struct DeliveryWithAttempts {
    #[serde(flatten)]
    delivery: Delivery,
    /// Each try of the message that it is in, the first first.
    tries: Vec<Attempt>,
}

/// A notice, and each try to send it, with what was sent and what came back; without secrets.
#[utoipa::path(get, path = "/api/deliveries/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = DeliveryWithAttempts)))]
async fn one(call: &mut Call) -> Result<DeliveryWithAttempts, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    let found = call.control().delivery(&project_id, call.id("id")?).await?;
    Ok(DeliveryWithAttempts {
        delivery: found.0,
        tries: found.1,
    })
}

/// Sends a notice again, whatever has become of it, with the same id of its message.
#[utoipa::path(post, path = "/api/deliveries/{id}/replay", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn replay(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let now_ms = clock::now().as_millis();
    call.control()
        .replay_delivery(manager.by(), &project_id, call.id("id")?, now_ms)
        .await?;
    call.state().alerts.wake();
    Ok(Done::DONE)
}

/// Which dead notices are sent again.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct ReplayFields {
    /// Those to this channel; without it all.
    channel_id: Option<Uuid>,
}

/// How many notices are sent again.
#[derive(Serialize, utoipa::ToSchema)]
struct Replayed {
    replayed: u64,
}

/// Sends all notices again that are dead and whose channel is there.
#[utoipa::path(post, path = "/api/deliveries/replay", tag = "alerts", params(OfProject), request_body = ReplayFields, responses((status = 200, body = Replayed)))]
async fn replay_dead(call: &mut Call) -> Result<Replayed, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let channel_id = fields.parsed("channel_id", paging::id);
    let channel_id = fields.finish(Some(channel_id))?;
    let control = call.control();
    if let Some(id) = channel_id {
        control.channel(&project_id, id).await?;
    }
    let now_ms = clock::now().as_millis();
    let replayed = control
        .replay_dead(manager.by(), &project_id, channel_id, now_ms)
        .await?;
    call.state().alerts.wake();
    Ok(Replayed { replayed })
}
