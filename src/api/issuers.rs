//! `/api/issuers`: whose JSON web tokens a project believes.

use actix_web::web;
use serde::Serialize;

use super::body::Fields;
use super::error::ApiError;
use super::identity::is_rsa_public_key;
use super::manage::{Call, Done, OfProject, change, delete, look, make};
use super::paging::Paging;
use super::resource;
use crate::config::Secret;
use crate::domain::account::{JwtIssuer, JwtKeys, Name, ProjectId, Role};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;
use crate::jwks::JwksStatus;

use uuid::Uuid;

/// An issuer, and how the fetching of its keys stands, if it serves them.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Issuer)]
struct Shown {
    #[serde(flatten)]
    issuer: JwtIssuer,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<JwksStatus>,
}

impl Shown {
    fn new(call: &Call, issuer: JwtIssuer) -> Self {
        let jwks = call.state().jwks.status(&issuer);
        Self { issuer, jwks }
    }
}

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/issuers", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/issuers/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(remove)),
        );
}

/// Whose JSON web tokens are believed, without secrets.
#[utoipa::path(get, path = "/api/issuers", tag = "issuers", params(OfProject, Paging), responses((status = 200, body = Page<Shown>)))]
async fn list(call: &mut Call) -> Result<Page<Shown>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    let issuers = call.control().issuers(&project_id, call.page_only()?).await?;
    Ok(issuers.map(|issuer| Shown::new(call, issuer)))
}

/// An issuer to be believed.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewIssuerFields {
    name: Name,
    /// What `iss` must be; without it anything goes.
    #[schema(max_length = 500)]
    issuer: Option<String>,
    /// What `aud` must hold; without it anything goes.
    #[schema(max_length = 500)]
    audience: Option<String>,
    /// `hs256` with `secret`, `rs256` with `public_key_pem`, or `jwks` with `url`.
    #[schema(example = "hs256")]
    algorithm: String,
    /// At least 32 bytes.
    #[schema(max_length = 500, example = "0123456789abcdef0123456789abcdef")]
    secret: Option<String>,
    /// An RSA key.
    #[schema(max_length = 10_000)]
    public_key_pem: Option<String>,
    /// `https`, at a public address or one of `outbound.allow_networks`.
    url: Option<String>,
}

/// What is changed; what is left out stays. The fields are those of a new one.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct IssuerFields {
    name: Option<Name>,
    #[schema(max_length = 500)]
    issuer: Option<String>,
    #[schema(max_length = 500)]
    audience: Option<String>,
    algorithm: Option<String>,
    #[schema(max_length = 500)]
    secret: Option<String>,
    #[schema(max_length = 10_000)]
    public_key_pem: Option<String>,
    url: Option<String>,
}

/// Believes the tokens of one more issuer.
#[utoipa::path(post, path = "/api/issuers", tag = "issuers", params(OfProject), request_body = NewIssuerFields, responses((status = 201, body = Shown)))]
async fn create(call: &mut Call) -> Result<Shown, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let (issuer, audience) = (text(&mut fields, "issuer"), text(&mut fields, "audience"));
    let keys = keys(&mut fields);
    let keys = fields.require("algorithm", keys);
    let issuer = name.zip(keys).map(|(name, keys)| JwtIssuer {
        id: Uuid::nil(),
        project_id: ProjectId::clone(&project_id),
        name,
        issuer: issuer.unwrap_or_default(),
        audience: audience.unwrap_or_default(),
        keys,
        created_at_ms: 0,
    });
    let issuer = checked(call, fields, issuer)?;
    let issuer = call.control().create_issuer(manager.by(), issuer).await?;
    call.state().jwks.issuers_changed();
    Ok(Shown::new(call, issuer))
}

/// An issuer, and how the fetching of its keys stands on this node.
#[utoipa::path(get, path = "/api/issuers/{id}", tag = "issuers", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Shown)))]
async fn one(call: &mut Call) -> Result<Shown, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    let issuer = call.control().issuer(&project_id, call.id("id")?).await?;
    Ok(Shown::new(call, issuer))
}

/// Changes an issuer; a key is changed with its `algorithm`.
#[utoipa::path(patch, path = "/api/issuers/{id}", tag = "issuers", params(("id" = uuid::Uuid, Path), OfProject), request_body = IssuerFields, responses((status = 200, body = Shown)))]
async fn update(call: &mut Call) -> Result<Shown, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let known = call.control().issuer(&project_id, call.id("id")?).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let issuer = JwtIssuer {
        name: fields.parsed("name", Name::parse).unwrap_or(known.name),
        issuer: text(&mut fields, "issuer").unwrap_or(known.issuer),
        audience: text(&mut fields, "audience").unwrap_or(known.audience),
        keys: keys(&mut fields).unwrap_or(known.keys),
        ..known
    };
    let issuer = checked(call, fields, Some(issuer))?;
    let issuer = call.control().update_issuer(manager.by(), &issuer).await?;
    call.state().jwks.issuers_changed();
    Ok(Shown::new(call, issuer))
}

/// Believes an issuer no more.
#[utoipa::path(delete, path = "/api/issuers/{id}", tag = "issuers", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_issuer(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}

fn text(fields: &mut Fields<'_>, name: &str) -> Option<String> {
    fields.text(name).map(|text| text.into_owned())
}

/// `algorithm` with the key that belongs to it; none when neither is there.
fn keys(fields: &mut Fields<'_>) -> Option<JwtKeys> {
    match fields.text("algorithm")?.as_ref() {
        "hs256" => {
            let secret = text(fields, "secret");
            fields.require("secret", secret).map(|secret| JwtKeys::Hs256 {
                secret: Secret::new(secret),
            })
        }
        "rs256" => {
            let pem = text(fields, "public_key_pem");
            fields
                .require("public_key_pem", pem)
                .map(|public_key_pem| JwtKeys::Rs256 { public_key_pem })
        }
        "jwks" => {
            let url = text(fields, "url");
            fields.require("url", url).map(|url| JwtKeys::Jwks { url })
        }
        _ => {
            fields.note(FieldError::new(
                "algorithm",
                FieldFault::UnknownValue,
                "must be hs256, rs256 or jwks",
            ));
            None
        }
    }
}

/// The issuer, if tokens can be checked with its key, or the address of its keys may be called.
fn checked(call: &Call, mut fields: Fields<'_>, issuer: Option<JwtIssuer>) -> Result<JwtIssuer, ApiError> {
    if let Some(issuer) = &issuer {
        let faults = issuer.faults();
        if faults.is_empty()
            && let Some(fault) = key_fault(call, &issuer.keys)
        {
            fields.note(fault);
        }
        faults.into_iter().for_each(|fault| fields.note(fault));
    }
    fields.finish(issuer)
}

fn key_fault(call: &Call, keys: &JwtKeys) -> Option<FieldError> {
    match keys {
        JwtKeys::Hs256 { .. } => None,
        JwtKeys::Rs256 { public_key_pem } => (!is_rsa_public_key(public_key_pem)).then(|| {
            let message = "must be an RSA public key in PEM";
            FieldError::new("public_key_pem", FieldFault::BadFormat, message)
        }),
        JwtKeys::Jwks { url } => {
            let refusal = call.state().outbound.check(url).err()?;
            Some(FieldError::new("url", FieldFault::BadFormat, refusal.to_string()))
        }
    }
}
