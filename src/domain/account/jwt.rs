//! Who signs for a project's end users.

use serde::Serialize;
use uuid::Uuid;

use super::project::ProjectId;
use super::text::Name;
use crate::config::Secret;
use crate::domain::field_error::{FieldError, FieldFault};

const TEXT_CHARS_MAX: usize = 500;
const PEM_CHARS_MAX: usize = 10_000;
/// What RFC 7518 asks of an HS256 secret.
const HS256_SECRET_BYTES_MIN: usize = 32;

/// Someone whose JWTs a project believes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct JwtIssuer {
    /// Its id.
    pub id: Uuid,
    /// Who believes it.
    pub project_id: ProjectId,
    /// Its name for people.
    pub name: Name,
    /// What `iss` must be; empty: anything, also nothing.
    pub issuer: String,
    /// What `aud` must hold; empty: anything, also nothing.
    pub audience: String,
    /// What its signatures are checked with.
    pub keys: JwtKeys,
    /// When it was made.
    pub created_at_ms: i64,
}

/// What signatures are checked with. The secret is never serialised; `Debug` does not show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "algorithm", rename_all = "snake_case")]
pub enum JwtKeys {
    /// A secret that is shared with the issuer.
    Hs256 {
        /// At least 32 bytes.
        #[serde(skip)]
        secret: Secret,
    },
    /// A public key.
    Rs256 {
        /// In PEM.
        public_key_pem: String,
    },
    /// A set of public keys that the issuer serves and rotates.
    Jwks {
        /// Where; `https`, or `http` inside of one's own network.
        url: String,
    },
}

impl JwtKeys {
    /// Name on the wire and in the store.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256 { .. } => "hs256",
            Self::Rs256 { .. } => "rs256",
            Self::Jwks { .. } => "jwks",
        }
    }
}

impl JwtIssuer {
    /// What of it is out of its limits.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        for (field, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
                faults.push(FieldError::new(
                    field,
                    FieldFault::BadFormat,
                    "must have at most 500 characters, without control characters",
                ));
            }
        }
        match &self.keys {
            JwtKeys::Hs256 { secret } => {
                if !(HS256_SECRET_BYTES_MIN..=TEXT_CHARS_MAX).contains(&secret.reveal().len()) {
                    let message = "must have 32 to 500 bytes";
                    faults.push(FieldError::new("secret", FieldFault::OutOfRange, message));
                }
            }
            JwtKeys::Rs256 { public_key_pem } => {
                let is_pem = public_key_pem.trim_start().starts_with("-----BEGIN ");
                if !is_pem || public_key_pem.len() > PEM_CHARS_MAX || public_key_pem.contains("PRIVATE") {
                    let message = "must be a public key in PEM";
                    faults.push(FieldError::new("public_key_pem", FieldFault::BadFormat, message));
                }
            }
            JwtKeys::Jwks { url } => {
                let is_web = url.starts_with("https://") || url.starts_with("http://");
                let is_plain = url.chars().all(|c| !c.is_whitespace() && !c.is_control());
                if !is_web || !is_plain || url.chars().count() > TEXT_CHARS_MAX {
                    let message = "must be an address that begins with https:// or http://";
                    faults.push(FieldError::new("url", FieldFault::BadFormat, message));
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(keys: JwtKeys) -> JwtIssuer {
        JwtIssuer {
            id: Uuid::nil(),
            project_id: ProjectId::default_project(),
            name: Name::parse("name", "shop").unwrap(),
            issuer: "https://shop.example.org/".into(),
            audience: String::new(),
            keys,
            created_at_ms: 0,
        }
    }

    #[test]
    fn the_secret_leaves_neither_by_json_nor_by_debug() {
        let secret = "0123456789abcdef0123456789abcdef";
        let issuer = issuer(JwtKeys::Hs256 {
            secret: Secret::new(secret.into()),
        });
        assert!(issuer.faults().is_empty());
        assert!(!serde_json::to_string(&issuer).unwrap().contains(secret));
        assert!(!format!("{issuer:?}").contains(secret));
    }

    #[test]
    fn weak_secrets_private_keys_and_other_schemes_are_refused() {
        for keys in [
            JwtKeys::Hs256 {
                secret: Secret::new("short".into()),
            },
            JwtKeys::Rs256 {
                public_key_pem: "-----BEGIN PRIVATE KEY-----".into(),
            },
            JwtKeys::Jwks {
                url: "file:///etc/passwd".into(),
            },
        ] {
            assert_eq!(issuer(keys).faults().len(), 1);
        }
    }
}
