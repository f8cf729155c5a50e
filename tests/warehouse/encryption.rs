//! The way to ClickHouse by https: a real engine, with TLS in front of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fresnel::domain::connection::Connection;
use fresnel::task;
use fresnel::warehouse::Warehouse;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::harness::Engine;
use super::{RETENTION, counts};

/// Takes TLS off, as a proxy in front of ClickHouse does.
async fn encrypt(upstream: String, authority: &Authority) -> SocketAddr {
    let (certificate, key) = authority.certify("127.0.0.1");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    task::spawn("tls proxy", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
            task::spawn("tls connection", async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut behind = TcpStream::connect(upstream).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn inserts_and_questions_go_by_https_when_the_certificate_is_believed() {
    let engine = Engine::start().await;
    let plain = engine.connection().unwrap();
    let authority = Authority::new();
    let upstream = plain.url.trim_start_matches("http://").to_owned();
    let address = encrypt(upstream, &authority).await;
    let by_https = |host: &str, ca_file: PathBuf| {
        let connection = Connection {
            url: format!("https://{host}:{}", address.port()),
            ca_file,
            ..plain.clone()
        };
        Warehouse::new(Some(connection), Duration::from_secs(20))
    };
    let trusting = by_https("127.0.0.1", authority.file());
    trusting.migrate(&RETENTION).await.unwrap();
    trusting.ping().await.unwrap();
    assert_eq!(counts(&trusting).await, [0, 0, 0]);

    // Neither an unknown authority nor another host's certificate.
    assert!(by_https("127.0.0.1", PathBuf::new()).ping().await.is_err());
    assert!(by_https("localhost", authority.file()).ping().await.is_err());
    assert!(
        by_https("127.0.0.1", Authority::new().file())
            .ping()
            .await
            .is_err()
    );
}
