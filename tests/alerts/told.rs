//! What is told, and how soon.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::hook::{Hook, Mood};
use crate::harness::beacons;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

pub(super) const METRICS: &str = "/api/analytics/performance/metrics";

/// A server that tells a receiver.
pub(super) fn server_telling(hook: &Hook) -> Options {
    Options::new()
        .set("FRESNEL_ALERTS__WEBHOOK_URL", hook.url())
        .set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8")
        .set(
            "FRESNEL_ALERTS__RETRY_WAITS_MS",
            "100,200,200,200,200,200,200,200,200,200",
        )
        .set("FRESNEL_FLUSH__MAX_WAIT_MS", 50)
}

/// A call that took long, or not.
pub(super) fn call(endpoint: &str, value: f64, status: u16) -> Value {
    json!({
        "type": "api_response_time",
        "value": value,
        "timestamp": beacons::iso(beacons::now()),
        "session_id": "session-1",
        "metadata": { "api_endpoint": endpoint, "status": status },
    })
}

pub(super) fn post(server: &Fresnel, path: &str, beacon: &Value) {
    let answer = server.post(path, beacon.to_string());
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// Waits for a notice of an event of this endpoint.
fn told(hook: &Hook, event: &str, endpoint: &str) -> super::hook::Got {
    wait::until(&format!("{event} of {endpoint}"), PATIENCE, || {
        let wanted = (event.to_owned(), endpoint.to_owned());
        hook.got().into_iter().find(|got| got.event() == wanted)
    })
}

/// Posts slow calls until the receiver is told: its channel is made while the server starts.
fn until_the_channel_is_there(server: &Fresnel, hook: &Hook) {
    let mut number = 0;
    wait::until("the first notice", PATIENCE, || {
        number += 1;
        post(server, METRICS, &call(&format!("/warm/{number}x"), 6_000.0, 200));
        wait::within(Duration::from_secs(2), || {
            hook.got()
                .into_iter()
                .find(|got| got.event().1.starts_with("/warm/"))
        })
    });
}

#[test]
fn a_value_beyond_a_threshold_is_told_once_with_its_level_and_one_below_it_is_not() {
    let hook = Hook::start(Mood::Takes);
    let server = Fresnel::start(server_telling(&hook));
    until_the_channel_is_there(&server, &hook);
    let before = Instant::now();
    post(&server, METRICS, &call("/api/good", 2_999.0, 200));
    post(&server, METRICS, &call("/api/slow", 3_001.0, 200));
    let warned = told(&hook, "firing", "/api/slow");
    println!("told after {:?}", warned.at - before);
    let notice = &warned.body["data"]["notices"][0];
    assert_eq!(warned.body["type"], "alert.firing");
    assert_eq!(
        (
            notice["level"].as_str(),
            notice["value"].as_f64(),
            notice["threshold"].as_f64()
        ),
        (Some("warning"), Some(3_001.0), Some(3_000.0))
    );
    assert_eq!(notice["rule"]["name"], "Slow response");
    // The same again is no news; worse is.
    post(&server, METRICS, &call("/api/slow", 3_500.0, 200));
    post(&server, METRICS, &call("/api/slow", 5_001.0, 200));
    let worse = told(&hook, "changed", "/api/slow");
    let notice = &worse.body["data"]["notices"][0];
    assert_eq!(
        (notice["level"].as_str(), notice["previous_level"].as_str()),
        (Some("critical"), Some("warning"))
    );
    assert_ne!(worse.id, warned.id);
    let of_slow = hook.got().into_iter().filter(|got| got.event().1 == "/api/slow");
    assert_eq!(of_slow.count(), 2);
    assert!(hook.got().iter().all(|got| got.event().1 != "/api/good"));
}

#[test]
fn an_error_rate_of_a_window_is_told_with_its_share() {
    let hook = Hook::start(Mood::Takes);
    let server = Fresnel::start(server_telling(&hook).set("FRESNEL_ALERTS__PERIOD_MS", 1_000));
    until_the_channel_is_there(&server, &hook);
    for _ in 0..30 {
        post(&server, METRICS, &call("/api/broken", 10.0, 500));
    }
    let fired = wait::until("the error rate", PATIENCE, || {
        hook.got()
            .into_iter()
            .find(|got| got.body["data"]["notices"][0]["title"] == "Error rate")
    });
    let notice = &fired.body["data"]["notices"][0];
    assert_eq!(
        (notice["event"].as_str(), notice["level"].as_str()),
        (Some("firing"), Some("error"))
    );
    assert!(
        notice["value"].as_f64().is_some_and(|share| share > 0.9),
        "{notice}"
    );
    assert_eq!(notice["threshold"], 0.02);
}

#[test]
fn alerts_that_browsers_post_are_told_from_the_third_session_on() {
    let hook = Hook::start(Mood::Takes);
    let server = Fresnel::start(server_telling(&hook));
    until_the_channel_is_there(&server, &hook);
    let posted = |session: &str| {
        json!({
            "severity": "critical", "metric": "checkout_failed", "threshold": 1.0, "actual_value": 7.0,
            "user_context": { "browser": "Firefox", "device_type": "desktop" }, "session_id": session,
        })
    };
    let path = "/api/analytics/performance/alerts";
    for session in ["a", "a", "b"] {
        post(&server, path, &posted(session));
    }
    // Something that comes behind them is told; they are not.
    post(&server, METRICS, &call("/api/later", 6_000.0, 200));
    told(&hook, "firing", "/api/later");
    let is_posted = |got: &super::hook::Got| got.body["data"]["notices"][0]["title"] == "checkout_failed";
    assert!(!hook.got().iter().any(is_posted));
    post(&server, path, &posted("c"));
    let got = wait::until("the posted alert", PATIENCE, || {
        hook.got().into_iter().find(is_posted)
    });
    let notice = &got.body["data"]["notices"][0];
    assert_eq!(
        (notice["source"].as_str(), notice["level"].as_str()),
        (Some("client"), Some("critical"))
    );
    assert_eq!(
        (notice["count"].as_u64(), notice["value"].as_f64()),
        (Some(4), Some(7.0))
    );
}
