//! Blame, on planted data: a vendor slows down for half an hour, and fewer sessions go on.

use fresnel::query::vendors::{Blame, BlameRequest, Excluded, Totals, blame, totals};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::stage::{NOW, Stage, pairs, project, time};

/// A day in buckets of five minutes.
const FROM_MS: i64 = 1_782_864_000_000;
const BUCKET_MS: i64 = 300_000;
const BUCKETS: i64 = 288;
const RANGE: &str = "from=2026-07-01T00:00:00Z&to=2026-07-02T00:00:00Z&from_step=cart&to_step=paid";
/// The half-hour in which Stripe is slow.
const SLOW: std::ops::Range<i64> = 120..126;

async fn ask(stage: &Stage, query: &str) -> Blame {
    let query = format!("{RANGE}{query}");
    let request = BlameRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
    blame(&stage.warehouse, "default", &request)
        .await
        .expect("an answer")
}

struct Planted {
    steps: Vec<Value>,
    calls: Vec<Value>,
}

/// Ten sessions in each bucket; each calls Stripe, none calls the other two for itself. `drops` says in which buckets fewer go on.
fn plant(project: &str, names_sessions: bool, drops: &[i64]) -> Planted {
    let mut rng = StdRng::seed_from_u64(7);
    let (mut steps, mut calls) = (Vec::new(), Vec::new());
    for bucket in 0..BUCKETS {
        for number in 0..10 {
            let session = format!("{project}-{bucket}-{number}");
            let at_ms = FROM_MS + bucket * BUCKET_MS + rng.random_range(0..BUCKET_MS);
            let step = |step: &str, at_ms: i64| json!({ "project_id": project, "session_id": session, "step": step, "ts": time(at_ms), "received_at": time(at_ms) });
            steps.push(step("cart", at_ms));
            let share = if drops.contains(&bucket) { 0.2 } else { 0.7 };
            if rng.random_bool(share) {
                steps.push(step("paid", at_ms + 60_000));
            }
            let factor = if SLOW.contains(&bucket) { 4.0 } else { 1.0 };
            let call = |integration: &str, session: &str, took_ms: f64| {
                json!({
                    "project_id": project, "integration": integration, "side": "relay", "operation": "POST /v1/charges",
                    "outcome": "answered", "origin": "miss", "status": 200, "tries": 1, "took_ms": took_ms,
                    "session_id": session, "ts": time(at_ms),
                })
            };
            let session_of_call = if names_sessions { session.as_str() } else { "" };
            calls.push(call(
                "stripe",
                session_of_call,
                rng.random_range(200.0..300.0) * factor,
            ));
            calls.push(call("mail", "", rng.random_range(50.0..60.0)));
            calls.push(call("maps", "", rng.random_range(50.0..60.0) * factor));
        }
    }
    Planted { steps, calls }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_slows_down_while_fewer_sessions_go_on_is_found_and_no_other() {
    let stage = Stage::set().await;
    let slow: Vec<i64> = SLOW.collect();
    let ours = plant("default", true, &slow);
    stage.insert("funnel_steps", &ours.steps).await;
    stage.insert("vendor_calls", &ours.calls).await;
    // Another project's troubles are its own.
    let theirs = plant("other", true, &[]);
    stage.insert("vendor_calls", &theirs.calls).await;

    let answer = ask(&stage, "").await;
    assert_eq!((answer.sessions, answer.steps.len()), (2_880, 288));
    let found: Vec<_> = answer
        .findings
        .iter()
        .map(|one| one.integration.as_str())
        .collect();
    assert_eq!(found, ["stripe"]);
    let finding = &answer.findings[0];
    assert_eq!(
        (finding.fault, finding.sessions_then, finding.minutes),
        ("slow", 60, 30)
    );
    assert!(
        finding.text.starts_with("paid −") && finding.text.contains("while stripe p95 × "),
        "{}",
        finding.text
    );
    assert!(finding.drop > 0.5 && finding.p_value < 0.02, "{finding:?}");
    let verdict = |name: &str| {
        let found = answer.vendors.iter().find(|one| one.integration == name);
        found.map(|one| (one.verdict, one.called_for))
    };
    assert_eq!(verdict("stripe"), Some(("found", Some(1.0))));
    // It slowed down at the same time, but nobody called it for these sessions.
    assert_eq!(verdict("maps"), Some(("not_within", Some(0.0))));
    assert_eq!(ask(&stage, "&integration=mail").await.findings.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_shuffled_data_and_of_too_little_nothing_is_said() {
    let stage = Stage::set().await;
    let mut buckets: Vec<i64> = (0..BUCKETS).filter(|bucket| !SLOW.contains(bucket)).collect();
    buckets.shuffle(&mut StdRng::seed_from_u64(3));
    let elsewhere = plant("default", false, &buckets[..6]);
    stage.insert("funnel_steps", &elsewhere.steps).await;
    stage.insert("vendor_calls", &elsewhere.calls).await;
    let answer = ask(&stage, "").await;
    assert_eq!(answer.findings.len(), 0, "{:?}", answer.findings);
    let verdicts: Vec<_> = answer
        .vendors
        .iter()
        .map(|one| (one.integration.as_str(), one.verdict))
        .collect();
    assert!(verdicts.contains(&("mail", "never_bad")), "{verdicts:?}");
    assert!(verdicts.contains(&("stripe", "nothing")), "{verdicts:?}");
    assert!(
        answer.vendors.iter().all(|one| one.called_for.is_none()),
        "no call says for whom it is"
    );

    let few = "from=2026-07-01T00:00:00Z&to=2026-07-01T00:20:00Z&from_step=cart&to_step=paid";
    let request = BlameRequest::parse(pairs(few), &project(), NOW).expect("a good question");
    let answer = blame(&stage.warehouse, "default", &request)
        .await
        .expect("an answer");
    assert!(answer.vendors.iter().all(|one| one.verdict == "too_little_data"));
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_a_recount_and_what_is_excluded_does_not_count() {
    let stage = Stage::set().await;
    let call = |integration: &str, side: &str, outcome: &str, origin: &str, tries: u32, after_ms: i64| {
        json!({
            "project_id": "default", "integration": integration, "side": side, "outcome": outcome, "origin": origin,
            "tries": tries, "took_ms": 100.0, "status": 200, "operation": "x", "ts": time(FROM_MS + after_ms),
        })
    };
    let rows = [
        call("a", "relay", "answered", "miss", 1, 0),
        call("a", "relay", "answered", "hit", 0, 1),
        call("a", "relay", "failed", "miss", 3, 2),
        call("a", "relay", "left_alone", "", 0, 3),
        call("a", "probe", "timed_out", "", 1, 4),
        call("a", "poll", "answered", "", 1, 5),
        call("a", "webhook", "answered", "", 0, 6),
        call("b", "probe", "unreachable", "", 1, 7),
        // At the end, which is not part of it.
        call("b", "probe", "unreachable", "", 1, 10_000),
    ];
    stage.insert("vendor_calls", &rows).await;
    let range = (FROM_MS / 1_000, FROM_MS / 1_000 + 10);
    let found = totals(&stage.warehouse, "default", range, &[])
        .await
        .expect("totals");
    let of = |found: &[(String, Totals)], name: &str| {
        found.iter().find(|one| one.0 == name).map(|one| one.1.clone())
    };
    let a = of(&found, "a").expect("a");
    assert_eq!((a.calls, a.cache_hits, a.left_alone, a.retries), (4, 1, 1, 2));
    assert_eq!((a.checks, a.webhooks, a.seen, a.failed), (2, 1, 4, 2));
    assert_eq!(
        (a.success_rate, a.availability, a.timeout_share),
        (Some(0.5), Some(0.5), Some(0.25))
    );
    assert_eq!(
        (a.last_webhook_ms, a.last_poll_ms),
        (Some(FROM_MS + 6), Some(FROM_MS + 5))
    );
    let b = of(&found, "b").expect("b");
    assert_eq!(
        (b.seen, b.error_rate, b.success_rate, b.mean_ms),
        (1, Some(1.0), None, Some(100.0))
    );
    let away = |integration: Option<&str>| Excluded {
        project_id: "default".to_owned(),
        integration: integration.map(str::to_owned),
        from_ms: FROM_MS + 2,
        to_ms: FROM_MS + 8,
    };
    let found = totals(&stage.warehouse, "default", range, &[away(Some("a"))])
        .await
        .expect("totals");
    assert_eq!(
        of(&found, "a").map(|a| (a.calls, a.seen, a.failed)),
        Some((2, 1, 0))
    );
    assert_eq!(of(&found, "b").map(|b| b.seen), Some(1));
    let found = totals(&stage.warehouse, "default", range, &[away(None)])
        .await
        .expect("totals");
    assert_eq!(of(&found, "b"), None);
}
