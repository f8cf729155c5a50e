//! The form of answers.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::INGEST_KEY;
use crate::harness::{Answer, Fresnel, Options};

/// Checks the parts of an answer that differ each time, and returns it without them.
#[track_caller]
pub(super) fn check(answer: &Answer) -> Value {
    let content_type = answer.header("content-type").unwrap_or_default();
    assert!(
        content_type.starts_with("application/json"),
        "{content_type}: {}",
        answer.text()
    );
    let mut body = answer.json();
    let meta = body["meta"].as_object_mut().expect("meta");
    if answer.status < 400 {
        let time_ms = meta
            .remove("processing_time")
            .and_then(|time| time.as_f64())
            .expect("processing_time");
        assert!((0.0..60_000.0).contains(&time_ms), "{time_ms}");
        assert_eq!(body["success"], true);
        return body;
    }
    let id: Uuid = take_text(meta, "error_id").parse().expect("a UUID");
    assert!(!id.is_nil());
    OffsetDateTime::parse(&take_text(meta, "timestamp"), &Rfc3339).expect("a time");
    assert!(meta["retry_suggested"].is_boolean());
    assert_eq!(body["success"], false);
    assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()));
    assert!(body["code"].as_str().is_some_and(|code| !code.is_empty()));
    body
}

#[track_caller]
fn take_text(object: &mut serde_json::Map<String, Value>, key: &str) -> String {
    let value = object.remove(key);
    value
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {key}"))
        .to_owned()
}

#[test]
fn an_accepted_beacon_is_answered_in_the_form_of_k1() {
    let server = Fresnel::shared();
    let answer = server.post(Kind::Metric.path(), Kind::Metric.sample().to_string());
    insta::assert_json_snapshot!(check(&answer), {".data.event_id" => "[uuid]"});
}

#[test]
fn errors_are_answered_in_the_form_of_k2() {
    let server = Fresnel::shared();
    let keyed = |path: &str| Request::post(path, "{}").header("x-api-key", INGEST_KEY);
    let metrics = Kind::Metric.path();
    for (name, answer) in [
        ("no_key", server.send(&Request::post(metrics, "{}"))),
        (
            "bad_fields",
            server.post(
                metrics,
                r#"{"type": "speed", "value": -1, "metadata": {"status": 99}}"#,
            ),
        ),
        (
            "bad_json",
            server.post(metrics, r#"{"type": "page_load_time", "value": 1e400}"#),
        ),
        ("not_an_object", server.post(metrics, "[]")),
        ("no_such_address", server.get("/api/analytics/nothing")),
        ("method", server.get(metrics)),
        (
            "media_type",
            server.send(&keyed(metrics).header("content-type", "image/png")),
        ),
        (
            "encoding",
            server.send(&keyed(metrics).header("content-encoding", "compress")),
        ),
        (
            "cut_gzip",
            server.send(&keyed(metrics).header("content-encoding", "gzip")),
        ),
        ("too_large", server.post(metrics, vec![b' '; 64 * 1024 + 1])),
    ] {
        insta::assert_json_snapshot!(
            name,
            serde_json::json!({"status": answer.status, "body": check(&answer)})
        );
    }
}

#[test]
fn an_errors_id_stands_in_the_log_with_where_and_who() {
    // A server of its own: where others are refused by the hundred, the log leaves lines out.
    let server = Fresnel::start(Options::new());
    let request = Request::post(Kind::Event.path(), "{}")
        .header("x-api-key", INGEST_KEY)
        .header("user-agent", "a-telling-agent/7");
    let answer = server.send(&request).expect_status(400);
    let id = answer.json()["meta"]["error_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let log = crate::harness::wait::until("the error in the log", crate::harness::wait::PATIENCE, || {
        let log = server.log();
        log.lines().find(|line| line.contains(&id)).map(str::to_owned)
    });
    for part in [Kind::Event.path(), "POST", "a-telling-agent/7"] {
        assert!(log.contains(part), "{part} is not in: {log}");
    }
}

#[test]
fn other_methods_are_answered_405_with_the_allowed_ones() {
    let server = Fresnel::shared();
    for kind in Kind::ALL {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            // Where steps are posted, funnels are asked for.
            if (kind, method) == (Kind::Funnel, "GET") {
                continue;
            }
            let answer = server.send(&Request::new(method, kind.path()).header("x-api-key", INGEST_KEY));
            assert_eq!(answer.status, 405, "{method} {}", kind.path());
            let allow = answer.header("allow").expect("Allow");
            assert!(
                allow.split(',').any(|allowed| allowed.trim() == "POST"),
                "{allow}"
            );
            check(&answer);
        }
    }
    for path in [
        "/livez",
        "/readyz",
        "/metrics",
        "/api/health",
        "/api/analytics/performance/timeseries",
    ] {
        let answer = server.send(&Request::post(path, "{}").header("x-api-key", INGEST_KEY));
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.header("allow").expect("Allow").contains("GET"));
    }
}

#[test]
fn unknown_addresses_are_answered_404() {
    let server = Fresnel::shared();
    for path in [
        "/nothing",
        "/api",
        "/api/analytics",
        "/api/analytics/nothing",
        "/api/analytics/events/1",
        "//",
        "/%00",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert_eq!(check(&answer)["code"], "NOT_FOUND");
    }
}
