//! Access tokens of OAuth 2 (RFC 6749): had with a refresh token (section 6), or with the client's own credentials (4.4), kept in memory, and
//! had anew before they expire. A refresh token that the vendor replaces is kept at once, encrypted like the one before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;
use uuid::Uuid;

use super::Integrations;
use super::secrets::Unreadable;
use crate::domain::alert::SecretText;
use crate::domain::integration::{Credential, Effective, Integration, IntegrationSecrets, OAuthClient};
use crate::outbound::Call;

/// So long before it expires a token is had anew.
const AHEAD: Duration = Duration::from_secs(60);
/// Of a vendor that does not say how long a token holds (section 5.1 recommends that it does).
const HOLDS_DEFAULT: Duration = Duration::from_secs(300);
/// So long a failure holds: a vendor that refuses is not asked for each call.
const FAILURE_HOLDS: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// Integrations whose tokens are kept; beyond it those that nobody is about to use are forgotten.
const KEPT_MAX: usize = 4_096;

/// Why an integration has no credential to be called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoCredential {
    /// Its secrets cannot be decrypted.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The vendor gives no token.
    #[error("no access token is to be had from the integration's token_url")]
    NoToken,
}

/// The tokens that are kept.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    // Held for a few instructions.
    slots: Mutex<HashMap<Uuid, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Held while a token is had: whoever needs it too waits.
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of which revision of the integration the rest is.
    revision: i64,
    token: Option<(SecretText, Instant)>,
    /// The one that the vendor gave last.
    refresh_token: Option<SecretText>,
    failed_until: Option<Instant>,
}

impl Tokens {
    fn slot(&self, id: Uuid) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT_MAX && !slots.contains_key(&id) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(id).or_default())
    }

    /// Forgets a token that the vendor refuses.
    pub(super) async fn forget(&self, id: Uuid) {
        self.slot(id).state.lock().await.token = None;
    }
}

/// What a vendor answers (section 5.1).
#[derive(Deserialize)]
struct Answer {
    access_token: SecretText,
    expires_in: Option<u64>,
    refresh_token: Option<SecretText>,
}

impl Integrations {
    /// What an integration's vendor knows its customer by, now.
    pub(super) async fn credential(
        &self,
        integration: &Integration,
        effective: &Effective,
    ) -> Result<Option<Credential>, NoCredential> {
        let secrets = self.secrets().open(integration)?;
        match (&secrets.oauth, &effective.token_url) {
            (Some(client), Some(url)) => {
                let token = self.token(integration, &secrets, client, url, effective).await?;
                Ok(Some(Credential {
                    username: None,
                    secret: token,
                    expires_at_ms: None,
                }))
            }
            _ => Ok(secrets.credential),
        }
    }

    async fn token(
        &self,
        integration: &Integration,
        secrets: &IntegrationSecrets,
        client: &OAuthClient,
        url: &str,
        effective: &Effective,
    ) -> Result<SecretText, NoCredential> {
        let slot = self.tokens().slot(integration.id);
        let mut state = slot.state.lock().await;
        if state.revision != integration.revision {
            *state = State {
                revision: integration.revision,
                ..State::default()
            };
        }
        let now = Instant::now();
        if let Some((token, expires_at)) = &state.token
            && *expires_at > now + AHEAD
        {
            return Ok(token.clone());
        }
        let still_holds = |state: &State| {
            let (token, expires_at) = state.token.as_ref()?;
            (*expires_at > now).then(|| token.clone())
        };
        if state.failed_until.is_some_and(|until| until > now) {
            return still_holds(&state).ok_or(NoCredential::NoToken);
        }
        let refresh_token = state
            .refresh_token
            .clone()
            .or_else(|| client.refresh_token.clone());
        let asked = self
            .ask_for_token(client, refresh_token.as_ref(), url, effective)
            .await;
        let Some(answer) = asked else {
            tracing::warn!(integration = %integration.slug, project = %integration.project_id, "no access token is to be had");
            state.failed_until = Some(now + FAILURE_HOLDS);
            return still_holds(&state).ok_or(NoCredential::NoToken);
        };
        let holds = answer.expires_in.map_or(HOLDS_DEFAULT, Duration::from_secs);
        state.failed_until = None;
        state.token = Some((answer.access_token.clone(), now + holds));
        if let Some(anew) = answer
            .refresh_token
            .filter(|anew| Some(anew) != refresh_token.as_ref())
        {
            state.refresh_token = Some(anew.clone());
            self.keep_refresh_token(integration, secrets, client, anew).await;
        }
        Ok(answer.access_token)
    }

    async fn ask_for_token(
        &self,
        client: &OAuthClient,
        refresh_token: Option<&SecretText>,
        url: &str,
        effective: &Effective,
    ) -> Option<Answer> {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let call = Call {
            purpose: "oauth",
            method: Method::POST,
            url,
            headers,
            body: Bytes::from(question(client, refresh_token, effective)),
            answer_bytes_max: ANSWER_BYTES_MAX,
            timeout: TIMEOUT,
        };
        let answer = self.outbound().call(call).await.ok()?;
        if !answer.status.is_success() {
            return None;
        }
        serde_json::from_slice(&answer.body).ok()
    }

    /// The vendor may take the one before no more: what cannot be kept holds as long as the process.
    async fn keep_refresh_token(
        &self,
        integration: &Integration,
        secrets: &IntegrationSecrets,
        client: &OAuthClient,
        anew: SecretText,
    ) {
        let secrets = IntegrationSecrets {
            oauth: Some(OAuthClient {
                refresh_token: Some(anew),
                ..client.clone()
            }),
            ..secrets.clone()
        };
        let sealed = self.secrets().seal(integration.id, &secrets);
        if let Err(error) = self.control().reseal_integration(integration, sealed).await {
            tracing::error!(%error, integration = %integration.slug, "a refresh token could not be kept: after a restart it must be set anew");
        }
    }
}

/// What is asked for at the vendor's address of tokens (RFC 6749, 4.4 and 6).
fn question(client: &OAuthClient, refresh_token: Option<&SecretText>, effective: &Effective) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    match refresh_token {
        Some(token) => form
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", token.reveal()),
        None => form.append_pair("grant_type", "client_credentials"),
    };
    if let Some(scope) = &effective.scope {
        form.append_pair("scope", scope);
    }
    // In the body: vendors that want them in a header instead take them here too, the other way round not all do.
    form.append_pair("client_id", &client.client_id)
        .append_pair("client_secret", client.client_secret.reveal());
    form.finish()
}
