//! The memory guard: when memory is short, questions wait and beacons do not.

use super::health::{scrape, sum};
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::{Fresnel, Options};

const TIMESERIES: &str = "/api/analytics/performance/timeseries?type=page_load_time";

#[test]
fn when_memory_is_critical_questions_are_refused_and_beacons_are_taken() {
    let mut server = Fresnel::start_unready(Options::new().set("FRESNEL_SERVER__MEMORY_MAX_BYTES", 1 << 20));
    server.wait_until_ready();
    let refused = server.get(TIMESERIES).expect_status(503);
    assert_eq!(refused.code(), "MEMORY_PRESSURE");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.json()["meta"]["retry_suggested"], true);
    assert_eq!(
        server.get("/api/ledger").expect_status(503).code(),
        "MEMORY_PRESSURE"
    );
    assert_eq!(server.send(&Request::get(TIMESERIES)).status, 401);
    for kind in Kind::ALL {
        server
            .post(kind.path(), kind.sample().to_string())
            .expect_status(202);
    }
    // Control data can be looked at and changed: that is how limits are set right.
    server.get("/api/projects").expect_status(200);
    let health = server.get("/api/health").expect_status(200).json();
    assert_eq!(health["data"]["status"], "degraded");
    let memory = &health["data"]["memory"];
    assert_eq!(memory["level"], "critical");
    assert_eq!(memory["limit_bytes"], 1 << 20);
    assert_eq!(memory["limit_from"], "setting");
    assert!(
        memory["resident_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 1 << 20)
    );
    let anonymous = server.send(&Request::get("/api/health")).json();
    assert_eq!(anonymous["data"], serde_json::json!({"status": "degraded"}));
    let samples = scrape(&server);
    assert!(sum(&samples, "fresnel_memory_pressure", &[]) > 1.9);
    assert!(server.log().contains("memory is short"));
}

#[test]
fn by_default_memory_is_not_short() {
    let server = Fresnel::shared();
    let health = server.get("/api/health").expect_status(200).json();
    let memory = &health["data"]["memory"];
    assert_eq!(memory["level"], "ok", "{memory}");
    assert!(memory["limit_bytes"].as_u64() > memory["resident_bytes"].as_u64());
    assert!(sum(&scrape(&server), "fresnel_memory_limit_bytes", &[]) > 1e6);
}
