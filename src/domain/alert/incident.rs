//! One time that something is wrong.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::matcher::Labels;
use crate::domain::account::{Actor, ProjectId};
use crate::domain::rule::Level;

/// What an alert comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertSource {
    /// A rule.
    Rule,
    /// Alerts that clients posted.
    Client,
    /// Fresnel itself: a rule that cannot be evaluated, a channel that was turned off.
    Fresnel,
}

impl AlertSource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rule, Self::Client, Self::Fresnel];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Client => "client",
            Self::Fresnel => "fresnel",
        }
    }

    /// The source of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// Why an alert is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// What was measured is good again, or nobody posted it any more.
    Recovered,
    /// The rule was deleted, disabled, or looks at something else now.
    RuleChanged,
}

impl Resolution {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Recovered, Self::RuleChanged];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::RuleChanged => "rule_changed",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// That somebody looks after an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Acknowledgement {
    /// Who.
    pub by: Actor,
    /// Since when.
    pub at_ms: i64,
}

/// An alert: one time that something is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Alert {
    /// Its id, the same from the first firing to the end.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// What it comes from.
    pub source: AlertSource,
    /// The rule, if it comes from one. It may be deleted since.
    pub rule_id: Option<Uuid>,
    /// The rule's name, or what clients call it.
    pub title: String,
    /// How bad it is, or was at last.
    pub level: Level,
    /// What it is known and matched by.
    pub labels: Labels,
    /// The value at the last change.
    pub value: Option<f64>,
    /// The threshold that it crossed.
    pub threshold: Option<f64>,
    /// How often it was found or posted.
    pub count: u64,
    /// Sessions that posted it, for alerts of clients; counted up to 1,000.
    pub sessions: u32,
    /// When it began.
    pub started_at_ms: i64,
    /// When something about it changed last.
    pub updated_at_ms: i64,
    /// When it was over.
    pub resolved_at_ms: Option<i64>,
    /// Why it is over.
    pub resolution: Option<Resolution>,
    /// Who looks after it.
    pub acknowledged: Option<Acknowledgement>,
}

impl Alert {
    /// Whether it is not over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.resolved_at_ms.is_none()
    }
}
