//! What is forgotten with time.

use fresnel::control::{Pruned, sha256};
use fresnel::domain::account::{KeyKind, Role, Session};

use super::place::{Place, on_both_stores};
use super::words::{by, email, id, new_key, user};

on_both_stores!(
    what_is_past_its_time_is_forgotten_and_nothing_else,
    many_old_entries_are_forgotten_in_parts,
);

const DAY_MS: i64 = 86_400_000;

async fn what_is_past_its_time_is_forgotten_and_nothing_else(place: Place) {
    let control = place.open().await;
    let now_ms = fresnel::clock::now().as_millis();
    let ada = user(&control, "ada@example.org", false).await;
    for (secret, expires_at_ms) in [("old", now_ms), ("new", now_ms + DAY_MS)] {
        let session = Session {
            sha256: sha256(secret),
            user_id: ada.id,
            created_at_ms: now_ms,
            last_seen_ms: now_ms,
            expires_at_ms,
            ip_prefix: None,
            user_agent: None,
        };
        control.create_session(&session).await.unwrap();
    }
    let role = || Some((id("default"), Role::Viewer));
    control
        .invite(&by(), email("old@example.org"), role(), now_ms)
        .await
        .unwrap();
    let (new_token, _) = control
        .invite(&by(), email("new@example.org"), role(), now_ms + DAY_MS)
        .await
        .unwrap();
    let (dead, _) = control
        .create_key(&by(), new_key("default", KeyKind::Read))
        .await
        .unwrap();
    control.revoke_key(&by(), &id("default"), dead.id).await.unwrap();
    let (live, _) = control
        .create_key(&by(), new_key("default", KeyKind::Read))
        .await
        .unwrap();
    let revision = control.directory().revision();

    let pruned = control.prune(now_ms).await.unwrap();
    assert_eq!(
        pruned,
        Pruned {
            sessions: 1,
            tokens: 1,
            ..Pruned::default()
        }
    );
    assert_eq!(control.sessions_of(ada.id, 0).await.unwrap().len(), 1);
    assert!(control.token(&new_token.sha256, now_ms).await.unwrap().is_some());
    // A year and a day later.
    let entries = place.number("SELECT count(*) FROM audit").await;
    let pruned = control.prune(now_ms + 366 * DAY_MS).await.unwrap();
    assert_eq!(
        (pruned.audit_entries, pruned.keys),
        (u64::try_from(entries).unwrap(), 1)
    );
    assert_eq!(control.key(&id("default"), live.id).await.unwrap(), live);
    assert!(control.key(&id("default"), dead.id).await.is_err());
    assert_eq!(place.number("SELECT revision FROM control_state").await, revision);
    assert_eq!(control.prune(now_ms).await.unwrap(), Pruned::default());
}

async fn many_old_entries_are_forgotten_in_parts(place: Place) {
    let control = place.open().await;
    let id = if place.is_postgres() {
        "gen_random_uuid()"
    } else {
        "lower(hex(randomblob(16)))"
    };
    place
        .execute(&format!(
            "INSERT INTO audit (id, ts_ms, actor_kind, actor_name, action, target, level, details) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) \
             SELECT {id}, i, 'system', 'x', 'x', 'x', 'info', '{{}}' FROM n"
        ))
        .await;
    let now_ms = fresnel::clock::now().as_millis();
    assert_eq!(control.prune(now_ms).await.unwrap().audit_entries, 12_000);
    assert_eq!(place.number("SELECT count(*) FROM audit").await, 1);
}
