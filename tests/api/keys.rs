//! Who may post, and who may ask.

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::{ADMIN_TOKEN, INGEST_KEY};
use crate::harness::{Answer, Fresnel, Options};

fn beacon(path_suffix: &str) -> Request {
    let path = format!("{}{path_suffix}", Kind::Event.path());
    Request::post(&path, Kind::Event.sample().to_string()).header("content-type", "application/json")
}

#[test]
fn the_ingest_key_is_taken_from_each_of_three_places_for_each_kind() {
    let server = Fresnel::shared();
    for kind in Kind::ALL {
        let body = kind.sample().to_string();
        for request in [
            Request::post(kind.path(), body.clone()).header("authorization", format!("Bearer {INGEST_KEY}")),
            Request::post(kind.path(), body.clone()).header("AUTHORIZATION", format!("bearer {INGEST_KEY}")),
            Request::post(kind.path(), body.clone()).header("X-API-Key", INGEST_KEY),
            Request::post(&format!("{}?key={INGEST_KEY}", kind.path()), body.clone()),
            Request::post(&format!("{}?v=1&key={INGEST_KEY}&w=2", kind.path()), body),
        ] {
            server.send(&request).expect_status(202);
        }
    }
}

#[test]
fn without_the_right_ingest_key_nothing_is_taken() {
    let server = Fresnel::shared();
    let longer = format!("{INGEST_KEY}x");
    let shorter = &INGEST_KEY[..INGEST_KEY.len() - 1];
    for request in [
        beacon(""),
        beacon("?key="),
        beacon("?key=wrong"),
        beacon(&format!("?key={longer}")),
        beacon(&format!("?key={shorter}")),
        beacon(&format!("?KEY={INGEST_KEY}")),
        beacon(&format!("?key={ADMIN_TOKEN}")),
        beacon("").header("x-api-key", ""),
        beacon("").header("x-api-key", "wrong"),
        beacon("").header("x-api-key", b"\xff\xfe"),
        beacon("").header("authorization", INGEST_KEY),
        beacon("").header("authorization", format!("Basic {INGEST_KEY}")),
        beacon("").header("authorization", "Bearer"),
        beacon("").header("authorization", format!("Bearer {ADMIN_TOKEN}")),
    ] {
        assert_is_401(&server.send(&request));
    }
}

#[test]
fn the_key_is_asked_for_before_the_body_is_looked_at() {
    let server = Fresnel::shared();
    assert_is_401(&server.send(&Request::post(Kind::Event.path(), "no JSON at all")));
}

#[test]
fn no_secret_stands_in_the_log() {
    let server = Fresnel::start(Options::new().set("FRESNEL_LOG__FILTER", "debug"));
    server
        .send(&beacon(&format!("?key={INGEST_KEY}")))
        .expect_status(202);
    let bad = beacon(&format!("?key={INGEST_KEY}&bad")).body("no JSON");
    server.send(&bad).expect_status(400);
    server.get("/api/health").expect_status(200);
    let log = server.log();
    assert!(!log.contains(ADMIN_TOKEN), "{log}");
    // The start tells the operator the browser key once.
    assert!(log.matches(INGEST_KEY).count() <= 1, "{log}");
}

#[track_caller]
fn assert_is_401(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert!(
        answer
            .header("www-authenticate")
            .is_some_and(|scheme| scheme.starts_with("Bearer"))
    );
}
