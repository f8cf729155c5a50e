//! After the vault's key was changed: secrets that the one before has sealed are sealed anew, so that it can go from the settings.

use super::Integrations;
use crate::control::{Control, ControlError};

impl Integrations {
    /// Seals secrets anew that another key than the one of now has sealed. Those that none opens stay as they are, and are told in
    /// the log: their key may come back.
    ///
    /// # Errors
    /// The store cannot be changed; the next start goes on.
    pub async fn seal_anew(&self, control: &Control) -> Result<(), ControlError> {
        let directory = control.directory();
        let (mut sealed, mut unreadable) = (0_u32, 0_u32);
        for integration in directory.integrations().all() {
            if self.secrets().is_current(integration) {
                continue;
            }
            match self.secrets().open(integration) {
                Ok(secrets) => {
                    let anew = self.secrets().seal(integration.id, &secrets);
                    control.reseal_integration(integration, anew).await?;
                    sealed += 1;
                }
                Err(_) => unreadable += 1,
            }
        }
        if sealed > 0 {
            tracing::info!(
                integrations = sealed,
                "secrets of integrations are encrypted with the new key of the vault"
            );
        }
        if unreadable > 0 {
            tracing::warn!(
                integrations = unreadable,
                "secrets of integrations cannot be decrypted: none of the vault's keys is the one that encrypted them (settings \
                 vault.key, vault.previous_keys)"
            );
        }
        Ok(())
    }
}
