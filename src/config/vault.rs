//! Settings of secrets that Fresnel itself must use, and of mail.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// What encrypts the secrets that Fresnel must use itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct VaultConfig {
    /// 32 bytes in base64; empty: made at the first start, in the data folder. Several nodes must have the same.
    pub key: Secret,
    /// Keys that decrypt what was encrypted before `key` was changed, with commas between them.
    pub previous_keys: Secret,
}

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// Not at all: for a server on the same machine.
    None,
    /// After a greeting in clear text; a server that does not offer it is not used.
    #[default]
    Starttls,
    /// From the first byte on.
    Implicit,
}

/// The server that takes mails.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpConfig {
    /// Its name or address; empty: no mails are sent.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is encrypted.
    pub tls: SmtpTls,
    /// Path of certificates in PEM that are believed beside those of the system.
    pub ca_file: PathBuf,
    /// User; empty: nobody logs in.
    pub username: String,
    /// The user's password.
    pub password: Secret,
    /// Who sends: `Fresnel <alerts@example.com>`.
    pub from: String,
    /// Longest that one mail may take.
    pub timeout_ms: u64,
}

impl Default for SmtpConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            tls: SmtpTls::default(),
            ca_file: PathBuf::new(),
            username: String::new(),
            password: Secret::default(),
            from: "Fresnel <fresnel@localhost>".to_owned(),
            timeout_ms: 30_000,
        }
    }
}
