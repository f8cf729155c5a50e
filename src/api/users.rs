//! `/api/users`: people. Only instance owners see and change them; their roles stand at the projects.

use actix_web::web;
use serde::Serialize;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, change, delete, look, make};
use super::paging::Paging;
use super::password::new_password;
use super::resource;
use crate::control::{NewUser, UserChange};
use crate::domain::account::{Email, Membership, Name, User};
use crate::domain::page::Page;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/users", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/users/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(disable)),
        );
}

/// A user with its roles.
#[derive(Serialize, utoipa::ToSchema)]
struct UserWithRoles {
    #[serde(flatten)]
    user: User,
    memberships: Vec<Membership>,
}

/// All users; for instance owners.
#[utoipa::path(get, path = "/api/users", tag = "users", params(Paging), responses((status = 200, body = Page<User>)))]
async fn list(call: &mut Call) -> Result<Page<User>, ApiError> {
    call.manager().await?.must_own_the_instance()?;
    Ok(call.control().users(call.page_only()?).await?)
}

/// A user to be made.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewUserFields {
    email: Email,
    name: Name,
    /// Whether it may everything in all projects.
    #[schema(default = false)]
    is_instance_owner: Option<bool>,
    /// Without one the user cannot log in.
    #[schema(min_length = 10, max_length = 200, format = Password)]
    password: Option<String>,
}

/// What is changed; what is left out stays.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct UserFields {
    name: Option<Name>,
    /// Whether it may everything in all projects.
    is_instance_owner: Option<bool>,
    is_disabled: Option<bool>,
    #[schema(min_length = 10, max_length = 200, format = Password)]
    password: Option<String>,
}

/// Makes a user; for instance owners.
#[utoipa::path(post, path = "/api/users", tag = "users", request_body = NewUserFields, responses((status = 201, body = User), (status = 503, description = "`TOO_MANY_PASSWORDS`")))]
async fn create(call: &mut Call) -> Result<User, ApiError> {
    let manager = call.manager().await?;
    manager.must_own_the_instance()?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let email = fields.parsed("email", Email::parse);
    let email = fields.require("email", email);
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let is_instance_owner = fields.flag("is_instance_owner").unwrap_or(false);
    let password = fields.parsed("password", new_password);
    let new = email.zip(name).map(|(email, name)| NewUser {
        email,
        name,
        is_instance_owner,
        is_disabled: false,
        password_hash: None,
    });
    let mut new = fields.finish(new)?;
    if let Some(password) = password {
        new.password_hash = Some(call.state().passwords.hash(password).await?);
    }
    Ok(call.control().create_user(manager.by(), new).await?)
}

/// A user with its roles; for instance owners.
#[utoipa::path(get, path = "/api/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)), responses((status = 200, body = UserWithRoles)))]
async fn one(call: &mut Call) -> Result<UserWithRoles, ApiError> {
    call.manager().await?.must_own_the_instance()?;
    let id = call.id("id")?;
    let control = call.control();
    Ok(UserWithRoles {
        user: control.user(id).await?,
        memberships: control.memberships_of(id).await?,
    })
}

/// Changes a user; for instance owners. A new password ends all sessions of the user.
#[utoipa::path(patch, path = "/api/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)), request_body = UserFields, responses((status = 200, body = User), (status = 503, description = "`TOO_MANY_PASSWORDS`")))]
async fn update(call: &mut Call) -> Result<User, ApiError> {
    let manager = call.manager().await?;
    manager.must_own_the_instance()?;
    let id = call.id("id")?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let to = UserChange {
        name: fields.parsed("name", Name::parse),
        is_instance_owner: fields.flag("is_instance_owner"),
        is_disabled: fields.flag("is_disabled"),
    };
    let password = fields.parsed("password", new_password);
    let to = fields.finish(Some(to))?;
    let control = call.control();
    if let Some(password) = password {
        manager.must_be_another_than(id)?;
        let hash = call.state().passwords.hash(password).await?;
        control.set_password_hash(manager.by(), id, &hash).await?;
    }
    Ok(control.update_user(manager.by(), id, to).await?)
}

/// Users are not forgotten, since the audit log names them: they may nothing from now on.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)), responses((status = 200, body = User)))]
async fn disable(call: &mut Call) -> Result<User, ApiError> {
    let manager = call.manager().await?;
    manager.must_own_the_instance()?;
    let id = call.id("id")?;
    let to = UserChange {
        is_disabled: Some(true),
        ..UserChange::default()
    };
    Ok(call.control().update_user(manager.by(), id, to).await?)
}
