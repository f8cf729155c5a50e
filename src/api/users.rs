//! `/api/users`: people. Only instance owners see and change them; their roles stand at the projects.

use actix_web::web;
use serde::Serialize;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, change, delete, look, make};
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
#[derive(Serialize)]
struct UserWithRoles {
    #[serde(flatten)]
    user: User,
    memberships: Vec<Membership>,
}

async fn list(call: &mut Call) -> Result<Page<User>, ApiError> {
    call.manager().await?.must_own_the_instance()?;
    Ok(call.control().users(call.page_only()?).await?)
}

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

async fn one(call: &mut Call) -> Result<UserWithRoles, ApiError> {
    call.manager().await?.must_own_the_instance()?;
    let id = call.id("id")?;
    let control = call.control();
    Ok(UserWithRoles {
        user: control.user(id).await?,
        memberships: control.memberships_of(id).await?,
    })
}

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
