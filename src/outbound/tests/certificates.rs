//! Whose certificates are believed.

use std::io::Write as _;
use std::net::TcpListener;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::task;

/// Serves https as `idp.example` with a certificate of an authority of its own; gives its port and the authority's
/// certificate in PEM.
fn serve_https() -> (u16, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["idp.example".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    task::spawn("https server", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
            let _ = stream.shutdown().await;
        }
    });
    (port, authority.pem())
}

fn door_with(ca_pem: &str, dns: &DnsServer) -> Outbound {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(ca_pem.as_bytes()).unwrap();
    let config = OutboundConfig {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        ca_file: file.path().to_owned(),
    };
    Outbound::with_names(&config, Arc::new(DnsNames::new(dns.address()))).unwrap()
}

#[tokio::test]
async fn a_certificate_is_believed_for_its_name_and_of_a_known_authority() {
    let (port, authority) = serve_https();
    let dns = DnsServer::start(|_, _| vec![Ipv4Addr::LOCALHOST.into()]);
    let url = format!("https://idp.example:{port}/");
    let trusting = door_with(&authority, &dns);
    assert_eq!(&trusting.call(get(&url)).await.unwrap().body[..], b"ok");

    let other_name = format!("https://other.example:{port}/");
    assert_eq!(trusting.call(get(&other_name)).await.unwrap_err(), CallError::Tls);
    let literal = format!("https://127.0.0.1:{port}/");
    assert_eq!(trusting.call(get(&literal)).await.unwrap_err(), CallError::Tls);
    let strict = door(&["127.0.0.0/8"], &dns);
    assert_eq!(strict.call(get(&url)).await.unwrap_err(), CallError::Tls);
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_so() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let outbound = door(&["127.0.0.0/8"], &DnsServer::start(|_, _| vec![]));
    assert_eq!(outbound.call(get(&url)).await.unwrap_err(), CallError::Tls);
}
