//! `/api/users/{id}/password-reset`, `/api/password-reset`, `/api/session/password`: new passwords.

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use serde::Serialize;

use super::body::Fields;
use super::error::{ApiError, Limit};
use super::identity::{GuessKind, LoggedIn, actor_of, count_failure};
use super::manage::{Call, Done, make, on};
use super::password::new_password;
use super::sessions::manager_of_user;
use super::{asked, resource};
use crate::clock;
use crate::config::Secret;
use crate::control::{Change, ControlError, sha256};
use crate::domain::account::{Actor, OneTimeToken, TokenPurpose, User};
use crate::domain::field_error::{FieldError, FieldFault};

/// How long a reset token waits.
const RESET_MS: i64 = 3_600_000;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/api/users/{id}/password-reset", "POST").route(make(create)))
        .service(resource("/api/password-reset", "POST").route(on(Method::POST, StatusCode::OK, redeem)))
        .service(resource("/api/session/password", "PUT").route(on(Method::PUT, StatusCode::OK, change_own)));
}

/// A new reset token.
#[derive(Serialize, utoipa::ToSchema)]
struct NewReset {
    /// Shown this once; for the user.
    token: String,
    #[serde(flatten)]
    reset: OneTimeToken,
}

/// Makes a reset token for a user. It is in this answer, and nowhere else; it lasts an hour.
#[utoipa::path(post, path = "/api/users/{id}/password-reset", tag = "users", params(("id" = uuid::Uuid, Path)), responses((status = 201, body = NewReset)))]
async fn create(call: &mut Call) -> Result<NewReset, ApiError> {
    let (manager, user) = manager_of_user(call).await?;
    manager.must_be_another_than(user.id)?;
    let expires_at_ms = clock::now().as_millis() + RESET_MS;
    let control = call.control();
    let (reset, token) = control
        .create_password_reset(manager.by(), user.id, expires_at_ms)
        .await?;
    Ok(NewReset {
        token: token.reveal().to_owned(),
        reset,
    })
}

/// A new password, and the token that allows it.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct ResetFields {
    token: String,
    #[schema(min_length = 10, max_length = 200, format = Password)]
    password: String,
}

/// Sets the password of whoever holds a reset token, and ends all sessions of the user.
#[utoipa::path(post, path = "/api/password-reset", tag = "users", security(()), request_body = ResetFields, responses((status = 200, body = User), (status = 429, description = "`TOO_MANY_LOGINS`"), (status = 503, description = "`TOO_MANY_PASSWORDS`")))]
async fn redeem(call: &mut Call) -> Result<User, ApiError> {
    let now_ms = clock::now().as_millis();
    call.state().identity.anyone(call.request(), now_ms)?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let token = fields.text("token");
    let token = fields.require("token", token);
    let password = fields.parsed("password", new_password);
    let password = fields.require("password", password);
    let (token, password) = fields.finish(token.zip(password))?;

    let (state, control) = (call.state(), call.control());
    let by = state.identity.by(call.request(), Actor::system());
    let network = by.ip_prefix.clone().unwrap_or_default();
    state
        .logins
        .nameless_attempt(&network, now_ms)
        .map_err(Limit::Logins)?;
    let sum = sha256(&token);
    // Looked up before anything is hashed: hashing is not for everyone to ask for.
    let known = control.token(&sum, now_ms).await?;
    if !known.is_some_and(|known| matches!(known.purpose, TokenPurpose::PasswordReset { .. })) {
        count_failure(GuessKind::Reset);
        asked::note(call.request(), |asked| asked.network = Some(network));
        control
            .note(Change::new(&by, "password_reset.refuse", "user").warning())
            .await?;
        return Err(ControlError::NotFound("token").into());
    }
    let hash = state.passwords.hash(password).await?;
    let user = control.reset_password(&sum, &hash, by.ip_prefix, now_ms).await?;
    state.logins.went_well(&network, user.email.as_str());
    Ok(user)
}

/// A new password, and the old one.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct PasswordFields {
    #[schema(format = Password)]
    old_password: String,
    #[schema(min_length = 10, max_length = 200, format = Password)]
    password: String,
}

/// Sets one's own password. Whoever finds a session open must not make it theirs: the old one is asked for.
#[utoipa::path(put, path = "/api/session/password", tag = "sessions", request_body = PasswordFields, responses((status = 200, body = Done), (status = 429, description = "`TOO_MANY_LOGINS`"), (status = 503, description = "`TOO_MANY_PASSWORDS`")))]
async fn change_own(call: &mut Call) -> Result<Done, ApiError> {
    let now_ms = clock::now().as_millis();
    let LoggedIn { user, session } = call.state().identity.logged_in(call.request(), now_ms).await?;
    let user = &user.user;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let old_password = fields.text("old_password");
    let old_password = fields.require("old_password", old_password);
    let password = fields.parsed("password", new_password);
    let password = fields.require("password", password);
    let (old_password, password) = fields.finish(old_password.zip(password))?;
    let old_password = Secret::new(old_password.into_owned());

    let (state, control) = (call.state(), call.control());
    let by = state.identity.by(call.request(), actor_of(user));
    let network = by.ip_prefix.clone().unwrap_or_default();
    state
        .logins
        .attempt(&network, user.email.as_str(), now_ms)
        .map_err(Limit::Logins)?;
    let known = control.login_user(&user.email).await?;
    let old_hash = known.and_then(|known| known.password_hash);
    let fits = state.passwords.fits(old_password, old_hash.clone()).await?;
    let Some(old_hash) = old_hash.filter(|_| fits) else {
        count_failure(GuessKind::Password);
        control
            .note(Change::new(&by, "user.refuse_password", user.id).warning())
            .await?;
        let message = "is not your password";
        let fault = FieldError::new("old_password", FieldFault::Conflict, message);
        return Err(ControlError::Invalid(vec![fault]).into());
    };
    state.logins.went_well(&network, user.email.as_str());
    let hash = state.passwords.hash(password).await?;
    control
        .change_password_hash(&by, user.id, &old_hash, &hash, &session.sha256)
        .await?;
    Ok(Done::DONE)
}
