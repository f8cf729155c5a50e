//! Operations on passwords: set by others, changed by oneself, reset by a token of one use.
//!
//! Whoever holds a reset token may do all that its user may. So a token ends with every new password, and also when its
//! user gets rights that whoever made it may not give.

use uuid::Uuid;

use super::change::Change;
use super::statement::{Step, Value};
use super::tokens::{by_user, insert, new_token, take};
use super::users::{end_sessions, exists, void_resets};
use super::{By, Control, ControlError};
use crate::config::Secret;
use crate::domain::account::{OneTimeToken, Sha256Sum, TokenPurpose, User};

impl Control {
    /// Sets the password of a user (Argon2id, as a PHC string) and ends all its sessions.
    ///
    /// # Errors
    /// It is not there.
    pub async fn set_password_hash(&self, by: &By, id: Uuid, hash: &Secret) -> Result<(), ControlError> {
        let change = Change::new(by, "user.set_password", id)
            .beside_the_directory()
            .warning()
            .step(set_hash(id, hash))
            .step(void_resets(id))
            .step(end_sessions(id));
        self.commit(change).await
    }

    /// Sets the password of a user who has shown the one of `old_hash`; all its sessions but `kept` end.
    ///
    /// # Errors
    /// The session has ended (`NotFound`); the password was changed meanwhile (`Conflict` of `password`).
    pub async fn change_password_hash(
        &self,
        by: &By,
        id: Uuid,
        old_hash: &Secret,
        hash: &Secret,
        kept: &Sha256Sum,
    ) -> Result<(), ControlError> {
        let change = Change::new(by, "user.change_password", id)
            .beside_the_directory()
            .warning()
            .step(
                Step::new(
                    "SELECT 1 FROM sessions WHERE sha256 = $1 AND user_id = $2",
                    [(*kept).into(), id.into()],
                )
                .or(ControlError::NotFound("session")),
            )
            .step(
                Step::new(
                    "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3",
                    [id.into(), hash.reveal().into(), old_hash.reveal().into()],
                )
                .or(ControlError::Conflict { field: "password" }),
            )
            .step(void_resets(id))
            .step(Step::new(
                "DELETE FROM sessions WHERE user_id = $1 AND sha256 <> $2",
                [id.into(), (*kept).into()],
            ));
        self.commit(change).await
    }

    /// Makes a token with which a user may set a new password; earlier ones of the user end.
    ///
    /// # Errors
    /// The user is not there, or is disabled (`Conflict` of `is_disabled`).
    pub async fn create_password_reset(
        &self,
        by: &By,
        user_id: Uuid,
        expires_at_ms: i64,
    ) -> Result<(OneTimeToken, Secret), ControlError> {
        let (token, secret) = new_token(TokenPurpose::PasswordReset { user_id }, expires_at_ms);
        let enabled = "SELECT 1 FROM users WHERE id = $1 AND disabled_at_ms IS NULL";
        let change = Change::new(by, "password_reset.create", user_id)
            .beside_the_directory()
            .warning()
            .step(exists(user_id))
            .step(Step::new(enabled, [user_id.into()]).or(ControlError::Conflict { field: "is_disabled" }))
            .step(void_resets(user_id))
            .step(insert(
                &token,
                [Value::Null, Value::Null, Value::Null, user_id.into()],
            ));
        self.commit(change).await?;
        Ok((token, secret))
    }

    /// Sets a password by a reset token, which is used up; all sessions of the user end.
    ///
    /// # Errors
    /// The token is not there, used or expired (`NotFound`).
    pub async fn reset_password(
        &self,
        sha256: &Sha256Sum,
        password_hash: &Secret,
        ip_prefix: Option<String>,
        now_ms: i64,
    ) -> Result<User, ControlError> {
        let missing = ControlError::NotFound("token");
        let Some(OneTimeToken {
            purpose: TokenPurpose::PasswordReset { user_id },
            ..
        }) = self.token(sha256, now_ms).await?
        else {
            return Err(missing);
        };
        let user = self.user(user_id).await?;
        let change = Change::new(&by_user(&user, ip_prefix), "password_reset.use", user_id)
            .beside_the_directory()
            .warning()
            .step(take(sha256, now_ms, missing))
            .step(set_hash(user_id, password_hash))
            .step(end_sessions(user_id));
        self.commit(change).await?;
        Ok(user)
    }
}

fn set_hash(id: Uuid, hash: &Secret) -> Step {
    Step::new(
        "UPDATE users SET password_hash = $2 WHERE id = $1",
        [id.into(), hash.reveal().into()],
    )
    .or(ControlError::NotFound("user"))
}
