//! The audit log.

use fresnel::control::{AuditFilter, Change, ControlError};
use fresnel::domain::account::{Actor, ActorKind, AuditLevel, By, KeyKind};
use serde_json::json;
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{by, id, new_key, page, project, user};

on_both_stores!(
    every_change_has_its_entry,
    a_change_that_failed_has_none,
    without_its_entry_a_change_is_not_made,
    entries_are_found_by_user_action_level_time_and_project,
    something_that_changed_nothing_can_be_noted,
);

async fn every_change_has_its_entry(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let (key, _) = control
        .create_key(&by(), new_key("shop", KeyKind::Server))
        .await
        .unwrap();
    control.revoke_key(&by(), &id("shop"), key.id).await.unwrap();
    control.delete_project(&by(), &id("shop")).await.unwrap();
    let log = control.audit(&AuditFilter::default(), page(1, 50)).await.unwrap();
    let actions: Vec<_> = log.items.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "project.delete",
            "key.revoke",
            "key.create",
            "project.create",
            "project.create"
        ]
    );
    let revocation = &log.items[1];
    assert_eq!(revocation.actor, by().actor);
    assert_eq!(revocation.ip_prefix, by().ip_prefix);
    assert_eq!(revocation.project_id, Some(id("shop")));
    assert_eq!(revocation.target, key.id.to_string());
    assert_eq!(revocation.level, AuditLevel::Warning);
    assert_eq!(revocation.details, json!({ "name": "a key" }));
    assert_eq!(log.items[4].actor, Actor::system(), "the default project");
}

async fn a_change_that_failed_has_none(place: Place) {
    let control = place.open().await;
    let before = place.number("SELECT count(*) FROM audit").await;
    let revision = control.directory().revision();
    control
        .create_project(&by(), project("default"))
        .await
        .unwrap_err();
    control
        .revoke_key(&by(), &id("default"), Uuid::nil())
        .await
        .unwrap_err();
    control
        .create_key(&by(), new_key("nowhere", KeyKind::Server))
        .await
        .unwrap_err();
    assert_eq!(place.number("SELECT count(*) FROM audit").await, before);
    assert_eq!(place.number("SELECT revision FROM control_state").await, revision);
}

async fn without_its_entry_a_change_is_not_made(place: Place) {
    let control = place.open().await;
    let revision = control.directory().revision();
    place.execute("ALTER TABLE audit RENAME TO elsewhere").await;
    let error = control.create_project(&by(), project("shop")).await.unwrap_err();
    assert!(matches!(error, ControlError::Unavailable(_)), "{error:?}");
    assert!(
        control
            .create_key(&by(), new_key("default", KeyKind::Read))
            .await
            .is_err()
    );
    place.execute("ALTER TABLE elsewhere RENAME TO audit").await;
    assert_eq!(
        control.project(&id("shop")).await,
        Err(ControlError::NotFound("project"))
    );
    assert_eq!(place.number("SELECT count(*) FROM api_keys").await, 0);
    assert_eq!(place.number("SELECT revision FROM control_state").await, revision);
    control.create_project(&by(), project("shop")).await.unwrap();
}

async fn entries_are_found_by_user_action_level_time_and_project(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let ada = user(&control, "ada@example.org", false).await;
    let by_ada = By {
        actor: Actor {
            kind: ActorKind::User,
            id: Some(ada.id),
            name: ada.email.to_string(),
        },
        ip_prefix: None,
    };
    let (key, _) = control
        .create_key(&by_ada, new_key("shop", KeyKind::Read))
        .await
        .unwrap();
    control.revoke_key(&by_ada, &id("shop"), key.id).await.unwrap();
    control
        .create_key(&by(), new_key("default", KeyKind::Read))
        .await
        .unwrap();
    let found = async |filter: AuditFilter| {
        let log = control.audit(&filter, page(1, 50)).await.unwrap();
        assert_eq!(log.total, log.items.len() as u64);
        log.items
            .into_iter()
            .map(|entry| (entry.action, entry.ts_ms))
            .collect::<Vec<_>>()
    };
    let none = AuditFilter::default;
    let all = found(none()).await;
    assert_eq!(all.len(), 6);
    assert!(
        all.is_sorted_by(|newer, older| newer.1 >= older.1),
        "the newest first"
    );
    let mine = found(AuditFilter {
        actor_id: Some(ada.id),
        ..none()
    });
    assert_eq!(mine.await.len(), 2);
    let of = |action: &str| AuditFilter {
        action: Some(action.into()),
        ..none()
    };
    assert_eq!(found(of("key")).await.len(), 3);
    assert_eq!(found(of("key.create")).await.len(), 2);
    assert_eq!(found(of("ke")).await.len(), 0);
    assert_eq!(found(of("%")).await.len(), 0);
    let warnings = found(AuditFilter {
        level: Some(AuditLevel::Warning),
        ..none()
    });
    assert_eq!(warnings.await[0].0, "key.revoke");
    let of_shop = AuditFilter {
        project_id: Some(id("shop")),
        action: Some("key.create".into()),
        ..none()
    };
    assert_eq!(found(of_shop).await.len(), 1);
    let (newest, oldest) = (all[0].1, all[5].1);
    let between = |from_ms, to_ms| AuditFilter {
        from_ms: Some(from_ms),
        to_ms: Some(to_ms),
        ..none()
    };
    assert_eq!(found(between(oldest, newest + 1)).await.len(), 6);
    assert_eq!(found(between(newest + 1, i64::MAX)).await.len(), 0);
    assert_eq!(found(between(0, oldest)).await.len(), 0);
    let second = control.audit(&none(), page(2, 4)).await.unwrap();
    assert_eq!((second.items.len(), second.total, second.has_prev), (2, 6, true));
}

async fn something_that_changed_nothing_can_be_noted(place: Place) {
    let control = place.open().await;
    let revision = control.directory().revision();
    let refused = Change::new(&by(), "login.refuse", "ada@example.org")
        .warning()
        .details(json!({ "reason": "password" }));
    control.note(refused).await.unwrap();
    let log = control.audit(&AuditFilter::default(), page(1, 1)).await.unwrap();
    assert_eq!(log.items[0].action, "login.refuse");
    assert_eq!(log.items[0].details, json!({ "reason": "password" }));
    assert_eq!(place.number("SELECT revision FROM control_state").await, revision);
}
