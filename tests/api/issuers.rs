//! `/api/issuers`

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::managing::{actions, admin, call, key, project, text};
use crate::harness::Fresnel;
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;

const SECRET: &str = "the secret that shop and Fresnel share";
const NEXT_SECRET: &str = "the secret that comes after the first one";

fn token(secret: &str) -> String {
    let claims = json!({"sub": "ada", "exp": 4_102_444_800_u64, "iss": "https://shop.example"});
    encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .expect("a token")
}

#[test]
fn tokens_are_believed_from_when_their_issuer_is_there_until_it_goes() {
    let server = Fresnel::shared();
    let id = project(&server, "tokens");
    let (_, browser) = key(&server, &id, &json!({"kind": "browser", "name": "page"}));
    let post = |token: &str| {
        let request = Request::post(Kind::Event.path(), Kind::Event.sample().to_string())
            .header("x-api-key", &browser)
            .header("authorization", format!("Bearer {token}"));
        server.send(&request).status
    };
    assert_eq!(post(&token(SECRET)), 401);
    let body =
        json!({"name": "shop", "algorithm": "hs256", "secret": SECRET, "issuer": "https://shop.example"});
    let path = format!("/api/issuers?project={id}");
    let made = admin(&server, "POST", &path, &body);
    assert_eq!(post(&token(SECRET)), 202);

    let one = format!("/api/issuers/{}?project={id}", text(&made["id"]));
    // A change of the name leaves the secret, and a secret can be rotated.
    let changed = admin(&server, "PATCH", &one, &json!({"name": "Shop"}));
    assert_eq!(changed["issuer"], "https://shop.example");
    assert_eq!(post(&token(SECRET)), 202);
    admin(
        &server,
        "PATCH",
        &one,
        &json!({"algorithm": "hs256", "secret": NEXT_SECRET}),
    );
    assert_eq!((post(&token(SECRET)), post(&token(NEXT_SECRET))), (401, 202));
    for path in [&path, &one, &format!("/api/audit?project={id}")] {
        let text = admin(&server, "GET", path, &Value::Null).to_string();
        assert!(!text.contains(SECRET) && !text.contains(NEXT_SECRET), "{text}");
    }

    admin(&server, "DELETE", &one, &Value::Null);
    assert_eq!(post(&token(NEXT_SECRET)), 401);
    let actions = actions(&server, &id);
    assert_eq!(
        actions[2..],
        ["issuer.create", "issuer.update", "issuer.update", "issuer.delete"]
    );
}

#[test]
fn keys_that_could_check_nothing_are_refused() {
    let server = Fresnel::shared();
    let path = format!("/api/issuers?project={}", project(&server, "bad-keys"));
    for (body, field) in [
        (json!({"name": "x"}), "algorithm"),
        (json!({"name": "x", "algorithm": "none"}), "algorithm"),
        (json!({"name": "x", "algorithm": "hs256"}), "secret"),
        (
            json!({"name": "x", "algorithm": "hs256", "secret": "short"}),
            "secret",
        ),
        (json!({"name": "x", "algorithm": "rs256"}), "public_key_pem"),
        (
            json!({"name": "x", "algorithm": "rs256", "public_key_pem": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}),
            "public_key_pem",
        ),
        (
            json!({"name": "x", "algorithm": "hs256", "secret": SECRET, "public_key_pem": "x"}),
            "public_key_pem",
        ),
    ] {
        let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body).expect_status(422);
        assert_eq!(answer.details()[0].0, field, "{body}: {}", answer.text());
        assert!(!answer.text().contains(SECRET));
    }
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["total"], 0);
}
