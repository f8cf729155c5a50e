//! The way to Postgres by TLS.

use std::net::TcpListener;
use std::path::Path;

use fresnel::config::{ControlConfig, Secret};
use fresnel::control::{Control, ControlError};

use super::place::{Cluster, Place, on_runtime};
use super::words::{by, project};
use crate::authority::Authority;

async fn open(url: String, ca_file: &Path) -> Result<Control, ControlError> {
    let config = ControlConfig {
        url: Secret::new(url),
        ca_file: ca_file.to_owned(),
        ..ControlConfig::default()
    };
    // Postgres needs no folder.
    Control::open(&config, Path::new("/nowhere")).await
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn an_address_that_asks_for_encryption_gets_it_from_who_it_names_or_nothing() {
    let authority = Authority::new();
    let [certificate, key] = authority.certify_as_files("127.0.0.1");
    let port = free_port();
    let _cluster = Cluster::start(&[
        ("TLS_PORT", port.to_string()),
        ("TLS_CERTIFICATE", certificate.display().to_string()),
        ("TLS_KEY", key.display().to_string()),
    ]);
    let at = |host: &str, parameters: &str| format!("postgres://fresnel@{host}:{port}/postgres{parameters}");
    on_runtime(async {
        // This Postgres takes nothing else over the network: who gets in is encrypted.
        let plain = open(at("127.0.0.1", ""), Path::new("")).await.unwrap_err();
        assert!(plain.to_string().contains("no encryption"), "{plain}");
        for mode in ["require", "verify-ca", "verify-full"] {
            let url = at("127.0.0.1", &format!("?sslmode={mode}"));
            let control = open(url, &authority.file()).await.unwrap();
            control.create_project(&by(), project(mode)).await.unwrap();
        }
        for (host, ca_file) in [
            ("127.0.0.1", Path::new("").to_owned()),
            ("127.0.0.1", Authority::new().file()),
            ("localhost", authority.file()),
        ] {
            let error = open(at(host, "?sslmode=require"), &ca_file).await.unwrap_err();
            assert!(error.to_string().contains("certificate"), "{host}: {error}");
        }
    });
}

#[test]
fn a_database_without_encryption_is_not_used_when_the_address_asks_for_it() {
    on_runtime(async {
        let place = Place::postgres().await;
        let url = format!("{}?sslmode=require", place.config.url.reveal());
        let error = open(url, Path::new("")).await.unwrap_err();
        assert!(error.to_string().contains("TLS"), "{error}");
    });
}
