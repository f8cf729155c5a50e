//! After the vault's key was changed: targets that the one before has sealed are sealed anew, so that it can go from the settings.

use super::Alerts;
use crate::control::{Control, ControlError};

impl Alerts {
    /// Seals targets anew that another key than the one of now has sealed. Those that none opens stay as they are, and are told in
    /// the log: their key may come back.
    ///
    /// # Errors
    /// The store cannot be changed; the next start goes on.
    pub(super) async fn seal_anew(&self, control: &Control) -> Result<(), ControlError> {
        let book = control.alert_book().borrow().clone();
        let (mut sealed, mut unreadable) = (0_u32, 0_u32);
        for channel in book.channels.values().flatten() {
            if self.targets.is_current(channel) {
                continue;
            }
            match self.targets.open(channel) {
                Ok(opened) => {
                    let target = self.seal_target(channel.id, &opened.target);
                    control.reseal_channel(channel, target).await?;
                    sealed += 1;
                }
                Err(_) => unreadable += 1,
            }
        }
        if sealed > 0 {
            tracing::info!(
                channels = sealed,
                "where channels lead is encrypted with the new key of the vault"
            );
        }
        if unreadable > 0 {
            tracing::warn!(
                channels = unreadable,
                "where channels lead cannot be decrypted: none of the vault's keys is the one that encrypted it (settings vault.key, \
                 vault.previous_keys)"
            );
        }
        Ok(())
    }
}
