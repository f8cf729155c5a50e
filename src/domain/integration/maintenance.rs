//! Times in which a vendor may be away: what happens then counts neither for nor against it.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::account::ProjectId;
use crate::domain::dashboard::Note;

/// Such a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MaintenanceWindow {
    /// Its id.
    pub id: Uuid,
    /// Its project.
    #[schema(value_type = String)]
    pub project_id: ProjectId,
    /// Whose; none: of all integrations.
    pub integration_id: Option<Uuid>,
    /// When it begins, in milliseconds since 1970.
    pub starts_at_ms: i64,
    /// When it is over.
    pub ends_at_ms: i64,
    /// What for.
    #[schema(value_type = Option<String>)]
    pub note: Option<Note>,
    /// When it was made.
    pub created_at_ms: i64,
}
