//! The first credentials: preset by settings, or made at the first start and kept in
//! `<data dir>/bootstrap.json` (mode 0600).
//!
//! The ingest key is public by nature (every page holds it) and is kept as it is; of the admin token only the
//! SHA-256 sum is kept, so it is shown once, when it is made.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{BootstrapConfig, Secret};
use crate::domain::account::{Sha256Sum, new_secret, sha256};
use crate::private_file;

const FILE_NAME: &str = "bootstrap.json";

/// The credentials that this process accepts.
#[derive(Debug)]
pub struct Bootstrap {
    /// The ingest key.
    pub ingest_key: Secret,
    /// SHA-256 of the ingest key.
    pub ingest_key_sha256: Sha256Sum,
    /// SHA-256 of the admin token.
    pub admin_token_sha256: Sha256Sum,
    /// The admin token, when it was made just now: the only time it can be shown.
    pub new_admin_token: Option<Secret>,
}

/// Why the credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what this program wrote.
    #[error("{path} is damaged ({message}); remove it to have new credentials made")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Kept {
    ingest_key: String,
    /// Lower-case hexadecimal.
    admin_token_sha256: String,
}

impl Bootstrap {
    /// Takes the preset credentials, and those that are not preset from the file, which is made when it is
    /// missing.
    ///
    /// # Errors
    /// The file cannot be read, written or understood.
    pub fn load(config: &BootstrapConfig, data_dir: &Path) -> Result<Self, BootstrapError> {
        let path = data_dir.join(FILE_NAME);
        let (kept, new_admin_token) = if config.ingest_key.is_empty() || config.admin_token.is_empty() {
            read_or_make(&path)?
        } else {
            (None, None)
        };
        let ingest_key = match &kept {
            Some(kept) if config.ingest_key.is_empty() => Secret::new(kept.ingest_key.clone()),
            _ => config.ingest_key.clone(),
        };
        let (admin_token_sha256, new_admin_token) = match &kept {
            Some(kept) if config.admin_token.is_empty() => {
                let sum = from_hex(&kept.admin_token_sha256).ok_or_else(|| BootstrapError::Damaged {
                    path: path.clone(),
                    message: "admin_token_sha256 is not 64 hexadecimal digits".to_owned(),
                })?;
                (sum, new_admin_token)
            }
            _ => (sha256(config.admin_token.reveal()), None),
        };
        Ok(Self {
            ingest_key_sha256: sha256(ingest_key.reveal()),
            ingest_key,
            admin_token_sha256,
            new_admin_token,
        })
    }
}

fn read_or_make(path: &Path) -> Result<(Option<Kept>, Option<Secret>), BootstrapError> {
    let failed = |source| BootstrapError::Io {
        path: path.to_owned(),
        source,
    };
    match std::fs::read(path) {
        Ok(text) => {
            let kept = serde_json::from_slice(&text).map_err(|error| BootstrapError::Damaged {
                path: path.to_owned(),
                message: error.to_string(),
            })?;
            Ok((Some(kept), None))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let admin_token = new_secret("fra_");
            let kept = Kept {
                ingest_key: new_secret("fri_").reveal().to_owned(),
                admin_token_sha256: to_hex(&sha256(admin_token.reveal())),
            };
            write_private(path, &kept).map_err(failed)?;
            Ok((Some(kept), Some(admin_token)))
        }
        Err(error) => Err(failed(error)),
    }
}

fn write_private(path: &Path, kept: &Kept) -> std::io::Result<()> {
    let mut text = serde_json::to_vec_pretty(kept)?;
    text.push(b'\n');
    private_file::write(path, &text)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Sha256Sum> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * position..2 * position + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn credentials_are_made_once_and_only_their_owner_may_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let first = Bootstrap::load(&BootstrapConfig::default(), folder.path()).unwrap();
        let token = first.new_admin_token.unwrap();
        assert_eq!(first.admin_token_sha256, sha256(token.reveal()));
        let path = folder.path().join(FILE_NAME);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(!std::fs::read_to_string(&path).unwrap().contains(token.reveal()));
        let second = Bootstrap::load(&BootstrapConfig::default(), folder.path()).unwrap();
        assert!(second.new_admin_token.is_none());
        assert_eq!(second.ingest_key, first.ingest_key);
        assert_eq!(second.admin_token_sha256, first.admin_token_sha256);
    }

    #[test]
    fn preset_credentials_need_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let config = BootstrapConfig {
            ingest_key: Secret::new("an ingest key of a user".into()),
            admin_token: Secret::new("an admin token of a user".into()),
        };
        let bootstrap = Bootstrap::load(&config, folder.path()).unwrap();
        assert_eq!(bootstrap.ingest_key.reveal(), "an ingest key of a user");
        assert!(bootstrap.new_admin_token.is_none());
        assert!(!folder.path().join(FILE_NAME).exists());
    }

    #[test]
    fn a_damaged_file_stops_the_start_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "{").unwrap();
        let error = Bootstrap::load(&BootstrapConfig::default(), folder.path()).unwrap_err();
        assert!(error.to_string().contains(FILE_NAME));
    }
}
