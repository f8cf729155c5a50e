//! Tokens, and the sets of keys that check them.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// A key of an issuer.
#[derive(Clone, Copy)]
pub(crate) struct SigningKey {
    /// Its id.
    pub(crate) id: &'static str,
    pem: &'static str,
}

/// The key that an issuer has at first.
pub(crate) const FIRST: SigningKey = SigningKey {
    id: "first",
    pem: include_str!("../keys/first.pem"),
};

/// The key that comes after it.
pub(crate) const SECOND: SigningKey = SigningKey {
    id: "second",
    pem: include_str!("../keys/second.pem"),
};

impl SigningKey {
    fn encoding(self) -> EncodingKey {
        EncodingKey::from_rsa_pem(self.pem.as_bytes()).expect("an RSA key")
    }

    /// The public half, as a set holds it.
    pub(crate) fn public(self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.encoding(), Algorithm::RS256).expect("a public key");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = self.id.into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A token of this user, signed with this key.
    pub(crate) fn token(self, claims: &Value) -> String {
        self.token_naming(Some(self.id), claims)
    }

    /// The same, but the token names another key, or none.
    pub(crate) fn token_naming(self, id: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = id.map(str::to_owned);
        encode(&header, claims, &self.encoding()).expect("a token")
    }
}

/// A set of these keys.
pub(crate) fn set_of(keys: &[SigningKey]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
    json!({ "keys": keys }).to_string()
}

/// What a token of a user says that is good for long.
pub(crate) fn claims(user: &str) -> Value {
    json!({"sub": user, "exp": 4_102_444_800_u64, "iss": "https://idp.example", "aud": "fresnel"})
}
