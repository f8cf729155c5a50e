//! Short ways to say what the tests say often.

use fresnel::config::Secret;
use fresnel::control::{By, Control, NewKey, NewUser};
use fresnel::domain::account::{Actor, ActorKind, Email, KeyKind, Name, Project, ProjectId, User};
use fresnel::domain::page::PageRequest;
use uuid::Uuid;

pub(super) fn id(text: &str) -> ProjectId {
    ProjectId::parse("id", text).unwrap()
}

pub(super) fn name(text: &str) -> Name {
    Name::parse("name", text).unwrap()
}

pub(super) fn email(text: &str) -> Email {
    Email::parse("email", text).unwrap()
}

pub(super) fn by() -> By {
    By {
        actor: Actor {
            kind: ActorKind::User,
            id: Some(Uuid::from_u128(42)),
            name: "tester@example.org".into(),
        },
        ip_prefix: Some("192.0.2.0/24".into()),
    }
}

pub(super) fn page(page: u32, size: u32) -> PageRequest {
    PageRequest::new(page, size)
}

pub(super) fn project(text: &str) -> Project {
    Project::new(id(text), name(text), 0)
}

pub(super) fn new_key(project: &str, kind: KeyKind) -> NewKey {
    NewKey {
        project_id: id(project),
        kind,
        name: name("a key"),
        scopes: None,
        expires_at_ms: None,
    }
}

pub(super) async fn user(control: &Control, address: &str, is_instance_owner: bool) -> User {
    let new = NewUser {
        email: email(address),
        name: name("Ada"),
        is_instance_owner,
        is_disabled: false,
        password_hash: Some(Secret::new("$argon2id$of a password".into())),
    };
    control.create_user(&by(), new).await.unwrap()
}

pub(super) const NOW_MS: i64 = 1_700_000_000_000;
