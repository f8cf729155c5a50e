//! How to reach a ClickHouse server.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::Secret;

/// Address and credentials of a ClickHouse server's HTTP interface.
///
/// `Debug` shows no password. Deserialises from the embedded engine's `connection.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Connection {
    /// Address of the HTTP interface, without a path: `http://127.0.0.1:40123`.
    pub url: String,
    /// Path of certificates in PEM that are believed beside those of the system, with `https`; empty: none.
    #[serde(default)]
    pub ca_file: PathBuf,
    /// User with all rights on `database`.
    pub user: String,
    /// Password of `user`.
    pub password: Secret,
    /// Database that holds Fresnel's tables.
    pub database: String,
    /// User who can only read `database`; empty: there is none, and `user` reads too.
    #[serde(default)]
    pub reader_user: String,
    /// Password of `reader_user`.
    #[serde(default)]
    pub reader_password: Secret,
}

impl Connection {
    /// A connection with one user for everything.
    #[must_use]
    pub fn new(url: String, user: String, password: Secret, database: String) -> Self {
        Self {
            url,
            ca_file: PathBuf::new(),
            user,
            password,
            database,
            reader_user: String::new(),
            reader_password: Secret::default(),
        }
    }

    /// The same, believing the certificates of this file too.
    #[must_use]
    pub fn with_ca_file(self, ca_file: PathBuf) -> Self {
        Self { ca_file, ..self }
    }

    /// User and password for queries that only read. Where there is a reader of its own, the server cancels
    /// its queries when their connection closes, and bounds their memory, so that inserts keep theirs.
    #[must_use]
    pub fn reader(&self) -> (&str, &Secret) {
        if self.reader_user.is_empty() {
            (&self.user, &self.password)
        } else {
            (&self.reader_user, &self.reader_password)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let mut connection = Connection::new(
            "http://127.0.0.1:1".to_owned(),
            "writer".to_owned(),
            Secret::new("hunter2".to_owned()),
            "fresnel".to_owned(),
        );
        connection.reader_password = Secret::new("hunter3".to_owned());
        assert!(!format!("{connection:?}").contains("hunter"));
    }

    #[test]
    fn without_a_reader_the_user_reads() {
        let mut connection = Connection::new(
            String::new(),
            "writer".to_owned(),
            Secret::new("w".to_owned()),
            String::new(),
        );
        assert_eq!(connection.reader().0, "writer");
        connection.reader_user = "reader".to_owned();
        connection.reader_password = Secret::new("r".to_owned());
        assert_eq!(connection.reader(), ("reader", &Secret::new("r".to_owned())));
    }
}
