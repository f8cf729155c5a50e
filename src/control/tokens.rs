//! Operations on tokens of one use, and on invitations, which are such tokens.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step, Value};
use super::{By, Control, ControlError, List, rows, users};
use crate::clock;
use crate::config::Secret;
use crate::domain::account::{
    Actor, ActorKind, Email, Membership, Name, OneTimeToken, ProjectId, Role, Sha256Sum, TokenPurpose, User,
    new_secret, sha256,
};
use crate::domain::page::{Page, PageRequest};

/// Most invitations that wait for an answer.
const INVITATIONS_MAX: u32 = 1_000;

impl Control {
    /// Invites someone into a project, or, without one, as an instance owner. The secret is in the answer and
    /// nowhere else. An earlier invitation of the same address to the same project ends.
    ///
    /// # Errors
    /// The project is not there; too many invitations wait.
    pub async fn invite(
        &self,
        by: &By,
        email: Email,
        membership: Option<(ProjectId, Role)>,
        expires_at_ms: i64,
    ) -> Result<(OneTimeToken, Secret), ControlError> {
        let purpose = TokenPurpose::Invitation {
            email: email.clone(),
            membership: membership.clone(),
        };
        let (token, secret) = new_token(purpose, expires_at_ms);
        let change = Change::new(by, "invitation.create", token.id).beside_the_directory();
        let (change, project, role) = match membership {
            Some((project_id, role)) => (
                change
                    .within(&project_id)
                    .details(json!({ "email": email, "role": role })),
                Value::from(project_id.as_str()),
                Value::from(role.as_str()),
            ),
            None => (
                change
                    .warning()
                    .details(json!({ "email": email, "is_instance_owner": true })),
                Value::Null,
                Value::Null,
            ),
        };
        let change = change
            .step(Step::new(
                "DELETE FROM tokens WHERE purpose = 'invitation' AND email = $1 \
                 AND COALESCE(project_id, '') = COALESCE($2, '')",
                [email.as_str().into(), project.clone()],
            ))
            .at_most(
                INVITATIONS_MAX,
                "invitations",
                "tokens WHERE purpose = 'invitation' AND expires_at_ms > $1",
                [token.created_at_ms.into()],
            )
            .step(insert(
                &token,
                [email.as_str().into(), project, role, Value::Null],
            ));
        self.commit(change).await?;
        Ok((token, secret))
    }

    /// The token of this sum, if it has neither been used nor expired.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn token(&self, sha256: &Sha256Sum, now_ms: i64) -> Result<Option<OneTimeToken>, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM tokens WHERE sha256 = $1 AND expires_at_ms > $2",
                rows::TOKEN
            ),
            [(*sha256).into(), now_ms.into()],
        );
        self.one(query, rows::token).await
    }

    /// The invitations that wait, of one project or all, the oldest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn invitations(
        &self,
        project_id: Option<&ProjectId>,
        now_ms: i64,
        request: PageRequest,
    ) -> Result<Page<OneTimeToken>, ControlError> {
        let mut from = "tokens WHERE purpose = 'invitation' AND expires_at_ms > $1".to_owned();
        let mut values = vec![Value::from(now_ms)];
        if let Some(id) = project_id {
            from.push_str(" AND project_id = $2");
            values.push(id.as_str().into());
        }
        let list = List {
            columns: rows::TOKEN,
            from: from.into(),
            order: "created_at_ms, id",
            values,
        };
        self.page(&list, request, rows::token).await
    }

    /// Takes an invitation back. `project_id` must be the one that it is for.
    ///
    /// # Errors
    /// It is not there.
    pub async fn revoke_invitation(
        &self,
        by: &By,
        project_id: Option<&ProjectId>,
        id: Uuid,
    ) -> Result<(), ControlError> {
        let step = Step::new(
            "DELETE FROM tokens WHERE id = $1 AND purpose = 'invitation' \
             AND COALESCE(project_id, '') = COALESCE($2, '')",
            [id.into(), project_id.map(ProjectId::as_str).into()],
        );
        let mut change = Change::new(by, "invitation.revoke", id).beside_the_directory();
        if let Some(project_id) = project_id {
            change = change.about(project_id);
        }
        self.commit(change.step(step.or(ControlError::NotFound("invitation"))))
            .await
    }

    /// Takes up an invitation: makes the user, or, when the address has one, gives that one the role; its name
    /// and its password stay then. The token is used up.
    ///
    /// # Errors
    /// The token is not there, used or expired (`NotFound`).
    pub async fn accept_invitation(
        &self,
        sha256: &Sha256Sum,
        name: Name,
        password_hash: &Secret,
        ip_prefix: Option<String>,
        now_ms: i64,
    ) -> Result<User, ControlError> {
        let missing = ControlError::NotFound("invitation");
        let Some(OneTimeToken {
            purpose: TokenPurpose::Invitation { email, membership },
            ..
        }) = self.token(sha256, now_ms).await?
        else {
            return Err(missing);
        };
        let known = self.login_user(&email).await?.map(|login| login.user);
        let is_new = known.is_none();
        let user = known.unwrap_or_else(|| User {
            id: Uuid::now_v7(),
            email,
            name,
            is_instance_owner: membership.is_none(),
            disabled_at_ms: None,
            created_at_ms: now_ms,
        });
        let by = by_user(&user, ip_prefix);
        let mut change = Change::new(&by, "invitation.accept", user.id)
            .details(json!({ "email": user.email, "is_new": is_new }))
            .step(take(sha256, now_ms, missing));
        if is_new {
            change = change.step(users::insert(&user, Some(password_hash)));
        }
        if !is_new {
            change = change.step(users::void_resets(user.id));
        }
        change = match membership {
            Some((project_id, role)) => change.within(&project_id).step(users::set_role(&Membership {
                user_id: user.id,
                project_id,
                role,
            })),
            None => change.warning().step(Step::new(
                "UPDATE users SET is_instance_owner = $2 WHERE id = $1",
                [user.id.into(), true.into()],
            )),
        };
        self.commit(change).await?;
        self.user(user.id).await
    }
}

pub(super) fn by_user(user: &User, ip_prefix: Option<String>) -> By {
    By {
        actor: Actor {
            kind: ActorKind::User,
            id: Some(user.id),
            name: user.email.to_string(),
        },
        ip_prefix,
    }
}

pub(super) fn new_token(purpose: TokenPurpose, expires_at_ms: i64) -> (OneTimeToken, Secret) {
    let secret = new_secret("ft_");
    let token = OneTimeToken {
        id: Uuid::now_v7(),
        sha256: sha256(secret.reveal()),
        purpose,
        created_at_ms: clock::now().as_millis(),
        expires_at_ms,
    };
    (token, secret)
}

/// Uses a token up. Of two who use it at once, one finds none.
pub(super) fn take(sha256: &Sha256Sum, now_ms: i64, missing: ControlError) -> Step {
    Step::new(
        "DELETE FROM tokens WHERE sha256 = $1 AND expires_at_ms > $2",
        [(*sha256).into(), now_ms.into()],
    )
    .or(missing)
}

/// `about` holds address, project, role and user.
pub(super) fn insert(token: &OneTimeToken, about: [Value; 4]) -> Step {
    let purpose = match token.purpose {
        TokenPurpose::Invitation { .. } => "invitation",
        TokenPurpose::PasswordReset { .. } => "password_reset",
    };
    let mut values = vec![
        token.id.into(),
        token.sha256.into(),
        token.created_at_ms.into(),
        token.expires_at_ms.into(),
        purpose.into(),
    ];
    values.extend(about);
    Step::new(
        "INSERT INTO tokens (id, sha256, created_at_ms, expires_at_ms, purpose, email, project_id, role, user_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values,
    )
}
