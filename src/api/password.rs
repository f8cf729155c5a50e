//! Passwords, as Argon2id with the library's parameters (19 MiB, two passes), which OWASP recommends.

use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::error::ApiError;
use crate::config::Secret;
use crate::control::ControlError;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::task;

/// Hashes that are worked on at once, each with a core and 19 MiB; the others wait.
const AT_ONCE_MAX: usize = 2;
/// Longest wait for one's turn.
const WAIT_MAX: Duration = Duration::from_secs(5);
const CHARS_MIN: usize = 10;
const CHARS_MAX: usize = 200;
/// Stands for the hash of whoever has none: comparing with it costs as much, and no password fits it.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIG91cnM$\
                            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and compares passwords, a few at once.
#[derive(Debug)]
pub struct Passwords {
    turns: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE_MAX),
        }
    }
}

impl Passwords {
    /// The hash of a new password, as a PHC string.
    pub(super) async fn hash(&self, password: Secret) -> Result<Secret, ApiError> {
        self.work(move || {
            let hash = Argon2::default().hash_password(password.reveal().as_bytes());
            hash.map(|hash| Secret::new(hash.to_string()))
        })
        .await?
        .map_err(|error| ControlError::Corrupt(format!("a password could not be hashed: {error}")).into())
    }

    /// True when the password fits. Without a hash none does, after the same work.
    pub(super) async fn fits(&self, password: Secret, hash: Option<Secret>) -> Result<bool, ApiError> {
        self.work(move || {
            let text = hash.as_ref().map_or(NOBODYS_HASH, Secret::reveal);
            PasswordHash::new(text).is_ok_and(|parsed| {
                Argon2::default()
                    .verify_password(password.reveal().as_bytes(), &parsed)
                    .is_ok()
            }) && hash.is_some()
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = tokio::time::timeout(WAIT_MAX, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(ControlError::Busy.into());
        };
        task::blocking(work)
            .await
            .map_err(|_| ControlError::Corrupt("hashing a password panicked".to_owned()).into())
    }
}

/// Reads a new password: 10 to 200 characters of any kind.
pub(super) fn new_password(field: &'static str, text: &str) -> Result<Secret, FieldError> {
    if (CHARS_MIN..=CHARS_MAX).contains(&text.chars().count()) {
        Ok(Secret::new(text.to_owned()))
    } else {
        let message = "must have 10 to 200 characters";
        Err(FieldError::new(field, FieldFault::OutOfRange, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_nobodys_fits_none() {
        let passwords = Passwords::default();
        let secret = |text: &str| Secret::new(text.to_owned());
        let hash = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(
            passwords
                .fits(secret("correct horse"), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!passwords.fits(secret("wrong horse"), Some(hash)).await.unwrap());
        assert!(!passwords.fits(secret("correct horse"), None).await.unwrap());
        // The stand-in can be read: otherwise it would cost nothing.
        assert!(PasswordHash::new(NOBODYS_HASH).is_ok());
    }
}
