//! Requests to the API have a quota: who asks too often is told so, and when to come again.

use std::time::Duration;

use serde_json::{Value, json};

use super::managing::{TestUser, admin, call, key, log_in, project};
use crate::harness::http::{Answer, Request};
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::{Fresnel, Options, wait};

fn start(per_minute: u32) -> Fresnel {
    Fresnel::start_unready(
        Options::new()
            .set("FRESNEL_QUOTA__API_PER_MINUTE", per_minute)
            .set("FRESNEL_QUOTA__NETWORK_FACTOR", 1)
            .set("FRESNEL_SERVER__TRUSTED_PROXIES", 1),
    )
}

#[track_caller]
fn number(answer: &Answer, header: &str) -> u64 {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header}"));
    value.parse().unwrap_or_else(|_| panic!("{header}: {value}"))
}

#[test]
fn the_101st_request_of_a_minute_is_refused_and_after_retry_after_one_more_is_admitted() {
    let server = start(100);
    let users = [(); 2].map(|()| TestUser::new(&server));
    for left in (0..100).rev() {
        let answer = users[0].get(&server, "/api/session").expect_status(200);
        assert_eq!(number(&answer, "x-ratelimit-limit"), 100);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"api\";q=100;w=60"));
        let state = answer.header("ratelimit").expect("a state");
        assert!(state.starts_with(&format!("\"api\";r={left};t=")), "{state}");
        assert_eq!(answer.header("retry-after"), None);
    }
    let refused = users[0].get(&server, "/api/session").expect_status(429);
    assert_eq!(refused.code(), "OVER_QUOTA");
    assert_eq!(number(&refused, "x-ratelimit-remaining"), 0);
    let retry_after_s = number(&refused, "retry-after");
    assert!((1..=61).contains(&retry_after_s), "{retry_after_s}");
    assert!(number(&refused, "x-ratelimit-reset") >= retry_after_s);
    // Whatever is asked; and nobody else is concerned.
    assert_eq!(users[0].get(&server, "/api/projects").status, 429);
    users[1].get(&server, "/api/session").expect_status(200);
    server.get("/api/projects").expect_status(200);

    wait::pause(Duration::from_secs(retry_after_s));
    users[0].get(&server, "/api/session").expect_status(200);
}

#[test]
fn keys_are_counted_one_by_one_and_overrides_act_at_once() {
    let server = start(1_000);
    let id = project(&server, "asked");
    let keys = ["one", "other"].map(|name| key(&server, &id, &json!({"kind": "read", "name": name})));
    let limit_of = |key: &str| {
        let answer = call(&server, key, "GET", "/api/projects", &Value::Null);
        (answer.status, number(&answer, "x-ratelimit-limit"))
    };
    assert_eq!(limit_of(&keys[0].1), (200, 1_000));
    let path = format!("/api/quotas?project={id}");
    let body = json!({"target": {"kind": "key", "id": keys[0].0}, "limits": {"api_per_minute": 3}});
    admin(&server, "POST", &path, &body);
    assert_eq!(limit_of(&keys[0].1), (200, 3));
    assert_eq!(limit_of(&keys[0].1), (200, 3));
    assert_eq!(limit_of(&keys[0].1), (429, 3), "the one before it counts");
    assert_eq!(limit_of(&keys[1].1), (200, 1_000));
    let body = json!({"target": {"kind": "project"}, "limits": {"api_per_minute": 2}});
    admin(&server, "POST", &path, &body);
    assert_eq!(limit_of(&keys[1].1), (200, 2));
    assert_eq!(limit_of(&keys[1].1), (429, 2));
    // Beacons have quotas of their own.
    let (_, browser) = key(&server, &id, &json!({"kind": "browser", "name": "page"}));
    for _ in 0..5 {
        super::managing::post(&server, &browser, crate::harness::beacons::Kind::Event).expect_status(202);
    }
}

#[test]
fn the_limit_of_a_user_is_that_of_the_project_that_is_asked_about_and_the_count_is_one() {
    let server = start(1_000);
    let user = TestUser::new(&server);
    let [seen, hidden] = ["seen", "hidden"].map(|name| project(&server, name));
    user.give_role(&server, &seen, "viewer");
    let limit = |project: &str, target: Value, limit: u32| {
        let body = json!({"target": target, "limits": {"api_per_minute": limit}});
        admin(&server, "POST", &format!("/api/quotas?project={project}"), &body);
    };
    limit(&seen, json!({"kind": "role", "id": "viewer"}), 5);
    limit(&hidden, json!({"kind": "project"}), 0);
    let ask = |project: &str| user.get(&server, &format!("/api/quotas?project={project}"));
    for left in [4, 3] {
        let answer = ask(&seen).expect_status(200);
        assert_eq!(number(&answer, "x-ratelimit-limit"), 5);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
    }
    // Of a project that is not the user's one learns nothing, not even its limit.
    assert_eq!(
        number(&ask(&hidden).expect_status(404), "x-ratelimit-limit"),
        1_000
    );
    let path = format!("/api/projects/{seen}");
    assert_eq!(
        number(
            &user.get(&server, &path).expect_status(200),
            "x-ratelimit-remaining"
        ),
        1
    );
    limit(&seen, json!({"kind": "user", "id": user.id}), 20);
    assert_eq!(
        number(&ask(&seen).expect_status(200), "x-ratelimit-remaining"),
        15
    );
}

#[test]
fn whoever_shows_nothing_is_counted_by_the_address_that_the_proxies_vouch_for() {
    let server = start(5);
    let ask = |forwarded: &str, agent: &str| {
        let request = Request::get("/api/projects")
            .header("x-forwarded-for", forwarded)
            .header("user-agent", agent);
        server.send(&request).status
    };
    for number in 0..5 {
        let forged = format!("198.51.100.{number}, 203.0.113.7");
        assert_eq!(ask(&forged, &format!("browser {number}")), 401);
    }
    assert_eq!(ask("198.51.100.9, 203.0.113.7", "another browser"), 429);
    assert_eq!(ask("203.0.113.7, 203.0.113.8", "another browser"), 401);
}

#[test]
fn operations_are_free() {
    let server = start(2);
    for path in ["/livez", "/metrics", "/api/health", "/readyz"] {
        for _ in 0..4 {
            for request in [
                Request::get(path),
                Request::get(path).header("authorization", format!("Bearer {ADMIN_TOKEN}")),
            ] {
                let answer = server.send(&request);
                assert!(answer.status != 429, "{path}");
                assert_eq!(answer.header("ratelimit"), None, "{path}");
            }
        }
    }
}

#[test]
fn logins_are_limited_by_the_address_that_the_proxies_vouch_for() {
    let server = start(0);
    let try_from = |forwarded: &str, email: &str| {
        let body = json!({"email": email, "password": "wrong password"}).to_string();
        let request = Request::post("/api/session", body)
            .header("content-type", "application/json")
            .header("x-forwarded-for", forwarded);
        server.send(&request)
    };
    for number in 0..100 {
        let forged = format!("198.51.100.{number}, 203.0.113.7");
        try_from(&forged, &format!("nobody-{number}@example.org")).expect_status(401);
    }
    let refused = try_from("198.51.100.200, 203.0.113.7", "nobody@example.org").expect_status(429);
    assert_eq!(refused.code(), "TOO_MANY_LOGINS");
    try_from("203.0.113.7, 192.0.2.1", "nobody@example.org").expect_status(401);
    assert_eq!(log_in(&server, "nobody@example.org", "x").status, 401);
}
