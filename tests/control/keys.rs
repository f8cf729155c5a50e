//! API keys.

use fresnel::control::{AuditFilter, ControlError, KeyChange, NewKey, sha256};
use fresnel::domain::account::{KeyKind, Scope, Scopes};

use super::place::{Place, on_both_stores};
use super::words::{NOW_MS, by, id, name, new_key, page, project};

on_both_stores!(
    the_secret_is_in_the_answer_and_nowhere_else,
    a_key_acts_until_it_is_revoked,
    a_key_is_found_in_its_own_project_only,
    a_key_has_only_scopes_of_its_kind,
    name_and_end_of_a_key_can_be_set,
    keys_are_listed_by_age_with_those_that_are_revoked,
);

async fn the_secret_is_in_the_answer_and_nowhere_else(place: Place) {
    let control = place.open().await;
    for (kind, prefix) in [
        (KeyKind::Browser, "fk_"),
        (KeyKind::Server, "fs_"),
        (KeyKind::Read, "fr_"),
    ] {
        let (key, secret) = control.create_key(&by(), new_key("default", kind)).await.unwrap();
        let secret = secret.reveal();
        assert!(secret.starts_with(prefix) && secret.starts_with(&key.shown));
        assert!(secret.len() >= 3 + 43 && key.shown.len() < 10);
        assert_eq!(key.sha256, sha256(secret));
        let kept = control.key(&id("default"), key.id).await.unwrap();
        assert_eq!(kept, key);
        let audit = control
            .audit(&AuditFilter::default(), page(1, 500))
            .await
            .unwrap();
        for text in [
            serde_json::to_string(&kept).unwrap(),
            serde_json::to_string(&audit).unwrap(),
        ] {
            assert!(!text.contains(secret) && !text.contains("sha256"), "{text}");
        }
    }
}

async fn a_key_acts_until_it_is_revoked(place: Place) {
    let control = place.open().await;
    let (key, secret) = control
        .create_key(&by(), new_key("default", KeyKind::Server))
        .await
        .unwrap();
    let sum = sha256(secret.reveal());
    let directory = control.directory();
    let entry = directory.key_by_sha256(&sum).unwrap();
    assert_eq!(entry.key, key);
    assert_eq!(entry.project.project.id, id("default"));
    assert!(entry.acts_as.is_none());
    let revoked = control.revoke_key(&by(), &id("default"), key.id).await.unwrap();
    assert!(revoked.revoked_at_ms.is_some() && !revoked.is_live(NOW_MS));
    assert!(control.directory().key_by_sha256(&sum).is_none());
    // A picture that someone holds stays as it was.
    assert!(directory.key_by_sha256(&sum).is_some());
    let again = control.revoke_key(&by(), &id("default"), key.id).await.unwrap();
    assert_eq!(again, revoked);
    let to = KeyChange {
        name: Some(name("risen")),
        expires_at_ms: None,
    };
    assert_eq!(
        control.update_key(&by(), &id("default"), key.id, to).await,
        Err(ControlError::NotFound("key"))
    );
}

async fn a_key_is_found_in_its_own_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("other")).await.unwrap();
    let (key, _) = control
        .create_key(&by(), new_key("default", KeyKind::Read))
        .await
        .unwrap();
    let foreign = Err(ControlError::NotFound("key"));
    let other = id("other");
    assert_eq!(control.key(&other, key.id).await, foreign);
    assert_eq!(control.revoke_key(&by(), &other, key.id).await, foreign);
    for to in [
        KeyChange::default(),
        KeyChange {
            name: Some(name("stolen")),
            expires_at_ms: None,
        },
    ] {
        assert_eq!(control.update_key(&by(), &other, key.id, to).await, foreign);
    }
    assert_eq!(control.keys(&other, page(1, 50)).await.unwrap().total, 0);
    assert_eq!(control.key(&id("default"), key.id).await.unwrap(), key);
    let nowhere = control
        .create_key(&by(), new_key("nowhere", KeyKind::Read))
        .await
        .map(|_| ());
    assert_eq!(nowhere, Err(ControlError::NotFound("project")));
}

async fn a_key_has_only_scopes_of_its_kind(place: Place) {
    let control = place.open().await;
    for (kind, scopes, is_fit) in [
        (KeyKind::Browser, vec![Scope::Ingest, Scope::Read], false),
        (KeyKind::Read, vec![Scope::Manage], false),
        (KeyKind::Server, vec![], false),
        (
            KeyKind::Server,
            vec![Scope::Ingest, Scope::Relay, Scope::Import],
            true,
        ),
    ] {
        let new = NewKey {
            scopes: Some(Scopes::of(&scopes)),
            ..new_key("default", kind)
        };
        match control.create_key(&by(), new).await {
            Ok((key, _)) => {
                assert!(is_fit, "{kind:?} {scopes:?}");
                let kept = control.key(&id("default"), key.id).await.unwrap();
                assert_eq!(kept.scopes, Scopes::of(&scopes));
            }
            Err(error) => {
                assert!(!is_fit && matches!(error, ControlError::Invalid(_)), "{error:?}");
            }
        }
    }
}

async fn name_and_end_of_a_key_can_be_set(place: Place) {
    let control = place.open().await;
    let (key, _) = control
        .create_key(&by(), new_key("default", KeyKind::Server))
        .await
        .unwrap();
    let set = async |name, expires_at_ms| {
        let to = KeyChange { name, expires_at_ms };
        control
            .update_key(&by(), &id("default"), key.id, to)
            .await
            .unwrap()
    };
    let ending = set(None, Some(Some(NOW_MS))).await;
    assert_eq!((ending.expires_at_ms, &ending.name), (Some(NOW_MS), &key.name));
    let directory = control.directory();
    let entry = directory.key_by_sha256(&key.sha256).unwrap();
    assert!(entry.key.is_live(NOW_MS - 1) && !entry.key.is_live(NOW_MS));
    let renamed = set(Some(name("newer")), None).await;
    assert_eq!(
        (renamed.expires_at_ms, renamed.name),
        (Some(NOW_MS), name("newer"))
    );
    let endless = set(Some(name("newest")), Some(None)).await;
    assert_eq!((endless.expires_at_ms, endless.name), (None, name("newest")));
}

async fn keys_are_listed_by_age_with_those_that_are_revoked(place: Place) {
    let control = place.open().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        let (key, _) = control
            .create_key(&by(), new_key("default", KeyKind::Browser))
            .await
            .unwrap();
        made.push(key.id);
    }
    control.revoke_key(&by(), &id("default"), made[1]).await.unwrap();
    let mut seen = Vec::new();
    for number in 1..=3 {
        let found = control.keys(&id("default"), page(number, 2)).await.unwrap();
        assert_eq!(found.total, 5);
        seen.extend(found.items.into_iter().map(|key| key.id));
    }
    assert_eq!(seen, made);
}
