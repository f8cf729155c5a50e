//! `/api/session`: users log in with their password, and out.

use actix_web::web;
use serde::Serialize;

use super::body::Fields;
use super::error::{ApiError, Limit};
use super::identity::{
    GuessKind, SESSION_IDLE_MS, actor_of, cookie_sum, count_failure, is_from_our_page, set_cookie,
};
use super::manage::{Call, Done, delete, look, make};
use super::{asked, resource};
use crate::clock;
use crate::config::Secret;
use crate::control::{Change, ControlError, LoginUser, new_secret, sha256};
use crate::domain::account::{Actor, Email, Membership, Session, User};

/// Characters of a `User-Agent` that are kept with a session.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Adds the address.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(
        resource("/api/session", "GET, POST, DELETE")
            .route(look(one))
            .route(make(log_in))
            .route(delete(log_out)),
    );
}

/// Who is logged in.
#[derive(Serialize, utoipa::ToSchema)]
struct SessionAnswer {
    user: User,
    memberships: Vec<Membership>,
    expires_at_ms: i64,
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/session", tag = "sessions", responses((status = 200, body = SessionAnswer)))]
async fn one(call: &mut Call) -> Result<SessionAnswer, ApiError> {
    let now_ms = clock::now().as_millis();
    let logged_in = call.state().identity.logged_in(call.request(), now_ms).await?;
    let user = logged_in.user.user.clone();
    Ok(SessionAnswer {
        memberships: call.control().memberships_of(user.id).await?,
        user,
        expires_at_ms: logged_in.session.expires_at_ms,
    })
}

/// Who logs in.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct LoginFields {
    email: Email,
    #[schema(format = Password)]
    password: String,
}

/// Logs in: the answer sets a cookie. Unknown and disabled users get the same answer as a wrong password, after the same work.
#[utoipa::path(post, path = "/api/session", tag = "sessions", security(()), request_body = LoginFields, responses((status = 201, body = SessionAnswer), (status = 401, description = "`BAD_LOGIN`"), (status = 429, description = "`TOO_MANY_LOGINS`"), (status = 503, description = "`TOO_MANY_PASSWORDS`")))]
async fn log_in(call: &mut Call) -> Result<SessionAnswer, ApiError> {
    let now_ms = clock::now().as_millis();
    call.state().identity.anyone(call.request(), now_ms)?;
    // Another site must not log its visitor in as somebody of its choice; a program sends no Origin.
    if call.request().headers().contains_key("origin") && !is_from_our_page(call.request()) {
        return Err(ApiError::Forbidden("pages of other origins cannot log in"));
    }
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let email = fields.parsed("email", Email::parse);
    let email = fields.require("email", email);
    let password = fields.text("password");
    let password = fields.require("password", password);
    let (email, password) = fields.finish(email.zip(password))?;
    let password = Secret::new(password.into_owned());

    let (state, control) = (call.state(), call.control());
    let by_nobody = state.identity.by(call.request(), Actor::system());
    let ip_prefix = by_nobody.ip_prefix.clone();
    let network = ip_prefix.clone().unwrap_or_default();
    state
        .logins
        .attempt(&network, email.as_str(), now_ms)
        .map_err(Limit::Logins)?;
    let known = control.login_user(&email).await?;
    let (user, hash) = match known {
        Some(LoginUser { user, password_hash }) => (Some(user), password_hash),
        None => (None, None),
    };
    let hash = hash.filter(|_| user.as_ref().is_some_and(|user| user.disabled_at_ms.is_none()));
    let fits = state.passwords.fits(password, hash.clone()).await?;
    let Some((user, hash)) = user.zip(hash).filter(|_| fits) else {
        count_failure(GuessKind::Password);
        asked::note(call.request(), |asked| asked.network = Some(network));
        // Not the address: people type their password there.
        control
            .note(Change::new(&by_nobody, "session.refuse", "user").warning())
            .await?;
        return Err(ApiError::BadLogin);
    };
    state.logins.went_well(&network, email.as_str());

    let secret = new_secret("fc_");
    let agent = call.request().headers().get("user-agent");
    let session = Session {
        sha256: sha256(secret.reveal()),
        user_id: user.id,
        created_at_ms: now_ms,
        last_seen_ms: now_ms,
        expires_at_ms: now_ms + SESSION_IDLE_MS,
        ip_prefix,
        user_agent: agent
            .and_then(|agent| agent.to_str().ok())
            .map(|agent| agent.chars().take(USER_AGENT_CHARS_MAX).collect()),
    };
    match control.log_in(&session, &hash).await {
        // Disabled, or with another password, since it was looked up.
        Err(ControlError::NotFound(_)) => return Err(ApiError::BadLogin),
        outcome => outcome?,
    }
    state.identity.has_session(call.request(), &session.sha256);
    let by = state.identity.by(call.request(), actor_of(&user));
    control.note(Change::new(&by, "session.create", user.id)).await?;
    let cookie = set_cookie(call.request(), secret.reveal(), SESSION_IDLE_MS / 1_000);
    call.set_cookie(&cookie);
    Ok(SessionAnswer {
        memberships: control.memberships_of(user.id).await?,
        user,
        expires_at_ms: session.expires_at_ms,
    })
}

/// Logs out.
#[utoipa::path(delete, path = "/api/session", tag = "sessions", responses((status = 200, body = Done)))]
async fn log_out(call: &mut Call) -> Result<Done, ApiError> {
    let now_ms = clock::now().as_millis();
    call.state().identity.logged_in(call.request(), now_ms).await?;
    if let Some(sum) = cookie_sum(call.request()) {
        call.control().delete_session(&sum).await?;
    }
    let cookie = set_cookie(call.request(), "", 0);
    call.set_cookie(&cookie);
    Ok(Done::DONE)
}
