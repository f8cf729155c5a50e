//! `GET /api/audit`: who changed what, and when.

use actix_web::web;
use uuid::Uuid;

use super::error::ApiError;
use super::manage::{Call, OfProject, look, time_ms};
use super::paging::Paging;
use super::{paging, resource};
use crate::control::AuditFilter;
use crate::domain::account::{AuditEntry, AuditLevel, Role};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Adds the address.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/api/audit", "GET").route(look(list)));
}

/// Which entries are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `filter` reads")]
struct AuditParameters {
    /// By the user or key of this id.
    user: Option<Uuid>,
    /// Of this action, like `key.revoke`, or of all that begin so, like `key`.
    #[param(example = "key.revoke")]
    action: Option<String>,
    level: Option<AuditLevel>,
    /// Not before this time, in ISO 8601.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before this time, in ISO 8601.
    #[param(format = DateTime)]
    to: Option<String>,
}

/// What happened in a project, for its admins; without `project`, an instance owner sees all.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(OfProject, Paging, AuditParameters), responses((status = 200, body = Page<AuditEntry>)))]
async fn list(call: &mut Call) -> Result<Page<AuditEntry>, ApiError> {
    let manager = call.manager().await?;
    let project_id = if manager.is_instance_owner() && !call.names_a_project() {
        None
    } else {
        Some(call.manager_of(Role::Admin).await?.1)
    };
    let (page, others) = call.page()?;
    let filter = AuditFilter {
        project_id,
        ..filter(others).map_err(ApiError::BadParameters)?
    };
    Ok(call.control().audit(&filter, page).await?)
}

fn filter(parameters: paging::Others<'_>) -> Result<AuditFilter, Vec<FieldError>> {
    let mut filter = AuditFilter::default();
    let (mut faults, mut unknown) = (Vec::new(), Vec::new());
    let fault = |field, code, message| FieldError::new(field, code, message);
    for (name, value) in parameters {
        match name.as_ref() {
            "user" => match Uuid::try_parse(&value) {
                Ok(id) => filter.actor_id = Some(id),
                Err(_) => faults.push(fault(
                    "user",
                    FieldFault::BadFormat,
                    "must be the id of a user or a key",
                )),
            },
            "action" => filter.action = Some(value.into_owned()),
            "level" => match AuditLevel::from_name(&value) {
                Some(level) => filter.level = Some(level),
                None => faults.push(fault(
                    "level",
                    FieldFault::UnknownValue,
                    "must be info or warning",
                )),
            },
            "from" => match time_ms("from", &value) {
                Ok(time) => filter.from_ms = Some(time),
                Err(fault) => faults.push(fault),
            },
            "to" => match time_ms("to", &value) {
                Ok(time) => filter.to_ms = Some(time),
                Err(fault) => faults.push(fault),
            },
            _ => unknown.push((name, value)),
        }
    }
    if let Err(more) = paging::no_others(&unknown) {
        faults.extend(more);
    }
    if faults.is_empty() {
        Ok(filter)
    } else {
        Err(faults)
    }
}
