//! `/api/quotas`

use serde_json::{Value, json};

use super::managing::{actions, admin, call, key, post, project, text};
use crate::harness::Fresnel;
use crate::harness::beacons::Kind;
use crate::harness::http::{Answer, Request};
use crate::harness::server::ADMIN_TOKEN;

#[test]
fn an_override_acts_at_once_and_so_does_its_change_and_its_end() {
    let server = Fresnel::shared();
    let id = project(&server, "limited");
    let (_, secret) = key(&server, &id, &json!({"kind": "server", "name": "s"}));
    // A server key posts for users, which it names.
    let post = |user: &str| -> Answer {
        let mut beacon = Kind::Event.sample();
        beacon["user_id"] = user.into();
        server.send(&Request::post(Kind::Event.path(), beacon.to_string()).header("x-api-key", &secret))
    };
    assert_eq!(post("ada").expect_status(202).header("x-ratelimit-limit"), None);

    let body = json!({"target": {"kind": "project"}, "limits": {"events_per_hour": 2}});
    let made = admin(&server, "POST", &format!("/api/quotas?project={id}"), &body);
    let path = format!("/api/quotas/{}?project={id}", text(&made["id"]));
    for left in ["1", "0"] {
        let answer = post("bob").expect_status(202);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("2"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left));
    }
    assert_eq!(post("bob").status, 429);

    let changed = admin(
        &server,
        "PATCH",
        &path,
        &json!({"limits": {"events_per_hour": 3, "metrics_per_hour": 9}}),
    );
    assert_eq!(changed["limits"]["metrics_per_hour"], 9);
    post("bob").expect_status(202);
    assert_eq!(post("bob").status, 429);
    // What is not named stays, and null takes a limit out of the override.
    let changed = admin(
        &server,
        "PATCH",
        &path,
        &json!({"limits": {"metrics_per_hour": null}}),
    );
    assert_eq!(changed["limits"]["metrics_per_hour"], Value::Null);
    assert_eq!(changed["limits"]["events_per_hour"], 3);

    admin(&server, "DELETE", &path, &Value::Null);
    post("bob").expect_status(202);
    assert_eq!(call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null).status, 404);
    let actions = actions(&server, &id);
    assert_eq!(
        actions[2..],
        ["quota.create", "quota.update", "quota.update", "quota.delete"]
    );
}

#[test]
fn an_override_of_one_user_leaves_the_others_alone() {
    let server = Fresnel::shared();
    let id = project(&server, "one-user");
    let (_, secret) = key(&server, &id, &json!({"kind": "server", "name": "s"}));
    let user = Kind::Event.sample()["user_id"].clone();
    let body = json!({"target": {"kind": "user", "id": user}, "limits": {"events_per_hour": 1}});
    admin(&server, "POST", &format!("/api/quotas?project={id}"), &body);
    post(&server, &secret, Kind::Event).expect_status(202);
    assert_eq!(post(&server, &secret, Kind::Event).status, 429);
    // Funnel steps are another user's in the samples.
    for _ in 0..3 {
        post(&server, &secret, Kind::Funnel).expect_status(202);
    }
}

#[test]
fn targets_and_limits_are_checked_and_no_target_has_two_overrides() {
    let server = Fresnel::shared();
    let path = format!("/api/quotas?project={}", project(&server, "faulty"));
    let refused = |body: Value| {
        call(&server, ADMIN_TOKEN, "POST", &path, &body)
            .expect_status(422)
            .details()
    };
    assert_eq!(
        refused(json!({})),
        [
            ("target".into(), "missing".into()),
            ("limits".into(), "missing".into())
        ]
    );
    assert_eq!(
        refused(json!({"target": {"kind": "endpoint", "id": "x"}, "limits": {"events_per_hour": 1}})),
        [("target.id".into(), "bad_format".into())]
    );
    assert_eq!(
        refused(json!({"target": {"kind": "project"}, "limits": {}})),
        [("limits".into(), "empty".into())]
    );
    assert_eq!(
        refused(json!({"target": {"kind": "project"}, "limits": {"events_per_hour": -1, "x": 1}})),
        [
            ("limits.events_per_hour".into(), "wrong_type".into()),
            ("limits.x".into(), "unknown_field".into())
        ]
    );
    assert_eq!(
        refused(json!({"target": {"kind": "project"}, "limits": {"events_per_hour": 4_294_967_296_u64}})),
        [("limits.events_per_hour".into(), "out_of_range".into())]
    );
    let body = json!({"target": {"kind": "project"}, "limits": {"api_per_minute": 7}});
    admin(&server, "POST", &path, &body);
    let again = call(&server, ADMIN_TOKEN, "POST", &path, &body).expect_status(409);
    assert_eq!(again.details(), [("target".into(), "conflict".into())]);
}

#[test]
fn a_read_key_sees_overrides_and_changes_none() {
    let server = Fresnel::shared();
    let id = project(&server, "seen");
    let (_, read) = key(&server, &id, &json!({"kind": "read", "name": "r"}));
    let list = call(&server, &read, "GET", "/api/quotas", &Value::Null).expect_status(200);
    assert_eq!(list.json()["data"]["total"], 0);
    let body = json!({"target": {"kind": "project"}, "limits": {"api_per_minute": 7}});
    assert_eq!(call(&server, &read, "POST", "/api/quotas", &body).status, 403);
}
