//! What is secret of an integration: kept encrypted, never shown.

use serde::{Deserialize, Serialize};

use crate::domain::alert::SecretText;

/// Time before a credential's end from which on it is told.
const ENDS_SOON_MS: i64 = 14 * 24 * 3_600_000;

/// What a vendor knows a customer by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The user, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The key, token or password.
    pub secret: SecretText,
    /// When the vendor takes it no longer, in milliseconds since 1970; none: never, or nobody has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
}

impl Credential {
    /// Milliseconds until its end, below 0 behind it, once it is within two weeks.
    #[must_use]
    pub fn ends_soon_in_ms(&self, now_ms: i64) -> Option<i64> {
        let left_ms = self.expires_at_ms?.saturating_sub(now_ms);
        (left_ms < ENDS_SOON_MS).then_some(left_ms)
    }
}

/// What access tokens are had with (OAuth 2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthClient {
    /// The client's name at the vendor.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretText,
    /// Stands for what a person has allowed; without one the client speaks for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<SecretText>,
}

/// All that is secret of an integration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntegrationSecrets {
    /// What calls carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// What the vendor signs its webhooks with; for some its public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<SecretText>,
    /// What calls' tokens are had with; stands in place of the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuthClient>,
}
