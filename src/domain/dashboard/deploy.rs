//! Deploys.

use serde::Serialize;
use uuid::Uuid;

use super::text::{Label, Link, Note};
use crate::domain::account::ProjectId;

/// A release that went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Deploy {
    /// Its id.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// What went live; as beacons name their `release`.
    pub release: Label,
    /// Where it went live; as beacons name their `environment`. None for everywhere.
    pub environment: Option<Label>,
    /// When it went live.
    pub deployed_at_ms: i64,
    /// What is new.
    pub description: Option<Note>,
    /// Where to read more.
    pub url: Option<Link>,
    /// When it was posted.
    pub created_at_ms: i64,
}
