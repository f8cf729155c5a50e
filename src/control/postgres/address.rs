//! Where the database is, and how the way to it is encrypted.
//!
//! `sslmode=require`, `verify-ca` and `verify-full` are one here: encrypted, with a certificate that is believed and is
//! for this host. libpq's `require` would take any certificate, and with it anyone in between. `prefer`, which anyone in
//! between can turn into no encryption at all, is not offered.

use std::path::Path;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{ControlError, STATEMENT_MAX, failure};
use crate::config::Secret;
use crate::{task, tls};

/// A database that can be connected to.
pub(super) struct Address {
    config: Config,
    /// None: the way is not encrypted.
    tls: Option<MakeRustlsConnect>,
}

impl Address {
    /// Reads the address. What is wrong with it is not quoted: it may be the password.
    pub(super) fn parse(url: &Secret, ca_file: &Path) -> Result<Self, ControlError> {
        let refused = |message: &str| ControlError::Unavailable(format!("setting control.url: {message}"));
        let mut config: Config = with_known_modes(url.reveal()).parse().map_err(|_| {
            refused("is not an address like postgres://user:password@host:5432/database; special characters in the password are written as %40 for @, %2F for /")
        })?;
        let tls = match config.get_ssl_mode() {
            SslMode::Require => {
                let tls = tls::client_config(ca_file).map_err(|error| {
                    ControlError::Unavailable(format!("setting control.ca_file: {error}"))
                })?;
                Some(MakeRustlsConnect::new(tls))
            }
            // What the library takes for the default, too.
            _ => {
                config.ssl_mode(SslMode::Disable);
                None
            }
        };
        config.application_name("fresnel");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        config.tcp_user_timeout(STATEMENT_MAX);
        config.keepalives_idle(Duration::from_secs(30));
        Ok(Self { config, tls })
    }

    /// A connection of its own; the task ends with it.
    pub(super) async fn connect(&self, task: &'static str) -> Result<(Client, JoinHandle<()>), ControlError> {
        let end = move |outcome: Result<(), tokio_postgres::Error>| {
            if let Err(error) = outcome {
                tracing::warn!(%error, task, "a connection to Postgres ended");
            }
        };
        match &self.tls {
            Some(tls) => {
                let connected = self.config.connect(tls.clone()).await;
                let (client, connection) = connected.map_err(|error| failure(&error))?;
                Ok((client, task::spawn(task, async move { end(connection.await) })))
            }
            None => {
                let connected = self.config.connect(NoTls).await;
                let (client, connection) = connected.map_err(|error| failure(&error))?;
                Ok((client, task::spawn(task, async move { end(connection.await) })))
            }
        }
    }

    /// What makes connections for a pool.
    pub(super) fn manager(self, config: ManagerConfig) -> Manager {
        match self.tls {
            Some(tls) => Manager::from_config(self.config, tls, config),
            None => Manager::from_config(self.config, NoTls, config),
        }
    }
}

/// The library knows `require` only, which is as strict here as the others.
fn with_known_modes(url: &str) -> String {
    match url.split_once('?') {
        Some((address, parameters)) => {
            let parameters = parameters.split('&').map(|parameter| match parameter {
                "sslmode=verify-ca" | "sslmode=verify-full" => "sslmode=require",
                other => other,
            });
            format!("{address}?{}", parameters.collect::<Vec<_>>().join("&"))
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, ControlError> {
        Address::parse(&Secret::new(url.to_owned()), Path::new(""))
    }

    #[test]
    fn the_way_is_encrypted_when_the_address_asks_for_it() {
        for (parameters, is_encrypted) in [
            ("", false),
            ("?sslmode=disable", false),
            ("?sslmode=prefer", false),
            ("?sslmode=require", true),
            ("?sslmode=verify-ca", true),
            ("?connect_timeout=3&sslmode=verify-full", true),
        ] {
            let address = parse(&format!("postgres://a:b@localhost/x{parameters}")).unwrap();
            assert_eq!(address.tls.is_some(), is_encrypted, "{parameters}");
            let mode = if is_encrypted {
                SslMode::Require
            } else {
                SslMode::Disable
            };
            assert_eq!(address.config.get_ssl_mode(), mode, "{parameters}");
        }
    }

    #[test]
    fn a_bad_address_is_refused_without_showing_the_password() {
        for url in [
            "postgres://a:hunter2@localhost:port/x",
            "postgres://a:hunter2@[::1/x",
            "postgres://a@b/x?hunter2=1",
            "postgres://a:hunter2@localhost/x?sslmode=maybe",
        ] {
            let message = parse(url).err().unwrap().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_file_of_certificates_that_is_not_there_is_named() {
        let url = Secret::new("postgres://a@localhost/x?sslmode=require".to_owned());
        let error = Address::parse(&url, Path::new("/nowhere/ca.pem")).err().unwrap();
        assert!(
            error.to_string().contains("control.ca_file: /nowhere/ca.pem"),
            "{error}"
        );
    }
}
