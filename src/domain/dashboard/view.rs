//! Views that are kept.

use serde::Serialize;
use uuid::Uuid;

use super::text::{PageName, ViewState};
use crate::domain::account::{Name, ProjectId};

/// Who keeps a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ViewOwner {
    /// Id of the user, or of the key.
    pub id: Uuid,
    /// The name at the time when the view was made.
    pub name: String,
}

/// A page of the dashboard in one of its states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SavedView {
    /// What a link to it holds; random, so that nobody guesses it.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// Its name for people.
    pub name: Name,
    /// Which page.
    pub page: PageName,
    /// What the page shows: its query string, or JSON, as the page has it.
    pub state: ViewState,
    /// Whose it is.
    pub owner: ViewOwner,
    /// Whether others who may see the project may see it. Only its owner sees one that is not shared.
    pub is_shared: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// Goes up by one with each change; an update must name the one that it has seen.
    pub revision: i64,
}

impl SavedView {
    /// True for those who may see it, given that they may see the project.
    #[must_use]
    pub fn is_seen_by(&self, id: Uuid) -> bool {
        self.is_shared || self.owner.id == id
    }
}
