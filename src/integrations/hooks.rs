//! Hooks: vendors' webhooks, on their way in.
//!
//! ```text
//! POST /hooks/{integration}/{token} ─► which integration? ─► is it the vendor's? ─► an event of the project, in the log ─► 200
//! ```
//!
//! A vendor sends again what was not answered with success, so what is stored arrives at least once; the same webhook within a day is
//! stored once ([`id_of`]). That also makes nothing of who sends on what he has overheard; where the vendor signs the time too,
//! it is believed for five minutes only.

mod verify;

use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Integrations;
use crate::domain::integration::Integration;
use verify::Signed;

pub use verify::NotVerified;

/// A webhook as it came.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
    /// Addresses that the vendor may have called it by.
    pub urls: &'a [String],
    /// Now, in seconds since 1970.
    pub now_s: i64,
}

/// Why a webhook is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// The integration is turned off.
    #[error("the integration is turned off")]
    Off,
    /// Nobody knows how its webhooks are signed, or with what.
    #[error("the integration has no signing secret, or no signature: its webhooks cannot be believed")]
    Incomplete,
    /// Its secrets cannot be decrypted.
    #[error("the integration's signing secret cannot be decrypted: set it anew")]
    Unreadable,
    /// It is not the vendor's.
    #[error(transparent)]
    NotVerified(#[from] NotVerified),
}

impl Integrations {
    /// Whether a webhook is that of an integration's vendor.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify_webhook(&self, integration: &Integration, webhook: &Webhook<'_>) -> Result<(), HookError> {
        if !integration.definition.is_enabled {
            return Err(HookError::Off);
        }
        let effective = self.effective(integration);
        let secrets = self
            .secrets()
            .open(integration)
            .map_err(|_| HookError::Unreadable)?;
        let (Some(scheme), Some(secret)) = (&effective.signature, &secrets.signing_secret) else {
            return Err(HookError::Incomplete);
        };
        let Webhook {
            headers,
            body,
            urls,
            now_s,
        } = *webhook;
        let signed = Signed {
            headers,
            body,
            urls,
            now_s,
        };
        Ok(verify::verify(scheme, secret.reveal(), &signed)?)
    }
}

/// The id of a webhook's event: the same for the same webhook. What says nothing in its body (Google's say it in headers) is another one
/// each time.
#[must_use]
pub fn id_of(integration: &Integration, headers: &HeaderMap, body: &[u8]) -> Uuid {
    let mut sum = Sha256::new();
    sum.update(integration.id.as_bytes());
    for name in ["x-goog-channel-id", "x-goog-message-number", "x-goog-resource-id"] {
        sum.update(headers.get(name).map_or(&b""[..], |value| value.as_bytes()));
        sum.update([0]);
    }
    sum.update(body);
    let sum: [u8; 32] = sum.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sum[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
