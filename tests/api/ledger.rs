//! `GET /api/ledger`

use serde_json::{Value, json};

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::INGEST_KEY;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

const BATCH: &str = "/api/analytics/batch";

fn asked(server: &Fresnel, query: &str) -> Value {
    let answer = server.get(&format!("/api/ledger{query}")).expect_status(200);
    answer.json()["data"].clone()
}

/// The account of a kind, when nothing of it is pending any more.
fn account_of(server: &Fresnel, kind: &str) -> Value {
    wait::until("an empty log", PATIENCE, || {
        let data = asked(server, &format!("?kind={kind}"));
        (data["totals"]["pending"] == 0 && data["exact"] == true).then(|| data["totals"].clone())
    })
}

fn funnel(step: &str) -> Value {
    json!({"kind": "funnel", "step": step, "session_id": "s"})
}

#[test]
fn every_item_is_received_and_stored_or_dropped_for_one_reason() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 50));
    assert_eq!(asked(&server, "")["totals"]["received"], 0);
    assert_eq!(asked(&server, "")["items"], json!([]));

    let with_id = json!({
        "event_id": "0192d3a4-0000-7000-8000-000000000001", "step": "effect_viewed", "session_id": "s"
    });
    let path = Kind::Funnel.path();
    for _ in 0..3 {
        server.post(path, with_id.to_string()).expect_status(202);
    }
    server.post(path, r#"{"step": "nowhere"}"#).expect_status(400);
    server.post(path, "no JSON").expect_status(400);
    server.post(path, " ".repeat(300 * 1024)).expect_status(413);
    // Who only asks, and who has no key, posts nothing that the project has received.
    server
        .post(&format!("{path}?validate=1"), "no JSON")
        .expect_status(400);
    server
        .send(&Request::post(path, with_id.to_string()))
        .expect_status(401);
    let robot = Request::post(path, with_id.to_string())
        .header("authorization", format!("Bearer {INGEST_KEY}"))
        .header("user-agent", "Googlebot/2.1 (+http://www.google.com/bot.html)");
    server.send(&robot).expect_status(202);
    let batch = json!({
        "client_lost": {"funnel": 7},
        "items": [funnel("effect_viewed"), funnel("nowhere"), with_id_item(&with_id), {"kind": "trace"}],
    });
    server.post(BATCH, batch.to_string()).expect_status(202);
    server
        .post(BATCH, json!({"items": [funnel("a"), funnel("b")]}).to_string())
        .expect_status(400);
    server.post(BATCH, "no JSON").expect_status(400);

    let account = account_of(&server, "funnel");
    assert_eq!(
        account,
        json!({
            "received": 12, "stored": 2, "dropped": 10, "pending": 0, "missing": 0, "expired": 0, "client_lost": 7,
            "reasons": {"duplicate": 3, "invalid": 4, "bad_json": 1, "too_large": 1, "robot": 1},
        })
    );
    let unknown = account_of(&server, "unknown");
    assert_eq!(unknown["reasons"], json!({"invalid": 1, "bad_json": 1}));
    assert_eq!((&unknown["received"], &unknown["stored"]), (&2.into(), &0.into()));

    // By minute it is the same, and all of it lies in the last minutes.
    let by_minute = asked(&server, "?interval=1m");
    let items = by_minute["items"].as_array().expect("a list");
    let received: i64 = items.iter().filter_map(|item| item["received"].as_i64()).sum();
    assert_eq!(received, 14);
    assert_eq!(by_minute["totals"]["received"], 14);
    wait::until("the first look at the accounts", PATIENCE, || {
        let metrics = server.get("/metrics").text();
        metrics.contains("fresnel_ledger_missing_items 0").then_some(())
    });
}

#[test]
fn items_beyond_the_quota_are_dropped_for_that_reason() {
    let options = Options::new()
        .set("FRESNEL_QUOTA__EVENTS_PER_HOUR", 2)
        .set("FRESNEL_FLUSH__MAX_WAIT_MS", 50);
    let server = Fresnel::start(options);
    let items = vec![funnel("effect_viewed"); 3];
    server
        .post(BATCH, json!({"items": items}).to_string())
        .expect_status(202);
    server
        .post(Kind::Funnel.path(), funnel("effect_viewed").to_string())
        .expect_status(429);
    let account = account_of(&server, "funnel");
    assert_eq!(account["stored"], 2);
    assert_eq!(account["reasons"], json!({"over_quota": 2}));
}

#[test]
fn what_the_log_holds_is_pending_until_it_is_stored_also_over_a_restart() {
    let mut server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 60_000));
    for _ in 0..3 {
        server
            .post(Kind::Event.path(), Kind::Event.sample().to_string())
            .expect_status(202);
    }
    server.post(Kind::Event.path(), "{}").expect_status(400);
    let in_log = |account: &Value| {
        (
            account["received"].as_i64(),
            account["pending"].as_i64(),
            account["dropped"].as_i64(),
            account["stored"].as_i64(),
        )
    };
    let before = asked(&server, "")["totals"].clone();
    assert_eq!(in_log(&before), (Some(4), Some(3), Some(1), Some(0)), "{before}");
    server.kill_both();
    server.restart();
    server.wait_until_healthy();
    let after = account_of(&server, "event");
    assert_eq!(in_log(&after), (Some(4), Some(0), Some(1), Some(3)), "{after}");
}

#[test]
fn a_row_that_is_lost_behind_the_log_is_missing() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 50));
    let sample = Kind::Event.sample().to_string();
    for _ in 0..2 {
        server.post(Kind::Event.path(), sample.clone()).expect_status(202);
    }
    assert_eq!(account_of(&server, "event")["missing"], 0);
    let lost = "ALTER TABLE user_events DELETE WHERE 1 SETTINGS mutations_sync = 1";
    server.warehouse().try_query(lost).expect("an empty table");
    let account = account_of(&server, "event");
    assert_eq!((&account["received"], &account["stored"]), (&2.into(), &0.into()));
    assert_eq!(account["missing"], 2);
}

#[test]
fn parameters_that_cannot_be_used_are_named() {
    let server = Fresnel::shared();
    for (query, field) in [
        ("?kind=trace", "kind"),
        ("?interval=2m", "interval"),
        ("?interval=1m&from=2026-01-01&to=2026-02-01", "interval"),
        ("?from=yesterday", "from"),
        ("?from=2026-02-01&to=2026-01-01", "from"),
        ("?timezone=Mars/Olympus", "timezone"),
        ("?page=1", "page"),
    ] {
        let answer = server.get(&format!("/api/ledger{query}")).expect_status(400);
        assert_eq!(answer.details()[0].0, field, "{query}");
    }
}

#[test]
fn losses_count_once_however_often_their_batch_comes() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 50));
    let mut item = with_id_item(&funnel("effect_viewed"));
    item["event_id"] = "0199b0a0-0000-7000-8000-000000000001".into();
    let refused = json!({"client_lost": {"funnel": 7}, "items": [funnel("nowhere")]});
    server.post(BATCH, refused.to_string()).expect_status(400);
    let batch = json!({"client_lost": {"funnel": 7}, "items": [item]});
    for _ in 0..3 {
        server.post(BATCH, batch.to_string()).expect_status(202);
    }
    assert_eq!(account_of(&server, "funnel")["client_lost"], 7);
}

#[test]
fn losses_that_a_client_cannot_mean_are_refused() {
    let server = Fresnel::shared();
    for (lost, field) in [
        (json!(3), "client_lost"),
        (json!({"trace": 3}), "client_lost.trace"),
        (json!({"metric": -1}), "client_lost.metric"),
        (json!({"metric": 1.5}), "client_lost.metric"),
        (json!({"metric": 1_000_001}), "client_lost.metric"),
    ] {
        let body = json!({"items": [funnel("effect_viewed")], "client_lost": lost});
        let answer = server.post(BATCH, body.to_string()).expect_status(400);
        assert_eq!(answer.details()[0].0, field, "{lost}");
    }
}

fn with_id_item(beacon: &Value) -> Value {
    let mut item = beacon.clone();
    item["kind"] = "funnel".into();
    item
}
