//! Channels that the settings name: those of the project `default`. Who changes one is not overruled; one that is deleted comes again at the
//! next start, as long as the settings name it.

use uuid::Uuid;

use super::Alerts;
use super::channels::new_webhook_secret;
use crate::config::AlertsConfig;
use crate::control::{Control, ControlError, NewChannel};
use crate::domain::account::{By, Email, Name, ProjectId};
use crate::domain::alert::{ChannelDefinition, Matcher, SecretText, Target, WebhookSecrets};
use crate::domain::field_error::FieldError;
use crate::domain::rule::Level;

/// Names of the channels: one of this name that is there already stays as it is.
const EMAIL: &str = "Preset e-mail";
const WEBHOOK: &str = "Preset webhook";
const PROJECT: &str = "default";

/// What the settings ask for.
///
/// # Errors
/// An address is none.
pub(super) fn targets(config: &AlertsConfig) -> Result<Vec<(&'static str, Target)>, FieldError> {
    let mut targets = Vec::new();
    let recipients = config.email_recipients.iter();
    let recipients: Vec<Email> = recipients
        .map(|text| Email::parse("alerts.email_recipients", text))
        .collect::<Result<_, _>>()?;
    if !recipients.is_empty() {
        targets.push((EMAIL, Target::Email { recipients }));
    }
    if !config.webhook_url.is_empty() {
        let secret = if config.webhook_secret.is_empty() {
            new_webhook_secret()
        } else {
            config.webhook_secret.reveal().to_owned()
        };
        let target = Target::Webhook {
            url: SecretText::new(config.webhook_url.reveal()),
            secrets: WebhookSecrets {
                current: SecretText::new(secret),
                previous: None,
                previous_until_ms: None,
            },
        };
        targets.push((WEBHOOK, target));
    }
    Ok(targets)
}

impl Alerts {
    /// Makes the channels that the settings ask for and that are not there.
    ///
    /// # Errors
    /// The store cannot be asked or changed.
    pub(super) async fn preset(
        &self,
        control: &Control,
        targets: Vec<(&'static str, Target)>,
    ) -> Result<(), ControlError> {
        let Ok(project_id) = ProjectId::parse("id", PROJECT) else {
            return Ok(());
        };
        for (name, target) in targets {
            let Ok(name) = Name::parse("name", name) else {
                continue;
            };
            let id = Uuid::now_v7();
            let new = NewChannel {
                id,
                kind: target.kind(),
                definition: ChannelDefinition {
                    name,
                    is_enabled: true,
                    level_min: Level::Warning,
                    matcher: Matcher::default(),
                    group_wait_ms: 0,
                    remind_after_ms: None,
                    escalate_after_ms: None,
                    weekly_report: true,
                },
                sealed_target: self.seal_target(id, &target),
            };
            match control.create_channel(&By::system(), &project_id, new).await {
                Ok(_) | Err(ControlError::Conflict { field: "name" }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
