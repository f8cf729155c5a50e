//! Reads channels out of bodies.

use crate::alerts::channels::{check_webhook_secret, new_webhook_secret};
use crate::api::body::Fields;
use crate::domain::account::{Email, Name};
use crate::domain::alert::{ChannelDefinition, ChannelKind, Matcher, SecretText, Target, WebhookSecrets};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::rule::Level;
use crate::outbound::Outbound;

const KINDS: &str = "webhook, slack, pager_duty, alertmanager, email";
const LEVELS: &str = "info, warning, error, critical";

/// A channel to be kept.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(super) struct NewChannelFields {
    #[schema(inline)]
    target: TargetFields,
    name: Name,
    /// Whether it is told anything.
    #[schema(default = true)]
    is_enabled: Option<bool>,
    /// Only alerts of this level and above; `warning` unless given.
    level_min: Option<Level>,
    /// Only these alerts; without it all.
    matcher: Option<Matcher>,
    /// Time for which a notice waits for others, to be sent in one message; at most ten minutes.
    #[schema(minimum = 0, maximum = 600_000, default = 0)]
    group_wait_ms: Option<i64>,
    /// Time after which it is reminded of what still fires; without it never.
    #[schema(minimum = 60_000, maximum = 604_800_000)]
    remind_after_ms: Option<i64>,
    /// It is told only what nobody has acknowledged for so long; without it at once.
    #[schema(minimum = 60_000, maximum = 604_800_000)]
    escalate_after_ms: Option<i64>,
    /// Whether it gets the report of each week; only e-mail does.
    #[schema(default = true)]
    weekly_report: Option<bool>,
}

/// What is changed; what is left out stays. `null` takes a time away.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(super) struct ChannelFields {
    /// As it was read.
    #[schema(minimum = 1)]
    revision: i64,
    /// Set as a whole.
    #[schema(inline)]
    target: Option<TargetFields>,
    name: Option<Name>,
    is_enabled: Option<bool>,
    level_min: Option<Level>,
    matcher: Option<Matcher>,
    #[schema(minimum = 0, maximum = 600_000)]
    group_wait_ms: Option<i64>,
    #[schema(minimum = 60_000, maximum = 604_800_000)]
    remind_after_ms: Option<i64>,
    #[schema(minimum = 60_000, maximum = 604_800_000)]
    escalate_after_ms: Option<i64>,
    weekly_report: Option<bool>,
}

/// Where a channel leads: each kind takes its own fields.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct TargetFields {
    kind: ChannelKind,
    /// Of all but `email`; for `pager_duty` its own address unless given. `https` at a public address, or into a network
    /// of `outbound.allow_networks`.
    #[schema(max_length = 2_000, example = "https://hooks.example/fresnel")]
    url: Option<String>,
    /// Of `webhook`: `whsec_` and 24 to 64 bytes in base64; made unless given.
    secret: Option<String>,
    /// Of `pager_duty`: the integration's key.
    #[schema(max_length = 200)]
    routing_key: Option<String>,
    /// Of `alertmanager`: the value of an `Authorization` header.
    #[schema(max_length = 2_000)]
    authorization: Option<String>,
    /// Of `email`: 1 to 50 addresses.
    recipients: Option<Vec<Email>>,
}

/// A channel that stands in a file.
#[derive(Clone, Debug)]
pub struct DeclaredChannel {
    /// What it is told.
    pub definition: ChannelDefinition,
    /// Where it leads, if the file says so.
    pub target: Option<Target>,
    /// Whether the file says what signs a webhook; otherwise `target` has a secret that nobody knows.
    pub has_secret: bool,
}

/// A channel that stands in a file, as JSON; it is judged as one that is posted, but for its address, which may not be called.
///
/// # Errors
/// Everything that is wrong with it.
pub fn declared_channel(json: &[u8]) -> Result<DeclaredChannel, Vec<FieldError>> {
    let mut fields = Fields::declared(json)?;
    let definition = new_definition(&mut fields);
    let read = fields.object("target", |target| read_target(target, None));
    let read = read.flatten();
    let faults = read.iter().flat_map(|new| new.target.faults());
    faults
        .collect::<Vec<_>>()
        .into_iter()
        .for_each(|fault| fields.note(fault));
    let declared = definition.map(|definition| DeclaredChannel {
        definition,
        has_secret: read.as_ref().is_some_and(|new| new.new_secret.is_none()),
        target: read.map(|new| new.target),
    });
    fields.finish_declared(declared)
}

/// A new channel's definition. Everything that is wrong with it is noted in `fields`.
pub(super) fn new_definition(fields: &mut Fields<'_>) -> Option<ChannelDefinition> {
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let others = Others::read(fields);
    let begun = name.map(|name| ChannelDefinition {
        name,
        is_enabled: true,
        level_min: Level::Warning,
        matcher: Matcher::default(),
        group_wait_ms: 0,
        remind_after_ms: None,
        escalate_after_ms: None,
        weekly_report: true,
    });
    begun.map(|begun| others.applied_to(fields, begun))
}

/// A definition with what is changed of it. Everything that is wrong is noted in `fields`.
pub(super) fn changed_definition(fields: &mut Fields<'_>, known: ChannelDefinition) -> ChannelDefinition {
    let name = fields.parsed("name", Name::parse).unwrap_or(known.name);
    let others = Others::read(fields);
    others.applied_to(fields, ChannelDefinition { name, ..known })
}

/// What a channel need not say.
struct Others {
    is_enabled: Option<bool>,
    level_min: Option<Level>,
    matcher: Option<Matcher>,
    group_wait_ms: Option<i64>,
    remind_after_ms: Option<Option<i64>>,
    escalate_after_ms: Option<Option<i64>>,
    weekly_report: Option<bool>,
}

impl Others {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            is_enabled: fields.flag("is_enabled"),
            level_min: fields.named("level_min", Level::from_name, LEVELS),
            matcher: fields.typed("matcher"),
            group_wait_ms: fields.whole("group_wait_ms"),
            remind_after_ms: fields.whole_or_null("remind_after_ms"),
            escalate_after_ms: fields.whole_or_null("escalate_after_ms"),
            weekly_report: fields.flag("weekly_report"),
        }
    }

    fn applied_to(self, fields: &mut Fields<'_>, known: ChannelDefinition) -> ChannelDefinition {
        let definition = ChannelDefinition {
            name: known.name,
            is_enabled: self.is_enabled.unwrap_or(known.is_enabled),
            level_min: self.level_min.unwrap_or(known.level_min),
            matcher: self.matcher.unwrap_or(known.matcher),
            group_wait_ms: self.group_wait_ms.unwrap_or(known.group_wait_ms),
            remind_after_ms: self.remind_after_ms.unwrap_or(known.remind_after_ms),
            escalate_after_ms: self.escalate_after_ms.unwrap_or(known.escalate_after_ms),
            weekly_report: self.weekly_report.unwrap_or(known.weekly_report),
        };
        definition
            .faults()
            .into_iter()
            .for_each(|fault| fields.note(fault));
        definition
    }
}

/// Where a channel is to lead.
pub(super) struct NewTarget {
    pub(super) target: Target,
    /// The secret of a webhook, if it was made here.
    pub(super) new_secret: Option<String>,
}

/// The target, if there is one. `secrets` are those that a webhook has already. Everything that is wrong is noted in
/// `fields`, in words that repeat nothing of it.
pub(super) fn target(
    fields: &mut Fields<'_>,
    outbound: &Outbound,
    secrets: Option<WebhookSecrets>,
) -> Option<NewTarget> {
    let read = fields.object("target", |target| read_target(target, secrets));
    let new = read.flatten()?;
    let mut faults = new.target.faults();
    if faults.is_empty()
        && let Some(refusal) = new.target.url().and_then(|url| outbound.check(url).err())
    {
        let message = refusal.to_string();
        faults.push(FieldError::new("target.url", FieldFault::BadFormat, message));
    }
    faults.into_iter().for_each(|fault| fields.note(fault));
    Some(new)
}

fn read_target(target: &mut Fields<'_>, secrets: Option<WebhookSecrets>) -> Option<NewTarget> {
    let kind = target.named("kind", ChannelKind::from_name, KINDS);
    let Some(kind) = target.require("kind", kind) else {
        target.pass_over();
        return None;
    };
    let secret_text = |target: &mut Fields<'_>, name: &str| target.text(name).map(SecretText::new);
    let required = |target: &mut Fields<'_>, name: &str| {
        let text = secret_text(target, name);
        target.require(name, text)
    };
    let mut new_secret = None;
    let target = match kind {
        ChannelKind::Webhook => {
            let url = required(target, "url");
            let given = target.parsed("secret", |_, text| {
                check_webhook_secret(text).map(|()| SecretText::new(text))
            });
            Target::Webhook {
                url: url?,
                secrets: signed_with(given, secrets, &mut new_secret),
            }
        }
        ChannelKind::Slack => Target::Slack {
            url: required(target, "url")?,
        },
        ChannelKind::PagerDuty => {
            let url = secret_text(target, "url");
            Target::PagerDuty {
                routing_key: required(target, "routing_key")?,
                url,
            }
        }
        ChannelKind::Alertmanager => {
            let authorization = secret_text(target, "authorization");
            Target::Alertmanager {
                url: required(target, "url")?,
                authorization,
            }
        }
        ChannelKind::Email => {
            let recipients = target.list("recipients", Email::parse);
            Target::Email {
                recipients: target.require("recipients", recipients)?,
            }
        }
    };
    Some(NewTarget { target, new_secret })
}

/// What signs a webhook: what was given, or what it has, or what is made now.
fn signed_with(
    given: Option<SecretText>,
    known: Option<WebhookSecrets>,
    new_secret: &mut Option<String>,
) -> WebhookSecrets {
    let current = match (given, known) {
        (None, Some(known)) => return known,
        (Some(given), _) => given,
        (None, None) => {
            let made = new_webhook_secret();
            SecretText::new(new_secret.insert(made).as_str())
        }
    };
    WebhookSecrets {
        current,
        previous: None,
        previous_until_ms: None,
    }
}
