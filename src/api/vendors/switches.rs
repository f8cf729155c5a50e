//! What is turned on and set back by hand.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::{Call, integrations_of};
use crate::api::body::Fields;
use crate::api::error::ApiError;
use crate::api::manage::OfProject;
use crate::domain::account::{By, ProjectId, Role};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::integration::{Integration, IntegrationDefinition, Slug};

/// Which integrations are meant.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(in crate::api) struct InitializeFields {
    /// Integrations by their names in addresses; all of the project unless given.
    services: Option<Vec<String>>,
    /// Whether Fresnel looks from now on if they are there; stays as it is unless given.
    enable_monitoring: Option<bool>,
}

/// Which integrations are meant.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(in crate::api) struct ResetFields {
    /// Integrations by their names in addresses; all of the project unless given.
    services: Option<Vec<String>>,
}

/// What was done.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OptimizationSwitches)]
pub(in crate::api) struct Switched {
    /// To these integrations.
    services: Vec<Slug>,
    /// Of these, those that are looked for from now on, and were not, or the other way round.
    monitoring_changed: Vec<Slug>,
}

/// Begins anew with these integrations: breakers close, answers that are kept are forgotten, and they are watched, or no longer, as is
/// said. Written into the audit log.
#[utoipa::path(post, path = "/api-integrations/initialize-optimizations", tag = "integrations", params(OfProject), request_body = InitializeFields, responses((status = 200, body = Switched)))]
pub(in crate::api) async fn initialize(call: &mut Call) -> Result<Switched, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let chosen = chosen(&mut fields, &integrations_of(call, &project_id));
    let enable = fields.flag("enable_monitoring");
    let chosen = fields.finish(chosen)?;
    let mut monitoring_changed = Vec::new();
    for integration in &chosen {
        if let Some(is_monitored) = enable.filter(|enable| *enable != integration.definition.is_monitored) {
            let definition = IntegrationDefinition {
                is_monitored,
                ..integration.definition.clone()
            };
            let changed = Integration {
                definition,
                ..Integration::clone(integration)
            };
            call.control().update_integration(manager.by(), &changed).await?;
            monitoring_changed.push(integration.slug.clone());
        }
    }
    begin_anew(call, manager.by(), &project_id, "integration.initialize", &chosen).await?;
    Ok(Switched {
        services: chosen.iter().map(|one| one.slug.clone()).collect(),
        monitoring_changed,
    })
}

/// Closes the breakers before these integrations and forgets the answers that are kept of them, on the node that answers. Written into
/// the audit log.
#[utoipa::path(post, path = "/api-integrations/reset-optimizations", tag = "integrations", params(OfProject), request_body = ResetFields, responses((status = 200, body = Switched)))]
pub(in crate::api) async fn reset(call: &mut Call) -> Result<Switched, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let chosen = chosen(&mut fields, &integrations_of(call, &project_id));
    let chosen = fields.finish(chosen)?;
    begin_anew(call, manager.by(), &project_id, "integration.reset", &chosen).await?;
    Ok(Switched {
        services: chosen.iter().map(|one| one.slug.clone()).collect(),
        monitoring_changed: Vec::new(),
    })
}

async fn begin_anew(
    call: &Call,
    by: &By,
    project_id: &ProjectId,
    action: &'static str,
    chosen: &[Arc<Integration>],
) -> Result<(), ApiError> {
    let names: Vec<&str> = chosen.iter().map(|one| one.slug.as_str()).collect();
    // Written down before it is done: what nobody can write down is not done.
    call.control()
        .note_vendors(by, project_id, action, json!({ "services": names }))
        .await?;
    for integration in chosen {
        call.state().relay.reset(integration);
    }
    Ok(())
}

fn chosen(fields: &mut Fields<'_>, all: &[Arc<Integration>]) -> Option<Vec<Arc<Integration>>> {
    let Some(named) = fields.typed_or_null::<Vec<String>>("services").flatten() else {
        return Some(all.to_vec());
    };
    let mut chosen = Vec::new();
    for (at, name) in named.iter().enumerate() {
        match all.iter().find(|one| one.slug.as_str() == name) {
            Some(one) => chosen.push(Arc::clone(one)),
            None => {
                let message = "must be an integration of the project";
                let field = format!("services.{at}");
                fields.note(FieldError::new(field, FieldFault::UnknownValue, message));
            }
        }
    }
    Some(chosen)
}
