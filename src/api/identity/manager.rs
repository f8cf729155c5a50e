//! Who manages: changes projects, keys, quotas and users.

use std::sync::Arc;

use actix_web::HttpRequest;
use uuid::Uuid;

use super::asker::Asker;
use super::{ApiError, Identity};
use crate::api::client_address::network_of;
use crate::control::{By, ControlError, Directory, ProjectEntry, UserEntry};
use crate::domain::account::{Actor, ActorKind, Membership, ProjectId, Role, Scope, User};
use crate::domain::dashboard::ViewOwner;

/// Whoever looks at control data, or changes it, with the rights of now.
#[derive(Debug)]
pub(in crate::api) struct Manager {
    rights: Rights,
    /// The project that is meant when none is named.
    home: Arc<ProjectEntry>,
    directory: Arc<Directory>,
    by: By,
}

#[derive(Debug)]
enum Rights {
    /// Those of a user, in each project.
    User(Arc<UserEntry>),
    /// A key's: in its own project, and nowhere else.
    Key(Role),
}

impl Identity {
    /// Who manages: by `Authorization: Bearer`, `X-API-Key`, or a session. The admin token has the rights of its user;
    /// a key with the scope `manage` is an admin of its project, one with the scope `read` looks.
    pub(in crate::api) async fn manager(
        &self,
        request: &HttpRequest,
        now_ms: i64,
    ) -> Result<Manager, ApiError> {
        let entry = match self.asker(request, now_ms).await? {
            Asker::User(logged_in) => return self.manager_as(request, logged_in.user),
            Asker::Key(entry) => entry,
        };
        let rights = match &entry.acts_as {
            Some(user) => Rights::User(Arc::clone(user)),
            None if entry.key.scopes.has(Scope::Manage) => Rights::Key(Role::Admin),
            None if entry.key.scopes.has(Scope::Read) => Rights::Key(Role::Viewer),
            None => return Err(ApiError::Forbidden("this key may neither look nor manage")),
        };
        let actor = Actor {
            kind: ActorKind::Key,
            id: Some(entry.key.id),
            name: entry.key.name.to_string(),
        };
        Ok(Manager {
            rights,
            home: Arc::clone(&entry.project),
            by: self.by(request, actor),
            directory: self.control.directory(),
        })
    }

    /// With the rights of a user; the project `default` is meant when none is named.
    pub(super) fn manager_as(
        &self,
        request: &HttpRequest,
        user: Arc<UserEntry>,
    ) -> Result<Manager, ApiError> {
        let directory = self.control.directory();
        let home = directory
            .project(ProjectId::DEFAULT)
            .ok_or(ApiError::NoSuch("there is no such project"))?;
        Ok(Manager {
            by: self.by(request, actor_of(&user.user)),
            rights: Rights::User(user),
            home: Arc::clone(home),
            directory: Arc::clone(&directory),
        })
    }

    /// This actor, and the network that the request comes from.
    pub(in crate::api) fn by(&self, request: &HttpRequest, actor: Actor) -> By {
        By {
            actor,
            ip_prefix: Some(network_of(self.address(request))),
        }
    }
}

/// A user as the one who acts.
pub(in crate::api) fn actor_of(user: &User) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Some(user.id),
        name: user.email.to_string(),
    }
}

impl Manager {
    /// By whom a change is made.
    pub(in crate::api) const fn by(&self) -> &By {
        &self.by
    }

    /// True for whoever may everything everywhere.
    pub(in crate::api) fn is_instance_owner(&self) -> bool {
        match &self.rights {
            Rights::User(user) => user.user.is_instance_owner,
            Rights::Key(_) => false,
        }
    }

    /// Refuses all but instance owners.
    pub(in crate::api) fn must_own_the_instance(&self) -> Result<(), ApiError> {
        if self.is_instance_owner() {
            Ok(())
        } else {
            Err(ApiError::Forbidden("only an instance owner may do this"))
        }
    }

    /// The user whose rights these are, if they are a user's.
    pub(in crate::api) fn user_id(&self) -> Option<Uuid> {
        match &self.rights {
            Rights::User(user) => Some(user.user.id),
            Rights::Key(_) => None,
        }
    }

    /// As the owner of what one keeps for oneself: the user, or the key that is nobody's.
    pub(in crate::api) fn as_owner(&self) -> ViewOwner {
        let (id, name) = match &self.rights {
            Rights::User(user) => (user.user.id, user.user.name.to_string()),
            // A key always has an id.
            Rights::Key(_) => (self.by.actor.id.unwrap_or_default(), self.by.actor.name.clone()),
        };
        ViewOwner { id, name }
    }

    /// Refuses keys that only look: they keep nothing, not even for themselves.
    pub(in crate::api) fn must_not_be_a_key_that_looks(&self) -> Result<(), ApiError> {
        match &self.rights {
            Rights::Key(role) if *role < Role::Admin => {
                Err(ApiError::Forbidden("this key only looks; a user keeps views"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses users who have logged in and would set their own password as that of others: whoever finds a session
    /// open must not make it theirs. With the old password they may.
    pub(in crate::api) fn must_be_another_than(&self, user_id: Uuid) -> Result<(), ApiError> {
        let Actor { kind, id, .. } = &self.by.actor;
        if (*kind, *id) == (ActorKind::User, Some(user_id)) {
            let message = "one's own password is changed with the old one, at /api/session/password";
            return Err(ApiError::Forbidden(message));
        }
        Ok(())
    }

    fn role_in(&self, project_id: &str) -> Option<Role> {
        match &self.rights {
            Rights::User(user) => user.role_in(project_id),
            Rights::Key(role) => (self.home.project.id.as_str() == project_id).then_some(*role),
        }
    }

    /// Refuses those who are an admin of no project.
    pub(in crate::api) fn must_be_an_admin(&self) -> Result<(), ApiError> {
        let is_admin = match &self.rights {
            Rights::User(user) => {
                user.user.is_instance_owner || user.roles().any(|(_, role)| role >= Role::Admin)
            }
            Rights::Key(role) => *role >= Role::Admin,
        };
        if is_admin {
            Ok(())
        } else {
            Err(ApiError::Forbidden("this takes a higher role in the project"))
        }
    }

    /// Refuses those who may less than a user somewhere, since who can make a login of a user's may all that the user
    /// may. A user who is in no project of theirs is as unknown to them as one who is not there.
    pub(in crate::api) fn must_outrank(
        &self,
        user: &User,
        memberships: &[Membership],
    ) -> Result<(), ApiError> {
        if self.is_instance_owner() {
            return Ok(());
        }
        let may = |project_id: &ProjectId, needed| self.role_in(project_id.as_str()) >= Some(needed);
        if !memberships.iter().any(|one| may(&one.project_id, Role::Admin)) {
            return Err(ControlError::NotFound("user").into());
        }
        let mut all = memberships.iter();
        if user.is_instance_owner || !all.all(|one| may(&one.project_id, one.role.max(Role::Admin))) {
            return Err(ApiError::Forbidden("the user may do what you may not"));
        }
        Ok(())
    }

    /// The project of this id, or the own one, if the role in it is at least `needed`. A project in which there is
    /// no role at all is as unknown as one that is not there.
    pub(in crate::api) fn project(&self, id: Option<&str>, needed: Role) -> Result<&ProjectId, ApiError> {
        Ok(&self.project_entry(id, needed)?.project.id)
    }

    /// See [`project`](Self::project).
    pub(super) fn project_entry(
        &self,
        id: Option<&str>,
        needed: Role,
    ) -> Result<&Arc<ProjectEntry>, ApiError> {
        let id = id.unwrap_or(self.home.project.id.as_str());
        let role = self.role_in(id);
        let entry = self.directory.project(id);
        let (Some(role), Some(entry)) = (role, entry) else {
            return Err(ApiError::NoSuch("there is no such project"));
        };
        if role < needed {
            return Err(ApiError::Forbidden("this takes a higher role in the project"));
        }
        Ok(entry)
    }
}
