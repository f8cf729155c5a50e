//! Operations on users and their roles.

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, List, rows};
use crate::clock;
use crate::config::Secret;
use crate::domain::account::{Email, Membership, Name, ProjectId, Role, User};
use crate::domain::page::{Page, PageRequest};

/// Most users of an installation, all of whom stand in memory.
const USERS_MAX: u32 = 10_000;

/// What a new user shall be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its address.
    pub email: Email,
    /// Its name for people.
    pub name: Name,
    /// Whether it may everything.
    pub is_instance_owner: bool,
    /// Whether it may nothing.
    pub is_disabled: bool,
    /// Argon2id of its password, as a PHC string; none: it cannot log in with one.
    pub password_hash: Option<Secret>,
}

/// What shall become of a user; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Its name.
    pub name: Option<Name>,
    /// Whether it may everything.
    pub is_instance_owner: Option<bool>,
    /// Whether it may nothing. All its sessions end.
    pub is_disabled: Option<bool>,
}

/// A user as a login needs it.
#[derive(Clone, Debug)]
pub struct LoginUser {
    /// The user.
    pub user: User,
    /// Argon2id of its password, as a PHC string; none: it has no password.
    pub password_hash: Option<Secret>,
}

/// A user with its role in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// What it may in the project.
    pub role: Role,
}

impl Control {
    /// Makes a user.
    ///
    /// # Errors
    /// The address is in use; there are too many users.
    pub async fn create_user(&self, by: &By, new: NewUser) -> Result<User, ControlError> {
        let (change, user) = creation(by, Uuid::now_v7(), new);
        self.commit(change).await?;
        Ok(user)
    }

    /// A user.
    ///
    /// # Errors
    /// It is not there.
    pub async fn user(&self, id: Uuid) -> Result<User, ControlError> {
        let query = Statement::new(
            format!("SELECT {} FROM users WHERE id = $1", rows::USER),
            [id.into()],
        );
        let found = self.one(query, rows::user).await?;
        found.ok_or(ControlError::NotFound("user"))
    }

    /// The user of an address with what a login compares; none when there is no such user.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn login_user(&self, email: &Email) -> Result<Option<LoginUser>, ControlError> {
        let query = Statement::new(
            format!("SELECT {}, password_hash FROM users WHERE email = $1", rows::USER),
            [email.as_str().into()],
        );
        self.one(query, |row| {
            Ok(LoginUser {
                user: rows::user(row)?,
                password_hash: row.opt_text()?.map(Secret::new),
            })
        })
        .await
    }

    /// All users, the oldest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn users(&self, request: PageRequest) -> Result<Page<User>, ControlError> {
        let list = List {
            columns: rows::USER,
            from: "users".into(),
            order: "created_at_ms, id",
            values: Vec::new(),
        };
        self.page(&list, request, rows::user).await
    }

    /// Changes a user.
    ///
    /// # Errors
    /// It is not there; there would be no instance owner left (`Conflict`).
    pub async fn update_user(&self, by: &By, id: Uuid, to: UserChange) -> Result<User, ControlError> {
        self.commit(update(by, id, &to)).await?;
        self.user(id).await
    }

    /// Gives a user a role in a project, or takes it away.
    ///
    /// # Errors
    /// The project or the user is not there, or the user had no role that could be taken.
    pub async fn set_role(
        &self,
        by: &By,
        project_id: &ProjectId,
        user_id: Uuid,
        role: Option<Role>,
    ) -> Result<(), ControlError> {
        self.commit(role_change(by, project_id, user_id, role)).await
    }

    /// The members of a project, the oldest user first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn members(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<Member>, ControlError> {
        let list = List {
            columns: "id, email, name, is_instance_owner, disabled_at_ms, created_at_ms, role",
            from: "users JOIN memberships ON memberships.user_id = users.id WHERE project_id = $1".into(),
            order: "created_at_ms, id",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, |row| {
            Ok(Member {
                user: rows::user(row)?,
                role: row.named("a role", Role::from_name)?,
            })
        })
        .await
    }

    /// The roles of a user in projects that are not deleted.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn memberships_of(&self, user_id: Uuid) -> Result<Vec<Membership>, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM memberships WHERE user_id = $1 \
                 AND project_id IN (SELECT id FROM projects WHERE deleted_at_ms IS NULL) ORDER BY project_id",
                rows::MEMBERSHIP
            ),
            [user_id.into()],
        );
        let found = self.rows(query).await?;
        found
            .into_iter()
            .map(|mut row| rows::membership(&mut row))
            .collect()
    }
}

/// The change that makes a user, and the user.
pub(super) fn creation(by: &By, id: Uuid, new: NewUser) -> (Change, User) {
    let now_ms = clock::now().as_millis();
    let user = User {
        id,
        email: new.email,
        name: new.name,
        is_instance_owner: new.is_instance_owner,
        disabled_at_ms: new.is_disabled.then_some(now_ms),
        created_at_ms: now_ms,
    };
    let change = Change::new(by, "user.create", user.id)
        .details(json!({ "email": user.email, "is_instance_owner": user.is_instance_owner }))
        .at_most(USERS_MAX, "users", "users", [])
        .step(insert(&user, new.password_hash.as_ref()));
    (change, user)
}

/// The change of a user.
pub(super) fn update(by: &By, id: Uuid, to: &UserChange) -> Change {
    let takes_rights = to.is_disabled == Some(true) || to.is_instance_owner == Some(false);
    let disabled_at_ms = clock::now().as_millis();
    let mut change = Change::new(by, "user.update", id)
        .details(json!({
            "name": to.name, "is_instance_owner": to.is_instance_owner, "is_disabled": to.is_disabled,
        }))
        .step(exists(id));
    if let Some(name) = &to.name {
        let sql = "UPDATE users SET name = $2 WHERE id = $1";
        change = change.step(Step::new(sql, [id.into(), name.as_str().into()]));
    }
    if let Some(is_owner) = to.is_instance_owner {
        let sql = "UPDATE users SET is_instance_owner = $2 WHERE id = $1";
        change = change.step(Step::new(sql, [id.into(), is_owner.into()]));
        if is_owner {
            change = change.step(void_resets(id));
        }
    }
    match to.is_disabled {
        Some(true) => {
            let sql = "UPDATE users SET disabled_at_ms = COALESCE(disabled_at_ms, $2) WHERE id = $1";
            change = change
                .step(Step::new(sql, [id.into(), disabled_at_ms.into()]))
                .step(void_resets(id))
                .step(end_sessions(id));
        }
        Some(false) => {
            let sql = "UPDATE users SET disabled_at_ms = NULL WHERE id = $1";
            change = change.step(Step::new(sql, [id.into()]));
        }
        None => {}
    }
    if takes_rights {
        change = change.keeping_an_owner().warning();
    }
    change
}

/// The change that gives a user a role, or takes it away.
pub(super) fn role_change(by: &By, project_id: &ProjectId, user_id: Uuid, role: Option<Role>) -> Change {
    let change = Change::new(by, "member.set_role", user_id)
        .within(project_id)
        .details(json!({ "role": role }))
        .step(exists(user_id));
    match role {
        Some(role) => change.step(void_resets(user_id)).step(set_role(&Membership {
            user_id,
            project_id: project_id.clone(),
            role,
        })),
        None => change.warning().step(
            Step::new(
                "DELETE FROM memberships WHERE user_id = $1 AND project_id = $2",
                [user_id.into(), project_id.as_str().into()],
            )
            .or(ControlError::NotFound("member")),
        ),
    }
}

pub(super) fn exists(id: Uuid) -> Step {
    Step::new("SELECT 1 FROM users WHERE id = $1", [id.into()]).or(ControlError::NotFound("user"))
}

pub(super) fn insert(user: &User, password_hash: Option<&Secret>) -> Step {
    Step::new(
        "INSERT INTO users (id, email, name, password_hash, is_instance_owner, disabled_at_ms, created_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            user.id.into(),
            user.email.as_str().into(),
            user.name.as_str().into(),
            password_hash.map(Secret::reveal).into(),
            user.is_instance_owner.into(),
            user.disabled_at_ms.into(),
            user.created_at_ms.into(),
        ],
    )
    .unique("email")
}

pub(super) fn end_sessions(user_id: Uuid) -> Step {
    Step::new("DELETE FROM sessions WHERE user_id = $1", [user_id.into()])
}

/// Ends the reset tokens of a user.
pub(super) fn void_resets(user_id: Uuid) -> Step {
    Step::new(
        "DELETE FROM tokens WHERE purpose = 'password_reset' AND user_id = $1",
        [user_id.into()],
    )
}

pub(super) fn set_role(membership: &Membership) -> Step {
    Step::new(
        "INSERT INTO memberships (user_id, project_id, role) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, project_id) DO UPDATE SET role = excluded.role",
        [
            membership.user_id.into(),
            membership.project_id.as_str().into(),
            membership.role.as_str().into(),
        ],
    )
}
