//! `GET /api/analytics/funnels` and `GET /api/analytics/funnel`

use serde_json::{Value, json};

use super::managing::admin;
use crate::harness::beacons::Kind;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

fn post(server: &Fresnel, session: &str, step: &str) {
    let step = json!({"step": step, "session_id": session, "metadata": {"plan": "pro"}});
    server
        .post(Kind::Funnel.path(), step.to_string())
        .expect_status(202);
}

fn asked(server: &Fresnel, query: &str) -> Value {
    let answer = server
        .get(&format!("/api/analytics/funnel{query}"))
        .expect_status(200);
    answer.json()["data"].clone()
}

#[test]
fn steps_that_were_posted_are_a_funnel() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 50));
    let nothing = asked(&server, "");
    assert_eq!(nothing["total"]["entered"], 0);
    assert_eq!(nothing["total"]["conversion"], Value::Null);
    for (session, steps) in [
        ("s1", &["effect_viewed", "effect_started"][..]),
        ("s2", &["effect_viewed"]),
    ] {
        for step in steps {
            post(&server, session, step);
        }
    }
    let query = "?steps=effect_viewed,effect_started&breakdown=metadata.plan&compare=previous";
    let data = wait::until("both sessions", PATIENCE, || {
        let data = asked(&server, query);
        (data["total"]["entered"] == 2 && data["total"]["converted"] == 1).then_some(data)
    });
    assert_eq!(data["total"]["conversion"], 0.5);
    assert_eq!(data["groups"][0]["group"], "pro");
    assert_eq!(data["groups"][0]["entered"], 2);
    assert_eq!(data["previous"]["total"]["entered"], 0);
    assert_eq!(data["funnel"], Value::Null);
    assert_eq!(data["trend"].as_array().map(Vec::len), Some(8));
}

#[test]
fn a_projects_own_funnels_are_listed_and_can_be_asked_for() {
    let server = Fresnel::start(Options::new());
    let project = admin(&server, "GET", "/api/projects/default", &Value::Null);
    let funnel =
        json!({"id": "checkout", "name": "Checkout", "steps": ["cart", "paid"], "window_ms": 60_000});
    let change = json!({"revision": project["revision"], "settings": {"funnels": [funnel]}});
    admin(&server, "PATCH", "/api/projects/default", &change);
    let list = server.get("/api/analytics/funnels").expect_status(200).json()["data"].clone();
    assert_eq!(list["total"], 2);
    assert_eq!(list["items"][0]["id"], "standard");
    assert_eq!(list["items"][1], funnel);
    let answer = asked(&server, "?funnel=checkout");
    assert_eq!(answer["window_ms"], 60_000);
    assert_eq!(answer["total"]["steps"][1]["step"], "paid");
}

#[test]
fn parameters_that_cannot_be_used_are_named() {
    let server = Fresnel::shared();
    for (query, field) in [
        ("?funnel=none", "funnel"),
        ("?steps=a", "steps"),
        ("?window_ms=x", "window_ms"),
        ("?breakdown=colour", "breakdown"),
        ("?from=2020-01-01", "from"),
        ("?colour=red", "colour"),
    ] {
        let answer = server
            .get(&format!("/api/analytics/funnel{query}"))
            .expect_status(400);
        assert_eq!(answer.details()[0].0, field, "{query}");
    }
    let answer = server.get("/api/analytics/funnels?page=0").expect_status(400);
    assert_eq!(answer.details()[0].0, "page");
}
