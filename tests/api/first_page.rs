//! `GET /api/dashboard/overview`, `/analytics`, `/stats`

use serde_json::{Value, json};

use crate::api::envelope;
use crate::harness::beacons::{Kind, iso, now};
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

fn asked(server: &Fresnel, path: &str) -> Value {
    // A forced reload: what is kept is not what is tested here.
    let request = Request::get(path)
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("cache-control", "no-cache");
    let answer = server.send(&request).expect_status(200);
    envelope::check(&answer)["data"].clone()
}

fn post(server: &Fresnel, kind: Kind, body: &Value) {
    server.post(kind.path(), body.to_string()).expect_status(202);
}

/// Three sessions: one sees something, one has it processed, one also takes it home.
fn visit(server: &Fresnel) {
    let steps = [
        "effect_discovered",
        "effect_viewed",
        "effect_started",
        "processing_started",
        "processing_completed",
        "result_downloaded",
    ];
    for (session, count) in [("s1", 1), ("s2", 4), ("s3", 6)] {
        for step in &steps[..count] {
            post(
                server,
                Kind::Funnel,
                &json!({"step": step, "session_id": session}),
            );
        }
    }
    for value in [1_000.0, 3_000.0] {
        let metric = json!({"type": "effect_processing_time", "value": value, "timestamp": iso(now()), "session_id": "s3"});
        post(server, Kind::Metric, &metric);
    }
    for (endpoint, environment) in [("/api/x", "production"), ("/api/y", "staging")] {
        let metadata = json!({"api_endpoint": endpoint, "environment": environment, "status": 200});
        let metric = json!({
            "type": "api_response_time", "value": 6_000, "timestamp": iso(now()), "session_id": "s4", "metadata": metadata,
        });
        post(server, Kind::Metric, &metric);
    }
    let event = json!({"event_type": "tutorial_completion", "event_data": {}, "session_id": "s1"});
    post(server, Kind::Event, &event);
}

#[test]
fn the_first_page_counts_what_was_posted_and_knows_nothing_of_what_was_not() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 50));
    let empty = asked(&server, "/api/dashboard/overview");
    assert_eq!(
        empty["kpis"]["events"],
        json!({"value": 0.0, "previous": 0.0, "change": null})
    );
    assert_eq!(
        empty["kpis"]["conversion_rate"],
        json!({"value": null, "previous": null, "change": null})
    );
    assert_eq!(empty["kpis"]["mean_duration_ms"]["value"], Value::Null);
    assert_eq!(empty["activities"], json!([]));
    assert_eq!(empty["cache_info"]["hit"], false);
    let idle = asked(&server, "/api/dashboard/stats");
    assert_eq!(
        (&idle["state"], &idle["error_share_last_hour"]),
        (&json!("none"), &Value::Null)
    );

    visit(&server);
    let page = wait::until("all sixteen events", PATIENCE, || {
        let page = asked(&server, "/api/dashboard/overview");
        // Each rollup follows the raw rows in a moment of its own.
        let is_there = page["kpis"]["events"]["value"] == 16.0
            && page["kpis"]["mean_duration_ms"]["value"] == 2_000.0
            && page["services"]["total"] == 2
            && page["activities"].as_array()?.len() == 12;
        is_there.then_some(page)
    });
    let kpis = &page["kpis"];
    assert_eq!(kpis["sessions"]["value"], 4.0);
    assert_eq!(kpis["conversions"]["value"], 1.0);
    assert_eq!(kpis["conversion_rate"]["value"], 0.25);
    assert_eq!(kpis["success_rate"]["value"], 0.5);
    assert_eq!(kpis["mean_duration_ms"]["value"], 2_000.0);
    assert_eq!(kpis["events"]["change"], Value::Null);
    assert_eq!(
        page["credits"],
        json!({"current": 16, "used_this_month": 16, "remaining": null})
    );
    assert_eq!(page["services"], json!({"total": 2, "active": 2, "draft": 1}));
    assert_eq!(
        page["funnel"][0],
        json!({"step": "effect_discovered", "sessions": 3, "share": 1.0})
    );
    assert_eq!(page["funnel"][5]["sessions"], 2);
    assert_eq!(
        page["funnel"][8],
        json!({"step": "result_shared", "sessions": 0, "share": 0.0})
    );
    assert!(page["cache_info"]["expires_at"].as_str() > page["cache_info"]["calculated_at"].as_str());

    let days = asked(&server, "/api/dashboard/analytics?days=3");
    let trends = days["trends"].as_array().expect("days");
    assert_eq!(trends.len(), 3);
    assert_eq!(
        (&trends[0]["events"], &trends[0]["conversion_rate"]),
        (&json!(0), &Value::Null)
    );
    let sum = |field: &str| {
        trends
            .iter()
            .map(|day| day[field].as_u64().expect(field))
            .sum::<u64>()
    };
    assert_eq!((sum("events"), sum("conversions")), (16, 1));
    let event_types = json!([{"name": "tutorial_completion", "count": 1, "share": 1.0}]);
    assert_eq!(days["distributions"]["event_types"], event_types);
    let kinds = &days["distributions"]["kinds"];
    assert_eq!(
        kinds[0],
        json!({"name": "funnel", "count": 11, "share": 11.0 / 16.0})
    );

    let stats = asked(&server, "/api/dashboard/stats");
    assert_eq!(stats["events_last_day"], 16);
    assert_eq!(stats["sessions_last_day"], 4);
    // 6 s are above the 5 s from which on an endpoint is critical.
    assert_eq!(stats["state"], "critical");
    assert_eq!(stats["error_share_last_hour"], 0.0);
    assert!(stats["events_per_minute"].as_f64() > Some(0.0));
}

#[test]
fn a_kept_first_page_says_that_it_is_kept() {
    let server = Fresnel::start(Options::new().set("FRESNEL_CACHE__ENABLED", true));
    let ask = || server.get("/api/dashboard/overview").expect_status(200).json();
    let (first, again) = (ask(), ask());
    for (answer, is_kept) in [(first, false), (again, true)] {
        assert_eq!(answer["meta"]["cache_hit"], is_kept);
        assert_eq!(answer["data"]["cache_info"]["hit"], is_kept);
    }
}

#[test]
fn parameters_that_the_first_page_does_not_have_are_named() {
    let server = Fresnel::shared();
    for (path, field) in [
        ("/api/dashboard/overview?days=7", "days"),
        ("/api/dashboard/analytics?days=91", "days"),
        ("/api/dashboard/analytics?days=x", "days"),
        ("/api/dashboard/stats?x=1", "x"),
    ] {
        let answer = server.get(path).expect_status(400);
        let fields: Vec<_> = answer.details().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [field], "{path}");
    }
}
