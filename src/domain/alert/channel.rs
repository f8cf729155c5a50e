//! Places that are told.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::matcher::Matcher;
use crate::domain::account::{Email, Name, ProjectId};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::rule::Level;

const RECIPIENTS_MAX: usize = 50;
const URL_CHARS_MAX: usize = 2_000;
const KEY_CHARS_MAX: usize = 200;
/// Longest that notices may wait for others: ten minutes.
const GROUP_WAIT_MAX_MS: i64 = 600_000;
const MINUTE_MS: i64 = 60_000;
/// Longest time of reminders and escalations: a week.
const LATER_MAX_MS: i64 = 7 * 24 * 60 * MINUTE_MS;

/// A text that is shown to nobody: an address with a secret in it, a key.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever must use it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

/// What signs webhooks, as the Standard Webhooks specification has it: `whsec_` and base64 of 24 to 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSecrets {
    /// Signs.
    pub current: SecretText,
    /// Signs too, until its time is over: receivers change theirs in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<SecretText>,
    /// When the previous one no longer signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until_ms: Option<i64>,
}

/// Where a channel leads, with what is secret about it. It is kept encrypted, and never shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// JSON, signed by Standard Webhooks.
    Webhook {
        /// Where to.
        url: SecretText,
        /// What signs it.
        secrets: WebhookSecrets,
    },
    /// An incoming webhook of Slack, or of one that speaks like it (Mattermost, Rocket.Chat, Discord with `/slack`).
    Slack {
        /// Where to; whoever knows it may post.
        url: SecretText,
    },
    /// Events API v2 of PagerDuty.
    PagerDuty {
        /// The integration's key.
        routing_key: SecretText,
        /// Where to; PagerDuty's own unless it is set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<SecretText>,
    },
    /// API v2 of an Alertmanager.
    Alertmanager {
        /// Its address, to which `/api/v2/alerts` is added.
        url: SecretText,
        /// Value of an `Authorization` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization: Option<SecretText>,
    },
    /// E-mail, through the server of the settings.
    Email {
        /// To whom, at most 50.
        recipients: Vec<Email>,
    },
}

/// What kind of place a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// JSON, signed by Standard Webhooks.
    Webhook,
    /// An incoming webhook of Slack, or of one that speaks like it.
    Slack,
    /// Events API v2 of PagerDuty.
    PagerDuty,
    /// API v2 of an Alertmanager.
    Alertmanager,
    /// E-mail.
    Email,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Webhook,
        Self::Slack,
        Self::PagerDuty,
        Self::Alertmanager,
        Self::Email,
    ];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::PagerDuty => "pager_duty",
            Self::Alertmanager => "alertmanager",
            Self::Email => "email",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

impl Target {
    /// What kind of place it is.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook { .. } => ChannelKind::Webhook,
            Self::Slack { .. } => ChannelKind::Slack,
            Self::PagerDuty { .. } => ChannelKind::PagerDuty,
            Self::Alertmanager { .. } => ChannelKind::Alertmanager,
            Self::Email { .. } => ChannelKind::Email,
        }
    }

    /// The address that is called, if a user has set one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Webhook { url, .. } | Self::Slack { url } | Self::Alertmanager { url, .. } => {
                Some(url.reveal())
            }
            Self::PagerDuty { url, .. } => url.as_ref().map(SecretText::reveal),
            Self::Email { .. } => None,
        }
    }

    /// What is wrong with it; whether its address may be called is another question.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.url().is_some_and(|url| url.chars().count() > URL_CHARS_MAX) {
            let message = format!("must have at most {URL_CHARS_MAX} characters");
            faults.push(FieldError::new("target.url", FieldFault::TooLong, message));
        }
        match self {
            Self::PagerDuty { routing_key, .. } => {
                let key = routing_key.reveal();
                if key.is_empty()
                    || key.len() > KEY_CHARS_MAX
                    || !key.bytes().all(|byte| byte.is_ascii_graphic())
                {
                    let message = format!("must be 1 to {KEY_CHARS_MAX} visible ASCII characters");
                    faults.push(FieldError::new(
                        "target.routing_key",
                        FieldFault::BadFormat,
                        message,
                    ));
                }
            }
            Self::Email { recipients } => {
                if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
                    let message = format!("must hold 1 to {RECIPIENTS_MAX} addresses");
                    faults.push(FieldError::new(
                        "target.recipients",
                        FieldFault::OutOfRange,
                        message,
                    ));
                }
            }
            Self::Alertmanager {
                authorization: Some(text),
                ..
            } => {
                let text = text.reveal();
                if text.len() > URL_CHARS_MAX || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                    let message = "must be printable ASCII";
                    faults.push(FieldError::new(
                        "target.authorization",
                        FieldFault::BadFormat,
                        message,
                    ));
                }
            }
            Self::Webhook { .. } | Self::Slack { .. } | Self::Alertmanager { .. } => {}
        }
        faults
    }
}

/// What a channel is told, without where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelDefinition {
    /// Its name for people.
    pub name: Name,
    /// Whether it is told anything.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    /// Only alerts of this level and above.
    #[serde(default = "warning")]
    pub level_min: Level,
    /// Only these alerts.
    #[serde(default)]
    pub matcher: Matcher,
    /// Time for which a notice waits for others, to be sent in one message, in milliseconds; at most ten minutes. PagerDuty
    /// takes one at a time, and e-mail waits ten seconds at least.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 600_000)]
    pub group_wait_ms: i64,
    /// Time after which it is reminded of what still fires; none: never. An Alertmanager is reminded each minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 60_000, maximum = 604_800_000)]
    pub remind_after_ms: Option<i64>,
    /// It is told only what nobody has acknowledged for so long: the next one to wake. None: it is told at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 60_000, maximum = 604_800_000)]
    pub escalate_after_ms: Option<i64>,
    /// Whether it gets the report of each week; only e-mail does.
    #[serde(default = "yes")]
    pub weekly_report: bool,
}

const fn yes() -> bool {
    true
}

const fn warning() -> Level {
    Level::Warning
}

impl ChannelDefinition {
    /// What is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = self.matcher.faults("matcher");
        if !(0..=GROUP_WAIT_MAX_MS).contains(&self.group_wait_ms) {
            let message = format!("must be 0 to {GROUP_WAIT_MAX_MS}");
            faults.push(FieldError::new("group_wait_ms", FieldFault::OutOfRange, message));
        }
        for (field, time_ms) in [
            ("remind_after_ms", self.remind_after_ms),
            ("escalate_after_ms", self.escalate_after_ms),
        ] {
            if !time_ms.is_none_or(|time_ms| (MINUTE_MS..=LATER_MAX_MS).contains(&time_ms)) {
                let message = format!("must be {MINUTE_MS} to {LATER_MAX_MS}");
                faults.push(FieldError::new(field, FieldFault::OutOfRange, message));
            }
        }
        faults
    }
}

/// A place that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its id.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// What it is told.
    pub definition: ChannelDefinition,
    /// Where it leads.
    pub target: Target,
    /// Why Fresnel has turned it off: it answered 410.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// Goes up with each change.
    pub revision: i64,
}
