//! Keys, tokens and cookies: how their secrets are made, and what is kept of them.

use rand::distr::{Alphanumeric, SampleString};
use sha2::{Digest, Sha256};

use super::key::Sha256Sum;
use crate::config::Secret;

/// 43 of 62 characters: 256 bits.
const SECRET_CHARS: usize = 43;
/// First characters, prefix included, that are kept in clear, so that people can tell keys apart.
const SHOWN_CHARS: usize = 7;

/// A new secret of 256 random bits behind a prefix.
#[must_use]
pub fn new_secret(prefix: &str) -> Secret {
    Secret::new(prefix.to_owned() + &Alphanumeric.sample_string(&mut rand::rng(), SECRET_CHARS))
}

/// What is kept of a secret.
#[must_use]
pub fn sha256(secret: &str) -> Sha256Sum {
    Sha256::digest(secret).into()
}

/// What people are shown of a secret.
#[must_use]
pub fn shown(secret: &Secret) -> String {
    secret.reveal().chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_each_is_another() {
        let (one, other) = (new_secret("fk_"), new_secret("fk_"));
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), 46);
        assert_eq!(shown(&one).len(), SHOWN_CHARS);
        assert_ne!(sha256(one.reveal()), sha256(other.reveal()));
    }
}
