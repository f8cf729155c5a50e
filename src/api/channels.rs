//! `/api/channels`: who is told. Where a channel leads is written and never shown: addresses of webhooks are secrets.

mod read;
mod shown;

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use uuid::Uuid;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, Done, OfProject, change, delete, look, make, on};
use super::paging::Paging;
use super::resource;
use crate::alerts::channels::new_webhook_secret;
use crate::clock;
use crate::control::{ControlError, NewChannel, StoredChannel};
use crate::domain::account::Role;
use crate::domain::alert::{Attempt, SecretText, Target, WebhookSecrets};
use crate::domain::page::Page;
use read::{ChannelFields, NewChannelFields};

pub use read::{DeclaredChannel, declared_channel};
use shown::{Shown, ShownOnce};

/// How long a secret signs that is no longer the current one: a day.
const PREVIOUS_SECRET_SIGNS_MS: i64 = 24 * 3_600_000;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/channels", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/channels/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(remove)),
        )
        .service(resource("/api/channels/{id}/test", "POST").route(on(Method::POST, StatusCode::OK, test)))
        .service(resource("/api/channels/{id}/rotate", "POST").route(on(
            Method::POST,
            StatusCode::OK,
            rotate,
        )));
}

/// Channels by their names, without what is secret about them.
#[utoipa::path(get, path = "/api/channels", tag = "alerts", params(OfProject, Paging), responses((status = 200, body = Page<Shown>)))]
async fn list(call: &mut Call) -> Result<Page<Shown>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    let channels = call.control().channels(&project_id, call.page_only()?).await?;
    Ok(channels.map(|channel| Shown::new(&call.state().alerts, channel)))
}

/// Makes a channel. The secret of a webhook is shown this once, unless the caller has given it.
#[utoipa::path(post, path = "/api/channels", tag = "alerts", params(OfProject), request_body = NewChannelFields, responses((status = 201, body = ShownOnce)))]
async fn create(call: &mut Call) -> Result<ShownOnce, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let definition = read::new_definition(&mut fields);
    let target = read::target(&mut fields, &call.state().outbound, None);
    let target = fields.require("target", target);
    let (definition, target) = fields.finish(definition.zip(target))?;
    let alerts = &call.state().alerts;
    let id = Uuid::now_v7();
    let new = NewChannel {
        id,
        kind: target.target.kind(),
        definition,
        sealed_target: alerts.seal_target(id, &target.target),
    };
    let made = call
        .control()
        .create_channel(manager.by(), &project_id, new)
        .await?;
    Ok(ShownOnce::new(alerts, made, target.new_secret))
}

/// The channel that the path names, in the project in which the caller is an admin.
async fn known(call: &Call) -> Result<(super::identity::Manager, StoredChannel), ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let channel = call.control().channel(&project_id, call.id("id")?).await?;
    Ok((manager, channel))
}

/// A channel, without what is secret about it.
#[utoipa::path(get, path = "/api/channels/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Shown)))]
async fn one(call: &mut Call) -> Result<Shown, ApiError> {
    let (_, channel) = known(call).await?;
    Ok(Shown::new(&call.state().alerts, channel))
}

/// Changes a channel; one that Fresnel has turned off is on again. The target is set as a whole; a webhook keeps its secret
/// unless another one is given.
#[utoipa::path(patch, path = "/api/channels/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), request_body = ChannelFields, responses((status = 200, body = ShownOnce)))]
async fn update(call: &mut Call) -> Result<ShownOnce, ApiError> {
    let (manager, known) = known(call).await?;
    let body = call.body().await?;
    let state = call.state();
    let mut fields = Fields::read(&body)?;
    let revision = fields.whole("revision");
    let revision = fields.require("revision", revision);
    let definition = read::changed_definition(&mut fields, known.definition.clone());
    // What cannot be decrypted any more has no secret to keep.
    let secrets = match state.alerts.open(&known).map(|channel| channel.target) {
        Ok(Target::Webhook { secrets, .. }) => Some(secrets),
        Ok(_) | Err(_) => None,
    };
    let target = read::target(&mut fields, &state.outbound, secrets);
    let revision = fields.finish(revision)?;
    // What was left as it is was read just now: it must be what the caller has seen too.
    if revision != known.revision {
        return Err(ControlError::Conflict { field: "revision" }.into());
    }
    let mut channel = StoredChannel { definition, ..known };
    let mut new_secret = None;
    if let Some(target) = target {
        channel.kind = target.target.kind();
        channel.sealed_target = state.alerts.seal_target(channel.id, &target.target);
        new_secret = target.new_secret;
    }
    let changed = call.control().update_channel(manager.by(), channel).await?;
    Ok(ShownOnce::new(&call.state().alerts, changed, new_secret))
}

/// Forgets a channel: it is told nothing more, and what waits for it is dead.
#[utoipa::path(delete, path = "/api/channels/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_channel(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}

/// Sends a notice that tells nothing, once, and says how that went. Also to a channel that is off.
#[utoipa::path(post, path = "/api/channels/{id}/test", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Attempt)))]
async fn test(call: &mut Call) -> Result<Attempt, ApiError> {
    let (_, channel) = known(call).await?;
    let now_ms = clock::now().as_millis();
    Ok(call.state().alerts.test(&channel, now_ms).await?)
}

/// Makes a new secret for a webhook, which is shown this once. The one before signs too for a day, so that receivers can
/// change theirs in between.
#[utoipa::path(post, path = "/api/channels/{id}/rotate", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = ShownOnce)))]
async fn rotate(call: &mut Call) -> Result<ShownOnce, ApiError> {
    let (manager, stored) = known(call).await?;
    let alerts = &call.state().alerts;
    let conflict = |field| ApiError::from(ControlError::Conflict { field });
    let opened = alerts.open(&stored).map_err(|_| conflict("target"))?;
    let Target::Webhook { url, secrets } = opened.target else {
        return Err(conflict("target.kind"));
    };
    let secret = new_webhook_secret();
    let target = Target::Webhook {
        url,
        secrets: WebhookSecrets {
            current: SecretText::new(secret.as_str()),
            previous: Some(secrets.current),
            previous_until_ms: Some(clock::now().as_millis() + PREVIOUS_SECRET_SIGNS_MS),
        },
    };
    let sealed_target = alerts.seal_target(stored.id, &target);
    let channel = StoredChannel {
        sealed_target,
        ..stored
    };
    let changed = call.control().rotate_channel(manager.by(), channel).await?;
    Ok(ShownOnce::new(alerts, changed, Some(secret)))
}
