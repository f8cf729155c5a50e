//! A project's use of a service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::service::{Authorization, RateLimit, Sla, SyncMethod};
use super::signature::SignatureScheme;
use super::slug::Slug;
use crate::domain::account::{Name, ProjectId, Sha256Sum};
use crate::domain::field_error::{FieldError, FieldFault};

const PATH_BYTES_MAX: usize = 1_000;
const HEADERS_MAX: usize = 20;
const HEADER_CHARS_MAX: usize = 1_000;
const POLL_INTERVAL_S: std::ops::RangeInclusive<u32> = 10..=86_400;

/// What people say of an integration. What is absent is as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntegrationDefinition {
    /// Its name, for people.
    pub name: Name,
    /// False: it is neither polled nor called, and its webhooks are refused.
    pub is_enabled: bool,
    /// Whether Fresnel looks from time to time if it is there.
    #[serde(default = "yes")]
    pub is_monitored: bool,
    /// Address below which it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where its credential goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Where access tokens are had (OAuth 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// What they are to be good for, as the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Further headers of each call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How its data reaches the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncMethod>,
    /// Time between two polls, in seconds, 10 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_interval_s: Option<u32>,
    /// What polls ask for: a path, with its query, below the base address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_path: Option<String>,
    /// Calls that it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What is expected of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    /// How its webhooks are signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureScheme>,
}

const fn yes() -> bool {
    true
}

impl IntegrationDefinition {
    /// One that is as the catalogue has it.
    #[must_use]
    pub const fn named(name: Name) -> Self {
        Self {
            name,
            is_enabled: true,
            is_monitored: true,
            base_url: None,
            authorization: None,
            token_url: None,
            scope: None,
            headers: BTreeMap::new(),
            sync: None,
            poll_interval_s: None,
            poll_path: None,
            rate_limit: None,
            sla: None,
            signature: None,
        }
    }

    /// Everything that is outside its limits. (Whether the address may be called, the door says.)
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut note = |field: &'static str, message: &'static str| {
            faults.push(FieldError::new(field, FieldFault::OutOfRange, message));
        };
        if self
            .poll_interval_s
            .is_some_and(|s| !POLL_INTERVAL_S.contains(&s))
        {
            note("poll_interval_s", "must be 10 to 86400");
        }
        let is_path = |path: &str| {
            path.starts_with('/')
                && path.len() <= PATH_BYTES_MAX
                && path.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
        };
        if !self.poll_path.as_deref().is_none_or(is_path) {
            note(
                "poll_path",
                "must begin with a slash and have at most 1000 characters, all of them printable ASCII",
            );
        }
        if self
            .scope
            .as_ref()
            .is_some_and(|scope| scope.len() > PATH_BYTES_MAX)
        {
            note("scope", "must have at most 1000 bytes");
        }
        if let Some(limit) = self.rate_limit {
            if !(1..=1_000_000).contains(&limit.calls) {
                note("rate_limit.calls", "must be 1 to 1000000");
            }
            if !(1..=86_400).contains(&limit.window_s) {
                note("rate_limit.window_s", "must be 1 to 86400");
            }
        }
        if let Some(sla) = self.sla {
            sla_faults(&sla, &mut note);
        }
        let are_headers = self.headers.len() <= HEADERS_MAX
            && self
                .headers
                .iter()
                .all(|(name, value)| is_header_name(name) && is_header_value(value));
        if !are_headers {
            note(
                "headers",
                "must be at most 20 headers, none of them of the connection or a credential",
            );
        }
        if let Some(Authorization::Header { name }) = &self.authorization
            && !is_token(name)
        {
            note("authorization.name", "must be the name of a header");
        }
        if let Some(Authorization::Query { name }) = &self.authorization
            && !(1..=100).contains(&name.chars().count())
        {
            note("authorization.name", "must be the name of a parameter");
        }
        if let Some(SignatureScheme::Token { header, .. } | SignatureScheme::Hmac { header, .. }) =
            &self.signature
            && !is_token(header)
        {
            note("signature.header", "must be the name of a header");
        }
        faults
    }
}

fn sla_faults(sla: &Sla, note: &mut impl FnMut(&'static str, &'static str)) {
    if !(0.0..=100.0).contains(&sla.availability_percent) {
        note("sla.availability_percent", "must be 0 to 100");
    }
    if !(0.0..=100.0).contains(&sla.error_percent) {
        note("sla.error_percent", "must be 0 to 100");
    }
    if !sla
        .delivery_percent
        .is_none_or(|percent| (0.0..=100.0).contains(&percent))
    {
        note("sla.delivery_percent", "must be 0 to 100");
    }
    if !sla
        .call_success_percent
        .is_none_or(|percent| (0.0..=100.0).contains(&percent))
    {
        note("sla.call_success_percent", "must be 0 to 100");
    }
    if !sla.sync_latency_ms.is_none_or(|ms| (1..=600_000).contains(&ms)) {
        note("sla.sync_latency_ms", "must be 1 to 600000");
    }
    if !(1..=600_000).contains(&sla.response_ms) {
        note("sla.response_ms", "must be 1 to 600000");
    }
}

/// A token as RFC 9110 has it, not too long.
pub(super) fn is_token(name: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=100).contains(&name.len()) && name.bytes().all(is_of_token)
}

/// Headers that are set by others: by the connection, by the credential, by the caller's body.
const RESERVED_HEADERS: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn is_header_name(name: &str) -> bool {
    is_token(name)
        && !RESERVED_HEADERS
            .iter()
            .any(|reserved| name.eq_ignore_ascii_case(reserved))
}

fn is_header_value(value: &str) -> bool {
    value.len() <= HEADER_CHARS_MAX && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// An integration as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// Its id.
    pub id: Uuid,
    /// Its project.
    pub project_id: ProjectId,
    /// Its name in addresses.
    pub slug: Slug,
    /// The catalogue's service; `custom` for one that is not in it.
    pub service: Slug,
    /// What people say of it.
    pub definition: IntegrationDefinition,
    /// [`IntegrationSecrets`](super::IntegrationSecrets), encrypted.
    pub sealed_secrets: Vec<u8>,
    /// Sum of the token in the address of its hook.
    pub hook_sha256: Sha256Sum,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was changed.
    pub updated_at_ms: i64,
    /// Goes up with each change.
    pub revision: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_its_limits_is_named() {
        let mut definition = IntegrationDefinition::named(Name::parse("", "Stripe").unwrap());
        assert_eq!(definition.faults(), []);
        definition.poll_interval_s = Some(9);
        definition.rate_limit = Some(RateLimit {
            calls: 0,
            window_s: 86_401,
        });
        definition.sla = Some(Sla {
            availability_percent: 101.0,
            response_ms: 0,
            error_percent: f64::NAN,
            ..Sla::default()
        });
        definition.headers.insert("Authorization".into(), "x".into());
        definition.authorization = Some(Authorization::Header { name: "X Key".into() });
        definition.signature = Some(SignatureScheme::Token {
            header: String::new(),
            prefix: String::new(),
        });
        let fields: Vec<_> = definition.faults().into_iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "poll_interval_s",
                "rate_limit.calls",
                "rate_limit.window_s",
                "sla.availability_percent",
                "sla.error_percent",
                "sla.response_ms",
                "headers",
                "authorization.name",
                "signature.header"
            ]
        );
    }

    #[test]
    fn headers_of_the_connection_and_line_breaks_are_no_further_headers() {
        for (name, value) in [("Host", "x"), ("te", "x"), ("X-A", "a\r\nX-B: c"), ("X A", "x")] {
            let mut definition = IntegrationDefinition::named(Name::parse("", "n").unwrap());
            definition.headers.insert(name.into(), value.into());
            assert_eq!(definition.faults().len(), 1, "{name}: {value}");
        }
    }
}
