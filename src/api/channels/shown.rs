//! Channels as the API shows them: nothing by which somebody else could post to where they lead.

use serde::Serialize;
use url::Url;
use uuid::Uuid;

use crate::alerts::Alerts;
use crate::control::StoredChannel;
use crate::domain::account::{Email, ProjectId};
use crate::domain::alert::{ChannelDefinition, ChannelKind, Target};

/// A channel, without what is secret about it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Channel)]
pub(super) struct Shown {
    id: Uuid,
    project_id: ProjectId,
    #[serde(flatten)]
    definition: ChannelDefinition,
    target: ShownTarget,
    /// Why Fresnel has turned it off. Any change turns it on again.
    disabled_reason: Option<String>,
    created_at_ms: i64,
    updated_at_ms: i64,
    /// Goes up with each change.
    revision: i64,
}

/// A channel, with a secret that is new.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ChannelWithSecret)]
pub(super) struct ShownOnce {
    #[serde(flatten)]
    channel: Shown,
    /// What signs its messages from now on, if Fresnel has just made it: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Where a channel leads, as far as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
struct ShownTarget {
    kind: ChannelKind,
    /// Scheme, host and port of its address; what follows may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://hooks.example")]
    url: Option<String>,
    /// Who gets mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<Vec<Email>>,
    /// Until when a webhook's secret signs too that is no longer the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_until_ms: Option<i64>,
    /// False when it cannot be decrypted with the keys of the settings: it must be set anew.
    is_readable: bool,
}

impl ShownTarget {
    fn new(alerts: &Alerts, channel: &StoredChannel) -> Self {
        let target = alerts.open(channel).map(|channel| channel.target);
        let mut shown = Self {
            kind: channel.kind,
            url: None,
            recipients: None,
            previous_secret_until_ms: None,
            is_readable: target.is_ok(),
        };
        let Ok(target) = target else {
            return shown;
        };
        shown.url = target.url().map(origin);
        match target {
            Target::Webhook { secrets, .. } => {
                shown.previous_secret_until_ms = secrets.previous.and(secrets.previous_until_ms);
            }
            Target::Email { recipients } => shown.recipients = Some(recipients),
            Target::Slack { .. } | Target::PagerDuty { .. } | Target::Alertmanager { .. } => {}
        }
        shown
    }
}

/// Scheme, host and port, and nothing that stands behind or between them.
fn origin(url: &str) -> String {
    Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

impl Shown {
    pub(super) fn new(alerts: &Alerts, channel: StoredChannel) -> Self {
        Self {
            target: ShownTarget::new(alerts, &channel),
            id: channel.id,
            project_id: channel.project_id,
            definition: channel.definition,
            disabled_reason: channel.disabled_reason,
            created_at_ms: channel.created_at_ms,
            updated_at_ms: channel.updated_at_ms,
            revision: channel.revision,
        }
    }
}

impl ShownOnce {
    pub(super) fn new(alerts: &Alerts, channel: StoredChannel, secret: Option<String>) -> Self {
        Self {
            channel: Shown::new(alerts, channel),
            secret,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn of_an_address_only_scheme_host_and_port_are_shown() {
        for (url, shown) in [
            (
                "https://hooks.example/services/T0/B0/secret?token=x#y",
                "https://hooks.example",
            ),
            (
                "https://user:secret@hooks.example:8443/x",
                "https://hooks.example:8443",
            ),
            ("http://[::1]:9093", "http://[::1]:9093"),
            ("secret", ""),
        ] {
            assert_eq!(origin(url), shown);
        }
    }
}
