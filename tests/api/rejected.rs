//! `GET /api/rejected`

use serde_json::{Value, json};

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::{Fresnel, Options};

fn listed(server: &Fresnel, query: &str) -> Value {
    let answer = server
        .get(&format!("/api/rejected{query}"))
        .expect_status(200)
        .json();
    answer["data"].clone()
}

#[test]
fn the_last_refusals_are_listed_with_fields_and_shape_and_without_values() {
    let server = Fresnel::start(Options::new());
    assert_eq!(listed(&server, "")["total"], 0);
    let body = json!({"step": "s3cret-step", "session_id": 5, "metadata": {"token": "s3cret-token"}});
    server
        .post(Kind::Funnel.path(), body.to_string())
        .expect_status(400);
    server.post(Kind::Event.path(), "no JSON").expect_status(400);
    let batch = json!({"items": [{"kind": "metric"}, {"kind": "funnel", "step": "effect_viewed", "session_id": "s"}]});
    server
        .post("/api/analytics/batch", batch.to_string())
        .expect_status(202);
    // Who has no key leaves no trace, and who only asks neither.
    server.send(&Request::post(Kind::Funnel.path(), "{}"));
    server
        .post(&format!("{}?validate=1", Kind::Funnel.path()), "{}")
        .expect_status(400);

    let page = listed(&server, "");
    assert_eq!(page["total"], 3);
    let kinds: Vec<_> = page["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| &item["kind"])
        .collect();
    assert_eq!(kinds, ["metric", "event", "funnel"]);
    let oldest = &page["items"][2];
    assert_eq!(oldest["code"], "invalid");
    assert_eq!(
        oldest["shape"],
        "{metadata: {token: string}, session_id: number, step: string}"
    );
    let fields: Vec<_> = oldest["details"]
        .as_array()
        .expect("details")
        .iter()
        .map(|detail| &detail["field"])
        .collect();
    assert_eq!(fields, ["step", "session_id"]);
    assert!(!page.to_string().contains("s3cret"), "{page}");

    let second = listed(&server, "?page=2&page_size=2");
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&second["has_next"], &second["has_prev"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn only_admins_see_refusals_and_parameters_are_checked() {
    let server = Fresnel::shared();
    assert_eq!(server.send(&Request::get("/api/rejected")).status, 401);
    let answer = server.get("/api/rejected?page=0&size=3");
    let details = answer.expect_status(400).details();
    assert_eq!(details[0].0, "page");
    let details = server.get("/api/rejected?size=3").expect_status(400).details();
    assert_eq!(details[0].0, "size");
}
