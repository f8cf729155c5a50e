//! `/livez`, `/readyz`, `/metrics`, `/api/health`

use rustix::process::Signal;
use serde_json::Value;

use crate::api::envelope;
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::process;
use crate::harness::prometheus::{self, Sample};
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

#[test]
fn probes_answer_without_credentials() {
    let server = Fresnel::shared();
    for path in ["/livez", "/readyz"] {
        server.send(&Request::get(path)).expect_status(200);
    }
}

#[test]
fn health_tells_anonymous_callers_the_status_only_and_admins_everything() {
    let server = Fresnel::shared();
    let anonymous = envelope::check(&server.send(&Request::get("/api/health")).expect_status(200));
    let keys: Vec<&String> = anonymous["data"].as_object().expect("data").keys().collect();
    assert_eq!(keys, ["status"], "{anonymous}");

    let full = envelope::check(&server.get("/api/health").expect_status(200));
    let data = full["data"].as_object().expect("data");
    assert_eq!(data["status"], anonymous["data"]["status"]);
    for pointer in [
        "/uptime_ms",
        "/process/resident_bytes",
        "/wal/bytes_on_disk",
        "/flush/rows",
        "/warehouse/connected",
    ] {
        let value = full["data"].pointer(pointer);
        assert!(
            value.is_some_and(|value| value.is_number() || value.is_boolean()),
            "{pointer} is not in {full}"
        );
    }
}

#[test]
fn a_wrong_token_does_not_open_health() {
    let server = Fresnel::shared();
    let answer = server.send(&Request::get("/api/health").header("authorization", "Bearer wrong"));
    if answer.status == 200 {
        let keys: Vec<String> = answer.json()["data"]
            .as_object()
            .expect("data")
            .keys()
            .cloned()
            .collect();
        assert_eq!(keys, ["status"]);
    } else {
        assert_eq!(answer.status, 401);
    }
}

#[test]
fn metrics_are_prometheus_text_and_count_what_happens() {
    let server = Fresnel::start(Options::new());
    let accepted = |samples: &[Sample]| sum(samples, "fresnel_beacons_accepted_total", &[("kind", "funnel")]);
    let rejected = |samples: &[Sample]| {
        sum(
            samples,
            "fresnel_beacons_rejected_total",
            &[("kind", "funnel"), ("reason", "invalid")],
        )
    };
    let before = scrape(&server);
    for _ in 0..3 {
        server
            .post(Kind::Funnel.path(), Kind::Funnel.sample().to_string())
            .expect_status(202);
    }
    server.post(Kind::Funnel.path(), "{}").expect_status(400);
    let after = scrape(&server);
    assert_close(accepted(&after) - accepted(&before), 3.0);
    assert_close(rejected(&after) - rejected(&before), 1.0);
    wait::until("the rows in the metrics of the flush", PATIENCE, || {
        (sum(&scrape(&server), "fresnel_flush_rows_total", &[]) >= 3.0).then_some(())
    });
}

#[test]
fn requests_are_counted_and_timed_by_route_whatever_clients_invent() {
    let server = Fresnel::start(Options::new());
    for status in [202, 400, 202] {
        let body = match status {
            202 => Kind::Funnel.sample().to_string(),
            _ => "{}".to_owned(),
        };
        server.post(Kind::Funnel.path(), body).expect_status(status);
    }
    for number in 0..50 {
        server.get(&format!("/invented/{number}")).expect_status(404);
        let method = format!("METHOD{number}");
        server
            .send(&Request::new(&method, Kind::Funnel.path()))
            .expect_status(405);
    }
    let samples = scrape(&server);
    let count = |route: &str, method: &str, status: &str| {
        let labels = [("route", route), ("method", method), ("status", status)];
        sum(&samples, "fresnel_http_requests_total", &labels)
    };
    assert_close(count(Kind::Funnel.path(), "POST", "202"), 2.0);
    assert_close(count(Kind::Funnel.path(), "POST", "400"), 1.0);
    assert_close(count(Kind::Funnel.path(), "other", "405"), 50.0);
    assert_close(count("none", "GET", "404"), 50.0);
    let routes: std::collections::BTreeSet<&str> = samples
        .iter()
        .filter_map(|sample| sample.labels.get("route").map(String::as_str))
        .collect();
    assert!(
        routes.iter().all(|route| !route.contains("invented")),
        "{routes:?}"
    );
    let timed = sum(
        &samples,
        "fresnel_http_request_duration_seconds_count",
        &[("route", Kind::Funnel.path())],
    );
    assert_close(timed, 53.0);
}

#[track_caller]
pub(super) fn scrape(server: &Fresnel) -> Vec<Sample> {
    let answer = server.get("/metrics").expect_status(200);
    let content_type = answer.header("content-type").unwrap_or_default();
    assert!(content_type.starts_with("text/plain"), "{content_type}");
    match prometheus::parse(&answer.text()) {
        Ok(samples) => samples,
        Err(fault) => panic!("{fault}\n{}", answer.text()),
    }
}

pub(super) fn sum(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_meant = |sample: &&Sample| {
        sample.name == name
            && labels
                .iter()
                .all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value))
    };
    samples.iter().filter(is_meant).map(|sample| sample.value).sum()
}

#[track_caller]
fn assert_close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-9, "{left} is not {right}");
}

#[test]
fn every_metric_has_the_products_prefix_or_is_one_of_the_process() {
    let server = Fresnel::shared();
    for sample in scrape(&server) {
        assert!(
            sample.name.starts_with("fresnel_") || sample.name.starts_with("process_"),
            "{}",
            sample.name
        );
    }
}

#[test]
fn health_says_when_the_engine_hangs_and_when_it_is_back_and_beacons_are_taken_meanwhile() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__INSERT_TIMEOUT_MS", 300));
    wait::until("good health", PATIENCE, || {
        (status(&server) == "ok").then_some(())
    });
    let engine = wait::until("a running engine", PATIENCE, || server.engine_pid());
    assert!(process::signal(engine, Signal::STOP));
    server
        .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
        .expect_status(202);
    wait::until("the trouble in the health", PATIENCE, || {
        (status(&server) == "degraded").then_some(())
    });
    for path in ["/livez", "/readyz"] {
        server.send(&Request::get(path)).expect_status(200);
    }
    server
        .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
        .expect_status(202);
    assert!(process::signal(engine, Signal::CONT));
    wait::until("good health again", PATIENCE, || {
        (status(&server) == "ok").then_some(())
    });
}

#[track_caller]
fn status(server: &Fresnel) -> Value {
    server.get("/api/health").json()["data"]["status"].clone()
}
