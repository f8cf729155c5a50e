//! `/api/password-reset`, `/api/users/{id}/password-reset`, `/api/session/password`

use serde_json::{Value, json};

use super::managing::{PASSWORD, TestUser, admin, call, log_in, project, text};
use crate::harness::http::{Answer, Request};
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::{Fresnel, Options};

const NEXT: &str = "another long password";

fn redeem(server: &Fresnel, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password}).to_string();
    server.send(&Request::post("/api/password-reset", body).header("content-type", "application/json"))
}

fn reset_path(user: &TestUser) -> String {
    format!("/api/users/{}/password-reset", user.id)
}

fn token_for(server: &Fresnel, user: &TestUser) -> String {
    text(&admin(server, "POST", &reset_path(user), &Value::Null)["token"])
}

fn change(server: &Fresnel, user: &TestUser, old: &str, new: &str) -> Answer {
    let body = json!({"old_password": old, "password": new}).to_string();
    let request = Request::new("PUT", "/api/session/password")
        .header("content-type", "application/json")
        .body(body);
    server.send(&user.sign(request))
}

#[test]
fn a_reset_token_sets_a_password_once_and_ends_all_sessions() {
    let server = Fresnel::shared();
    let user = TestUser::new(&server);
    let (older, token) = (token_for(&server, &user), token_for(&server, &user));
    let answer = redeem(&server, &token, "short").expect_status(422);
    assert_eq!(answer.details(), [("password".into(), "out_of_range".into())]);
    assert_eq!(redeem(&server, &older, NEXT).status, 404);
    let answer = redeem(&server, &token, NEXT).expect_status(200);
    assert_eq!(answer.json()["data"]["email"], user.email.as_str());
    assert_eq!(user.get(&server, "/api/session").status, 401);
    assert_eq!(log_in(&server, &user.email, PASSWORD).status, 401);
    log_in(&server, &user.email, NEXT).expect_status(201);
    assert_eq!(redeem(&server, &token, PASSWORD).status, 404);
    let made = format!("/api/audit?user={}&action=password_reset", user.id);
    let entries = admin(&server, "GET", &made, &Value::Null);
    assert_eq!(entries["items"][0]["action"], "password_reset.use");
    assert!(!entries.to_string().contains(&token) && !server.log().contains(&token));
}

#[test]
fn an_invitation_resets_no_password_and_a_reset_token_invites_nobody() {
    let server = Fresnel::shared();
    let user = TestUser::new(&server);
    let id = project(&server, "mixed");
    let invited = json!({"email": user.email, "role": "viewer"});
    let path = format!("/api/invitations?project={id}");
    let invitation = text(&admin(&server, "POST", &path, &invited)["token"]);
    assert_eq!(redeem(&server, &invitation, NEXT).status, 404);
    let body = json!({"token": token_for(&server, &user), "name": "x", "password": NEXT}).to_string();
    let request = Request::post("/api/invitations/accept", body).header("content-type", "application/json");
    assert_eq!(server.send(&request).status, 404);
    log_in(&server, &user.email, PASSWORD).expect_status(201);
}

#[test]
fn a_token_ends_with_rights_that_its_maker_may_not_give_and_with_its_user() {
    let server = Fresnel::shared();
    let shop = project(&server, "rights");
    let (boss, user) = (TestUser::new(&server), TestUser::new(&server));
    boss.give_role(&server, &shop, "admin");
    user.give_role(&server, &shop, "viewer");
    let make = || server.send(&boss.sign(Request::new("POST", &reset_path(&user))));
    let one = format!("/api/users/{}", user.id);
    for (to, status_after) in [
        (json!({"is_instance_owner": true}), 403),
        (json!({"is_instance_owner": false}), 201),
        (json!({"is_disabled": true}), 409),
        (json!({"is_disabled": false, "password": PASSWORD}), 201),
    ] {
        let before = make();
        admin(&server, "PATCH", &one, &to);
        if before.status == 201 && to["is_instance_owner"] != false {
            let token = text(&before.json()["data"]["token"]);
            assert_eq!(redeem(&server, &token, NEXT).status, 404, "{to}");
        }
        assert_eq!(make().status, status_after, "{to}");
    }
    let token = text(&make().expect_status(201).json()["data"]["token"]);
    user.give_role(&server, &shop, "owner");
    assert_eq!(redeem(&server, &token, NEXT).status, 404);
    log_in(&server, &user.email, PASSWORD).expect_status(201);
}

#[test]
fn a_user_changes_the_own_password_with_the_old_one_and_stays_logged_in() {
    let server = Fresnel::shared();
    let here = TestUser::new(&server);
    let mut there = TestUser {
        id: here.id.clone(),
        email: here.email.clone(),
        cookie: String::new(),
    };
    there.log_in(&server);
    let token = token_for(&server, &here);
    let refused = change(&server, &here, "not the old one", NEXT).expect_status(422);
    assert_eq!(refused.details(), [("old_password".into(), "conflict".into())]);
    assert_eq!(there.get(&server, "/api/session").status, 200);
    change(&server, &here, PASSWORD, NEXT).expect_status(200);
    assert_eq!(here.get(&server, "/api/session").status, 200);
    assert_eq!(there.get(&server, "/api/session").status, 401);
    assert_eq!(log_in(&server, &here.email, PASSWORD).status, 401);
    log_in(&server, &here.email, NEXT).expect_status(201);
    assert_eq!(redeem(&server, &token, PASSWORD).status, 404, "an older token");
    let entries = format!("/api/audit?user={}&action=user", here.id);
    let entries = admin(&server, "GET", &entries, &Value::Null);
    let actions: Vec<_> = entries["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| text(&entry["action"]))
        .collect();
    assert_eq!(actions, ["user.change_password", "user.refuse_password"]);
}

#[test]
fn a_session_is_not_enough_to_set_the_own_password() {
    let server = Fresnel::shared();
    let (owner, other) = (TestUser::new(&server), TestUser::new(&server));
    let path = |user: &TestUser| format!("/api/users/{}", user.id);
    admin(
        &server,
        "PATCH",
        &path(&owner),
        &json!({"is_instance_owner": true}),
    );
    let send = |method: &str, path: &str, body: &Value| {
        let request = Request::new(method, path)
            .header("content-type", "application/json")
            .body(body.to_string());
        server.send(&owner.sign(request)).status
    };
    let password = json!({"password": NEXT});
    assert_eq!(send("POST", &reset_path(&owner), &json!({})), 403);
    assert_eq!(send("PATCH", &path(&owner), &password), 403);
    log_in(&server, &owner.email, PASSWORD).expect_status(201);
    assert_eq!(send("POST", &reset_path(&other), &json!({})), 201);
    assert_eq!(send("PATCH", &path(&other), &password), 200);
    assert_eq!(send("PATCH", &path(&owner), &json!({"name": "Owner"})), 200);
    admin(
        &server,
        "PATCH",
        &path(&owner),
        &json!({"is_instance_owner": false}),
    );
}

#[test]
fn guesses_of_tokens_and_of_the_old_password_are_limited_as_logins_are() {
    let server = Fresnel::start(Options::new());
    let user = TestUser::new(&server);
    for _ in 0..10 {
        change(&server, &user, "wrong", NEXT).expect_status(422);
    }
    let answer = change(&server, &user, PASSWORD, NEXT).expect_status(429);
    assert_eq!(answer.code(), "TOO_MANY_LOGINS");
    assert_eq!(log_in(&server, &user.email, PASSWORD).status, 429);
    // A reset lets the user in again.
    redeem(&server, &token_for(&server, &user), PASSWORD).expect_status(200);
    log_in(&server, &user.email, PASSWORD).expect_status(201);
    let token = token_for(&server, &user);
    let statuses: Vec<_> = (0..101)
        .map(|_| redeem(&server, "ft_guess", NEXT).status)
        .collect();
    let refused = statuses.iter().filter(|status| **status == 404).count();
    assert!((85..100).contains(&refused), "{refused}");
    assert_eq!(statuses[100], 429);
    assert_eq!(redeem(&server, &token, NEXT).status, 429);
    let noted = admin(
        &server,
        "GET",
        "/api/audit?action=password_reset.refuse&level=warning",
        &Value::Null,
    );
    assert_eq!(noted["total"], refused);
    let nobody = "/api/users/0199e5a0-0000-7000-8000-000000000000/password-reset";
    assert_eq!(
        call(&server, ADMIN_TOKEN, "POST", nobody, &Value::Null).status,
        404
    );
}
