//! Users and their roles.

use fresnel::config::Secret;
use fresnel::control::{ControlError, NewUser, UserChange};
use fresnel::domain::account::Role;
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{by, email, id, name, page, project, user};

on_both_stores!(
    an_address_has_one_user_whatever_its_case,
    a_password_leaves_the_store_for_a_login_only,
    a_disabled_user_may_nothing_until_it_is_enabled,
    there_is_always_an_instance_owner,
    of_two_owners_who_disable_each_other_one_stays,
    a_role_is_set_changed_and_taken,
    what_is_not_there_is_not_found,
);

fn disable() -> UserChange {
    UserChange {
        is_disabled: Some(true),
        ..UserChange::default()
    }
}

async fn an_address_has_one_user_whatever_its_case(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    let again = NewUser {
        email: email("ADA@example.org"),
        name: name("Ada again"),
        is_instance_owner: false,
        is_disabled: false,
        password_hash: None,
    };
    assert_eq!(
        control.create_user(&by(), again).await,
        Err(ControlError::Conflict { field: "email" })
    );
    assert_eq!(control.user(ada.id).await.unwrap(), ada);
    let users = control.users(page(1, 50)).await.unwrap();
    assert_eq!((users.total, users.items), (1, vec![ada]));
}

async fn a_password_leaves_the_store_for_a_login_only(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    let login = control.login_user(&ada.email).await.unwrap().unwrap();
    assert_eq!(login.user, ada);
    assert_eq!(login.password_hash.unwrap().reveal(), "$argon2id$of a password");
    assert!(!serde_json::to_string(&ada).unwrap().contains("argon2id"));
    let hash = Secret::new("$argon2id$of another".into());
    control.set_password_hash(&by(), ada.id, &hash).await.unwrap();
    let login = control.login_user(&ada.email).await.unwrap().unwrap();
    assert_eq!(login.password_hash, Some(hash));
    assert!(
        control
            .login_user(&email("eve@example.org"))
            .await
            .unwrap()
            .is_none()
    );
}

async fn a_disabled_user_may_nothing_until_it_is_enabled(place: Place) {
    let control = place.open().await;
    user(&control, "owner@example.org", true).await;
    let ada = user(&control, "ada@example.org", true).await;
    assert_eq!(
        control.directory().user(ada.id).unwrap().role_in("anything"),
        Some(Role::Owner)
    );
    let disabled = control.update_user(&by(), ada.id, disable()).await.unwrap();
    assert!(disabled.disabled_at_ms.is_some());
    assert!(control.directory().user(ada.id).is_none());
    let enable = UserChange {
        is_disabled: Some(false),
        is_instance_owner: Some(false),
        name: Some(name("Ada L.")),
    };
    let enabled = control.update_user(&by(), ada.id, enable).await.unwrap();
    assert_eq!((enabled.disabled_at_ms, enabled.is_instance_owner), (None, false));
    assert_eq!(enabled.name, name("Ada L."));
    assert_eq!(control.directory().user(ada.id).unwrap().role_in("default"), None);
}

async fn there_is_always_an_instance_owner(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", true).await;
    user(&control, "viewer@example.org", false).await;
    let last = Err(ControlError::Conflict {
        field: "is_instance_owner",
    });
    let demote = UserChange {
        is_instance_owner: Some(false),
        ..UserChange::default()
    };
    assert_eq!(control.update_user(&by(), ada.id, disable()).await, last);
    assert_eq!(control.update_user(&by(), ada.id, demote.clone()).await, last);
    assert_eq!(control.user(ada.id).await.unwrap(), ada);
    user(&control, "other@example.org", true).await;
    assert!(control.update_user(&by(), ada.id, demote).await.is_ok());
}

async fn of_two_owners_who_disable_each_other_one_stays(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let ada = user(&one, "ada@example.org", true).await;
    let eve = user(&one, "eve@example.org", true).await;
    for _ in 0..10 {
        let (by_eve, by_ada) = (by(), by());
        let outcomes = tokio::join!(
            one.update_user(&by_eve, ada.id, disable()),
            other.update_user(&by_ada, eve.id, disable()),
        );
        assert!(
            outcomes.0.is_ok() != outcomes.1.is_ok(),
            "exactly one is made: {outcomes:?}"
        );
        for id in [ada.id, eve.id] {
            let enable = UserChange {
                is_disabled: Some(false),
                ..UserChange::default()
            };
            one.update_user(&by(), id, enable).await.unwrap();
        }
    }
}

async fn a_role_is_set_changed_and_taken(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let ada = user(&control, "ada@example.org", false).await;
    let bob = user(&control, "bob@example.org", false).await;
    let shop = id("shop");
    for role in Role::ALL {
        control.set_role(&by(), &shop, ada.id, Some(role)).await.unwrap();
        let directory = control.directory();
        let entry = directory.user(ada.id).unwrap();
        assert_eq!(
            (entry.role_in("shop"), entry.role_in("default")),
            (Some(role), None)
        );
    }
    control
        .set_role(&by(), &shop, bob.id, Some(Role::Viewer))
        .await
        .unwrap();
    let members = control.members(&shop, page(1, 50)).await.unwrap();
    let roles: Vec<_> = members
        .items
        .iter()
        .map(|member| (&member.user, member.role))
        .collect();
    assert_eq!(roles, [(&ada, Role::Owner), (&bob, Role::Viewer)]);
    assert_eq!(control.memberships_of(ada.id).await.unwrap()[0].role, Role::Owner);
    control.set_role(&by(), &shop, ada.id, None).await.unwrap();
    assert_eq!(control.directory().user(ada.id).unwrap().role_in("shop"), None);
    assert_eq!(
        control.set_role(&by(), &shop, ada.id, None).await,
        Err(ControlError::NotFound("member"))
    );
}

async fn what_is_not_there_is_not_found(place: Place) {
    let control = place.open().await;
    let nobody = Uuid::from_u128(99);
    let gone = ControlError::NotFound("user");
    assert_eq!(control.user(nobody).await, Err(gone.clone()));
    assert_eq!(
        control.update_user(&by(), nobody, disable()).await,
        Err(gone.clone())
    );
    let hash = Secret::new("x".into());
    assert_eq!(
        control.set_password_hash(&by(), nobody, &hash).await,
        Err(gone.clone())
    );
    assert_eq!(
        control
            .set_role(&by(), &id("default"), nobody, Some(Role::Viewer))
            .await,
        Err(gone)
    );
    let ada = user(&control, "ada@example.org", false).await;
    assert_eq!(
        control
            .set_role(&by(), &id("nowhere"), ada.id, Some(Role::Viewer))
            .await,
        Err(ControlError::NotFound("project"))
    );
}
