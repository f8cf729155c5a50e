//! `/api/sessions`, `/api/users/{id}/sessions`: where somebody is logged in, and how that is ended.

use actix_web::web;
use serde::Serialize;
use uuid::Uuid;

use super::error::ApiError;
use super::identity::{LoggedIn, Manager, actor_of, set_cookie};
use super::manage::{Call, Done, delete, look};
use super::paging::Paging;
use super::{paging, resource};
use crate::clock;
use crate::control::ControlError;
use crate::domain::account::{Session, Sha256Sum, User};
use crate::domain::page::Page;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/sessions", "GET, DELETE")
                .route(look(own))
                .route(delete(end_own)),
        )
        .service(resource("/api/sessions/{id}", "DELETE").route(delete(end_one)))
        .service(
            resource("/api/users/{id}/sessions", "GET, DELETE")
                .route(look(of_user))
                .route(delete(end_of_user)),
        );
}

/// A session as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
struct ShownSession {
    id: Uuid,
    created_at_ms: i64,
    last_seen_ms: i64,
    expires_at_ms: i64,
    ip_prefix: Option<String>,
    user_agent: Option<String>,
    /// True for the session that asks.
    is_current: bool,
}

impl ShownSession {
    fn new(session: Session, current: Option<&Sha256Sum>) -> Self {
        Self {
            id: session.id(),
            is_current: current == Some(&session.sha256),
            created_at_ms: session.created_at_ms,
            last_seen_ms: session.last_seen_ms,
            expires_at_ms: session.expires_at_ms,
            ip_prefix: session.ip_prefix,
            user_agent: session.user_agent,
        }
    }
}

/// The last used first.
async fn list(
    call: &Call,
    user_id: Uuid,
    current: Option<&Sha256Sum>,
) -> Result<Page<ShownSession>, ApiError> {
    let page = call.page_only()?;
    let sessions = call
        .control()
        .sessions_of(user_id, clock::now().as_millis())
        .await?;
    let shown = sessions
        .into_iter()
        .map(|session| ShownSession::new(session, current));
    Ok(paging::cut(shown.collect(), page))
}

async fn logged_in(call: &Call) -> Result<LoggedIn, ApiError> {
    let now_ms = clock::now().as_millis();
    call.state().identity.logged_in(call.request(), now_ms).await
}

/// Where one is logged in, the last used first.
#[utoipa::path(get, path = "/api/sessions", tag = "sessions", params(Paging), responses((status = 200, body = Page<ShownSession>)))]
async fn own(call: &mut Call) -> Result<Page<ShownSession>, ApiError> {
    let LoggedIn { user, session } = logged_in(call).await?;
    list(call, user.user.id, Some(&session.sha256)).await
}

/// All of one's own sessions, the one that asks too.
#[utoipa::path(delete, path = "/api/sessions", tag = "sessions", responses((status = 200, body = Done)))]
async fn end_own(call: &mut Call) -> Result<Done, ApiError> {
    let LoggedIn { user, .. } = logged_in(call).await?;
    let by = call.state().identity.by(call.request(), actor_of(&user.user));
    call.control().delete_sessions_of(&by, user.user.id).await?;
    forget_cookie(call);
    Ok(Done::DONE)
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/api/sessions/{id}", tag = "sessions", params(("id" = uuid::Uuid, Path)), responses((status = 200, body = Done)))]
async fn end_one(call: &mut Call) -> Result<Done, ApiError> {
    let LoggedIn { user, session } = logged_in(call).await?;
    let (id, control) = (call.id("id")?, call.control());
    let own = control
        .sessions_of(user.user.id, clock::now().as_millis())
        .await?;
    let wanted = own.into_iter().find(|one| one.id() == id);
    let wanted = wanted.ok_or(ControlError::NotFound("session"))?;
    let by = call.state().identity.by(call.request(), actor_of(&user.user));
    control.end_session(&by, &wanted).await?;
    if wanted.sha256 == session.sha256 {
        forget_cookie(call);
    }
    Ok(Done::DONE)
}

fn forget_cookie(call: &mut Call) {
    let cookie = set_cookie(call.request(), "", 0);
    call.set_cookie(&cookie);
}

/// Who calls, and the user of the path, whose logins are theirs to make and to end.
pub(super) async fn manager_of_user(call: &Call) -> Result<(Manager, User), ApiError> {
    let manager = call.manager().await?;
    // First, so that those who may nothing here do not learn who is there.
    manager.must_be_an_admin()?;
    let (id, control) = (call.id("id")?, call.control());
    let user = control.user(id).await?;
    manager.must_outrank(&user, &control.memberships_of(id).await?)?;
    Ok((manager, user))
}

/// Where a user is logged in, the last used first.
#[utoipa::path(get, path = "/api/users/{id}/sessions", tag = "sessions", params(("id" = uuid::Uuid, Path), Paging), responses((status = 200, body = Page<ShownSession>)))]
async fn of_user(call: &mut Call) -> Result<Page<ShownSession>, ApiError> {
    let (_, user) = manager_of_user(call).await?;
    list(call, user.id, None).await
}

/// Ends all sessions of a user.
#[utoipa::path(delete, path = "/api/users/{id}/sessions", tag = "sessions", params(("id" = uuid::Uuid, Path)), responses((status = 200, body = Done)))]
async fn end_of_user(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, user) = manager_of_user(call).await?;
    call.control().delete_sessions_of(manager.by(), user.id).await?;
    Ok(Done::DONE)
}
