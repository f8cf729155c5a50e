//! What is kept, as rows hold it.

use uuid::Uuid;

use crate::domain::account::ProjectId;
use crate::domain::alert::{ChannelDefinition, ChannelKind};
use crate::domain::rule::{Level, Status};

/// A channel as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChannel {
    /// Its id.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// What kind of place it is.
    pub kind: ChannelKind,
    /// What it is told.
    pub definition: ChannelDefinition,
    /// Where it leads, encrypted.
    pub sealed_target: Vec<u8>,
    /// Why Fresnel has turned it off.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// Goes up with each change.
    pub revision: i64,
}

/// Where a rule stands for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleState {
    /// The rule; it may be deleted since.
    pub rule_id: Uuid,
    /// SHA-256 of the group's values, in hexadecimal digits.
    pub group_hash: String,
    /// The values by which the group is told apart.
    pub group_values: Vec<String>,
    /// Where it stands.
    pub status: Status,
    /// Since when.
    pub updated_at_ms: i64,
}

/// That a channel knows of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The alert.
    pub alert_id: Uuid,
    /// The channel.
    pub channel_id: Uuid,
    /// The level that it was told.
    pub level: Level,
    /// When it was told last.
    pub told_at_ms: i64,
}
