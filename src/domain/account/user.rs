//! Users of the dashboard, their roles, their sessions, and the tokens that let them in once.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::key::Sha256Sum;
use super::project::ProjectId;
use super::text::{Email, Name};

/// What a user may do in one project; each may also do what those below may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Changes rules, keys and quotas.
    Admin,
    /// Changes members too, and deletes the project.
    Owner,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Admin, Self::Owner];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A user of the dashboard. The password's hash is not here: it leaves the store for a login only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// Its address, by which it logs in.
    pub email: Email,
    /// Its name for people.
    pub name: Name,
    /// Whether it may everything in all projects.
    pub is_instance_owner: bool,
    /// Since when it may nothing.
    pub disabled_at_ms: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
}

/// A user's role in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Membership {
    /// The user.
    pub user_id: Uuid,
    /// The project.
    pub project_id: ProjectId,
    /// What it may there.
    pub role: Role,
}

/// A login that lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// SHA-256 of the cookie's secret.
    #[serde(skip)]
    pub sha256: Sha256Sum,
    /// Who logged in.
    pub user_id: Uuid,
    /// When.
    pub created_at_ms: i64,
    /// When it was last used, to the precision with which it is touched.
    pub last_seen_ms: i64,
    /// From when on it is refused.
    pub expires_at_ms: i64,
    /// The network that it was made from.
    pub ip_prefix: Option<String>,
    /// The `User-Agent` that it was made with.
    pub user_agent: Option<String>,
}

impl Session {
    /// A name for it that others may read: neither the cookie nor its sum can be told from it.
    #[must_use]
    pub fn id(&self) -> Uuid {
        let sum = Sha256::new_with_prefix("a session's name").chain_update(self.sha256);
        let mut bytes = [0; 16];
        for (byte, of_sum) in bytes.iter_mut().zip(sum.finalize()) {
            *byte = of_sum;
        }
        Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// What a token of one use is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum TokenPurpose {
    /// Lets someone become a user, or a member.
    Invitation {
        /// Who is invited.
        email: Email,
        /// Where to, and as what; none: as an instance owner.
        membership: Option<(ProjectId, Role)>,
    },
    /// Lets a user set a new password.
    PasswordReset {
        /// Whose.
        user_id: Uuid,
    },
}

/// A token of one use; the token itself was shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OneTimeToken {
    /// Its id, which is no secret.
    pub id: Uuid,
    /// SHA-256 of the token.
    #[serde(skip)]
    pub sha256: Sha256Sum,
    /// What it is for.
    #[serde(flatten)]
    pub purpose: TokenPurpose,
    /// When it was made.
    pub created_at_ms: i64,
    /// From when on it is refused.
    pub expires_at_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_may_what_an_admin_may_and_an_admin_what_a_viewer_may() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Viewer);
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
    }
}
