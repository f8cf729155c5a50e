//! `/api/projects`: whom data belongs to, and who may see it.

mod settings;

use actix_web::http::{Method, StatusCode};
use actix_web::web;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, Done, change, delete, look, make, on};
use super::paging::Paging;
use super::{paging, resource};
use crate::control::{ControlError, Member};
use crate::domain::account::{Membership, Name, Origin, Project, ProjectId, Role, TimeZoneName};
use crate::domain::page::Page;
use crate::ingest::rule_faults;
use settings::{SettingsChanges, SettingsFields};

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/projects", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/projects/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(remove)),
        )
        .service(resource("/api/projects/{id}/members", "GET").route(look(members)))
        .service(
            resource("/api/projects/{id}/members/{user_id}", "PUT, DELETE")
                .route(on(Method::PUT, StatusCode::OK, set_role))
                .route(delete(remove_member)),
        );
}

/// All projects for an instance owner, their own for others.
#[utoipa::path(get, path = "/api/projects", tag = "projects", params(Paging), responses((status = 200, body = Page<Project>)))]
async fn list(call: &mut Call) -> Result<Page<Project>, ApiError> {
    let manager = call.manager().await?;
    let page = call.page_only()?;
    if manager.is_instance_owner() {
        return Ok(call.control().projects(None, page).await?);
    }
    match manager.user_id() {
        Some(user_id) => Ok(call.control().projects(Some(user_id), page).await?),
        None => {
            let id = manager.project(None, Role::Viewer)?;
            Ok(paging::cut(vec![call.control().project(id).await?], page))
        }
    }
}

/// A project to be made.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewProjectFields {
    id: ProjectId,
    name: Name,
    time_zone: Option<TimeZoneName>,
    /// Where its browser keys may post from, and whom CORS allows; at most 100.
    allowed_origins: Option<Vec<Origin>>,
    /// Whether it takes beacons without a key, from its allowed origins.
    #[schema(default = false)]
    allow_keyless: Option<bool>,
    settings: Option<SettingsFields>,
}

/// What is changed; what is left out stays.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct ProjectFields {
    /// As it was read.
    #[schema(minimum = 1)]
    revision: i64,
    name: Option<Name>,
    time_zone: Option<TimeZoneName>,
    allowed_origins: Option<Vec<Origin>>,
    allow_keyless: Option<bool>,
    settings: Option<SettingsFields>,
}

/// What a user shall be.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct RoleFields {
    role: Role,
}

/// Makes a project; for instance owners.
#[utoipa::path(post, path = "/api/projects", tag = "projects", request_body = NewProjectFields, responses((status = 201, body = Project)))]
async fn create(call: &mut Call) -> Result<Project, ApiError> {
    let manager = call.manager().await?;
    manager.must_own_the_instance()?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let id = fields.parsed("id", ProjectId::parse);
    let id = fields.require("id", id);
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let changes = Changes::read(&mut fields);
    let project = id
        .zip(name)
        .map(|(id, name)| changes.applied_to(Project::new(id, name, 0)));
    let project = checked(fields, project)?;
    Ok(call.control().create_project(manager.by(), project).await?)
}

/// A project.
#[utoipa::path(get, path = "/api/projects/{id}", tag = "projects", params(("id" = String, Path, description = "The project's id")), responses((status = 200, body = Project)))]
async fn one(call: &mut Call) -> Result<Project, ApiError> {
    let (_, id) = call.manager_of_path(Role::Viewer).await?;
    Ok(call.control().project(&id).await?)
}

/// Changes a project. 409 when the revision has moved.
#[utoipa::path(patch, path = "/api/projects/{id}", tag = "projects", params(("id" = String, Path, description = "The project's id")), request_body = ProjectFields, responses((status = 200, body = Project)))]
async fn update(call: &mut Call) -> Result<Project, ApiError> {
    let (manager, id) = call.manager_of_path(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let revision = fields.whole("revision");
    let revision = fields.require("revision", revision);
    let name = fields.parsed("name", Name::parse);
    let changes = Changes::read(&mut fields);
    let known = call.control().project(&id).await?;
    let known_revision = known.revision;
    let mut project = changes.applied_to(known);
    if let Some(name) = name {
        project.name = name;
    }
    let project = checked(fields, revision.map(|revision| Project { revision, ..project }))?;
    // What was left as it is was read just now: it must be what the caller has seen too.
    if project.revision != known_revision {
        return Err(ControlError::Conflict { field: "revision" }.into());
    }
    Ok(call.control().update_project(manager.by(), project).await?)
}

/// Deletes a project; for its owners. Its id is not given again. The project `default` stays.
#[utoipa::path(delete, path = "/api/projects/{id}", tag = "projects", params(("id" = String, Path, description = "The project's id")), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, id) = call.manager_of_path(Role::Owner).await?;
    call.control().delete_project(manager.by(), &id).await?;
    Ok(Done::DONE)
}

/// Who may what in a project.
#[utoipa::path(get, path = "/api/projects/{id}/members", tag = "projects", params(("id" = String, Path, description = "The project's id"), Paging), responses((status = 200, body = Page<Member>)))]
async fn members(call: &mut Call) -> Result<Page<Member>, ApiError> {
    let (_, id) = call.manager_of_path(Role::Admin).await?;
    Ok(call.control().members(&id, call.page_only()?).await?)
}

/// Gives a user a role in a project; for its owners.
#[utoipa::path(put, path = "/api/projects/{id}/members/{user_id}", tag = "projects", params(("id" = String, Path, description = "The project's id"), ("user_id" = uuid::Uuid, Path)), request_body = RoleFields, responses((status = 200, body = Membership)))]
async fn set_role(call: &mut Call) -> Result<Membership, ApiError> {
    let (manager, project_id) = call.manager_of_path(Role::Owner).await?;
    let user_id = call.id("user_id")?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let role = fields.named("role", Role::from_name, "viewer, admin, owner");
    let role = fields.require("role", role);
    let role = fields.finish(role)?;
    call.control()
        .set_role(manager.by(), &project_id, user_id, Some(role))
        .await?;
    Ok(Membership {
        user_id,
        project_id,
        role,
    })
}

/// Takes a user out of a project; for its owners.
#[utoipa::path(delete, path = "/api/projects/{id}/members/{user_id}", tag = "projects", params(("id" = String, Path, description = "The project's id"), ("user_id" = uuid::Uuid, Path)), responses((status = 200, body = Done)))]
async fn remove_member(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of_path(Role::Owner).await?;
    let user_id = call.id("user_id")?;
    call.control()
        .set_role(manager.by(), &project_id, user_id, None)
        .await?;
    Ok(Done::DONE)
}

/// What a body says of a project, beside its id and its name; what it leaves out stays.
#[derive(Default)]
struct Changes {
    time_zone: Option<TimeZoneName>,
    allowed_origins: Option<Vec<Origin>>,
    allow_keyless: Option<bool>,
    settings: SettingsChanges,
}

impl Changes {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            time_zone: fields.parsed("time_zone", TimeZoneName::parse),
            allowed_origins: fields.list("allowed_origins", Origin::parse),
            allow_keyless: fields.flag("allow_keyless"),
            settings: fields
                .object("settings", SettingsChanges::read)
                .unwrap_or_default(),
        }
    }

    fn applied_to(self, project: Project) -> Project {
        Project {
            time_zone: self.time_zone.unwrap_or(project.time_zone),
            allowed_origins: self.allowed_origins.unwrap_or(project.allowed_origins),
            allow_keyless: self.allow_keyless.unwrap_or(project.allow_keyless),
            settings: self.settings.applied_to(project.settings),
            ..project
        }
    }
}

/// The project, if those who will use its rules can.
fn checked(mut fields: Fields<'_>, project: Option<Project>) -> Result<Project, ApiError> {
    if let Some(project) = &project {
        let faults = project.faults();
        // Rules beyond their limits are not even tried.
        if faults.is_empty() {
            rule_faults(&project.settings)
                .into_iter()
                .for_each(|fault| fields.note(fault));
        }
        faults.into_iter().for_each(|fault| fields.note(fault));
    }
    fields.finish(project)
}
