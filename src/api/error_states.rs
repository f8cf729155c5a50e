//! `/api/errors/…`: what is decided about errors.

use actix_web::web;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, OfProject, change, look};
use super::paging::Paging;
use super::{paging, resource};
use crate::domain::account::Role;
use crate::domain::dashboard::{ErrorRecord, ErrorState, Fingerprint, Note};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/api/errors/states", "GET").route(look(list)))
        .service(resource("/api/errors/{fingerprint}", "PATCH").route(change(update)));
}

/// What has been decided about errors, the latest first.
#[utoipa::path(get, path = "/api/errors/states", tag = "dashboards", params(OfProject, Paging, ("state" = Option<ErrorState>, Query, description = "Only those in this state")), responses((status = 200, body = Page<ErrorRecord>)))]
async fn list(call: &mut Call) -> Result<Page<ErrorRecord>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let (page, mut others) = call.page()?;
    let place = others.iter().position(|(name, _)| name == "state");
    let state = place.map(|place| others.remove(place).1);
    let state = state.map(|name| ErrorState::from_name(&name).ok_or(name));
    let state = state.transpose().map_err(|_| {
        let message = "must be open, resolved or ignored";
        let fault = FieldError::new("state", FieldFault::UnknownValue, message);
        ApiError::BadParameters(vec![fault])
    })?;
    paging::no_others(&others).map_err(ApiError::BadParameters)?;
    Ok(call.control().error_states(&project_id, state, page).await?)
}

/// What is decided.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct ErrorFields {
    state: ErrorState,
    /// Why.
    #[schema(max_length = 1_000)]
    note: Option<String>,
}

/// Decides about an error. What is resolved is open again when it recurs.
#[utoipa::path(patch, path = "/api/errors/{fingerprint}", tag = "dashboards", params(("fingerprint" = Fingerprint, Path), OfProject), request_body = ErrorFields, responses((status = 200, body = ErrorRecord)))]
async fn update(call: &mut Call) -> Result<ErrorRecord, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let fingerprint = Fingerprint::parse("fingerprint", call.segment("fingerprint"))
        .map_err(|_| ApiError::NoSuch("no error has such a fingerprint"))?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let state = fields.named("state", ErrorState::from_name, "open, resolved, ignored");
    let state = fields.require("state", state);
    let note = fields.parsed("note", Note::parse);
    let state = fields.finish(state)?;
    let control = call.control();
    Ok(control
        .set_error_state(manager.by(), &project_id, &fingerprint, state, note)
        .await?)
}
