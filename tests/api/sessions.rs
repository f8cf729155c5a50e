//! `/api/sessions`, `/api/users/{id}/sessions`

use serde_json::Value;

use super::managing::{TestUser, admin, project, text};
use crate::harness::Fresnel;
use crate::harness::http::{Answer, Request};

fn delete(server: &Fresnel, user: &TestUser, path: &str) -> Answer {
    server.send(&user.sign(Request::new("DELETE", path)))
}

/// The same user, logged in once more.
fn again(server: &Fresnel, user: &TestUser) -> TestUser {
    let mut other = TestUser {
        id: user.id.clone(),
        email: user.email.clone(),
        cookie: String::new(),
    };
    other.log_in(server);
    other
}

fn is_in(server: &Fresnel, user: &TestUser) -> bool {
    user.get(server, "/api/session").status == 200
}

#[test]
fn own_sessions_are_listed_and_ended_one_by_one() {
    let server = Fresnel::shared();
    let here = TestUser::new(&server);
    let there = again(&server, &here);
    let other = TestUser::new(&server);
    let list = here.get(&server, "/api/sessions?page_size=1").expect_status(200);
    assert_eq!(list.json()["data"]["total"], 2);
    let list = here.get(&server, "/api/sessions").expect_status(200);
    let secret = here.cookie.split_once('=').expect("a pair").1;
    assert!(!list.text().contains(secret) && !list.text().contains("sha256"));
    let items = list.json()["data"]["items"].as_array().expect("a list").clone();
    let id_of = |is_current: bool| {
        let mut found = items.iter().filter(|item| item["is_current"] == is_current);
        text(&found.next().expect("it is listed")["id"])
    };
    for item in &items {
        assert_eq!(item["ip_prefix"], "127.0.0.0/24");
        assert!(
            item["created_at_ms"].is_i64() && item["last_seen_ms"].is_i64(),
            "{item}"
        );
    }
    // Of others' sessions nobody knows, nor does another site end one's own.
    let path = format!("/api/sessions/{}", id_of(false));
    assert_eq!(delete(&server, &other, &path).status, 404);
    let foreign = Request::new("DELETE", &path).header("cookie", &here.cookie);
    assert_eq!(server.send(&foreign).status, 403);
    assert!(is_in(&server, &there));

    let ended = delete(&server, &here, &path).expect_status(200);
    assert_eq!(ended.header("set-cookie"), None);
    assert!(!is_in(&server, &there) && is_in(&server, &here));
    assert_eq!(delete(&server, &here, &path).status, 404);
    let own = delete(&server, &here, &format!("/api/sessions/{}", id_of(true))).expect_status(200);
    assert!(
        own.header("set-cookie")
            .is_some_and(|cookie| cookie.contains("Max-Age=0"))
    );
    assert!(!is_in(&server, &here) && is_in(&server, &other));
    let entries = admin(
        &server,
        "GET",
        &format!("/api/audit?user={}", here.id),
        &Value::Null,
    );
    assert_eq!(entries["items"][0]["action"], "session.end");
}

#[test]
fn all_own_sessions_end_at_once() {
    let server = Fresnel::shared();
    let here = TestUser::new(&server);
    let (there, other) = (again(&server, &here), TestUser::new(&server));
    delete(&server, &here, "/api/sessions").expect_status(200);
    assert!(!is_in(&server, &here) && !is_in(&server, &there) && is_in(&server, &other));
}

#[test]
fn those_who_outrank_a_user_everywhere_see_and_end_its_sessions() {
    let server = Fresnel::shared();
    let (shop, blog) = (project(&server, "shop"), project(&server, "blog"));
    let (boss, user) = (TestUser::new(&server), TestUser::new(&server));
    let path = format!("/api/users/{}/sessions", user.id);
    let look = || boss.get(&server, &path).status;
    assert_eq!(look(), 403);
    boss.give_role(&server, &shop, "admin");
    assert_eq!(look(), 404);
    user.give_role(&server, &shop, "admin");
    let list = boss.get(&server, &path).expect_status(200).json();
    assert_eq!(list["data"]["total"], 1);
    assert_eq!(list["data"]["items"][0]["is_current"], false);
    for role in ["owner", "viewer"] {
        user.give_role(&server, &shop, role);
        assert_eq!(look(), if role == "owner" { 403 } else { 200 });
    }
    user.give_role(&server, &blog, "viewer");
    assert_eq!(look(), 403);
    boss.give_role(&server, &blog, "owner");
    delete(&server, &boss, &path).expect_status(200);
    assert!(!is_in(&server, &user) && is_in(&server, &boss));
    let entries = admin(
        &server,
        "GET",
        &format!("/api/audit?user={}&action=user.end_sessions", boss.id),
        &Value::Null,
    );
    assert_eq!(entries["items"][0]["target"], user.id.as_str());
}
