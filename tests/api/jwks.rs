//! Issuers that serve their keys, as pages and admins see them.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::managing::{admin, call, key, project, text};
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::third_party::ThirdParty;
use crate::harness::tokens::{FIRST, SECOND, claims, set_of};
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

/// A server that may call loopback, and asks an issuer once a second at most.
fn server() -> Fresnel {
    let options = Options::new()
        .set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8")
        .set("FRESNEL_JWKS__REFRESH_MIN_MS", 1_000);
    Fresnel::start_unready(options)
}

struct Shop<'s> {
    server: &'s Fresnel,
    browser: String,
    issuer: String,
}

impl<'s> Shop<'s> {
    /// A project that believes the tokens whose keys are at this address.
    fn new(server: &'s Fresnel, url: &str) -> Self {
        let id = project(server, "shop");
        let (_, browser) = key(server, &id, &json!({"kind": "browser", "name": "page"}));
        let body = json!({"name": "idp", "algorithm": "jwks", "url": url,
            "issuer": "https://idp.example", "audience": "fresnel"});
        let made = admin(server, "POST", &format!("/api/issuers?project={id}"), &body);
        Self {
            server,
            browser,
            issuer: format!("/api/issuers/{}?project={id}", text(&made["id"])),
        }
    }

    fn post(&self, token: &str) -> u16 {
        let request = Request::post(Kind::Event.path(), Kind::Event.sample().to_string())
            .header("x-api-key", &self.browser)
            .header("authorization", format!("Bearer {token}"));
        self.server.send(&request).status
    }

    fn state(&self) -> Value {
        admin(self.server, "GET", &self.issuer, &Value::Null)["jwks"].clone()
    }

    fn wait_for_keys(&self, ids: &[&str]) {
        wait::until("the keys", PATIENCE, || {
            (self.state()["key_ids"] == json!(ids)).then_some(())
        });
    }
}

#[test]
fn tokens_are_believed_by_the_keys_that_their_issuer_serves_and_no_others() {
    let mut third_party = ThirdParty::serving(&set_of(&[FIRST]));
    let server = server();
    let shop = Shop::new(&server, &third_party.url("/.well-known/jwks.json"));
    shop.wait_for_keys(&["first"]);
    let ada = claims("ada");
    assert_eq!(shop.post(&FIRST.token(&ada)), 202);
    assert_eq!(
        shop.post(&FIRST.token_naming(None, &ada)),
        202,
        "the only key is the one that is meant"
    );
    for (field, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!("other")),
        ("exp", json!(1)),
    ] {
        let mut claims = ada.clone();
        claims[field] = value;
        assert_eq!(shop.post(&FIRST.token(&claims)), 401, "{field}");
    }
    assert_eq!(
        shop.post(&SECOND.token_naming(Some("first"), &ada)),
        401,
        "signed by another"
    );

    // The public key is known to all: a token that takes it for a shared secret is anybody's.
    let public = FIRST.public();
    let n = public["n"].as_str().expect("a modulus");
    for secret in [
        n.as_bytes(),
        public.to_string().as_bytes(),
        set_of(&[FIRST]).as_bytes(),
        b"",
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(algorithm);
            header.kid = Some(FIRST.id.to_owned());
            let token = encode(&header, &ada, &EncodingKey::from_secret(secret)).expect("a token");
            assert_eq!(shop.post(&token), 401);
        }
    }

    // A key that is not known yet is asked for, and the old one holds until it is withdrawn.
    third_party.say("200 OK", "", &set_of(&[FIRST, SECOND]));
    let second = SECOND.token(&ada);
    wait::until("the new key", PATIENCE, || {
        (shop.post(&second) == 202).then_some(())
    });
    assert_eq!(shop.post(&FIRST.token(&ada)), 202);
    third_party.say("200 OK", "", &set_of(&[SECOND]));
    let unknown = FIRST.token_naming(Some("a third one"), &ada);
    wait::until("the end of the old key", PATIENCE, || {
        assert_eq!(shop.post(&unknown), 401);
        (shop.post(&FIRST.token(&ada)) == 401).then_some(())
    });

    // The issuer is away: what it said last holds, also over a restart.
    third_party.die();
    wait::until("the failure", PATIENCE, || {
        shop.post(&unknown);
        let state = shop.state();
        state["last_error"]
            .as_str()
            .map(|error| assert!(error.contains("takes no connection"), "{error}"))
    });
    assert_eq!(shop.post(&second), 202);
    let (browser, issuer) = (shop.browser, shop.issuer);
    let mut server = server;
    server.kill_both();
    server.spawn();
    server.wait_until_live();
    let shop = Shop {
        server: &server,
        browser,
        issuer,
    };
    assert_eq!(shop.post(&second), 202);
    assert_eq!(shop.state()["key_ids"], json!(["second"]));
}

#[test]
fn a_flood_of_unknown_keys_asks_the_issuer_seldom() {
    let third_party = ThirdParty::serving(&set_of(&[FIRST]));
    // The default: once a minute.
    let options = Options::new().set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8");
    let server = Fresnel::start_unready(options);
    let shop = Shop::new(&server, &third_party.url("/"));
    shop.wait_for_keys(&["first"]);
    let begin = std::time::Instant::now();
    for number in 0..300 {
        let id = format!("invented-{number}");
        assert_eq!(shop.post(&SECOND.token_naming(Some(&id), &claims("eve"))), 401);
    }
    let minutes = usize::try_from(begin.elapsed().as_secs() / 60).expect("a small number");
    assert!(third_party.visits() <= 2 + minutes, "{}", third_party.visits());
}

#[test]
fn addresses_of_this_house_are_refused_when_they_are_saved() {
    let server = Fresnel::shared();
    let path = format!("/api/issuers?project={}", project(&server, "hostile"));
    for url in [
        "http://127.0.0.1/jwks.json",
        "https://2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "https://user:password@idp.example/",
        "http://idp.example/jwks.json",
        "ftp://idp.example/",
        "idp.example",
    ] {
        let body = json!({"name": "x", "algorithm": "jwks", "url": url});
        let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body).expect_status(422);
        assert_eq!(answer.details()[0].0, "url", "{url}: {}", answer.text());
    }
    let missing = json!({"name": "x", "algorithm": "jwks"});
    let answer = call(&server, ADMIN_TOKEN, "POST", &path, &missing).expect_status(422);
    assert_eq!(answer.details()[0].0, "url");
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["total"], 0);
}
