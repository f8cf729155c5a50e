//! `/api/quotas`: other limits for some. They act at once on this node, on others within about a second.

use actix_web::web;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, Done, OfProject, change, delete, look, make};
use super::paging::Paging;
use super::resource;
use crate::domain::account::{PartialLimits, QuotaOverride, QuotaTarget, QuotaTargetFields, Role};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/quotas", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/quotas/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(remove)),
        );
}

/// Overrides of the quotas, the oldest first.
#[utoipa::path(get, path = "/api/quotas", tag = "quotas", params(OfProject, Paging), responses((status = 200, body = Page<QuotaOverride>)))]
async fn list(call: &mut Call) -> Result<Page<QuotaOverride>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let page = call.page_only()?;
    Ok(call.control().quota_overrides(&project_id, page).await?)
}

/// Other limits for some.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewOverrideFields {
    /// Of several that fit, the later kind in the list project, endpoint, role, key, user wins, limit by limit.
    target: QuotaTargetFields,
    /// At least one; 0 is no limit.
    limits: PartialLimits,
}

/// Other limits.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct OverrideFields {
    /// 0 is no limit.
    limits: PartialLimits,
}

/// Keeps other limits for some. They act at once on this node, on others within about a second.
#[utoipa::path(post, path = "/api/quotas", tag = "quotas", params(OfProject), request_body = NewOverrideFields, responses((status = 201, body = QuotaOverride)))]
async fn create(call: &mut Call) -> Result<QuotaOverride, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let target = fields.object("target", target).flatten();
    let target = fields.require("target", target);
    let limits = limits(&mut fields, PartialLimits::default());
    let limits = fields.require("limits", limits);
    let (target, limits) = fields.finish(target.zip(limits))?;
    let control = call.control();
    Ok(control
        .create_override(manager.by(), &project_id, target, limits)
        .await?)
}

/// An override.
#[utoipa::path(get, path = "/api/quotas/{id}", tag = "quotas", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = QuotaOverride)))]
async fn one(call: &mut Call) -> Result<QuotaOverride, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    Ok(call.control().quota_override(&project_id, call.id("id")?).await?)
}

/// Changes limits: what is left out stays, `null` takes a limit out of the override.
#[utoipa::path(patch, path = "/api/quotas/{id}", tag = "quotas", params(("id" = uuid::Uuid, Path), OfProject), request_body = OverrideFields, responses((status = 200, body = QuotaOverride)))]
async fn update(call: &mut Call) -> Result<QuotaOverride, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    let known = control.quota_override(&project_id, call.id("id")?).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let limits = limits(&mut fields, known.limits);
    let limits = fields.require("limits", limits);
    let limits = fields.finish(limits)?;
    Ok(control
        .update_override(manager.by(), &project_id, known.id, limits)
        .await?)
}

/// Forgets an override.
#[utoipa::path(delete, path = "/api/quotas/{id}", tag = "quotas", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_override(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}

fn target(fields: &mut Fields<'_>) -> Option<QuotaTarget> {
    let kind = fields.text("kind");
    let kind = fields.require("kind", kind);
    let id = fields.text("id").unwrap_or_default();
    match QuotaTarget::parse(&kind?, &id) {
        Ok(target) => Some(target),
        Err(fault) => {
            fields.note(fault);
            None
        }
    }
}

/// Limits as the body says; what it leaves out is as `known`, and `null` goes back to what holds without an override.
fn limits(fields: &mut Fields<'_>, known: PartialLimits) -> Option<PartialLimits> {
    fields.object("limits", |fields| {
        let mut limit = |name: &str, known: Option<u32>| match fields.whole_or_null(name) {
            None => known,
            Some(None) => None,
            Some(Some(number)) => match u32::try_from(number) {
                Ok(number) => Some(number),
                Err(_) => {
                    let message = "must be at most 4,294,967,295";
                    let field = format!("limits.{name}");
                    fields.note(FieldError::new(field, FieldFault::OutOfRange, message));
                    None
                }
            },
        };
        PartialLimits {
            metrics_per_hour: limit("metrics_per_hour", known.metrics_per_hour),
            events_per_hour: limit("events_per_hour", known.events_per_hour),
            api_per_minute: limit("api_per_minute", known.api_per_minute),
            external_per_minute: limit("external_per_minute", known.external_per_minute),
        }
    })
}
