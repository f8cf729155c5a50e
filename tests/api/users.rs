//! `/api/users`, and roles in projects.

use serde_json::{Value, json};

use super::managing::{actions, admin, call, key, project, text};
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::{Fresnel, Options};

fn user(server: &Fresnel, name: &str) -> String {
    let email = format!("{name}-{:08x}@Example.org", rand::random::<u32>());
    let made = admin(
        server,
        "POST",
        "/api/users",
        &json!({"email": email, "name": name}),
    );
    assert_eq!(made["email"], email.to_lowercase());
    text(&made["id"])
}

#[test]
fn a_user_gets_a_role_another_one_and_none() {
    let server = Fresnel::shared();
    let id = project(&server, "team");
    let ada = user(&server, "ada");
    let members = format!("/api/projects/{id}/members");
    let member = format!("{members}/{ada}");
    for role in ["viewer", "owner"] {
        admin(&server, "PUT", &member, &json!({"role": role}));
        let page = admin(&server, "GET", &members, &Value::Null);
        assert_eq!(page["total"], 1);
        assert_eq!(page["items"][0]["role"], role);
        assert_eq!(page["items"][0]["id"], ada.as_str());
        let one = admin(&server, "GET", &format!("/api/users/{ada}"), &Value::Null);
        assert_eq!(one["memberships"][0]["role"], role);
    }
    admin(&server, "DELETE", &member, &Value::Null);
    assert_eq!(admin(&server, "GET", &members, &Value::Null)["total"], 0);
    assert_eq!(
        call(&server, ADMIN_TOKEN, "DELETE", &member, &Value::Null).status,
        404
    );
    let refused = call(&server, ADMIN_TOKEN, "PUT", &member, &json!({"role": "king"}));
    assert_eq!(
        refused.expect_status(422).details(),
        [("role".into(), "unknown_value".into())]
    );
    let nobody = format!("{members}/00000000-0000-7000-8000-000000000000");
    assert_eq!(
        call(&server, ADMIN_TOKEN, "PUT", &nobody, &json!({"role": "viewer"})).status,
        404
    );
    assert_eq!(
        actions(&server, &id),
        [
            "project.create",
            "member.set_role",
            "member.set_role",
            "member.set_role"
        ]
    );
}

#[test]
fn an_admin_of_a_project_sees_its_members_and_changes_none_and_sees_no_users() {
    let server = Fresnel::shared();
    let id = project(&server, "admins");
    let ada = user(&server, "ada");
    let scopes = json!({"kind": "server", "name": "ci", "scopes": ["manage"]});
    let (_, manage) = key(&server, &id, &scopes);
    let members = format!("/api/projects/{id}/members");
    call(&server, &manage, "GET", &members, &Value::Null).expect_status(200);
    for (method, path, body) in [
        ("PUT", format!("{members}/{ada}"), json!({"role": "viewer"})),
        ("DELETE", format!("{members}/{ada}"), Value::Null),
        ("GET", "/api/users".to_owned(), Value::Null),
        (
            "POST",
            "/api/users".to_owned(),
            json!({"email": "a@b.c", "name": "x"}),
        ),
        ("GET", format!("/api/users/{ada}"), Value::Null),
        (
            "PATCH",
            format!("/api/users/{ada}"),
            json!({"is_instance_owner": true}),
        ),
        ("DELETE", format!("/api/users/{ada}"), Value::Null),
    ] {
        let answer = call(&server, &manage, method, &path, &body);
        assert_eq!(answer.expect_status(403).code(), "FORBIDDEN", "{method} {path}");
    }
}

#[test]
fn users_are_renamed_disabled_and_enabled_and_an_address_is_one_users_only() {
    let server = Fresnel::shared();
    let ada = user(&server, "ada");
    let path = format!("/api/users/{ada}");
    let changed = admin(&server, "PATCH", &path, &json!({"name": "Ada L."}));
    assert_eq!(changed["name"], "Ada L.");
    assert!(admin(&server, "DELETE", &path, &Value::Null)["disabled_at_ms"].is_i64());
    let enabled = admin(&server, "PATCH", &path, &json!({"is_disabled": false}));
    assert_eq!(enabled["disabled_at_ms"], Value::Null);
    let same = json!({"email": changed["email"].as_str().expect("an address").to_uppercase(), "name": "x"});
    let again = call(&server, ADMIN_TOKEN, "POST", "/api/users", &same).expect_status(409);
    assert_eq!(again.details(), [("email".into(), "conflict".into())]);
    let faulty = call(
        &server,
        ADMIN_TOKEN,
        "POST",
        "/api/users",
        &json!({"email": "x", "color": 1}),
    );
    assert_eq!(
        faulty.expect_status(422).details(),
        [
            ("email".into(), "bad_format".into()),
            ("name".into(), "missing".into()),
            ("color".into(), "unknown_field".into())
        ]
    );
}

#[test]
fn there_is_always_an_instance_owner() {
    let server = Fresnel::start(Options::new());
    let page = admin(&server, "GET", "/api/users", &Value::Null);
    let owner = format!("/api/users/{}", text(&page["items"][0]["id"]));
    for (method, body) in [
        ("DELETE", Value::Null),
        ("PATCH", json!({"is_disabled": true})),
        ("PATCH", json!({"is_instance_owner": false})),
    ] {
        let answer = call(&server, ADMIN_TOKEN, method, &owner, &body).expect_status(409);
        assert_eq!(
            answer.details(),
            [("is_instance_owner".into(), "conflict".into())]
        );
    }
    // When someone else is one too, the admin token can lose its rights, and then it opens nothing.
    let ada = user(&server, "ada");
    let path = format!("/api/users/{ada}");
    admin(&server, "PATCH", &path, &json!({"is_instance_owner": true}));
    let answer = call(
        &server,
        ADMIN_TOKEN,
        "PATCH",
        &owner,
        &json!({"is_instance_owner": false}),
    );
    answer.expect_status(200);
    assert_eq!(
        call(&server, ADMIN_TOKEN, "GET", "/api/users", &Value::Null).status,
        403
    );
    let list = call(&server, ADMIN_TOKEN, "GET", "/api/projects", &Value::Null).expect_status(200);
    assert_eq!(list.json()["data"]["total"], 0);
}
