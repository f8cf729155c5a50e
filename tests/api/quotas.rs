//! Quotas: who posts too much is told so, and when to come again.

use serde_json::json;

use crate::harness::beacons::Kind;
use crate::harness::http::{Answer, Request};
use crate::harness::server::INGEST_KEY;
use crate::harness::{Fresnel, Options};

fn start(metrics: u32, events: u32) -> Fresnel {
    Fresnel::start(
        Options::new()
            .set("FRESNEL_QUOTA__METRICS_PER_HOUR", metrics)
            .set("FRESNEL_QUOTA__EVENTS_PER_HOUR", events)
            .set("FRESNEL_QUOTA__NETWORK_FACTOR", 3)
            .set("FRESNEL_SERVER__TRUSTED_PROXIES", 1),
    )
}

fn post(server: &Fresnel, kind: Kind, address: &str, browser: &str) -> Answer {
    let request = Request::post(kind.path(), kind.sample().to_string())
        .header("x-api-key", INGEST_KEY)
        .header("user-agent", browser)
        .header("x-forwarded-for", address);
    server.send(&request)
}

fn number(answer: &Answer, header: &str) -> u64 {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header}"));
    value.parse().unwrap_or_else(|_| panic!("{header}: {value}"))
}

#[test]
fn a_quota_is_spent_exactly_and_the_headers_say_what_is_left() {
    let server = start(5, 3);
    for left in (0..5).rev() {
        let answer = post(&server, Kind::Metric, "203.0.113.1", "a").expect_status(202);
        assert_eq!(number(&answer, "x-ratelimit-limit"), 5);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"metrics\";q=5;w=3600"));
        let state = answer.header("ratelimit").expect("a state").to_owned();
        assert!(state.starts_with(&format!("\"metrics\";r={left};t=")), "{state}");
        assert_eq!(answer.header("retry-after"), None);
    }
    let refused = post(&server, Kind::Metric, "203.0.113.1", "a").expect_status(429);
    assert_eq!(refused.code(), "OVER_QUOTA");
    assert_eq!(number(&refused, "x-ratelimit-remaining"), 0);
    let retry_after_s = number(&refused, "retry-after");
    assert!((3_540..=3_660).contains(&retry_after_s), "{retry_after_s}");
    assert!(number(&refused, "x-ratelimit-reset") >= retry_after_s);
    assert_eq!(refused.json()["meta"]["retry_suggested"], true);

    // Events are counted apart, and so are other users.
    let event = post(&server, Kind::Event, "203.0.113.1", "a").expect_status(202);
    assert_eq!(number(&event, "x-ratelimit-remaining"), 2);
    post(&server, Kind::Metric, "203.0.113.1", "b").expect_status(202);
    post(&server, Kind::Metric, "203.0.113.2", "a").expect_status(202);
}

#[test]
fn what_is_not_taken_costs_nothing() {
    let server = start(5, 1);
    for body in ["{}", "no JSON"] {
        let request = Request::post(Kind::Event.path(), body).header("x-api-key", INGEST_KEY);
        server.send(&request.header("user-agent", "a")).expect_status(400);
    }
    let request = Request::post(
        &format!("{}?validate=1", Kind::Event.path()),
        Kind::Event.sample().to_string(),
    );
    server
        .send(&request.header("x-api-key", INGEST_KEY).header("user-agent", "a"))
        .expect_status(200);
    let request = Request::post(Kind::Event.path(), Kind::Event.sample().to_string());
    server
        .send(&request.header("x-api-key", INGEST_KEY).header("user-agent", "a"))
        .expect_status(202);
}

#[test]
fn a_network_has_a_quota_whatever_browsers_it_invents_and_whatever_addresses_it_forges() {
    let server = start(2, 2);
    let accepted = (0..20)
        .map(|browser| {
            let forged = format!("198.51.100.{browser}, 203.0.113.7");
            post(&server, Kind::Metric, &forged, &format!("browser {browser}"))
        })
        .filter(|answer| answer.status == 202)
        .count();
    assert_eq!(accepted, 6);
}

#[test]
fn of_a_batch_the_first_items_are_kept_as_far_as_the_quotas_go() {
    let server = start(1, 2);
    let item = |kind: Kind, name: &str| {
        let mut item = kind.sample();
        item["kind"] = name.into();
        item
    };
    let batch = json!({"items": [
        item(Kind::Metric, "metric"), item(Kind::Event, "event"), item(Kind::Metric, "metric"), {},
        item(Kind::Funnel, "funnel"), item(Kind::Alert, "alert"),
    ]});
    let post = || {
        let request = Request::post("/api/analytics/batch", batch.to_string());
        server.send(&request.header("x-api-key", INGEST_KEY))
    };
    let answer = post().expect_status(202);
    assert_eq!(number(&answer, "x-ratelimit-remaining"), 0);
    let data = answer.json()["data"].clone();
    assert_eq!(data["accepted"], 3);
    let rejected: Vec<_> = data["rejected"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["index"].as_u64(), item["code"].as_str()))
        .collect();
    assert_eq!(
        rejected,
        [
            (Some(2), Some("over_quota")),
            (Some(3), Some("missing")),
            (Some(5), Some("over_quota")),
        ]
    );
    let refused = post().expect_status(429);
    assert!(number(&refused, "retry-after") > 0);
}
