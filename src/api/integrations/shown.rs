//! Integrations as the API shows them: nothing by which somebody else could call the vendor, or call as the vendor.

use serde::Serialize;
use uuid::Uuid;

use crate::clock;
use crate::config::Secret;
use crate::domain::account::ProjectId;
use crate::domain::integration::{
    Authorization, Integration, IntegrationDefinition, RateLimit, SignatureScheme, Sla, Slug, SyncMethod,
};
use crate::integrations::Integrations;

/// An integration, without what is secret about it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Integration)]
pub(super) struct Shown {
    id: Uuid,
    project_id: ProjectId,
    slug: Slug,
    service: Slug,
    /// False when the catalogue no longer has the service; `custom` is in no catalogue.
    is_in_catalogue: bool,
    /// What the project says.
    definition: IntegrationDefinition,
    /// What holds: what the project says, and where it says nothing what the catalogue says.
    effective: ShownEffective,
    has_credential: bool,
    /// When the vendor takes its credential no longer; null: never, or nobody has said.
    credential_expires_at_ms: Option<i64>,
    /// Whether that is within two weeks, or over.
    is_credential_ending: bool,
    has_signing_secret: bool,
    /// Whether calls carry access tokens that Fresnel has itself (OAuth 2).
    has_oauth: bool,
    /// False when the secrets cannot be decrypted with the keys of the settings: they must be set anew.
    is_readable: bool,
    created_at_ms: i64,
    updated_at_ms: i64,
    /// Goes up with each change.
    revision: i64,
}

/// What holds of an integration.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = EffectiveIntegration)]
struct ShownEffective {
    base_url: Option<String>,
    authorization: Authorization,
    token_url: Option<String>,
    scope: Option<String>,
    sync: SyncMethod,
    fallback: Option<SyncMethod>,
    poll_interval_s: Option<u32>,
    poll_path: Option<String>,
    rate_limit: Option<RateLimit>,
    sla: Sla,
    signature: Option<SignatureScheme>,
}

/// An integration, with an address that is new.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = IntegrationWithHook)]
pub(super) struct ShownOnce {
    #[serde(flatten)]
    integration: Shown,
    /// Path of the hook: where the vendor posts its webhooks. Whoever knows it may post; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/hooks/stripe/fh_…")]
    hook_path: Option<String>,
}

impl Shown {
    pub(super) fn new(integrations: &Integrations, integration: Integration) -> Self {
        let secrets = integrations.secrets().open(&integration);
        let effective = integrations.effective(&integration);
        let known = secrets.as_ref().ok();
        let credential = known.and_then(|secrets| secrets.credential.as_ref());
        let now_ms = clock::now().as_millis();
        Self {
            is_in_catalogue: integrations.catalogue().service(&integration.service).is_some(),
            has_credential: credential.is_some(),
            credential_expires_at_ms: credential.and_then(|credential| credential.expires_at_ms),
            is_credential_ending: credential
                .is_some_and(|credential| credential.ends_soon_in_ms(now_ms).is_some()),
            has_signing_secret: known.is_some_and(|secrets| secrets.signing_secret.is_some()),
            has_oauth: known.is_some_and(|secrets| secrets.oauth.is_some()) && effective.token_url.is_some(),
            is_readable: secrets.is_ok(),
            effective: ShownEffective {
                base_url: effective.base_url,
                authorization: effective.authorization,
                token_url: effective.token_url,
                scope: effective.scope,
                sync: effective.sync,
                fallback: effective.fallback,
                poll_interval_s: effective.poll_interval_s,
                poll_path: effective.poll_path,
                rate_limit: effective.rate_limit,
                sla: effective.sla,
                signature: effective.signature,
            },
            id: integration.id,
            project_id: integration.project_id,
            slug: integration.slug,
            service: integration.service,
            definition: integration.definition,
            created_at_ms: integration.created_at_ms,
            updated_at_ms: integration.updated_at_ms,
            revision: integration.revision,
        }
    }
}

impl ShownOnce {
    pub(super) fn new(integrations: &Integrations, integration: Integration, token: Option<&Secret>) -> Self {
        let hook_path = token.map(|token| format!("/hooks/{}/{}", integration.slug, token.reveal()));
        Self {
            integration: Shown::new(integrations, integration),
            hook_path,
        }
    }
}
