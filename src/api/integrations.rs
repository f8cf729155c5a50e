//! `/api/integrations`: a project's use of third-party services. Credentials are written and never shown.

mod listed;
mod read;
mod shown;
pub(super) mod sync;

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use uuid::Uuid;

use super::body::Fields;
use super::error::ApiError;
use super::identity::Manager;
use super::manage::{Call, Done, OfProject, change, delete, look, make, on};
use super::paging::{self, Paging};
use super::resource;
use crate::control::{ControlError, NewIntegration, new_secret, sha256};
use crate::domain::account::Role;
use crate::domain::integration::{Integration, IntegrationSecrets, Service};
use crate::domain::page::Page;
use crate::integrations::Trial;
use listed::Listed;
use read::{IntegrationFields, NewIntegrationFields};
use shown::{Shown, ShownOnce};

/// What tokens of hooks begin with.
const HOOK_TOKEN: &str = "fh_";

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        // Before that of single ones: `catalogue` is no id.
        .service(resource("/api/integrations/catalogue", "GET").route(look(catalogue)))
        .service(
            resource("/api/integrations", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/integrations/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(remove)),
        )
        .service(resource("/api/integrations/{id}/test", "POST").route(on(
            Method::POST,
            StatusCode::OK,
            try_out,
        )))
        .service(resource("/api/integrations/{id}/sync", "POST").route(on(
            Method::POST,
            StatusCode::OK,
            sync::sync,
        )))
        .service(resource("/api/integrations/{id}/rotate", "POST").route(on(
            Method::POST,
            StatusCode::OK,
            rotate,
        )));
}

/// The services that are known, by their ids.
#[utoipa::path(get, path = "/api/integrations/catalogue", tag = "integrations", params(OfProject, Paging), responses((status = 200, body = Page<Service>)))]
async fn catalogue(call: &mut Call) -> Result<Page<Service>, ApiError> {
    call.manager_of(Role::Viewer).await?;
    let services = call.state().integrations.catalogue().services();
    let services = services.iter().map(|service| (**service).clone());
    Ok(paging::cut(services.collect(), call.page_only()?))
}

/// The integrations of a project, by their slugs, without what is secret about them, and how each does: what the last 24 hours add up
/// to, what is used of the vendor's limit, when its data came, and what the vendor itself says.
#[utoipa::path(get, path = "/api/integrations", tag = "integrations", params(OfProject, Paging), responses((status = 200, body = Page<Listed>)))]
async fn list(call: &mut Call) -> Result<Page<Listed>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let found = call
        .control()
        .integrations(&project_id, call.page_only()?)
        .await?;
    listed::list(call, &project_id, found).await
}

/// Makes an integration. The address of its hook is shown this once.
#[utoipa::path(post, path = "/api/integrations", tag = "integrations", params(OfProject), request_body = NewIntegrationFields, responses((status = 201, body = ShownOnce)))]
async fn create(call: &mut Call) -> Result<ShownOnce, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let state = call.state();
    let mut fields = Fields::read(&body)?;
    let new = read::new(&mut fields, &state.integrations, &state.outbound);
    let new = fields.finish(new)?;
    let id = Uuid::now_v7();
    let token = new_secret(HOOK_TOKEN);
    let new = NewIntegration {
        id,
        slug: new.slug,
        service: new.service,
        definition: new.definition,
        sealed_secrets: state.integrations.secrets().seal(id, &new.secrets),
        hook_sha256: sha256(token.reveal()),
    };
    let made = call
        .control()
        .create_integration(manager.by(), &project_id, new)
        .await?;
    Ok(ShownOnce::new(&call.state().integrations, made, Some(&token)))
}

/// The integration that the path names, in the project in which the caller has the role.
async fn known(call: &Call, role: Role) -> Result<(Manager, Integration), ApiError> {
    let (manager, project_id) = call.manager_of(role).await?;
    let integration = call.control().integration(&project_id, call.id("id")?).await?;
    Ok((manager, integration))
}

/// An integration, without what is secret about it.
#[utoipa::path(get, path = "/api/integrations/{id}", tag = "integrations", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Shown)))]
async fn one(call: &mut Call) -> Result<Shown, ApiError> {
    let (_, integration) = known(call, Role::Viewer).await?;
    Ok(Shown::new(&call.state().integrations, integration))
}

/// Changes an integration. What is left out stays; `null` makes it as the catalogue has it, or takes a secret away.
#[utoipa::path(patch, path = "/api/integrations/{id}", tag = "integrations", params(("id" = uuid::Uuid, Path), OfProject), request_body = IntegrationFields, responses((status = 200, body = Shown)))]
async fn update(call: &mut Call) -> Result<Shown, ApiError> {
    let (manager, known) = known(call, Role::Admin).await?;
    let body = call.body().await?;
    let state = call.state();
    let mut fields = Fields::read(&body)?;
    let revision = fields.whole("revision");
    let revision = fields.require("revision", revision);
    let definition = read::changed_definition(&mut fields, &state.outbound, known.definition.clone());
    // What cannot be decrypted any more holds nothing that could be kept.
    let secrets: IntegrationSecrets = state.integrations.secrets().open(&known).unwrap_or_default();
    let secrets = read::changed_secrets(&mut fields, secrets);
    let revision = fields.finish(revision)?;
    // What was left as it is was read just now: it must be what the caller has seen too.
    if revision != known.revision {
        return Err(ControlError::Conflict { field: "revision" }.into());
    }
    let integration = Integration {
        definition,
        sealed_secrets: match secrets {
            Some(secrets) => state.integrations.secrets().seal(known.id, &secrets),
            None => known.sealed_secrets.clone(),
        },
        ..known
    };
    let changed = call
        .control()
        .update_integration(manager.by(), &integration)
        .await?;
    Ok(Shown::new(&call.state().integrations, changed))
}

/// Forgets an integration, with its secrets.
#[utoipa::path(delete, path = "/api/integrations/{id}", tag = "integrations", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_integration(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}

/// Calls the service once, in a way that changes nothing, and says whether it answers and takes the credential.
#[utoipa::path(post, path = "/api/integrations/{id}/test", tag = "integrations", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Trial)))]
async fn try_out(call: &mut Call) -> Result<Trial, ApiError> {
    let (_, integration) = known(call, Role::Admin).await?;
    Ok(call.state().integrations.try_out(&integration).await)
}

/// Gives the hook another address, which is shown this once; the one before is gone.
#[utoipa::path(post, path = "/api/integrations/{id}/rotate", tag = "integrations", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = ShownOnce)))]
async fn rotate(call: &mut Call) -> Result<ShownOnce, ApiError> {
    let (manager, known) = known(call, Role::Admin).await?;
    let token = new_secret(HOOK_TOKEN);
    let integration = Integration {
        hook_sha256: sha256(token.reveal()),
        ..known
    };
    let control = call.control();
    let changed = control
        .rotate_integration_hook(manager.by(), &integration)
        .await?;
    Ok(ShownOnce::new(&call.state().integrations, changed, Some(&token)))
}
