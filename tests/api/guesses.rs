//! Wrong credentials: looked at a few times, then refused unseen; whoever was right before goes on, and beacons too.

use serde_json::{Value, json};

use super::health::{scrape, sum};
use super::managing::{TestUser, key, project};
use crate::harness::beacons::Kind;
use crate::harness::http::{Answer, Request};
use crate::harness::server::{ADMIN_TOKEN, INGEST_KEY};
use crate::harness::{Fresnel, Options};

const LIMIT: usize = 5;
const ATTACKER: &str = "203.0.113.77";

fn start() -> Fresnel {
    Fresnel::start_unready(
        Options::new()
            .set("FRESNEL_QUOTA__AUTH_FAILURES_PER_MINUTE", LIMIT)
            .set("FRESNEL_SERVER__TRUSTED_PROXIES", 1),
    )
}

fn ask(server: &Fresnel, address: &str, key: &str) -> Answer {
    let request = Request::get("/api/projects")
        .header("authorization", format!("Bearer {key}"))
        .header("x-forwarded-for", address);
    server.send(&request)
}

fn wrong_key(number: usize) -> String {
    format!("fr_{number:043}")
}

#[test]
fn keys_are_not_tried_without_end_and_right_ones_of_the_network_go_on() {
    let server = start();
    let id = project(&server, "probed");
    let (_, read) = key(&server, &id, &json!({"kind": "read", "name": "r"}));
    let (_, other) = key(&server, &id, &json!({"kind": "read", "name": "o"}));
    ask(&server, ATTACKER, &read).expect_status(200);
    for number in 0..LIMIT {
        let answer = ask(&server, ATTACKER, &wrong_key(number)).expect_status(401);
        assert_eq!(answer.code(), "UNAUTHENTICATED");
    }
    // A right guess is refused like a wrong one.
    for guess in [wrong_key(LIMIT), other.clone()] {
        let refused = ask(&server, ATTACKER, &guess).expect_status(429);
        assert_eq!(refused.code(), "TOO_MANY_FAILURES");
        let seconds: u32 = refused
            .header("retry-after")
            .expect("a time")
            .parse()
            .expect("seconds");
        assert!((1..=61).contains(&seconds), "{seconds}");
    }
    // A forged entry further left changes nothing.
    assert_eq!(
        ask(&server, &format!("192.0.2.9, {ATTACKER}"), &wrong_key(9)).status,
        429
    );
    ask(&server, ATTACKER, &read).expect_status(200);
    ask(&server, "203.0.113.78", &other).expect_status(200);
    for number in 0..LIMIT {
        let beacon = |key: &str| {
            let request = Request::post(Kind::Event.path(), Kind::Event.sample().to_string())
                .header("x-api-key", key)
                .header("x-forwarded-for", ATTACKER);
            server.send(&request).status
        };
        assert_eq!(beacon(INGEST_KEY), 202);
        assert_eq!(beacon(&wrong_key(number)), 401);
    }
    let samples = scrape(&server);
    let failures = sum(&samples, "fresnel_auth_failures_total", &[("kind", "key")]);
    assert!((failures - 5.0).abs() < 0.1, "{failures}");
    assert!(sum(&samples, "fresnel_auth_refused_total", &[]) > 2.9);
    let log = server.log();
    assert!(log.contains("203.0.113.0/24"), "{log}");
    assert!(log.contains("too many wrong credentials"), "{log}");
    for secret in [ATTACKER, &wrong_key(0), &read, &other] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn sessions_and_invitations_are_not_guessed_either_and_a_login_lets_in() {
    let server = start();
    let user = TestUser::new(&server);
    // As one's own machine in this test is, whoever shows no other address.
    for number in 0..LIMIT - 1 {
        let cookie = format!("__Host-fresnel_session=fc_{number:043}");
        let answer = server.send(&Request::get("/api/session").header("cookie", cookie));
        assert_eq!(answer.status, 401);
    }
    let accept = || {
        let body = json!({"token": "fi_wrong", "name": "x", "password": "long enough"}).to_string();
        let request = Request::post("/api/invitations/accept", body);
        server.send(&request.header("content-type", "application/json"))
    };
    accept().expect_status(404);
    assert_eq!(accept().expect_status(429).code(), "TOO_MANY_FAILURES");
    // Who was in goes on, and whoever logs in gets in.
    user.get(&server, "/api/session").expect_status(200);
    server.get("/api/projects").expect_status(200);
    let mut again = user;
    again.log_in(&server);
    again.get(&server, "/api/session").expect_status(200);
}

#[test]
fn health_is_no_way_to_guess() {
    let server = start();
    let details = |key: &str| {
        let request = Request::get("/api/health")
            .header("authorization", format!("Bearer {key}"))
            .header("x-forwarded-for", ATTACKER);
        let answer = server.send(&request).expect_status(200);
        answer.json()["data"]["wal"] != Value::Null
    };
    for number in 0..LIMIT {
        assert!(!details(&wrong_key(number)));
    }
    assert!(!details(ADMIN_TOKEN), "not looked at");
    let at_home = Request::get("/api/health").header("authorization", format!("Bearer {ADMIN_TOKEN}"));
    assert_ne!(server.send(&at_home).json()["data"]["wal"], Value::Null);
}
