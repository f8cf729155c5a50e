//! What a catalogue says of a service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::signature::SignatureScheme;
use super::slug::Slug;

/// How data of a vendor reaches a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncMethod {
    /// The vendor calls.
    Webhook,
    /// Fresnel asks from time to time.
    Polling,
    /// Somebody asks Fresnel to ask.
    Manual,
}

impl SyncMethod {
    /// The method of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "webhook" => Some(Self::Webhook),
            "polling" => Some(Self::Polling),
            "manual" => Some(Self::Manual),
            _ => None,
        }
    }
}

/// Where a credential goes in a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Authorization {
    /// Nowhere: the service wants none.
    #[default]
    None,
    /// `Authorization: Bearer SECRET`.
    Bearer,
    /// `Authorization: Basic`, of the credential's user and its secret (RFC 7617).
    Basic,
    /// A header of its own, with the secret as its value.
    Header {
        /// Name of the header.
        name: String,
    },
    /// A parameter of the query string.
    Query {
        /// Name of the parameter.
        name: String,
    },
}

/// Most calls in a rolling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Calls, from 1 on.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub calls: u32,
    /// Length of the window, in seconds.
    #[schema(minimum = 1, maximum = 86_400)]
    pub window_s: u32,
}

/// What is expected of a service.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// Least share of the time in which it is there, in percent.
    #[schema(minimum = 0, maximum = 100)]
    pub availability_percent: f64,
    /// Longest mean time of an answer, in milliseconds.
    #[schema(minimum = 1)]
    pub response_ms: u32,
    /// Largest share of calls that fail, in percent.
    #[schema(minimum = 0, maximum = 100)]
    pub error_percent: f64,
    /// Longest mean time of a poll, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub sync_latency_ms: Option<u32>,
    /// Least share of what was sent that is delivered, by the vendor's webhooks, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100)]
    pub delivery_percent: Option<f64>,
    /// Least share of the product's calls that go well, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100)]
    pub call_success_percent: Option<f64>,
}

impl Default for Sla {
    fn default() -> Self {
        Self {
            availability_percent: 99.5,
            response_ms: 3_000,
            error_percent: 5.0,
            sync_latency_ms: None,
            delivery_percent: None,
            call_success_percent: None,
        }
    }
}

/// A call that changes nothing and says whether the service answers and takes the credential.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Path below the base address, asked with `GET`.
    pub path: String,
}

/// Answers that may be given again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerCaching {
    /// Paths whose answers hold for a time.
    pub paths: Vec<CachedPath>,
    /// Paths that tell how far a task has come.
    pub tasks: Vec<TaskCaching>,
}

/// A path whose answers to `GET` hold for a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CachedPath {
    /// Path below the base address; `*` stands for one part of it.
    pub path: String,
    /// Seconds for which an answer holds.
    pub seconds: u32,
}

/// A path that tells how far a task has come: how long that holds depends on what it says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskCaching {
    /// Path below the base address; `*` stands for one part of it.
    pub path: String,
    /// Member of the answer that names the state.
    pub member: String,
    /// States of a task that is over: held for an hour.
    pub done: Vec<String>,
    /// States of one that is under way: held for 10 seconds.
    pub processing: Vec<String>,
    /// States of one that has not begun: held for 20 seconds.
    pub pending: Vec<String>,
}

/// What of a service may be tried again, beside what HTTP says of methods and statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryClasses {
    /// Statuses of answers that may be other ones a moment later.
    pub transient: Vec<u16>,
    /// Statuses that stay what they are, although HTTP says otherwise.
    pub permanent: Vec<u16>,
    /// Paths whose calls only ask, so that making one twice does no harm, whatever the method; `*` stands for one part.
    pub harmless: Vec<String>,
}

/// A path whose calls may go together in one: what each asks for is an element of a list, and so is what each is answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchedPath {
    /// Path below the base address, called with `POST`; `*` stands for one part of it.
    pub path: String,
    /// Member of the call's body, a list, that holds what is asked for.
    pub items: String,
    /// Member of the answer, a list of the same length and order, that holds what is answered.
    pub answers: String,
    /// Member of each answer that tells its place in the list, from 0 on, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CatalogueService)]
pub struct Service {
    /// Its id.
    pub id: Slug,
    /// Its name, for people.
    pub name: String,
    /// What it is for, in a word or two.
    pub category: String,
    /// How its data reaches a project.
    pub sync: SyncMethod,
    /// How, when its webhooks stay away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<SyncMethod>,
    /// Time between two polls, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_interval_s: Option<u32>,
    /// What polls ask for: a path, with its query, below the base address; the probe's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_path: Option<String>,
    /// Whether data goes both ways.
    #[serde(default)]
    pub is_bidirectional: bool,
    /// Whether many things can be asked or told at once.
    #[serde(default)]
    pub has_bulk: bool,
    /// Address of its API; none where each customer has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where a credential goes.
    #[serde(default)]
    pub authorization: Authorization,
    /// Where access tokens are had (OAuth 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Further headers of each call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Calls that it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What is expected of it.
    #[serde(default)]
    pub sla: Sla,
    /// How its webhooks are signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureScheme>,
    /// Header by which it knows a call again that comes twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_header: Option<String>,
    /// Says whether it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Page that tells people how it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_page: Option<String>,
    /// The same for programs, as Statuspage has it: `{"status": {"indicator": "none"}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// Answers that may be given again.
    #[serde(default)]
    pub caching: AnswerCaching,
    /// Calls that may go together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<BatchedPath>,
    /// What may be tried again.
    #[serde(default)]
    pub retry: RetryClasses,
}
