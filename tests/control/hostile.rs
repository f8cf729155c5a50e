//! Texts that want to be more than texts.

use fresnel::control::{AuditFilter, By, Change};
use fresnel::domain::account::{
    Actor, ActorKind, KeyKind, PartialLimits, Project, QuotaTarget, ScrubRule, Session,
};
use serde_json::json;

use super::place::{Place, on_both_stores};
use super::words::{NOW_MS, by, id, name, new_key, page, project, user};

on_both_stores!(
    texts_come_back_as_they_went_in,
    a_nul_takes_the_same_way_in_both_stores
);

const TEXTS: [&str; 10] = [
    "'; DROP TABLE projects; --",
    "Robert\"); DELETE FROM users; --",
    "$1 $2 ?1 :name @name %s {}",
    "100 % _ \\ \\' \\\\",
    "naïve Ünïcödé żółć",
    "مرحبا שלום \u{202e}gnp.exe",
    "👩‍👩‍👧‍👦 🇩🇪 e\u{301}",
    "\u{feff}\u{fffd}\u{10ffff}",
    "<script>alert(1)</script>",
    "NULL",
];

async fn texts_come_back_as_they_went_in(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    for (number, text) in TEXTS.into_iter().enumerate() {
        let shop = format!("shop-{number}");
        let mut wanted = Project {
            name: name(text),
            ..project(&shop)
        };
        wanted.settings.funnel_steps = vec![text.into()];
        wanted.settings.scrub_rules = vec![ScrubRule {
            pattern: text.into(),
            replacement: format!("{text}\n\t\u{1}"),
        }];
        let made = control.create_project(&by(), wanted).await.unwrap();
        assert_eq!(control.project(&id(&shop)).await.unwrap(), made);
        assert_eq!(made.name, name(text));
        let mut new = new_key(&shop, KeyKind::Server);
        new.name = name(text);
        let (key, _) = control.create_key(&by(), new).await.unwrap();
        assert_eq!(control.key(&id(&shop), key.id).await.unwrap().name, name(text));
        let limits = PartialLimits {
            api_per_minute: Some(1),
            ..PartialLimits::default()
        };
        let target = QuotaTarget::User(text.into());
        let made = control
            .create_override(&by(), &id(&shop), target.clone(), limits)
            .await
            .unwrap();
        assert_eq!(
            control.quota_override(&id(&shop), made.id).await.unwrap().target,
            target
        );
        let session = Session {
            sha256: [u8::try_from(number).unwrap(); 32],
            user_id: ada.id,
            created_at_ms: NOW_MS,
            last_seen_ms: NOW_MS,
            expires_at_ms: NOW_MS + 1,
            ip_prefix: None,
            user_agent: Some(text.into()),
        };
        control.create_session(&session).await.unwrap();
        assert_eq!(
            control.session(&session.sha256, NOW_MS).await.unwrap(),
            Some(session)
        );
        let by_text = By {
            actor: Actor {
                kind: ActorKind::Key,
                id: None,
                name: text.into(),
            },
            ip_prefix: Some(text.into()),
        };
        let note = Change::new(&by_text, "login.refuse", text).details(json!({ text: text }));
        control.note(note).await.unwrap();
        let log = control.audit(&AuditFilter::default(), page(1, 1)).await.unwrap();
        let entry = &log.items[0];
        assert_eq!((entry.actor.name.as_str(), entry.target.as_str()), (text, text));
        assert_eq!(entry.details, json!({ text: text }));
        let by_action = AuditFilter {
            action: Some(text.into()),
            ..AuditFilter::default()
        };
        assert_eq!(control.audit(&by_action, page(1, 1)).await.unwrap().total, 0);
    }
    let count = TEXTS.len() as u64 + 1;
    assert_eq!(control.projects(None, page(1, 50)).await.unwrap().total, count);
    assert_eq!(control.directory().projects().count() as u64, count);
}

async fn a_nul_takes_the_same_way_in_both_stores(place: Place) {
    let control = place.open().await;
    let note = Change::new(&by(), "login.refuse", "a\0b").details(json!({ "text": "a\0b" }));
    control.note(note).await.unwrap();
    let log = control.audit(&AuditFilter::default(), page(1, 1)).await.unwrap();
    assert_eq!(log.items[0].target, "a\u{fffd}b");
    assert_eq!(log.items[0].details, json!({ "text": "a\0b" }));
}
