//! `/api/silences`, `/api/inhibitions`: when alerts are told to nobody.

use actix_web::web;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, Done, OfProject, delete, look, make, time_ms};
use super::paging::Paging;
use super::{paging, resource};
use crate::clock;
use crate::domain::account::Role;
use crate::domain::alert::{Inhibition, InhibitionDefinition, Matcher, Silence, SilenceDefinition};
use crate::domain::dashboard::Note;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/silences", "GET, POST")
                .route(look(silences))
                .route(make(silence)),
        )
        .service(resource("/api/silences/{id}", "DELETE").route(delete(remove_silence)))
        .service(
            resource("/api/inhibitions", "GET, POST")
                .route(look(inhibitions))
                .route(make(inhibit)),
        )
        .service(resource("/api/inhibitions/{id}", "DELETE").route(delete(remove_inhibition)));
}

/// Silences that are not over, the one that ends last first.
#[utoipa::path(get, path = "/api/silences", tag = "alerts", params(OfProject, Paging, ("over" = Option<bool>, Query, description = "Those that are over, too")), responses((status = 200, body = Page<Silence>)))]
async fn silences(call: &mut Call) -> Result<Page<Silence>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let (page, mut others) = call.page()?;
    let place = others.iter().position(|(name, _)| name == "over");
    let over = place.map(|place| others.remove(place).1);
    let mut faults = paging::no_others(&others).err().unwrap_or_default();
    let with_over = match over.as_deref() {
        Some("true") => true,
        None | Some("false") => false,
        Some(_) => {
            let message = "must be true or false";
            faults.push(FieldError::new("over", FieldFault::BadFormat, message));
            false
        }
    };
    if !faults.is_empty() {
        return Err(ApiError::BadParameters(faults));
    }
    Ok(call.control().silences(&project_id, with_over, page).await?)
}

/// A silence to be kept.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewSilenceFields {
    /// Which alerts; without it all.
    matcher: Option<Matcher>,
    /// From when on; without it from now on.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// Until when; at most 366 days later.
    #[schema(format = DateTime)]
    ends_at: String,
    /// Why.
    comment: Option<Note>,
}

/// Keeps alerts from being told for a time. The end of what was told before is told all the same.
#[utoipa::path(post, path = "/api/silences", tag = "alerts", params(OfProject), request_body = NewSilenceFields, responses((status = 201, body = Silence)))]
async fn silence(call: &mut Call) -> Result<Silence, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let matcher = fields.typed("matcher").unwrap_or_default();
    let starts_at_ms = fields.parsed("starts_at", time_ms);
    let ends_at_ms = fields.parsed("ends_at", time_ms);
    let ends_at_ms = fields.require("ends_at", ends_at_ms);
    let comment = fields.parsed("comment", Note::parse);
    let definition = ends_at_ms.map(|ends_at_ms| SilenceDefinition {
        matcher,
        starts_at_ms: starts_at_ms.unwrap_or_else(|| clock::now().as_millis()),
        ends_at_ms,
        comment,
    });
    let faults = definition.as_ref().map(SilenceDefinition::faults);
    faults
        .into_iter()
        .flatten()
        .for_each(|fault| fields.note(of_body(fault)));
    let definition = fields.finish(definition)?;
    let control = call.control();
    Ok(control
        .create_silence(manager.by(), &project_id, definition)
        .await?)
}

/// A fault by the names that times have in bodies.
fn of_body(fault: FieldError) -> FieldError {
    match fault.field.as_ref() {
        "starts_at_ms" => FieldError::new("starts_at", fault.code, "must be 1970 or later"),
        "ends_at_ms" => FieldError::new(
            "ends_at",
            fault.code,
            "must be after starts_at, by at most 366 days",
        ),
        _ => fault,
    }
}

/// Ends a silence: what it kept quiet is told now, if it still fires.
#[utoipa::path(delete, path = "/api/silences/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove_silence(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_silence(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}

/// Inhibitions, the oldest first.
#[utoipa::path(get, path = "/api/inhibitions", tag = "alerts", params(OfProject, Paging), responses((status = 200, body = Page<Inhibition>)))]
async fn inhibitions(call: &mut Call) -> Result<Page<Inhibition>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    Ok(call.control().inhibitions(&project_id, call.page_only()?).await?)
}

/// Keeps alerts from being told while others fire.
#[utoipa::path(post, path = "/api/inhibitions", tag = "alerts", params(OfProject), request_body = InhibitionDefinition, responses((status = 201, body = Inhibition)))]
async fn inhibit(call: &mut Call) -> Result<Inhibition, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let source = fields.typed("source");
    let source = fields.require("source", source);
    let target = fields.typed("target");
    let target = fields.require("target", target);
    let equal = fields.typed("equal").unwrap_or_default();
    let definition = source.zip(target).map(|(source, target)| InhibitionDefinition {
        source,
        target,
        equal,
    });
    let faults = definition.as_ref().map(InhibitionDefinition::faults);
    faults.into_iter().flatten().for_each(|fault| fields.note(fault));
    let definition = fields.finish(definition)?;
    let control = call.control();
    Ok(control
        .create_inhibition(manager.by(), &project_id, definition)
        .await?)
}

/// Forgets an inhibition.
#[utoipa::path(delete, path = "/api/inhibitions/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove_inhibition(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_inhibition(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}
