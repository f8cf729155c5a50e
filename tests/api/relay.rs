//! `/relay/{integration}/{path}` to a vendor that speaks HTTP/2, behind a certificate. What vendors do by HTTP/1.1 is looked at by
//! `tests/clients/relay.test.mjs`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use fresnel::task;
use h2::Reason;
use h2::server::SendResponse;
use http::Request;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use super::managing::{admin, call, text};
use crate::authority::Authority;
use crate::harness::{Fresnel, Options};

/// Calls at once: more than the relay opens connections to a vendor of HTTP/1.1.
const AT_ONCE: usize = 60;

/// What a vendor has seen.
struct Seen {
    connections: AtomicUsize,
    calls: AtomicUsize,
    /// Calls of `/together` are answered when all of them are there.
    together: Barrier,
}

async fn vendor(authority: &Authority) -> (SocketAddr, Arc<Seen>) {
    let (certificate, key) = authority.certify("localhost");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen {
        connections: AtomicUsize::new(0),
        calls: AtomicUsize::new(0),
        together: Barrier::new(AT_ONCE),
    });
    let known = Arc::clone(&seen);
    task::spawn("vendor", async move {
        while let Ok((stream, _)) = listener.accept().await {
            seen.connections.fetch_add(1, Ordering::Relaxed);
            task::spawn(
                "vendor connection",
                serve(acceptor.clone(), stream, Arc::clone(&seen)),
            );
        }
    });
    (address, known)
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, seen: Arc<Seen>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let number = seen.calls.fetch_add(1, Ordering::Relaxed);
        task::spawn("vendor call", answer(request, respond, number, Arc::clone(&seen)));
    }
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    number: usize,
    seen: Arc<Seen>,
) {
    match request.uri().path() {
        "/together" => {
            seen.together.wait().await;
        }
        "/breaks" if number.is_multiple_of(2) => return respond.send_reset(Reason::INTERNAL_ERROR),
        _ => {}
    }
    let (_, mut body) = request.into_parts();
    let mut length = 0;
    while let Some(Ok(piece)) = body.data().await {
        length += piece.len();
        let _ = body.flow_control().release_capacity(piece.len());
    }
    let mut stream = respond.send_response(http::Response::new(()), false).unwrap();
    stream.send_data(format!("read {length}").into(), true).unwrap();
}

#[test]
fn calls_to_a_vendor_that_speaks_http_2_share_a_connection_and_are_tried_again_as_any() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let authority = Authority::new();
    let (address, seen) = runtime.block_on(vendor(&authority));
    let server = Fresnel::start_unready(
        Options::new()
            .set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8")
            .set("FRESNEL_OUTBOUND__CA_FILE", authority.file().display())
            .set("FRESNEL_RELAY__HELD_BODY_MAX_BYTES", 65_536)
            .set("FRESNEL_QUOTA__EXTERNAL_PER_MINUTE", 0),
    );
    let integration = json!({
        "service": "custom",
        "slug": "h2",
        "name": "A modern vendor",
        "base_url": format!("https://localhost:{}", address.port()),
        "authorization": {"kind": "none"},
    });
    admin(&server, "POST", "/api/integrations", &integration);
    let key = json!({"kind": "server", "name": "product", "scopes": ["relay"]});
    let key = text(&admin(&server, "POST", "/api/keys", &key)["secret"]);
    let get = |path: &str| call(&server, &key, "GET", &format!("/relay/h2{path}"), &Value::Null);

    assert_eq!(get("/first").expect_status(200).text(), "read 0");
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let answer = get("/together").expect_status(200);
                assert_eq!(answer.header("x-fresnel-tries"), Some("1"));
            });
        }
    });
    assert_eq!(seen.connections.load(Ordering::Relaxed), 1);

    // Each other call is reset: what may be tried again goes well.
    for _ in 0..4 {
        let answer = get("/breaks").expect_status(200);
        let tries: usize = answer.header("x-fresnel-tries").unwrap().parse().unwrap();
        assert!(tries <= 2, "{tries}");
    }
    let long = json!({ "text": "x".repeat(1_000_000) });
    let sent = call(&server, &key, "POST", "/relay/h2/upload", &long).expect_status(200);
    assert_eq!(sent.text(), format!("read {}", long.to_string().len()));
}
