//! JSON web tokens that say who a user is.

use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;

use crate::domain::account::{JwtIssuer, JwtKeys};
use crate::domain::beacon::ID_CHARS_MAX;
use crate::ingest::VerifiedUser;
use crate::jwks::{Jwks, KeySet};

/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 8 * 1_024;
/// How far an issuer's clock may be off.
const LEEWAY_S: u64 = 60;

/// True for a text of the form of a token; keys have no dots.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.starts_with("ey") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// True for a public key that tokens can be checked with.
#[must_use]
pub fn is_rsa_public_key(pem: &str) -> bool {
    DecodingKey::from_rsa_pem(pem.as_bytes()).is_ok()
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    role: Option<String>,
}

/// What a token says of who made it, before anything is known to be true.
#[derive(Deserialize)]
struct Origin {
    #[serde(default)]
    iss: Option<String>,
}

/// The user whom one of these issuers vouches for; `None` when none does, or the token is over.
pub(super) fn verify(token: &str, issuers: &[JwtIssuer], jwks: &Jwks) -> Option<VerifiedUser> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let header = decode_header(token).ok()?;
    let user = issuers
        .iter()
        .find_map(|issuer| vouched_for(token, &header, issuer, jwks));
    if user.is_none() && header.alg == Algorithm::RS256 {
        ask_for_key(token, &header, issuers, jwks);
    }
    user
}

fn vouched_for(token: &str, header: &Header, issuer: &JwtIssuer, jwks: &Jwks) -> Option<VerifiedUser> {
    let validation = validation(issuer, header.alg);
    // The kind of the issuer's key decides the algorithm, never the token: a public key is no shared secret.
    let claims = match (&issuer.keys, header.alg) {
        (JwtKeys::Hs256 { secret }, Algorithm::HS256) => {
            let key = DecodingKey::from_secret(secret.reveal().as_bytes());
            decode::<Claims>(token, &key, &validation)
        }
        (JwtKeys::Rs256 { public_key_pem }, Algorithm::RS256) => {
            let key = DecodingKey::from_rsa_pem(public_key_pem.as_bytes()).ok()?;
            decode(token, &key, &validation)
        }
        (JwtKeys::Jwks { .. }, Algorithm::RS256) => {
            let keys = jwks.keys(issuer)?;
            decode(token, keys.key(header.kid.as_deref())?, &validation)
        }
        _ => return None,
    };
    let claims = claims.ok()?.claims;
    let is_id = |text: &str| {
        (1..=ID_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    is_id(&claims.sub).then_some(VerifiedUser {
        id: claims.sub,
        role: claims.role.filter(|role| is_id(role)),
    })
}

/// Nobody vouches for the token, and it may be that an issuer has a new key: of those that the token could be from.
fn ask_for_key(token: &str, header: &Header, issuers: &[JwtIssuer], jwks: &Jwks) {
    let origin = insecure_decode::<Origin>(token)
        .ok()
        .and_then(|token| token.claims.iss);
    let could_be =
        |issuer: &&JwtIssuer| issuer.issuer.is_empty() || origin.as_deref() == Some(issuer.issuer.as_str());
    for issuer in issuers.iter().filter(could_be) {
        let has_key = |keys: &KeySet| keys.key(header.kid.as_deref()).is_some();
        if !jwks.keys(issuer).is_some_and(|keys| has_key(&keys)) {
            jwks.lacks_key(issuer);
        }
    }
}

/// The one algorithm of the issuer's key, so that a public key is never taken for a shared secret.
fn validation(issuer: &JwtIssuer, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY_S;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "sub"]);
    if !issuer.issuer.is_empty() {
        validation.set_issuer(&[&issuer.issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    if issuer.audience.is_empty() {
        validation.validate_aud = false;
    } else {
        validation.set_audience(&[&issuer.audience]);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    validation
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::clock;
    use crate::config::Secret;
    use crate::domain::account::{Name, ProjectId};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn issuer(issuer: &str, audience: &str) -> JwtIssuer {
        JwtIssuer {
            id: Uuid::nil(),
            project_id: ProjectId::default_project(),
            name: Name::parse("name", "shop").unwrap(),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keys: JwtKeys::Hs256 {
                secret: Secret::new(SECRET.to_owned()),
            },
            created_at_ms: 0,
        }
    }

    fn token(secret: &str, claims: &Value) -> String {
        encode(
            &Header::default(),
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .unwrap()
    }

    fn in_s(seconds: i64) -> i64 {
        clock::now().as_millis() / 1_000 + seconds
    }

    #[test]
    fn a_user_is_who_a_live_token_of_an_issuer_names() {
        let good = token(SECRET, &json!({"sub": "ada", "exp": in_s(300), "role": "beta"}));
        assert!(looks_like_one(&good));
        let user = verify(&good, &[issuer("", "")], &Jwks::default()).unwrap();
        assert_eq!((user.id.as_str(), user.role.as_deref()), ("ada", Some("beta")));
    }

    #[test]
    fn other_secrets_old_tokens_and_missing_claims_are_refused() {
        let issuers = [issuer("", "")];
        for (secret, claims) in [
            (
                "another secret of thirty-two byte",
                json!({"sub": "ada", "exp": in_s(300)}),
            ),
            (SECRET, json!({"sub": "ada", "exp": in_s(-300)})),
            (SECRET, json!({"sub": "ada"})),
            (SECRET, json!({"exp": in_s(300)})),
            (SECRET, json!({"sub": "", "exp": in_s(300)})),
            (SECRET, json!({"sub": "a".repeat(101), "exp": in_s(300)})),
            (SECRET, json!({"sub": "ada", "exp": in_s(300), "nbf": in_s(200)})),
        ] {
            assert_eq!(
                verify(&token(secret, &claims), &issuers, &Jwks::default()),
                None,
                "{claims}"
            );
        }
        let unsigned = format!("{}.{}.", "eyJhbGciOiJub25lIn0", "eyJzdWIiOiJhZGEifQ");
        assert_eq!(verify(&unsigned, &issuers, &Jwks::default()), None);
    }

    #[test]
    fn issuer_and_audience_must_fit_where_they_are_set() {
        let issuers = [issuer("https://shop.example/", "fresnel")];
        let claims = |iss: &str, aud: &str| json!({"sub": "ada", "exp": in_s(300), "iss": iss, "aud": aud});
        assert!(
            verify(
                &token(SECRET, &claims("https://shop.example/", "fresnel")),
                &issuers,
                &Jwks::default()
            )
            .is_some()
        );
        assert!(
            verify(
                &token(SECRET, &claims("https://other.example/", "fresnel")),
                &issuers,
                &Jwks::default()
            )
            .is_none()
        );
        assert!(
            verify(
                &token(SECRET, &claims("https://shop.example/", "other")),
                &issuers,
                &Jwks::default()
            )
            .is_none()
        );
        assert!(
            verify(
                &token(SECRET, &json!({"sub": "ada", "exp": in_s(300)})),
                &issuers,
                &Jwks::default()
            )
            .is_none()
        );
    }
}
