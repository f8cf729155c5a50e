//! What has happened to an alert.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::account::ProjectId;
use crate::domain::rule::Level;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertChange {
    /// It fires.
    Fired,
    /// It fires at another level.
    Changed,
    /// Somebody looks after it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl AlertChange {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fired, Self::Changed, Self::Acknowledged, Self::Resolved];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Changed => "changed",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// One change of an alert: its history, and what the dashboard is told live.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AlertEvent {
    /// Its id; later ones are greater.
    pub id: Uuid,
    /// The alert.
    pub alert_id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// When.
    pub at_ms: i64,
    /// What has happened.
    pub event: AlertChange,
    /// How bad it is from then on; of what is resolved: how bad it was.
    pub level: Level,
    /// The value then.
    pub value: Option<f64>,
    /// Who did it, if somebody did.
    pub actor_name: Option<String>,
}
