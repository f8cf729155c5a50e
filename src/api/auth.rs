//! Who may post, and who may look.

use actix_web::HttpRequest;
use actix_web::http::header;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What requests must show.
#[derive(Clone)]
pub struct Credentials {
    ingest_key_sha256: [u8; 32],
    admin_token_sha256: [u8; 32],
}

impl Credentials {
    /// Credentials by their SHA-256 sums.
    #[must_use]
    pub const fn new(ingest_key_sha256: [u8; 32], admin_token_sha256: [u8; 32]) -> Self {
        Self {
            ingest_key_sha256,
            admin_token_sha256,
        }
    }

    /// True when the request shows the ingest key: `Authorization: Bearer`, `X-API-Key`, or `?key=` (a
    /// `sendBeacon` cannot set headers).
    #[must_use]
    pub fn may_post(&self, request: &HttpRequest) -> bool {
        if let Some(key) = bearer(request).or_else(|| api_key(request)) {
            return matches(key, &self.ingest_key_sha256);
        }
        let query = request.query_string();
        !query.is_empty()
            && form_urlencoded::parse(query.as_bytes())
                .any(|(name, value)| name == "key" && matches(&value, &self.ingest_key_sha256))
    }

    /// True when the request shows the admin token.
    #[must_use]
    pub fn may_look(&self, request: &HttpRequest) -> bool {
        bearer(request).is_some_and(|token| matches(token, &self.admin_token_sha256))
    }
}

/// Compares sums, in constant time: neither the length nor a common prefix of a guess shows.
fn matches(shown: &str, expected_sha256: &[u8; 32]) -> bool {
    let shown_sha256: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
    shown_sha256.ct_eq(expected_sha256).into()
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn api_key(request: &HttpRequest) -> Option<&str> {
    request.headers().get("x-api-key")?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn credentials() -> Credentials {
        Credentials::new(
            Sha256::digest("ingest+key").into(),
            Sha256::digest("admin").into(),
        )
    }

    #[test]
    fn the_ingest_key_may_stand_in_three_places() {
        for request in [
            TestRequest::default().insert_header(("Authorization", "Bearer ingest+key")),
            TestRequest::default().insert_header(("authorization", "bearer  ingest+key")),
            TestRequest::default().insert_header(("X-API-Key", "ingest+key")),
            TestRequest::with_uri("/?a=b&key=ingest%2Bkey"),
        ] {
            assert!(credentials().may_post(&request.to_http_request()));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for request in [
            TestRequest::default(),
            TestRequest::with_uri("/?key=admin"),
            TestRequest::with_uri("/?key=ingest+key"),
            TestRequest::default().insert_header(("Authorization", "Basic ingest+key")),
            TestRequest::default().insert_header(("Authorization", "Bearer ")),
            TestRequest::with_uri("/?key=ingest%2Bkey").insert_header(("X-API-Key", "wrong")),
        ] {
            assert!(!credentials().may_post(&request.to_http_request()));
        }
    }

    #[test]
    fn the_ingest_key_may_not_look_and_the_admin_token_may_not_post() {
        let ingest = TestRequest::default()
            .insert_header(("Authorization", "Bearer ingest+key"))
            .to_http_request();
        let admin = TestRequest::default()
            .insert_header(("Authorization", "Bearer admin"))
            .to_http_request();
        assert!(!credentials().may_look(&ingest));
        assert!(credentials().may_look(&admin));
        assert!(!credentials().may_post(&admin));
    }
}
