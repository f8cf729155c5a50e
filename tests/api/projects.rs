//! `/api/projects`

use serde_json::{Value, json};

use super::managing::{actions, admin, call, key, post, project, text};
use crate::harness::Fresnel;
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;

#[test]
fn a_project_is_made_changed_and_deleted_and_each_is_in_the_audit_log() {
    let server = Fresnel::shared();
    let id = project(&server, "shop");
    let path = format!("/api/projects/{id}");
    let made = admin(&server, "GET", &path, &Value::Null);
    assert_eq!(
        (&made["time_zone"], &made["revision"]),
        (&json!("UTC"), &json!(1))
    );

    let changed = admin(
        &server,
        "PATCH",
        &path,
        &json!({
            "revision": 1, "name": "Shop", "time_zone": "europe/berlin", "allowed_origins": ["https://shop.example"],
            "settings": {"funnel_steps": ["paid"], "grouping_rules": [{"pattern": "/shop/*", "name": "/shop/:shop"}]},
        }),
    );
    assert_eq!(changed["time_zone"], "Europe/Berlin");
    assert_eq!(changed["revision"], 2);
    // What a change does not name stays.
    let changed = admin(
        &server,
        "PATCH",
        &path,
        &json!({"revision": 2, "settings": {"event_types": ["login"]}}),
    );
    assert_eq!(changed["name"], "Shop");
    assert_eq!(changed["settings"]["funnel_steps"], json!(["paid"]));
    assert_eq!(changed["settings"]["event_types"], json!(["login"]));

    let (_, secret) = key(&server, &id, &json!({"kind": "server", "name": "backend"}));
    post(&server, &secret, Kind::Event).expect_status(202);
    admin(&server, "DELETE", &path, &Value::Null);
    assert_eq!(call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null).status, 404);
    assert_eq!(post(&server, &secret, Kind::Event).status, 401);
    let again = call(
        &server,
        ADMIN_TOKEN,
        "POST",
        "/api/projects",
        &json!({"id": id, "name": "again"}),
    );
    assert_eq!(
        again.expect_status(409).details(),
        [("id".into(), "conflict".into())]
    );

    let page = admin(
        &server,
        "GET",
        "/api/audit?action=project&page_size=500",
        &Value::Null,
    );
    let of_this = page["items"].as_array().expect("a list").iter();
    let actions: Vec<_> = of_this
        .filter(|entry| entry["project_id"] == id.as_str())
        .map(|entry| text(&entry["action"]))
        .collect();
    assert_eq!(
        actions,
        [
            "project.delete",
            "project.update",
            "project.update",
            "project.create"
        ]
    );
}

#[test]
fn whoever_saw_an_older_revision_changes_nothing() {
    let server = Fresnel::shared();
    let path = format!("/api/projects/{}", project(&server, "race"));
    admin(&server, "PATCH", &path, &json!({"revision": 1, "name": "first"}));
    for revision in [1, 3] {
        let body = json!({"revision": revision, "name": "second"});
        let answer = call(&server, ADMIN_TOKEN, "PATCH", &path, &body).expect_status(409);
        assert_eq!(answer.code(), "CONFLICT");
        assert_eq!(answer.details(), [("revision".into(), "conflict".into())]);
    }
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["name"], "first");
}

#[test]
fn every_fault_of_a_body_is_named_by_its_field() {
    let server = Fresnel::shared();
    let body = json!({
        "id": "Not An Id", "time_zone": "Mars/Olympus", "allowed_origins": ["https://a.example", "nonsense", 7],
        "allow_keyless": "yes", "color": "red", "settings": {"funnel_steps": ["a"], "speed": 1},
    });
    let answer = call(&server, ADMIN_TOKEN, "POST", "/api/projects", &body).expect_status(422);
    assert_eq!(answer.code(), "REFUSED_VALUE");
    let mut details = answer.details();
    details.sort();
    let details: Vec<_> = details
        .iter()
        .map(|(field, code)| (field.as_str(), code.as_str()))
        .collect();
    assert_eq!(
        details,
        [
            ("allow_keyless", "wrong_type"),
            ("allowed_origins.1", "bad_format"),
            ("allowed_origins.2", "wrong_type"),
            ("color", "unknown_field"),
            ("id", "bad_format"),
            ("name", "missing"),
            ("settings.speed", "unknown_field"),
            ("time_zone", "unknown_value"),
        ]
    );
}

#[test]
fn rules_that_nobody_could_apply_are_refused() {
    let server = Fresnel::shared();
    let path = format!("/api/projects/{}", project(&server, "rules"));
    let settings = json!({
        "grouping_rules": [{"pattern": "no path", "name": "/x"}],
        "scrub_rules": [{"pattern": "a", "replacement": "b"}, {"pattern": "(", "replacement": ""}],
    });
    let body = json!({"revision": 1, "settings": settings});
    let details = call(&server, ADMIN_TOKEN, "PATCH", &path, &body)
        .expect_status(422)
        .details();
    let names: Vec<_> = details.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("settings.grouping_rules"), "{names:?}");
    assert_eq!(names[1], "settings.scrub_rules.1");
    let body = json!({"revision": 1, "settings": {"funnel_steps": [""]}});
    call(&server, ADMIN_TOKEN, "PATCH", &path, &body).expect_status(422);
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["revision"], 1);
}

#[test]
fn bodies_that_are_no_json_objects_of_a_moderate_size_are_refused() {
    let server = Fresnel::shared();
    let post = |media_type: &str, body: String| {
        let request = Request::post("/api/projects", body)
            .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
            .header("content-type", media_type);
        server.send(&request)
    };
    let json = "application/json";
    assert_eq!(post(json, "[]".into()).expect_status(400).code(), "BAD_JSON");
    assert_eq!(post(json, "{".into()).expect_status(400).code(), "BAD_JSON");
    assert_eq!(
        post(json, r#"{"id":"a","id":"b"}"#.into())
            .expect_status(400)
            .code(),
        "BAD_JSON"
    );
    assert_eq!(post("text/plain", "{}".into()).status, 415);
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(64 * 1_024));
    assert_eq!(post(json, large).status, 413);
}

#[test]
fn a_manage_key_sees_and_changes_its_own_project_and_no_other() {
    let server = Fresnel::shared();
    let (own, other) = (project(&server, "own"), project(&server, "other"));
    let (_, manage) = key(
        &server,
        &own,
        &json!({"kind": "server", "name": "ci", "scopes": ["manage"]}),
    );
    let list = call(&server, &manage, "GET", "/api/projects", &Value::Null).expect_status(200);
    assert_eq!(list.json()["data"]["total"], 1);
    assert_eq!(list.json()["data"]["items"][0]["id"], own.as_str());
    let body = json!({"revision": 1, "name": "by a key"});
    call(&server, &manage, "PATCH", &format!("/api/projects/{own}"), &body).expect_status(200);
    for path in [
        format!("/api/projects/{other}"),
        "/api/projects/nobody".to_owned(),
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            assert_eq!(
                call(&server, &manage, method, &path, &body).status,
                404,
                "{method} {path}"
            );
        }
    }
    // An admin neither deletes a project nor makes one.
    let delete = call(
        &server,
        &manage,
        "DELETE",
        &format!("/api/projects/{own}"),
        &Value::Null,
    );
    assert_eq!(delete.expect_status(403).code(), "FORBIDDEN");
    let new = json!({"id": "mine", "name": "mine"});
    assert_eq!(call(&server, &manage, "POST", "/api/projects", &new).status, 403);
    assert_eq!(
        actions(&server, &own).last().map(String::as_str),
        Some("project.update")
    );
}

#[test]
fn lists_come_in_pages() {
    let server = Fresnel::shared();
    for _ in 0..3 {
        project(&server, "paged");
    }
    let page = admin(&server, "GET", "/api/projects?page=2&page_size=1", &Value::Null);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&page["has_next"], &page["has_prev"]),
        (&json!(true), &json!(true))
    );
    let refused = call(
        &server,
        ADMIN_TOKEN,
        "GET",
        "/api/projects?color=red&page_size=0",
        &Value::Null,
    );
    assert_eq!(refused.expect_status(400).code(), "BAD_PARAMETERS");
}

#[test]
fn funnels_and_thresholds_are_kept_and_those_that_are_left_out_stay() {
    let server = Fresnel::shared();
    let path = format!("/api/projects/{}", project(&server, "funnels"));
    let made = admin(&server, "GET", &path, &Value::Null);
    assert_eq!(made["settings"]["funnels"], json!([]));
    let default = json!({"statistic": "p95", "warning": 3_000.0, "critical": 5_000.0});
    assert_eq!(made["settings"]["thresholds"]["api_response_time"], default);

    let funnel = json!({"id": "checkout", "name": "Checkout", "steps": ["cart_opened", "effect_viewed"]});
    let error_share = json!({"warning": 0.01, "critical": 0.5});
    let settings = json!({"funnels": [funnel], "thresholds": {"error_share": error_share}});
    let body = json!({"revision": 1, "settings": settings});
    let changed = admin(&server, "PATCH", &path, &body)["settings"].take();
    assert_eq!(changed["funnels"][0]["window_ms"], 86_400_000);
    assert_eq!(changed["thresholds"]["error_share"], error_share);
    assert_eq!(changed["thresholds"]["api_response_time"], default);

    let body = json!({"revision": 2, "name": "x"});
    let after = admin(&server, "PATCH", &path, &body)["settings"].take();
    assert_eq!(after, changed);
}

#[test]
fn a_fault_in_a_funnel_or_a_threshold_is_named_with_its_place() {
    let server = Fresnel::shared();
    let path = format!("/api/projects/{}", project(&server, "faulty"));
    let details = |settings: &Value| {
        let body = json!({"revision": 1, "settings": settings});
        let answer = call(&server, ADMIN_TOKEN, "PATCH", &path, &body).expect_status(422);
        let mut details = answer.details();
        details.sort();
        details
    };
    let settings = json!({
        "funnels": [{"id": "a", "name": "", "steps": ["x", 7], "color": 1}, 3],
        "thresholds": {"page_load_time": {"statistic": "mode", "warning": "1"}, "first_paint": {}},
    });
    let fault = |field: &str, code: &str| (format!("settings.{field}"), code.to_owned());
    assert_eq!(
        details(&settings),
        [
            fault("funnels.0.color", "unknown_field"),
            fault("funnels.0.name", "empty"),
            fault("funnels.0.steps.1", "wrong_type"),
            fault("funnels.1", "wrong_type"),
            fault("thresholds.first_paint", "unknown_field"),
            fault("thresholds.page_load_time.critical", "missing"),
            fault("thresholds.page_load_time.statistic", "unknown_value"),
            fault("thresholds.page_load_time.warning", "wrong_type"),
        ]
    );
    let settings = json!({
        "funnels": [{"id": "a", "name": "x", "steps": ["x"]}, {"id": "a", "name": "x", "steps": ["x", "y"]}],
        "thresholds": {"error_share": {"warning": 0.5, "critical": 0.1}},
    });
    assert_eq!(
        details(&settings),
        [
            fault("funnels.0.steps", "out_of_range"),
            fault("funnels.1.id", "duplicate"),
            fault("thresholds.error_share.warning", "out_of_range"),
        ]
    );
}

#[test]
fn the_steps_of_a_projects_funnels_are_valid_steps_of_that_project() {
    let server = Fresnel::shared();
    let (shop, other) = (project(&server, "steps"), project(&server, "others"));
    let funnel = json!({"id": "checkout", "name": "Checkout", "steps": ["cart_opened", "paid"]});
    let body = json!({"revision": 1, "settings": {"funnels": [funnel]}});
    admin(&server, "PATCH", &format!("/api/projects/{shop}"), &body);
    for (project, status) in [(shop, 202), (other, 400)] {
        let scopes = json!({"kind": "server", "name": "x", "scopes": ["ingest"]});
        let (_, key) = key(&server, &project, &scopes);
        let step = json!({"step": "paid", "session_id": "s"}).to_string();
        let request = Request::post(Kind::Funnel.path(), step).header("x-api-key", &key);
        assert_eq!(server.send(&request).status, status);
    }
}
