//! `/api/deploys`, `/api/errors/…`, `/api/views`

use serde_json::{Value, json};

use super::managing::{TestUser, actions, admin, call, key, project, text};
use crate::harness::Fresnel;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;

#[test]
fn a_build_server_posts_a_deploy_that_viewers_find() {
    let server = Fresnel::shared();
    let id = project(&server, "deploys");
    let (_, manage) = key(
        &server,
        &id,
        &json!({"kind": "server", "name": "ci", "scopes": ["manage"]}),
    );
    let body = json!({
        "release": "2026.11.3", "environment": "production", "deployed_at": "2026-11-22T10:00:00+01:00",
        "description": "faster", "url": "https://ci.example/7",
    });
    let made = call(&server, &manage, "POST", "/api/deploys", &body).expect_status(201);
    let made = made.json()["data"].clone();
    assert_eq!(made["deployed_at_ms"], 1_795_338_000_000_i64);
    for (query, total) in [
        ("", 1),
        ("&environment=production", 1),
        ("&environment=staging", 0),
        ("&from=2026-11-22T09:00:00Z&to=2026-11-22T09:00:01Z", 1),
        ("&to=2026-11-22T09:00:00Z", 0),
    ] {
        let path = format!("/api/deploys?project={id}{query}");
        let found = admin(&server, "GET", &path, &Value::Null);
        assert_eq!(found["total"], total, "{query}");
    }
    let path = format!("/api/deploys?project={id}&from=yesterday&color=red&environment=");
    let answer = call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null).expect_status(400);
    let fields: Vec<_> = answer.details().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["from", "environment", "color"]);

    let path = format!("/api/deploys/{}?project={id}", text(&made["id"]));
    admin(&server, "DELETE", &path, &Value::Null);
    assert_eq!(call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null).status, 404);
    assert!(actions(&server, &id).ends_with(&["deploy.create".into(), "deploy.delete".into()]));
}

#[test]
fn every_fault_of_a_deploy_is_named() {
    let server = Fresnel::shared();
    let body = json!({
        "environment": "", "deployed_at": "3026-11-22T10:00:00Z", "description": "a\u{1b}", "url": "javascript:alert(1)",
    });
    let answer = call(&server, ADMIN_TOKEN, "POST", "/api/deploys", &body).expect_status(422);
    let mut details = answer.details();
    details.sort();
    let details: Vec<_> = details
        .iter()
        .map(|(field, code)| (field.as_str(), code.as_str()))
        .collect();
    assert_eq!(
        details,
        [
            ("deployed_at", "out_of_range"),
            ("description", "bad_format"),
            ("environment", "empty"),
            ("release", "missing"),
            ("url", "bad_format"),
        ]
    );
}

#[test]
fn what_is_decided_about_an_error_is_listed_with_who_decided() {
    let server = Fresnel::shared();
    let id = project(&server, "errors");
    let patch = |fingerprint: &str, body: &Value| {
        let path = format!("/api/errors/{fingerprint}?project={id}");
        call(&server, ADMIN_TOKEN, "PATCH", &path, body)
    };
    let body = json!({"state": "resolved", "note": "fixed in 1.2"});
    let record = patch("0123456789ABCDEF", &body).expect_status(200);
    let record = record.json()["data"].clone();
    assert_eq!(record["fingerprint"], "0123456789abcdef");
    assert_eq!(record["changed_by"]["kind"], "key");
    let list = |query: &str| {
        let path = format!("/api/errors/states?project={id}{query}");
        call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null)
    };
    assert_eq!(
        list("").expect_status(200).json()["data"]["items"],
        json!([record])
    );
    assert_eq!(
        list("&state=ignored").expect_status(200).json()["data"]["total"],
        0
    );
    assert_eq!(list("&state=gone").status, 400);
    assert_eq!(list("&state=open&state=open").status, 400);

    assert_eq!(patch("xyz", &body).status, 404);
    let refused = patch("0123456789abcdef", &json!({"state": "done"})).expect_status(422);
    assert_eq!(refused.details(), [("state".into(), "unknown_value".into())]);
    patch("0123456789abcdef", &json!({"state": "open"})).expect_status(200);
    assert_eq!(list("").expect_status(200).json()["data"]["total"], 0);
}

#[test]
fn a_view_is_its_owners_until_it_is_shared() {
    let server = Fresnel::shared();
    let id = project(&server, "views");
    let [ada, eve, admin_of_it, stranger] = [(); 4].map(|()| TestUser::new(&server));
    ada.give_role(&server, &id, "viewer");
    eve.give_role(&server, &id, "viewer");
    admin_of_it.give_role(&server, &id, "admin");
    let send = |user: &TestUser, method: &str, path: &str, body: &Value| {
        let request = Request::new(method, path)
            .header("content-type", "application/json")
            .body(body.to_string());
        server.send(&user.sign(request))
    };
    let path = format!("/api/views?project={id}");
    let body = json!({"name": "Slow pages", "page": "performance", "state": "from=now-7d&group_by=page"});
    let view = send(&ada, "POST", &path, &body).expect_status(201).json()["data"].clone();
    assert_eq!(
        (&view["is_shared"], &view["revision"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(view["owner"]["id"], ada.id.as_str());

    let link = format!("/api/views/{}", text(&view["id"]));
    assert_eq!(
        ada.get(&server, &link).expect_status(200).json()["data"]["state"],
        view["state"]
    );
    for other in [&eve, &admin_of_it, &stranger] {
        other.get(&server, &link).expect_status(404);
        send(other, "DELETE", &link, &Value::Null).expect_status(404);
    }
    assert_eq!(
        eve.get(&server, &path).expect_status(200).json()["data"]["total"],
        0
    );

    let share = json!({"revision": 1, "is_shared": true});
    send(&ada, "PATCH", &link, &share).expect_status(200);
    assert_eq!(
        send(&ada, "PATCH", &link, &share).expect_status(409).details(),
        [("revision".into(), "conflict".into())]
    );
    eve.get(&server, &link).expect_status(200);
    assert_eq!(
        eve.get(&server, &path).expect_status(200).json()["data"]["total"],
        1
    );
    stranger.get(&server, &link).expect_status(404);
    // A link is no way into a project.
    server.send(&Request::get(&link)).expect_status(401);
    send(&eve, "PATCH", &link, &json!({"revision": 2, "name": "mine"})).expect_status(403);
    let renamed = send(
        &admin_of_it,
        "PATCH",
        &link,
        &json!({"revision": 2, "name": "Ours"}),
    );
    assert_eq!(renamed.expect_status(200).json()["data"]["name"], "Ours");
    send(&ada, "DELETE", &link, &Value::Null).expect_status(200);
    eve.get(&server, &link).expect_status(404);
    assert!(actions(&server, &id).ends_with(&[
        "view.create".into(),
        "view.update".into(),
        "view.update".into(),
        "view.delete".into()
    ]));
}

#[test]
fn views_are_bounded_and_found_by_page() {
    let server = Fresnel::shared();
    let id = project(&server, "pages");
    let path = format!("/api/views?project={id}");
    let new = |page: &str, state: &str| json!({"name": "x", "page": page, "state": state});
    admin(&server, "POST", &path, &new("web-vitals", &"ä".repeat(8_192)));
    let large = call(
        &server,
        ADMIN_TOKEN,
        "POST",
        &path,
        &new("Web Vitals", &"x".repeat(8_193)),
    );
    let mut details = large.expect_status(422).details();
    details.sort();
    assert_eq!(
        details,
        [
            ("page".into(), "bad_format".into()),
            ("state".into(), "too_long".into())
        ]
    );
    for (page, total) in [("web-vitals", 1), ("errors", 0)] {
        let found = admin(&server, "GET", &format!("{path}&of_page={page}"), &Value::Null);
        assert_eq!(found["total"], total);
    }
}
