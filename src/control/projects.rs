//! Operations on projects.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step, Value};
use super::{By, Control, ControlError, List, check, rows};
use crate::clock;
use crate::domain::account::{Name, Project, ProjectId};
use crate::domain::page::{Page, PageRequest};

/// Most projects of an installation, all of which stand in memory.
const PROJECTS_MAX: u32 = 10_000;

impl Control {
    /// Makes a project; its time and its revision are set here.
    ///
    /// # Errors
    /// The id is or was in use, or a setting is outside its limits.
    pub async fn create_project(&self, by: &By, project: Project) -> Result<Project, ControlError> {
        let (change, project) = creation(by, project)?;
        self.commit(change).await?;
        Ok(project)
    }

    /// A project.
    ///
    /// # Errors
    /// It is not there, or is deleted.
    pub async fn project(&self, id: &ProjectId) -> Result<Project, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM projects WHERE id = $1 AND deleted_at_ms IS NULL",
                rows::PROJECT
            ),
            [id.as_str().into()],
        );
        let found = self.one(query, rows::project).await?;
        found.ok_or(ControlError::NotFound("project"))
    }

    /// The projects, by their ids; those of one user, if one is named.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn projects(
        &self,
        member: Option<Uuid>,
        request: PageRequest,
    ) -> Result<Page<Project>, ControlError> {
        let (from, values) = match member {
            None => ("projects WHERE deleted_at_ms IS NULL", Vec::new()),
            Some(user_id) => (
                "projects WHERE deleted_at_ms IS NULL \
                 AND id IN (SELECT project_id FROM memberships WHERE user_id = $1)",
                vec![Value::from(user_id)],
            ),
        };
        let list = List {
            columns: rows::PROJECT,
            from: from.into(),
            order: "id",
            values,
        };
        self.page(&list, request, rows::project).await
    }

    /// Sets everything of a project but its id and its time, if its revision is still the one that is named; the
    /// answer has the next one.
    ///
    /// # Errors
    /// It is not there; someone else was faster (`Conflict` of `revision`); a setting is outside its limits.
    pub async fn update_project(&self, by: &By, project: Project) -> Result<Project, ControlError> {
        self.commit(update(by, &project)?).await?;
        self.project(&project.id).await
    }

    /// Deletes a project: it is found no more, and its keys are refused. Its rows stay, so that its id is not
    /// given again while there is data of it. The project `default` stays.
    ///
    /// # Errors
    /// It is not there, or is the default one.
    pub async fn delete_project(&self, by: &By, id: &ProjectId) -> Result<(), ControlError> {
        if id.as_str() == ProjectId::DEFAULT {
            return Err(ControlError::Conflict { field: "id" });
        }
        let step = Step::new(
            "UPDATE projects SET deleted_at_ms = $2, revision = revision + 1 \
             WHERE id = $1 AND deleted_at_ms IS NULL",
            [id.as_str().into(), clock::now().as_millis().into()],
        );
        let change = Change::new(by, "project.delete", id)
            .about(id)
            .warning()
            .step(step.or(ControlError::NotFound("project")));
        self.commit(change).await
    }

    /// Makes the project `default` when it is not there.
    pub(super) async fn ensure_default_project(&self) -> Result<(), ControlError> {
        let id = ProjectId::default_project();
        if !matches!(self.project(&id).await, Err(ControlError::NotFound(_))) {
            return Ok(());
        }
        let name = Name::parse("name", "Default").map_err(|fault| ControlError::Invalid(vec![fault]))?;
        let project = Project::new(id, name, clock::now().as_millis());
        let change = Change::new(&By::system(), "project.create", &project.id)
            .about(&project.id)
            // Of two who start at once, the second makes nothing, and no entry.
            .step(
                insert(&project, " ON CONFLICT (id) DO NOTHING")?.or(ControlError::Conflict { field: "id" }),
            );
        match self.commit(change).await {
            Err(ControlError::Conflict { .. }) => Ok(()),
            outcome => outcome,
        }
    }
}

/// The change that makes a project, and the project that it makes.
pub(super) fn creation(by: &By, project: Project) -> Result<(Change, Project), ControlError> {
    check(project.faults())?;
    let project = Project {
        created_at_ms: clock::now().as_millis(),
        revision: 1,
        ..project
    };
    let change = Change::new(by, "project.create", &project.id)
        .about(&project.id)
        .details(json!({ "name": project.name }))
        .at_most(
            PROJECTS_MAX,
            "projects",
            "projects WHERE deleted_at_ms IS NULL",
            [],
        )
        .step(insert(&project, "")?);
    Ok((change, project))
}

/// The change that sets everything of a project whose revision is the one that it names.
pub(super) fn update(by: &By, project: &Project) -> Result<Change, ControlError> {
    check(project.faults())?;
    let details = json!({
        "name": project.name,
        "time_zone": project.time_zone,
        "allowed_origins": project.allowed_origins,
        "allow_keyless": project.allow_keyless,
        "settings": project.settings,
    });
    let step = Step::new(
        "UPDATE projects SET name = $3, time_zone = $4, allowed_origins = $5, allow_keyless = $6, \
         settings = $7, revision = revision + 1 WHERE id = $1 AND revision = $2 AND deleted_at_ms IS NULL",
        [
            project.id.as_str().into(),
            project.revision.into(),
            project.name.as_str().into(),
            project.time_zone.as_str().into(),
            json_text(&project.allowed_origins)?.into(),
            project.allow_keyless.into(),
            json_text(&project.settings)?.into(),
        ],
    );
    Ok(Change::new(by, "project.update", &project.id)
        .within(&project.id)
        .details(details)
        .step(step.or(ControlError::Conflict { field: "revision" })))
}

fn insert(project: &Project, on_conflict: &str) -> Result<Step, ControlError> {
    Ok(Step::new(
        format!(
            "INSERT INTO projects (id, name, time_zone, allowed_origins, allow_keyless, settings, created_at_ms, \
             revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8){on_conflict}"
        ),
        [
            project.id.as_str().into(),
            project.name.as_str().into(),
            project.time_zone.as_str().into(),
            json_text(&project.allowed_origins)?.into(),
            project.allow_keyless.into(),
            json_text(&project.settings)?.into(),
            project.created_at_ms.into(),
            project.revision.into(),
        ],
    ))
}

fn json_text(value: &impl serde::Serialize) -> Result<String, ControlError> {
    serde_json::to_string(value).map_err(|error| ControlError::Corrupt(error.to_string()))
}
