//! The vault: encrypts the secrets that Fresnel itself must use, such as what webhooks are signed with. Passwords and keys of the API are
//! not here: of them only sums are kept.
//!
//! A sealed value is `version (1 byte), id of the key (4), nonce (24), ciphertext and tag`, by XChaCha20-Poly1305
//! (<https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha-03>). Its nonce is random: 192 bits do not repeat. The context, such as
//! the id of the row that it stands in, is authenticated with it, so that nobody can put it into another one.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::config::VaultConfig;
use crate::private_file;

/// File of the key, in the data folder.
pub const FILE_NAME: &str = "vault.key";

const VERSION: u8 = 1;
const ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + ID_BYTES + NONCE_BYTES;
const MAGIC: [u8; 4] = *b"FrVK";

/// Why there is no vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A key of the settings is none.
    #[error("setting vault.{0} must be 32 bytes in base64")]
    BadKey(&'static str),
    /// The key's file cannot be read or written.
    #[error("{FILE_NAME}: {0}")]
    File(#[from] std::io::Error),
    /// The key's file holds something else.
    #[error(
        "{FILE_NAME} is damaged: put the right one in its place, or remove it and set all channels' secrets anew"
    )]
    Damaged,
}

/// A value that cannot be opened: it was sealed with another key, for another place, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value was sealed with another key, for another place, or is damaged")]
pub struct NotOpened;

/// Seals and opens. A clone is cheap and is the same.
#[derive(Clone)]
pub struct Vault {
    /// The first one seals.
    keys: Arc<[([u8; ID_BYTES], XChaCha20Poly1305)]>,
    /// Of the key that seals: others are derived with it.
    deriving: ring::hmac::Key,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.keys.len()).finish()
    }
}

impl Vault {
    /// With the keys of the settings, or the one in the data folder, which is made when it is not there.
    ///
    /// # Errors
    /// A key is none, or the file cannot be used.
    pub fn open(config: &VaultConfig, data_dir: &Path) -> Result<Self, VaultError> {
        let current = if config.key.is_empty() {
            of_file(&data_dir.join(FILE_NAME))?
        } else {
            of_text(config.key.reveal()).ok_or(VaultError::BadKey("key"))?
        };
        let previous = config.previous_keys.reveal().split(',').map(str::trim);
        let previous = previous.filter(|text| !text.is_empty());
        let previous = previous.map(|text| of_text(text).ok_or(VaultError::BadKey("previous_keys")));
        let keys: Result<Vec<_>, _> = std::iter::once(Ok(current)).chain(previous).collect();
        let keys = keys?;
        Ok(Self {
            deriving: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &keys[0]),
            keys: keys
                .into_iter()
                .map(|key| (id_of(&key), XChaCha20Poly1305::new(&Key::from(key))))
                .collect(),
        })
    }

    /// A secret of its own for a purpose: the same wherever the vault has the same key.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut secret = [0; 32];
        secret.copy_from_slice(ring::hmac::sign(&self.deriving, purpose.as_bytes()).as_ref());
        secret
    }

    /// Seals a value for a place.
    ///
    /// # Panics
    /// Never: no value is as long as the cipher's limit of 256 GiB.
    #[must_use]
    pub fn seal(&self, plain: &[u8], context: &str) -> Vec<u8> {
        let (id, cipher) = &self.keys[0];
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload {
            msg: plain,
            aad: context.as_bytes(),
        };
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("far below the limit");
        let mut value = Vec::with_capacity(HEAD_BYTES + sealed.len());
        value.push(VERSION);
        value.extend_from_slice(id);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        value
    }

    /// Opens a value that was sealed for this place.
    ///
    /// # Errors
    /// It was not, or none of the keys is the one.
    pub fn open_sealed(&self, value: &[u8], context: &str) -> Result<Vec<u8>, NotOpened> {
        let (head, sealed) = value.split_at_checked(HEAD_BYTES).ok_or(NotOpened)?;
        let (&version, rest) = head.split_first().ok_or(NotOpened)?;
        let (id, nonce) = rest.split_at_checked(ID_BYTES).ok_or(NotOpened)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| NotOpened)?;
        if version != VERSION {
            return Err(NotOpened);
        }
        let ciphers = self.keys.iter().filter(|(known, _)| known == id);
        let payload = || Payload {
            msg: sealed,
            aad: context.as_bytes(),
        };
        let mut opened =
            ciphers.filter_map(|(_, cipher)| cipher.decrypt(&XNonce::from(nonce), payload()).ok());
        opened.next().ok_or(NotOpened)
    }

    /// Whether a value was sealed with the key that seals now; others should be sealed anew.
    #[must_use]
    pub fn is_current(&self, value: &[u8]) -> bool {
        value.get(1..=ID_BYTES).is_some_and(|id| id == self.keys[0].0)
    }
}

fn id_of(key: &[u8; 32]) -> [u8; ID_BYTES] {
    let sum: [u8; 32] = Sha256::digest(key).into();
    [sum[0], sum[1], sum[2], sum[3]]
}

fn of_text(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn of_file(path: &Path) -> Result<[u8; 32], VaultError> {
    if let Some(bytes) = private_file::read(path)? {
        let key = private_file::unseal(MAGIC, &bytes).and_then(|key| key.try_into().ok());
        return key.ok_or(VaultError::Damaged);
    }
    let key: [u8; 32] = rand::random();
    private_file::write(path, &private_file::seal(MAGIC, &key))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::Secret;

    fn with_keys(key: u8, previous: &[u8]) -> Vault {
        let text = |byte: u8| STANDARD.encode([byte; 32]);
        let previous: Vec<_> = previous.iter().map(|byte| text(*byte)).collect();
        let config = VaultConfig {
            key: Secret::new(text(key)),
            previous_keys: Secret::new(previous.join(", ")),
        };
        Vault::open(&config, Path::new("/nowhere")).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let vault = with_keys(1, &[]);
        let sealed = vault.seal(b"whsec_x", "channel:1");
        assert_eq!(vault.open_sealed(&sealed, "channel:1").unwrap(), b"whsec_x");
        assert_eq!(vault.open_sealed(&sealed, "channel:2"), Err(NotOpened));
        assert_ne!(sealed, vault.seal(b"whsec_x", "channel:1"));
        assert!(!sealed.windows(7).any(|bytes| bytes == b"whsec_x"));
    }

    #[test]
    fn a_value_that_was_changed_anywhere_does_not_open() {
        let vault = with_keys(1, &[]);
        let sealed = vault.seal(b"secret", "place");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(vault.open_sealed(&changed, "place"), Err(NotOpened), "{at}");
            assert_eq!(vault.open_sealed(&sealed[..at], "place"), Err(NotOpened), "{at}");
        }
    }

    #[test]
    fn a_new_key_seals_and_the_one_before_it_still_opens() {
        let sealed = with_keys(1, &[]).seal(b"secret", "place");
        let rotated = with_keys(2, &[1]);
        assert_eq!(rotated.open_sealed(&sealed, "place").unwrap(), b"secret");
        assert!(!rotated.is_current(&sealed));
        let anew = rotated.seal(b"secret", "place");
        assert!(rotated.is_current(&anew));
        assert_eq!(with_keys(2, &[]).open_sealed(&sealed, "place"), Err(NotOpened));
        assert_eq!(with_keys(2, &[]).open_sealed(&anew, "place").unwrap(), b"secret");
    }

    #[test]
    fn the_key_in_the_folder_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Vault::open(&VaultConfig::default(), folder.path());
        let sealed = open().unwrap().seal(b"secret", "place");
        assert_eq!(open().unwrap().open_sealed(&sealed, "place").unwrap(), b"secret");
        let path = folder.path().join(FILE_NAME);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, b"something else").unwrap();
        assert!(matches!(open(), Err(VaultError::Damaged)));
    }

    #[test]
    fn a_key_that_is_none_is_named() {
        for text in ["x", "AAAA"] {
            let config = VaultConfig {
                key: Secret::new(text.to_owned()),
                ..VaultConfig::default()
            };
            let error = Vault::open(&config, Path::new("/nowhere")).unwrap_err();
            assert!(error.to_string().contains("vault.key"), "{error}");
        }
    }
}
