//! Who changed what, and when.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::project::ProjectId;

/// What sort of actor made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A user of the dashboard.
    User,
    /// A program with an API key.
    Key,
    /// Someone at the command line of the machine.
    CommandLine,
    /// Fresnel itself.
    System,
}

impl ActorKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::User, Self::Key, Self::CommandLine, Self::System];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Key => "key",
            Self::CommandLine => "command_line",
            Self::System => "system",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Actor {
    /// What sort of actor.
    pub kind: ActorKind,
    /// Id of the user or of the key.
    pub id: Option<Uuid>,
    /// Its name at that time.
    pub name: String,
}

impl Actor {
    /// Fresnel itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            id: None,
            name: "fresnel".to_owned(),
        }
    }

    /// Someone at the command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            kind: ActorKind::CommandLine,
            id: None,
            name: "command line".to_owned(),
        }
    }
}

/// By whom and from where a change comes; every change names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// The network that the request came from; never a whole address.
    pub ip_prefix: Option<String>,
}

impl By {
    /// Fresnel itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            actor: Actor::system(),
            ip_prefix: None,
        }
    }

    /// Someone at the command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            actor: Actor::command_line(),
            ip_prefix: None,
        }
    }
}

/// How much an entry asks for attention.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AuditLevel {
    /// Everyday changes.
    Info,
    /// What takes rights or data away, and what was refused.
    Warning,
}

impl AuditLevel {
    /// All levels.
    pub const ALL: [Self; 2] = [Self::Info, Self::Warning];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }

    /// The level of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Its id; later entries have higher ones.
    pub id: Uuid,
    /// When.
    pub ts_ms: i64,
    /// Who.
    pub actor: Actor,
    /// The project that was changed; none for the instance.
    pub project_id: Option<ProjectId>,
    /// What, like `key.revoke`.
    pub action: String,
    /// What it was done to, like the id of a key.
    pub target: String,
    /// How much it asks for attention.
    pub level: AuditLevel,
    /// What else is to be known; never a secret.
    pub details: serde_json::Value,
    /// The network that the request came from.
    pub ip_prefix: Option<String>,
}
