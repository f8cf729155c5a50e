//! `/api/keys`: how programs show who they are. The key itself is in the answer that makes it, and nowhere else.

use actix_web::web;
use serde::Serialize;

use super::body::Fields;
use super::error::ApiError;
use super::identity::Manager;
use super::manage::{Call, OfProject, change, delete, look, make};
use super::paging::Paging;
use super::resource;
use crate::clock;
use crate::control::{KeyChange, NewKey};
use crate::domain::account::{ApiKey, KeyKind, Name, Role, Scope, Scopes};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/keys", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/keys/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(revoke)),
        );
}

/// A new key.
#[derive(Serialize, utoipa::ToSchema)]
struct NewKeyAnswer {
    /// Shown this once.
    secret: String,
    #[serde(flatten)]
    key: ApiKey,
}

/// The keys of a project, without their secrets; revoked ones too.
#[utoipa::path(get, path = "/api/keys", tag = "keys", params(OfProject, Paging), responses((status = 200, body = Page<ApiKey>)))]
async fn list(call: &mut Call) -> Result<Page<ApiKey>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    Ok(call.control().keys(&project_id, call.page_only()?).await?)
}

/// A key to be made.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewKeyFields {
    kind: KeyKind,
    name: Name,
    /// For server keys; unless given, to post beacons.
    scopes: Option<Vec<Scope>>,
    /// From when on it is refused; in the future. Without it never.
    #[schema(example = 4_000_000_000_000_i64)]
    expires_at_ms: Option<i64>,
}

/// What is changed; what is left out stays.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct KeyFields {
    name: Option<Name>,
    /// In the future; `null` for never.
    expires_at_ms: Option<i64>,
}

/// Makes a key. Its secret is in this answer, and nowhere else.
#[utoipa::path(post, path = "/api/keys", tag = "keys", params(OfProject), request_body = NewKeyFields, responses((status = 201, body = NewKeyAnswer)))]
async fn create(call: &mut Call) -> Result<NewKeyAnswer, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let kind = fields.named("kind", KeyKind::from_name, "browser, server, read");
    let kind = fields.require("kind", kind);
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let scopes = fields.list("scopes", scope).map(|scopes| Scopes::of(&scopes));
    let expires_at_ms = fields.whole("expires_at_ms");
    if let Some(fault) = expires_at_ms.and_then(past) {
        fields.note(fault);
    }
    let new = kind.zip(name).map(|(kind, name)| NewKey {
        project_id,
        kind,
        name,
        scopes,
        expires_at_ms,
    });
    let new = fields.finish(new)?;
    let (key, secret) = call.control().create_key(manager.by(), new).await?;
    Ok(NewKeyAnswer {
        secret: secret.reveal().to_owned(),
        key,
    })
}

/// A key.
#[utoipa::path(get, path = "/api/keys/{id}", tag = "keys", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = ApiKey)))]
async fn one(call: &mut Call) -> Result<ApiKey, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    Ok(call.control().key(&project_id, call.id("id")?).await?)
}

/// Gives a key another name, or another end.
#[utoipa::path(patch, path = "/api/keys/{id}", tag = "keys", params(("id" = uuid::Uuid, Path), OfProject), request_body = KeyFields, responses((status = 200, body = ApiKey)))]
async fn update(call: &mut Call) -> Result<ApiKey, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let known = call.control().key(&project_id, call.id("id")?).await?;
    may_change(&manager, &known)?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let to = KeyChange {
        name: fields.parsed("name", Name::parse),
        expires_at_ms: fields.whole_or_null("expires_at_ms"),
    };
    if let Some(fault) = to.expires_at_ms.flatten().and_then(past) {
        fields.note(fault);
    }
    let to = fields.finish(Some(to))?;
    let control = call.control();
    Ok(control
        .update_key(manager.by(), &project_id, known.id, to)
        .await?)
}

/// Revokes a key, for ever.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "keys", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = ApiKey)))]
async fn revoke(call: &mut Call) -> Result<ApiKey, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let known = call.control().key(&project_id, call.id("id")?).await?;
    may_change(&manager, &known)?;
    let control = call.control();
    Ok(control.revoke_key(manager.by(), &project_id, known.id).await?)
}

/// A key that acts as a user has more rights than an admin of its project: that is not for such an admin to end.
fn may_change(manager: &Manager, key: &ApiKey) -> Result<(), ApiError> {
    match key.acts_as {
        Some(_) => manager.must_own_the_instance(),
        None => Ok(()),
    }
}

fn scope(field: &'static str, name: &str) -> Result<Scope, FieldError> {
    let message = "must be one of ingest, read, manage, relay, import";
    Scope::from_name(name).ok_or_else(|| FieldError::new(field, FieldFault::UnknownValue, message))
}

/// An end that is over is a mistake: a key is ended by revoking it.
fn past(expires_at_ms: i64) -> Option<FieldError> {
    let fault = || FieldError::new("expires_at_ms", FieldFault::OutOfRange, "must be in the future");
    (expires_at_ms <= clock::now().as_millis()).then(fault)
}
