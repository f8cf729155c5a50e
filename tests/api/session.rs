//! `/api/session`

use serde_json::{Value, json};

use super::managing::{PASSWORD, TestUser, admin, log_in, project};
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::{Fresnel, Options};

#[test]
fn a_user_logs_in_looks_and_logs_out() {
    let server = Fresnel::shared();
    let user = TestUser::new(&server);
    let id = project(&server, "seen");
    user.give_role(&server, &id, "viewer");
    let session = user.get(&server, "/api/session").expect_status(200).json();
    assert_eq!(session["data"]["user"]["email"], user.email.as_str());
    assert_eq!(session["data"]["memberships"][0]["project_id"], id.as_str());
    let list = user.get(&server, "/api/projects").expect_status(200).json();
    assert_eq!(list["data"]["items"][0]["id"], id.as_str());
    assert_eq!(list["data"]["total"], 1);
    for path in [
        "/api/rejected?",
        "/api/analytics/performance/timeseries?type=page_load_time&",
    ] {
        user.get(&server, &format!("{path}project={id}"))
            .expect_status(200);
        assert_eq!(user.get(&server, &format!("{path}project=default")).status, 404);
    }
    let out = server.send(&user.sign(Request::new("DELETE", "/api/session")));
    let cookie = out
        .expect_status(200)
        .header("set-cookie")
        .expect("a cookie")
        .to_owned();
    assert!(
        cookie.contains("_session=;") && cookie.contains("Max-Age=0"),
        "{cookie}"
    );
    assert_eq!(user.get(&server, "/api/session").status, 401);
}

#[test]
fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let server = Fresnel::shared();
    let user = TestUser::new(&server);
    let answer = log_in(&server, &user.email.to_uppercase(), PASSWORD).expect_status(201);
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-fresnel_session=fc_"), "{cookie}");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(!answer.text().contains("fc_"));
}

#[test]
fn a_session_changes_nothing_for_a_page_of_somebody_else() {
    let server = Fresnel::shared();
    let user = TestUser::new(&server);
    let id = project(&server, "csrf");
    user.give_role(&server, &id, "admin");
    let post = |header: &str, value: &str| {
        let body = json!({"kind": "browser", "name": "x"}).to_string();
        let request = Request::post(&format!("/api/keys?project={id}"), body)
            .header("content-type", "application/json")
            .header("cookie", &user.cookie)
            .header(header, value);
        server.send(&request)
    };
    for origin in [
        "https://evil.example",
        "null",
        "https://fresnel.test.evil.example",
    ] {
        assert_eq!(post("origin", origin).expect_status(403).code(), "FORBIDDEN");
    }
    assert_eq!(post("accept", "*/*").status, 403);
    post("origin", "https://fresnel.test").expect_status(201);
    post("x-fresnel-csrf", "1").expect_status(201);
    // Nor does it log anybody in.
    let body = json!({"email": user.email, "password": PASSWORD}).to_string();
    let foreign = Request::post("/api/session", body)
        .header("content-type", "application/json")
        .header("origin", "https://evil.example");
    assert_eq!(server.send(&foreign).status, 403);
}

#[test]
fn nobody_learns_whether_an_address_is_known() {
    let server = Fresnel::shared();
    let user = TestUser::new(&server);
    let without_password = json!({"email": format!("x{}", user.email), "name": "x"});
    admin(&server, "POST", "/api/users", &without_password);
    let disabled = TestUser::new(&server);
    admin(
        &server,
        "DELETE",
        &format!("/api/users/{}", disabled.id),
        &Value::Null,
    );
    for (email, password) in [
        (user.email.clone(), "wrong"),
        (format!("x{}", user.email), PASSWORD),
        (format!("nobody-{}", user.email), PASSWORD),
        (disabled.email.clone(), PASSWORD),
    ] {
        let answer = log_in(&server, &email, password).expect_status(401);
        assert_eq!(answer.code(), "BAD_LOGIN");
        assert_eq!(answer.header("set-cookie"), None);
    }
    // Whoever is disabled is out at once.
    assert_eq!(disabled.get(&server, "/api/session").status, 401);
}

#[test]
fn a_new_password_ends_all_sessions_and_the_old_password() {
    let server = Fresnel::shared();
    let user = TestUser::new(&server);
    let path = format!("/api/users/{}", user.id);
    admin(&server, "PATCH", &path, &json!({"password": "another long one"}));
    assert_eq!(user.get(&server, "/api/session").status, 401);
    assert_eq!(log_in(&server, &user.email, PASSWORD).status, 401);
    log_in(&server, &user.email, "another long one").expect_status(201);
    let short = Request::new("PATCH", &path)
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("content-type", "application/json")
        .body(json!({"password": "short"}).to_string());
    assert_eq!(
        server.send(&short).expect_status(422).details(),
        [("password".into(), "out_of_range".into())]
    );
}

#[test]
fn who_fails_too_often_waits_even_with_the_right_password() {
    let server = Fresnel::start(Options::new());
    let (user, other) = (TestUser::new(&server), TestUser::new(&server));
    for _ in 0..10 {
        log_in(&server, &user.email, "wrong").expect_status(401);
    }
    let answer = log_in(&server, &user.email, PASSWORD).expect_status(429);
    assert_eq!(answer.code(), "TOO_MANY_LOGINS");
    let seconds: u32 = answer
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1..=901).contains(&seconds), "{seconds}");
    log_in(&server, &other.email, PASSWORD).expect_status(201);
    let page = admin(&server, "GET", "/api/audit?action=session.refuse", &Value::Null);
    assert_eq!(page["total"], 10);
    assert_eq!(page["items"][0]["level"], "warning");
    // Neither passwords nor cookies are in the log or the audit log.
    let audit = admin(&server, "GET", "/api/audit?page_size=500", &Value::Null).to_string();
    for text in [server.log(), audit] {
        assert!(!text.contains(PASSWORD) && !text.contains("$argon2id"));
        let secret = user.cookie.split_once('=').expect("a pair").1;
        assert!(!text.contains(secret));
    }
}
