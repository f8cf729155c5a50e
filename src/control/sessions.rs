//! Operations on sessions. They change nothing that the directory shows; logins are noted in the audit log by those
//! who judge them.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, rows, users};
use crate::config::Secret;
use crate::domain::account::{Session, Sha256Sum};

/// Most sessions of a user; a new one ends the one that was not used for longest.
const SESSIONS_MAX: u32 = 50;

impl Control {
    /// Keeps a session. Its user must be enabled.
    ///
    /// # Errors
    /// The user is not there, or is disabled.
    pub async fn create_session(&self, session: &Session) -> Result<(), ControlError> {
        let enabled = Step::new(
            "SELECT 1 FROM users WHERE id = $1 AND disabled_at_ms IS NULL",
            [session.user_id.into()],
        );
        self.keep_session(session, enabled).await
    }

    /// Keeps a session of a user who has shown the password of this hash. It must still be the user's: a password
    /// that is changed while a login is under way lets nobody in.
    ///
    /// # Errors
    /// The user is not there, is disabled, or has another password now.
    pub async fn log_in(&self, session: &Session, password_hash: &Secret) -> Result<(), ControlError> {
        let fits = Step::new(
            "SELECT 1 FROM users WHERE id = $1 AND disabled_at_ms IS NULL AND password_hash = $2",
            [session.user_id.into(), password_hash.reveal().into()],
        );
        self.keep_session(session, fits).await
    }

    async fn keep_session(&self, session: &Session, condition: Step) -> Result<(), ControlError> {
        let user_id = session.user_id;
        let steps = vec![
            condition.or(ControlError::NotFound("user")),
            Step::new(
                format!(
                    "DELETE FROM sessions WHERE user_id = $1 AND sha256 NOT IN (SELECT sha256 FROM sessions \
                     WHERE user_id = $1 ORDER BY last_seen_ms DESC, sha256 LIMIT {})",
                    SESSIONS_MAX - 1
                ),
                [user_id.into()],
            ),
            Step::new(
                "INSERT INTO sessions (sha256, user_id, created_at_ms, last_seen_ms, expires_at_ms, ip_prefix, \
                 user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [
                    session.sha256.into(),
                    user_id.into(),
                    session.created_at_ms.into(),
                    session.last_seen_ms.into(),
                    session.expires_at_ms.into(),
                    session.ip_prefix.as_deref().into(),
                    session.user_agent.as_deref().into(),
                ],
            ),
        ];
        self.inner.store.change(steps).await
    }

    /// The session of this sum, if it has not expired. Whether its user is enabled, the directory says.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn session(&self, sha256: &Sha256Sum, now_ms: i64) -> Result<Option<Session>, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM sessions WHERE sha256 = $1 AND expires_at_ms > $2",
                rows::SESSION
            ),
            [(*sha256).into(), now_ms.into()],
        );
        self.one(query, rows::session).await
    }

    /// Notes that a session was used, and sets its end. Once in some minutes is enough.
    ///
    /// # Errors
    /// It is not there.
    pub async fn touch_session(
        &self,
        sha256: &Sha256Sum,
        now_ms: i64,
        expires_at_ms: i64,
    ) -> Result<(), ControlError> {
        let step = Step::new(
            "UPDATE sessions SET last_seen_ms = $2, expires_at_ms = $3 WHERE sha256 = $1",
            [(*sha256).into(), now_ms.into(), expires_at_ms.into()],
        );
        self.inner
            .store
            .change(vec![step.or(ControlError::NotFound("session"))])
            .await
    }

    /// The sessions of a user that have not expired, the last used first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn sessions_of(&self, user_id: Uuid, now_ms: i64) -> Result<Vec<Session>, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM sessions WHERE user_id = $1 AND expires_at_ms > $2 ORDER BY last_seen_ms DESC",
                rows::SESSION
            ),
            [user_id.into(), now_ms.into()],
        );
        let found = self.rows(query).await?;
        found.into_iter().map(|mut row| rows::session(&mut row)).collect()
    }

    /// Ends a session; one that is not there has ended.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn delete_session(&self, sha256: &Sha256Sum) -> Result<(), ControlError> {
        let step = Step::new("DELETE FROM sessions WHERE sha256 = $1", [(*sha256).into()]);
        self.inner.store.change(vec![step]).await
    }

    /// Ends a session of a user, and says so in the audit log.
    ///
    /// # Errors
    /// It is not there, or is another user's.
    pub async fn end_session(&self, by: &By, session: &Session) -> Result<(), ControlError> {
        let step = Step::new(
            "DELETE FROM sessions WHERE sha256 = $1 AND user_id = $2",
            [session.sha256.into(), session.user_id.into()],
        );
        let change = Change::new(by, "session.end", session.user_id)
            .beside_the_directory()
            .details(json!({ "session": session.id() }))
            .step(step.or(ControlError::NotFound("session")));
        self.commit(change).await
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn delete_sessions_of(&self, by: &By, user_id: Uuid) -> Result<(), ControlError> {
        let change = Change::new(by, "user.end_sessions", user_id)
            .beside_the_directory()
            .step(users::end_sessions(user_id));
        self.commit(change).await
    }
}
