//! Secrets of integrations: kept encrypted, each with the integration's own id, so that none can be put in another one's place.

use uuid::Uuid;

use crate::domain::integration::{Integration, IntegrationSecrets};
use crate::vault::Vault;

/// Opens and seals secrets. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Secrets {
    vault: Vault,
}

/// Secrets cannot be read: their key is not among those of the settings, or they were damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secrets of the integration cannot be decrypted: the vault's key is another one than when they were saved"
)]
pub struct Unreadable;

impl Secrets {
    /// With the keys of this vault.
    #[must_use]
    pub const fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// Encrypts the secrets of an integration.
    #[must_use]
    pub fn seal(&self, id: Uuid, secrets: &IntegrationSecrets) -> Vec<u8> {
        let text = serde_json::json!(secrets).to_string();
        self.vault.seal(text.as_bytes(), &context(id))
    }

    /// Whether an integration's secrets are sealed with the key that seals now.
    #[must_use]
    pub fn is_current(&self, integration: &Integration) -> bool {
        self.vault.is_current(&integration.sealed_secrets)
    }

    /// The secrets of an integration.
    ///
    /// # Errors
    /// They cannot be decrypted.
    pub fn open(&self, integration: &Integration) -> Result<IntegrationSecrets, Unreadable> {
        let sealed = &integration.sealed_secrets;
        let plain = self.vault.open_sealed(sealed, &context(integration.id));
        let plain = plain.map_err(|_| Unreadable)?;
        serde_json::from_slice(&plain).map_err(|_| Unreadable)
    }
}

fn context(id: Uuid) -> String {
    format!("integration:{id}")
}
