//! Reads integrations out of bodies.

use std::collections::BTreeMap;

use crate::api::body::Fields;
use crate::domain::account::Name;
use crate::domain::alert::SecretText;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::integration::{
    Authorization, Credential, IntegrationDefinition, IntegrationSecrets, OAuthClient, RateLimit,
    SignatureScheme, Sla, Slug, SyncMethod,
};
use crate::integrations::{CUSTOM, Integrations};
use crate::outbound::Outbound;

/// Longest secret: keys in PEM are the longest.
const SECRET_CHARS_MAX: usize = 8_000;
const USERNAME_CHARS_MAX: usize = 500;

/// An integration to be kept.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(super) struct NewIntegrationFields {
    /// A service of the catalogue, or `custom`.
    service: Slug,
    /// Its name in addresses; that of the service unless given.
    slug: Option<Slug>,
    /// Its name, for people; that of the service unless given.
    name: Option<Name>,
    #[schema(default = true)]
    is_enabled: Option<bool>,
    /// Whether Fresnel looks from time to time if it is there.
    is_monitored: Option<bool>,
    /// Address below which it is called: `https` at a public host, or in a network of `outbound.allow_networks`.
    #[schema(max_length = 2_000)]
    base_url: Option<String>,
    authorization: Option<Authorization>,
    /// Where access tokens are had (OAuth 2), instead of a credential.
    #[schema(max_length = 2_000)]
    token_url: Option<String>,
    /// What they are to be good for, as the vendor names it.
    #[schema(max_length = 1_000)]
    scope: Option<String>,
    /// Further headers of each call, which are shown: nothing secret belongs here.
    headers: Option<BTreeMap<String, String>>,
    sync: Option<SyncMethod>,
    #[schema(minimum = 10, maximum = 86_400)]
    poll_interval_s: Option<u32>,
    /// What polls ask for: a path, with its query, below the address.
    #[schema(max_length = 1_000)]
    poll_path: Option<String>,
    rate_limit: Option<RateLimit>,
    sla: Option<Sla>,
    signature: Option<SignatureScheme>,
    #[schema(inline)]
    credential: Option<CredentialFields>,
    #[schema(inline)]
    oauth: Option<OAuthFields>,
    /// What the vendor signs its webhooks with; for SendGrid its public key.
    #[schema(max_length = 8_000)]
    signing_secret: Option<String>,
}

/// What is changed; what is left out stays, and `null` makes it as the catalogue has it, or takes a secret away.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(super) struct IntegrationFields {
    /// As it was read.
    #[schema(minimum = 1)]
    revision: i64,
    name: Option<Name>,
    is_enabled: Option<bool>,
    /// Whether Fresnel looks from time to time if it is there.
    is_monitored: Option<bool>,
    #[schema(max_length = 2_000)]
    base_url: Option<String>,
    authorization: Option<Authorization>,
    #[schema(max_length = 2_000)]
    token_url: Option<String>,
    #[schema(max_length = 1_000)]
    scope: Option<String>,
    /// Set as a whole.
    headers: Option<BTreeMap<String, String>>,
    sync: Option<SyncMethod>,
    #[schema(minimum = 10, maximum = 86_400)]
    poll_interval_s: Option<u32>,
    /// What polls ask for: a path, with its query, below the address.
    #[schema(max_length = 1_000)]
    poll_path: Option<String>,
    rate_limit: Option<RateLimit>,
    sla: Option<Sla>,
    signature: Option<SignatureScheme>,
    /// Set as a whole.
    #[schema(inline)]
    credential: Option<CredentialFields>,
    /// Set as a whole.
    #[schema(inline)]
    oauth: Option<OAuthFields>,
    #[schema(max_length = 8_000)]
    signing_secret: Option<String>,
}

/// What access tokens are had with (OAuth 2), at `token_url`.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct OAuthFields {
    #[schema(max_length = 500)]
    client_id: String,
    #[schema(max_length = 8_000)]
    client_secret: String,
    /// Without one the client speaks for itself (`client_credentials`).
    #[schema(max_length = 8_000)]
    refresh_token: Option<String>,
}

/// What a vendor knows a customer by.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct CredentialFields {
    /// For vendors that want a user and a password.
    #[schema(max_length = 500)]
    username: Option<String>,
    /// The key, token or password. Without a user it stands in the user's place where both are wanted.
    #[schema(max_length = 8_000)]
    secret: String,
    /// When the vendor takes it no longer, in milliseconds since 1970: told two weeks before.
    expires_at_ms: Option<i64>,
}

/// What a body says of a new integration.
pub(super) struct New {
    pub(super) slug: Slug,
    pub(super) service: Slug,
    pub(super) definition: IntegrationDefinition,
    pub(super) secrets: IntegrationSecrets,
}

/// A new integration. Everything that is wrong with it is noted in `fields`.
pub(super) fn new(fields: &mut Fields<'_>, integrations: &Integrations, outbound: &Outbound) -> Option<New> {
    let service = fields.parsed("service", Slug::parse);
    let service = fields.require("service", service);
    let known = service
        .as_ref()
        .and_then(|id| integrations.catalogue().service(id));
    if service
        .as_ref()
        .is_some_and(|id| known.is_none() && id.as_str() != CUSTOM)
    {
        let message = "must be a service of the catalogue, or custom";
        fields.note(FieldError::new("service", FieldFault::UnknownValue, message));
    }
    let slug = fields.parsed("slug", Slug::parse).or_else(|| service.clone());
    let name = fields.parsed("name", Name::parse).or_else(|| {
        let name = known.map_or(CUSTOM, |service| &service.name);
        Name::parse("name", name).ok()
    });
    let definition = name.map(|name| changed(fields, outbound, IntegrationDefinition::named(name)));
    let secrets = changed_secrets(fields, IntegrationSecrets::default()).unwrap_or_default();
    let is_custom = service.as_ref().is_some_and(|id| id.as_str() == CUSTOM);
    let needs_address = is_custom || known.is_some_and(|service| service.base_url.is_none());
    if needs_address
        && definition
            .as_ref()
            .is_some_and(|definition| definition.base_url.is_none())
    {
        let message = "is required: the service has another one for each of its customers";
        fields.note(FieldError::new("base_url", FieldFault::Missing, message));
    }
    Some(New {
        slug: slug?,
        service: service?,
        definition: definition?,
        secrets,
    })
}

/// A definition with what is changed of it. Everything that is wrong is noted in `fields`.
pub(super) fn changed_definition(
    fields: &mut Fields<'_>,
    outbound: &Outbound,
    known: IntegrationDefinition,
) -> IntegrationDefinition {
    let name = fields
        .parsed("name", Name::parse)
        .unwrap_or_else(|| known.name.clone());
    changed(fields, outbound, IntegrationDefinition { name, ..known })
}

fn changed(
    fields: &mut Fields<'_>,
    outbound: &Outbound,
    known: IntegrationDefinition,
) -> IntegrationDefinition {
    let mut address = |field: &'static str, may_have_query: bool| {
        fields.parsed_or_null(field, |field, text| {
            let refused = |refusal: crate::outbound::Refusal| {
                FieldError::new(field, FieldFault::BadFormat, refusal.to_string())
            };
            outbound.check(text).map_err(refused)?;
            match !may_have_query && text.contains(['?', '#']) {
                true => Err(FieldError::new(
                    field,
                    FieldFault::BadFormat,
                    "must have no query and no fragment",
                )),
                false => Ok(text.to_owned()),
            }
        })
    };
    let (base_url, token_url) = (address("base_url", false), address("token_url", true));
    let definition = IntegrationDefinition {
        is_enabled: fields.flag("is_enabled").unwrap_or(known.is_enabled),
        is_monitored: fields.flag("is_monitored").unwrap_or(known.is_monitored),
        base_url: base_url.unwrap_or(known.base_url),
        authorization: fields
            .typed_or_null("authorization")
            .unwrap_or(known.authorization),
        token_url: token_url.unwrap_or(known.token_url),
        scope: fields.typed_or_null("scope").unwrap_or(known.scope),
        headers: fields
            .typed_or_null("headers")
            .map_or(known.headers, Option::unwrap_or_default),
        sync: fields.typed_or_null("sync").unwrap_or(known.sync),
        poll_interval_s: fields
            .typed_or_null("poll_interval_s")
            .unwrap_or(known.poll_interval_s),
        poll_path: fields.typed_or_null("poll_path").unwrap_or(known.poll_path),
        rate_limit: fields.typed_or_null("rate_limit").unwrap_or(known.rate_limit),
        sla: fields.typed_or_null("sla").unwrap_or(known.sla),
        signature: fields.typed_or_null("signature").unwrap_or(known.signature),
        name: known.name,
    };
    definition
        .faults()
        .into_iter()
        .for_each(|fault| fields.note(fault));
    definition
}

/// Secrets with what is changed of them; none when nothing is. Faults repeat nothing of them.
pub(super) fn changed_secrets(
    fields: &mut Fields<'_>,
    known: IntegrationSecrets,
) -> Option<IntegrationSecrets> {
    let credential: Option<Option<Credential>> = fields.typed_or_null("credential");
    let oauth: Option<Option<OAuthClient>> = fields.typed_or_null("oauth");
    let signing_secret: Option<Option<SecretText>> = fields.typed_or_null("signing_secret");
    let mut note = |field: &'static str, text: &str, chars_max: usize, chars_min: usize| {
        let chars = text.chars().count();
        if !(chars_min..=chars_max).contains(&chars) || text.contains('\0') {
            let message = format!("must have {chars_min} to {chars_max} characters");
            fields.note(FieldError::new(field, FieldFault::OutOfRange, message));
        }
    };
    if let Some(Some(credential)) = &credential {
        note(
            "credential.secret",
            credential.secret.reveal(),
            SECRET_CHARS_MAX,
            1,
        );
        if let Some(username) = &credential.username {
            note("credential.username", username, USERNAME_CHARS_MAX, 1);
        }
    }
    if let Some(Some(client)) = &oauth {
        note("oauth.client_id", &client.client_id, USERNAME_CHARS_MAX, 1);
        note(
            "oauth.client_secret",
            client.client_secret.reveal(),
            SECRET_CHARS_MAX,
            1,
        );
        if let Some(token) = &client.refresh_token {
            note("oauth.refresh_token", token.reveal(), SECRET_CHARS_MAX, 1);
        }
    }
    if let Some(Some(secret)) = &signing_secret {
        note("signing_secret", secret.reveal(), SECRET_CHARS_MAX, 1);
    }
    let is_changed = credential.is_some() || oauth.is_some() || signing_secret.is_some();
    is_changed.then(|| IntegrationSecrets {
        credential: credential.unwrap_or(known.credential),
        oauth: oauth.unwrap_or(known.oauth),
        signing_secret: signing_secret.unwrap_or(known.signing_secret),
    })
}
