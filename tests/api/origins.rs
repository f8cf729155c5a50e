//! Pages of other origins: who may post, and who may read the answer.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::managing::admin;
use crate::harness::beacons::Kind;
use crate::harness::http::{Answer, Request};
use crate::harness::server::INGEST_KEY;
use crate::harness::{Fresnel, Options};

const SHOP: &str = "https://shop.example";
const THIEF: &str = "https://thief.example";

fn start() -> Fresnel {
    Fresnel::start(Options::new().set("FRESNEL_INGEST__ALLOWED_ORIGINS", SHOP))
}

fn preflight(server: &Fresnel, origin: &str) -> Answer {
    let request = Request::new("OPTIONS", Kind::Event.path())
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-api-key");
    server.send(&request)
}

fn post(server: &Fresnel, origin: &str, body: String) -> Answer {
    let request = Request::post(Kind::Event.path(), body)
        .header("origin", origin)
        .header("x-api-key", INGEST_KEY);
    server.send(&request)
}

#[test]
fn preflights_of_allowed_origins_are_answered_and_others_are_not() {
    let server = start();
    let answer = preflight(&server, SHOP).expect_status(204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    let headers = answer
        .header("access-control-allow-headers")
        .unwrap_or_default()
        .to_lowercase();
    for header in ["authorization", "content-type", "content-encoding", "x-api-key"] {
        assert!(headers.contains(header), "{headers}");
    }
    assert_eq!(answer.header("vary"), Some("Origin"));
    let answer = preflight(&server, THIEF).expect_status(403);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn pages_of_allowed_origins_read_answers_and_refusals_and_others_are_refused() {
    let server = start();
    let good = Kind::Event.sample().to_string();
    for (body, status) in [(good.clone(), 202), ("{}".to_owned(), 400)] {
        let answer = post(&server, SHOP, body).expect_status(status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
        let exposed = answer
            .header("access-control-expose-headers")
            .unwrap_or_default()
            .to_lowercase();
        assert!(
            exposed.contains("retry-after") && exposed.contains("ratelimit"),
            "{exposed}"
        );
    }
    for origin in [
        THIEF,
        "null",
        "https://shop.example.thief.example",
        "http://shop.example",
        "\u{fe}",
    ] {
        let answer = post(&server, origin, good.clone()).expect_status(403);
        assert_eq!(answer.code(), "FOREIGN_ORIGIN");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    // A client that is no page has no origin.
    server.post(Kind::Event.path(), good).expect_status(202);
}

#[test]
fn by_default_every_origin_may_post_to_the_default_project() {
    let server = Fresnel::shared();
    let answer = post(&server, THIEF, Kind::Event.sample().to_string()).expect_status(202);
    assert_eq!(answer.header("access-control-allow-origin"), Some(THIEF));
}

#[test]
fn without_a_key_only_pages_of_allowed_origins_may_post_and_only_where_it_is_allowed() {
    let server = start();
    let keyless = |server: &Fresnel, origin: Option<&str>| {
        let request = Request::post(Kind::Event.path(), Kind::Event.sample().to_string());
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        server.send(&request).status
    };
    assert_eq!(keyless(&server, Some(SHOP)), 401);
    let options = Options::new()
        .set("FRESNEL_INGEST__ALLOWED_ORIGINS", SHOP)
        .set("FRESNEL_INGEST__ALLOW_KEYLESS", true);
    let server = Fresnel::start(options);
    assert_eq!(keyless(&server, Some(SHOP)), 202);
    assert_eq!(keyless(&server, Some(THIEF)), 403);
    assert_eq!(keyless(&server, None), 401);
}

#[test]
fn a_users_token_alone_takes_the_place_of_a_key_nowhere() {
    let options = Options::new()
        .set("FRESNEL_INGEST__ALLOWED_ORIGINS", SHOP)
        .set("FRESNEL_INGEST__ALLOW_KEYLESS", true);
    let server = Fresnel::start(options);
    let secret = "the secret that shop and Fresnel share";
    let issuer = json!({"name": "shop", "algorithm": "hs256", "secret": secret});
    admin(&server, "POST", "/api/issuers", &issuer);
    let claims = json!({"sub": "ada", "exp": 4_102_444_800_u64});
    let token = encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .expect("a token");
    let post = |headers: &[(&str, &str)]| {
        let mut request = Request::post(Kind::Event.path(), Kind::Event.sample().to_string())
            .header("authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        server.send(&request).status
    };
    // No key, and no page of an allowed origin.
    assert_eq!(post(&[]), 401);
    assert_eq!(post(&[("origin", THIEF)]), 403);
    // A page that may post without a key may say for whom; so may whoever shows a key.
    assert_eq!(post(&[("origin", SHOP)]), 202);
    assert_eq!(post(&[("x-api-key", INGEST_KEY)]), 202);
}
