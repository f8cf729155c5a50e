//! `/api/views`: pages of the dashboard in a state that somebody wants to see again, or to show to others.

use actix_web::web;

use super::body::Fields;
use super::error::ApiError;
use super::identity::Manager;
use super::manage::{Call, Done, OfProject, change, delete, look, make};
use super::paging::Paging;
use super::{paging, resource};
use crate::control::{ControlError, NewView};
use crate::domain::account::{Name, Role};
use crate::domain::dashboard::{PageName, SavedView, ViewState};
use crate::domain::page::Page;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/views", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/views/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(remove)),
        );
}

/// Views: the own ones, and those that are shared.
#[utoipa::path(get, path = "/api/views", tag = "dashboards", params(OfProject, Paging, ("of_page" = Option<PageName>, Query, description = "Only those of this page")), responses((status = 200, body = Page<SavedView>)))]
async fn list(call: &mut Call) -> Result<Page<SavedView>, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Viewer).await?;
    let (page, mut others) = call.page()?;
    let place = others.iter().position(|(name, _)| name == "of_page");
    let of_page = place.map(|place| PageName::parse("of_page", &others.remove(place).1));
    let of_page = of_page
        .transpose()
        .map_err(|fault| ApiError::BadParameters(vec![fault]))?;
    paging::no_others(&others).map_err(ApiError::BadParameters)?;
    let owner = manager.as_owner().id;
    let control = call.control();
    Ok(control.views(&project_id, owner, of_page.as_ref(), page).await?)
}

/// A view to be kept.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewViewFields {
    name: Name,
    page: PageName,
    state: ViewState,
    /// Whether others who may see the project may see it; otherwise only its owner does.
    #[schema(default = false)]
    is_shared: Option<bool>,
}

/// What is changed; what is left out stays.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct ViewFields {
    /// As it was read.
    #[schema(minimum = 1)]
    revision: i64,
    name: Option<Name>,
    state: Option<ViewState>,
    is_shared: Option<bool>,
}

/// Keeps a view.
#[utoipa::path(post, path = "/api/views", tag = "dashboards", params(OfProject), request_body = NewViewFields, responses((status = 201, body = SavedView)))]
async fn create(call: &mut Call) -> Result<SavedView, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Viewer).await?;
    manager.must_not_be_a_key_that_looks()?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let page = fields.parsed("page", PageName::parse);
    let page = fields.require("page", page);
    let state = fields.parsed("state", ViewState::parse);
    let state = fields.require("state", state);
    let is_shared = fields.flag("is_shared").unwrap_or(false);
    let new = name.zip(page).zip(state).map(|((name, page), state)| NewView {
        name,
        page,
        state,
        is_shared,
    });
    let new = fields.finish(new)?;
    let owner = manager.as_owner();
    let control = call.control();
    Ok(control.create_view(manager.by(), &project_id, owner, new).await?)
}

/// The view that the path names, if the caller may see it. What they may not see is as unknown as what is not there.
async fn seen(call: &Call) -> Result<(Manager, SavedView), ApiError> {
    let manager = call.manager().await?;
    let view = call.control().view(call.id("id")?).await?;
    let unknown = || ApiError::from(ControlError::NotFound("view"));
    let project_id = view.project_id.as_str();
    manager
        .project(Some(project_id), Role::Viewer)
        .map_err(|_| unknown())?;
    if view.is_seen_by(manager.as_owner().id) {
        Ok((manager, view))
    } else {
        Err(unknown())
    }
}

/// The view that the path names, if the caller may change it: its owner, and admins of the project.
async fn changeable(call: &Call) -> Result<(Manager, SavedView), ApiError> {
    let (manager, view) = seen(call).await?;
    manager.must_not_be_a_key_that_looks()?;
    if view.owner.id != manager.as_owner().id {
        manager.project(Some(view.project_id.as_str()), Role::Admin)?;
    }
    Ok((manager, view))
}

/// What a link to a view opens.
#[utoipa::path(get, path = "/api/views/{id}", tag = "dashboards", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = SavedView)))]
async fn one(call: &mut Call) -> Result<SavedView, ApiError> {
    Ok(seen(call).await?.1)
}

/// Changes a view; for its owner and admins.
#[utoipa::path(patch, path = "/api/views/{id}", tag = "dashboards", params(("id" = uuid::Uuid, Path), OfProject), request_body = ViewFields, responses((status = 200, body = SavedView)))]
async fn update(call: &mut Call) -> Result<SavedView, ApiError> {
    let (manager, known) = changeable(call).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let revision = fields.whole("revision");
    let revision = fields.require("revision", revision);
    let name = fields.parsed("name", Name::parse);
    let state = fields.parsed("state", ViewState::parse);
    let is_shared = fields.flag("is_shared");
    let revision = fields.finish(revision)?;
    // What was left as it is was read just now: it must be what the caller has seen too.
    if revision != known.revision {
        return Err(ControlError::Conflict { field: "revision" }.into());
    }
    let view = SavedView {
        name: name.unwrap_or(known.name),
        state: state.unwrap_or(known.state),
        is_shared: is_shared.unwrap_or(known.is_shared),
        ..known
    };
    Ok(call.control().update_view(manager.by(), view).await?)
}

/// Forgets a view; for its owner and admins.
#[utoipa::path(delete, path = "/api/views/{id}", tag = "dashboards", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, view) = changeable(call).await?;
    let control = call.control();
    control
        .delete_view(manager.by(), &view.project_id, view.id)
        .await?;
    Ok(Done::DONE)
}
