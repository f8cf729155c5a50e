//! `/api/invitations`

use serde_json::{Value, json};

use super::managing::{PASSWORD, TestUser, actions, admin, call, log_in, project, text};
use crate::harness::Fresnel;
use crate::harness::http::{Answer, Request};

fn accept(server: &Fresnel, token: &str) -> Answer {
    let body = json!({"token": token, "name": "Ada", "password": PASSWORD}).to_string();
    server.send(&Request::post("/api/invitations/accept", body).header("content-type", "application/json"))
}

fn address() -> String {
    format!("{:016x}@example.org", rand::random::<u64>())
}

#[test]
fn whoever_is_invited_becomes_a_member_once_and_can_log_in() {
    let server = Fresnel::shared();
    let id = project(&server, "invites");
    let owner = TestUser::new(&server);
    owner.give_role(&server, &id, "owner");
    let (path, email) = (format!("/api/invitations?project={id}"), address());
    let body = json!({"email": email, "role": "admin"}).to_string();
    let request = Request::post(&path, body).header("content-type", "application/json");
    let made = server.send(&owner.sign(request)).expect_status(201).json();
    let token = text(&made["data"]["token"]);
    let listed = owner.get(&server, &path).expect_status(200);
    assert_eq!(listed.json()["data"]["total"], 1);
    assert!(!listed.text().contains(&token));

    let user = accept(&server, &token).expect_status(201).json();
    assert_eq!(user["data"]["email"], email.as_str());
    assert_eq!(accept(&server, &token).status, 404);
    log_in(&server, &email, PASSWORD).expect_status(201);
    let members = admin(
        &server,
        "GET",
        &format!("/api/projects/{id}/members"),
        &Value::Null,
    );
    assert_eq!(members["total"], 2);
    assert_eq!(members["items"][1]["role"], "admin");
    let actions = actions(&server, &id);
    assert_eq!(actions[2..], ["invitation.create", "invitation.accept"]);
    assert!(!server.log().contains(&token));
}

#[test]
fn an_invitation_that_was_taken_back_opens_nothing() {
    let server = Fresnel::shared();
    let id = project(&server, "revoked");
    let path = format!("/api/invitations?project={id}");
    let made = admin(
        &server,
        "POST",
        &path,
        &json!({"email": address(), "role": "viewer"}),
    );
    let one = format!("/api/invitations/{}", text(&made["id"]));
    // Of another project, or of the instance, there is no such invitation.
    let token = super::managing::key(&server, &id, &json!({"kind": "read", "name": "r"})).1;
    assert_eq!(call(&server, &token, "DELETE", &one, &Value::Null).status, 403);
    admin(&server, "DELETE", &format!("{one}?project={id}"), &Value::Null);
    assert_eq!(accept(&server, &text(&made["token"])).status, 404);
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["total"], 0);
}

#[test]
fn without_a_project_an_instance_owner_is_invited_and_has_no_role() {
    let server = Fresnel::shared();
    let body = json!({"email": address(), "role": "viewer"});
    let key = crate::harness::server::ADMIN_TOKEN;
    let refused = call(&server, key, "POST", "/api/invitations", &body).expect_status(422);
    assert_eq!(refused.details(), [("role".into(), "unknown_field".into())]);
    let made = admin(&server, "POST", "/api/invitations", &json!({"email": address()}));
    let user = accept(&server, &text(&made["token"])).expect_status(201).json();
    assert_eq!(user["data"]["is_instance_owner"], true);
    admin(
        &server,
        "PATCH",
        &format!("/api/users/{}", text(&user["data"]["id"])),
        &json!({"is_instance_owner": false}),
    );
}
