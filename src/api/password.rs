//! Passwords, as Argon2id with the library's parameters (19 MiB, two passes), which OWASP recommends.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::error::{ApiError, Limit};
use crate::config::Secret;
use crate::control::ControlError;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::task;

/// Hashes that are worked on at once, each with a core and 19 MiB; the others wait.
const AT_ONCE_MAX: usize = 2;
/// Those who wait for their turn; one more is sent away at once.
const WAITING_MAX: usize = 100;
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
    /// For those who work. A turn goes with the work, not with the request: a client that hangs up must not have
    /// another hash begun beside its own.
    turns: Arc<Semaphore>,
    /// For those who work or wait.
    places: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            places: Semaphore::new(AT_ONCE_MAX + WAITING_MAX),
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
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Limit::Passwords.into());
        };
        let turn = Arc::clone(&self.turns).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(WAIT_MAX, turn).await else {
            return Err(Limit::Passwords.into());
        };
        let working = task::blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        working
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
    use std::future::Future as _;
    use std::task::{Context, Waker};

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

    #[tokio::test]
    async fn whoever_hangs_up_takes_its_turn_along_until_the_work_is_done() {
        let passwords = Passwords::default();
        let (begun, is_begun) = std::sync::mpsc::sync_channel(AT_ONCE_MAX);
        let (end, may_end) = std::sync::mpsc::sync_channel::<()>(0);
        let may_end = Arc::new(std::sync::Mutex::new(may_end));
        for _ in 0..AT_ONCE_MAX {
            let (begun, may_end) = (begun.clone(), Arc::clone(&may_end));
            let work = passwords.work(move || {
                begun.send(()).unwrap();
                may_end.lock().unwrap().recv().unwrap();
            });
            // Polled until the work has begun, and dropped.
            let mut work = Box::pin(work);
            let mut context = Context::from_waker(Waker::noop());
            assert!(work.as_mut().poll(&mut context).is_pending());
            is_begun.recv().unwrap();
        }
        assert_eq!(
            passwords.turns.available_permits(),
            0,
            "nobody waits for the work, which goes on"
        );
        for _ in 0..AT_ONCE_MAX {
            end.send(()).unwrap();
        }
        let all = u32::try_from(AT_ONCE_MAX).unwrap();
        drop(passwords.turns.acquire_many(all).await.unwrap());
        assert_eq!(passwords.places.available_permits(), AT_ONCE_MAX + WAITING_MAX);
    }

    #[tokio::test]
    async fn when_too_many_wait_the_next_is_sent_away_at_once() {
        let passwords = Passwords::default();
        let all = u32::try_from(AT_ONCE_MAX + WAITING_MAX).unwrap();
        let _everybody = passwords.places.acquire_many(all).await.unwrap();
        let refused = passwords.fits(Secret::new("x".to_owned()), None).await;
        assert!(matches!(refused, Err(ApiError::Limited(Limit::Passwords))));
    }
}
