//! Where channels lead: kept encrypted, each with the channel's own id, so that none can be put in another one's place.

use uuid::Uuid;

use crate::control::StoredChannel;
use crate::domain::alert::{Channel, Target};
use crate::vault::Vault;

/// Opens and seals targets. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Targets {
    vault: Vault,
}

/// A target cannot be read: its key is not among those of the settings, or it was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("where the channel leads cannot be decrypted: the vault's key is another one than when it was saved")]
pub struct Unreadable;

impl Targets {
    /// With the keys of this vault.
    #[must_use]
    pub const fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// Encrypts the target of a channel.
    #[must_use]
    pub fn seal(&self, channel_id: Uuid, target: &Target) -> Vec<u8> {
        let text = serde_json::json!(target).to_string();
        self.vault.seal(text.as_bytes(), &context(channel_id))
    }

    /// Whether a channel's target is sealed with the key that seals now.
    #[must_use]
    pub fn is_current(&self, stored: &StoredChannel) -> bool {
        self.vault.is_current(&stored.sealed_target)
    }

    /// A channel with its target.
    ///
    /// # Errors
    /// It cannot be decrypted.
    pub fn open(&self, stored: &StoredChannel) -> Result<Channel, Unreadable> {
        let plain = self.vault.open_sealed(&stored.sealed_target, &context(stored.id));
        let plain = plain.map_err(|_| Unreadable)?;
        let target = serde_json::from_slice(&plain).map_err(|_| Unreadable)?;
        Ok(Channel {
            id: stored.id,
            project_id: stored.project_id.clone(),
            definition: stored.definition.clone(),
            target,
            disabled_reason: stored.disabled_reason.clone(),
            created_at_ms: stored.created_at_ms,
            updated_at_ms: stored.updated_at_ms,
            revision: stored.revision,
        })
    }
}

fn context(channel_id: Uuid) -> String {
    format!("channel:{channel_id}")
}
