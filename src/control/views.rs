//! Operations on saved views.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step, Value};
use super::{By, Control, ControlError, List, rows};
use crate::clock;
use crate::domain::account::{Name, ProjectId};
use crate::domain::dashboard::{PageName, SavedView, ViewOwner, ViewState};
use crate::domain::page::{Page, PageRequest};

/// Most views of a project.
const VIEWS_MAX: u32 = 5_000;
/// Most views that one user or key keeps in a project.
const VIEWS_OF_ONE_MAX: u32 = 200;

/// A view to be kept.
#[derive(Clone, Debug)]
pub struct NewView {
    /// Its name for people.
    pub name: Name,
    /// Which page.
    pub page: PageName,
    /// What the page shows.
    pub state: ViewState,
    /// Whether others may see it.
    pub is_shared: bool,
}

impl Control {
    /// Keeps a view.
    ///
    /// # Errors
    /// The project is not there, or it or the owner has as many as may be.
    pub async fn create_view(
        &self,
        by: &By,
        project_id: &ProjectId,
        owner: ViewOwner,
        new: NewView,
    ) -> Result<SavedView, ControlError> {
        let now_ms = clock::now().as_millis();
        let view = SavedView {
            // Not in the order of time, from which others could be guessed.
            id: Uuid::new_v4(),
            project_id: project_id.clone(),
            name: new.name,
            page: new.page,
            state: new.state,
            owner,
            is_shared: new.is_shared,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            revision: 1,
        };
        let insert = Step::new(
            "INSERT INTO saved_views (id, project_id, name, page, state, owner_id, owner_name, is_shared, \
             created_at_ms, updated_at_ms, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            [
                view.id.into(),
                project_id.as_str().into(),
                view.name.as_str().into(),
                view.page.as_str().into(),
                view.state.as_str().into(),
                view.owner.id.into(),
                view.owner.name.as_str().into(),
                view.is_shared.into(),
                now_ms.into(),
                now_ms.into(),
                view.revision.into(),
            ],
        );
        let change = Change::new(by, "view.create", view.id)
            .within(project_id)
            .details(details(&view))
            .at_most(
                VIEWS_MAX,
                "saved views",
                "saved_views WHERE project_id = $1",
                [project_id.as_str().into()],
            )
            .at_most(
                VIEWS_OF_ONE_MAX,
                "saved views of one owner",
                "saved_views WHERE project_id = $1 AND owner_id = $2",
                [project_id.as_str().into(), view.owner.id.into()],
            )
            .step(insert);
        self.commit(change).await?;
        Ok(view)
    }

    /// A view, whatever its project. Whoever shows it must see to it that it may be shown.
    ///
    /// # Errors
    /// It is not there.
    pub async fn view(&self, id: Uuid) -> Result<SavedView, ControlError> {
        let sql = format!("SELECT {} FROM saved_views WHERE id = $1", rows::SAVED_VIEW);
        let found = self
            .one(Statement::new(sql, [id.into()]), rows::saved_view)
            .await?;
        found.ok_or(ControlError::NotFound("view"))
    }

    /// The views of a project that are shared or this owner's, by their names; of one page, if one is named.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn views(
        &self,
        project_id: &ProjectId,
        owner: Uuid,
        of_page: Option<&PageName>,
        request: PageRequest,
    ) -> Result<Page<SavedView>, ControlError> {
        let mut from = "saved_views WHERE project_id = $1 AND (is_shared OR owner_id = $2)".to_owned();
        let mut values: Vec<Value> = vec![project_id.as_str().into(), owner.into()];
        if let Some(page) = of_page {
            values.push(page.as_str().into());
            from.push_str(" AND page = $3");
        }
        let list = List {
            columns: rows::SAVED_VIEW,
            from: from.into(),
            order: "name, id",
            values,
        };
        self.page(&list, request, rows::saved_view).await
    }

    /// Sets name, state and whether it is shared, if the view's revision is still the one that is named; the answer has
    /// the next one.
    ///
    /// # Errors
    /// It is not there, or someone else was faster (`Conflict` of `revision`).
    pub async fn update_view(&self, by: &By, view: SavedView) -> Result<SavedView, ControlError> {
        let step = Step::new(
            "UPDATE saved_views SET name = $3, state = $4, is_shared = $5, updated_at_ms = $6, \
             revision = revision + 1 WHERE id = $1 AND revision = $2",
            [
                view.id.into(),
                view.revision.into(),
                view.name.as_str().into(),
                view.state.as_str().into(),
                view.is_shared.into(),
                clock::now().as_millis().into(),
            ],
        );
        let change = Change::new(by, "view.update", view.id)
            .within(&view.project_id)
            .details(details(&view))
            .step(step.or(ControlError::Conflict { field: "revision" }));
        self.commit(change).await?;
        self.view(view.id).await
    }

    /// Forgets a view.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_view(&self, by: &By, project_id: &ProjectId, id: Uuid) -> Result<(), ControlError> {
        let step = Step::new(
            "DELETE FROM saved_views WHERE id = $1 AND project_id = $2",
            [id.into(), project_id.as_str().into()],
        );
        let change = Change::new(by, "view.delete", id)
            .within(project_id)
            .step(step.or(ControlError::NotFound("view")));
        self.commit(change).await
    }
}

/// What the audit log tells; the state may hold what its owner alone should know.
fn details(view: &SavedView) -> serde_json::Value {
    json!({ "name": view.name, "page": view.page, "is_shared": view.is_shared })
}
