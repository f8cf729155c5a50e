//! `/api/keys`

use serde_json::{Value, json};

use super::managing::{actions, admin, call, key, post, project};
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::{ADMIN_TOKEN, INGEST_KEY};
use crate::harness::{Fresnel, Options};

const TIMESERIES: &str = "/api/analytics/performance/timeseries?type=page_load_time";

#[test]
fn a_browser_key_posts_at_once_and_once_revoked_never_again() {
    let server = Fresnel::shared();
    let id = project(&server, "browser");
    let (key_id, secret) = key(&server, &id, &json!({"kind": "browser", "name": "page"}));
    post(&server, &secret, Kind::Event).expect_status(202);
    let path = format!("/api/keys/{key_id}?project={id}");
    let revoked = admin(&server, "DELETE", &path, &Value::Null);
    assert!(revoked["revoked_at_ms"].is_i64());
    assert_eq!(post(&server, &secret, Kind::Event).status, 401);
    // Again changes nothing, and a revoked key is not changed any more.
    assert_eq!(admin(&server, "DELETE", &path, &Value::Null), revoked);
    assert_eq!(
        call(&server, ADMIN_TOKEN, "PATCH", &path, &json!({"name": "x"})).status,
        404
    );
    assert_eq!(
        actions(&server, &id),
        ["project.create", "key.create", "key.revoke"]
    );
}

#[test]
fn a_key_is_shown_once_and_is_in_no_list_no_log_and_no_audit_entry() {
    let server = Fresnel::start(Options::new().set("FRESNEL_LOG__FILTER", "debug"));
    let id = project(&server, "once");
    let (key_id, secret) = key(
        &server,
        &id,
        &json!({"kind": "server", "name": "secret", "scopes": ["ingest", "manage"]}),
    );
    assert_eq!(secret.len(), 46);
    post(&server, &secret, Kind::Event).expect_status(202);
    for (method, path) in [
        ("GET", format!("/api/keys?project={id}")),
        ("GET", format!("/api/keys/{key_id}?project={id}")),
        ("GET", format!("/api/audit?project={id}")),
        ("GET", "/api/audit?page_size=500".to_owned()),
        ("DELETE", format!("/api/keys/{key_id}?project={id}")),
    ] {
        let answer = call(&server, ADMIN_TOKEN, method, &path, &Value::Null).expect_status(200);
        let text = answer.text();
        assert!(
            !text.contains(&secret) && !text.contains("sha256"),
            "{path}: {text}"
        );
    }
    assert!(!server.log().contains(&secret));
    assert!(!server.log().contains(ADMIN_TOKEN));
}

#[test]
fn a_key_does_not_see_what_another_project_has() {
    let server = Fresnel::shared();
    let (a, b) = (project(&server, "tenant-a"), project(&server, "tenant-b"));
    let (a_key, a_secret) = key(&server, &a, &json!({"kind": "browser", "name": "a"}));
    post(&server, &a_secret, Kind::Metric).expect_status(202);
    let bad = Request::post(Kind::Metric.path(), "{}").header("x-api-key", &a_secret);
    server.send(&bad).expect_status(400);
    let scopes = json!({"kind": "server", "name": "b", "scopes": ["read", "manage", "ingest"]});
    let (_, b_secret) = key(&server, &b, &scopes);

    let get = |path: &str| call(&server, &b_secret, "GET", path, &Value::Null);
    for path in [
        format!("{TIMESERIES}&project={a}"),
        format!("/api/rejected?project={a}"),
        format!("/api/keys?project={a}"),
        format!("/api/keys/{a_key}?project={a}"),
        format!("/api/keys/{a_key}"),
        format!("/api/quotas?project={a}"),
        format!("/api/issuers?project={a}"),
        format!("/api/audit?project={a}"),
        format!("/api/projects/{a}"),
        format!("/api/projects/{a}/members"),
    ] {
        assert_eq!(get(&path).expect_status(404).code(), "NOT_FOUND", "{path}");
    }
    for path in ["/api/rejected", "/api/keys?page=1", "/api/audit", TIMESERIES] {
        let text = get(path).expect_status(200).text();
        assert!(!text.contains(&a) && !text.contains(&a_key), "{path}: {text}");
    }
    assert_eq!(get("/api/rejected").json()["data"]["total"], 0);
    let own = server
        .get(&format!("/api/rejected?project={a}"))
        .expect_status(200);
    assert_eq!(own.json()["data"]["total"], 1);
}

#[test]
fn names_and_ends_can_be_changed_and_a_key_at_its_end_is_refused() {
    let server = Fresnel::shared();
    let id = project(&server, "ends");
    let (key_id, _) = key(
        &server,
        &id,
        &json!({"kind": "read", "name": "r", "expires_at_ms": 4_102_444_800_000_i64}),
    );
    let path = format!("/api/keys/{key_id}?project={id}");
    let changed = admin(&server, "PATCH", &path, &json!({"name": "reader"}));
    assert_eq!(
        (&changed["name"], &changed["expires_at_ms"]),
        (&json!("reader"), &json!(4_102_444_800_000_i64))
    );
    let changed = admin(&server, "PATCH", &path, &json!({"expires_at_ms": null}));
    assert_eq!(
        (&changed["name"], &changed["expires_at_ms"]),
        (&json!("reader"), &Value::Null)
    );
    let refused = call(&server, ADMIN_TOKEN, "PATCH", &path, &json!({"expires_at_ms": 1}));
    assert_eq!(
        refused.expect_status(422).details(),
        [("expires_at_ms".into(), "out_of_range".into())]
    );
}

#[test]
fn kinds_have_the_scopes_that_they_may_have() {
    let server = Fresnel::shared();
    let path = format!("/api/keys?project={}", project(&server, "scopes"));
    for body in [
        json!({"kind": "browser", "name": "x", "scopes": ["read"]}),
        json!({"kind": "read", "name": "x", "scopes": ["read", "manage"]}),
        json!({"kind": "server", "name": "x", "scopes": []}),
        json!({"kind": "server", "name": "x", "scopes": ["everything"]}),
    ] {
        let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body).expect_status(422);
        assert!(answer.details()[0].0.starts_with("scopes"), "{}", answer.text());
    }
    let answer = call(&server, ADMIN_TOKEN, "POST", &path, &json!({"kind": "x"})).expect_status(422);
    assert_eq!(
        answer.details(),
        [
            ("kind".into(), "unknown_value".into()),
            ("name".into(), "missing".into())
        ]
    );
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["total"], 0);
}

#[test]
fn a_manage_key_cannot_end_the_admin_token() {
    let server = Fresnel::start(Options::new());
    let scopes = json!({"kind": "server", "name": "ci", "scopes": ["manage"]});
    let (_, manage) = key(&server, "default", &scopes);
    let page = admin(&server, "GET", "/api/keys", &Value::Null);
    let keys = page["items"].as_array().expect("a list");
    let admin_token = keys
        .iter()
        .find(|key| !key["acts_as"].is_null())
        .expect("it is listed");
    let path = format!("/api/keys/{}", admin_token["id"].as_str().expect("an id"));
    for (method, body) in [
        ("DELETE", Value::Null),
        ("PATCH", json!({"expires_at_ms": 9_999_999_999_999_i64})),
    ] {
        assert_eq!(call(&server, &manage, method, &path, &body).status, 403);
    }
    admin(&server, "GET", "/api/projects", &Value::Null);
    // The page's key is one like others.
    let ingest = keys
        .iter()
        .find(|key| key["kind"] == "browser")
        .expect("it is listed");
    let path = format!("/api/keys/{}", ingest["id"].as_str().expect("an id"));
    call(&server, &manage, "DELETE", &path, &Value::Null).expect_status(200);
    assert_eq!(post(&server, INGEST_KEY, Kind::Event).status, 401);
}
