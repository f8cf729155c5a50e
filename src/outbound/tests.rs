//! The door, tried from outside: hostile URLs, names that change their meaning, answers without end.

mod answers;
mod certificates;
mod dns;
mod hostile;
mod rebinding;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use dns::{DnsNames, DnsServer};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A door that lets these networks in, and asks this server for names.
fn door(networks: &[&str], dns: &DnsServer) -> Outbound {
    let config = OutboundConfig {
        allow_networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
        ..OutboundConfig::default()
    };
    Outbound::with_names(&config, Arc::new(DnsNames::new(dns.address()))).unwrap()
}

fn get(url: &str) -> Call<'_> {
    Call {
        purpose: "test",
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        answer_bytes_max: 64 * 1_024,
        timeout: PATIENCE,
    }
}

/// A listener on loopback that must not be reached.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// True when someone has connected since the last time. The system completes connections by itself, so whoever
    /// has connected waits here.
    fn was_reached(&self) -> bool {
        self.0.accept().is_ok()
    }
}

/// A server on loopback that writes the same to everyone, and counts them.
struct Server {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

impl Server {
    fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::with(move |mut stream| {
            let _ = stream.write_all(&answer);
        })
    }

    fn with(serve: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visits);
        // Ends with the process: nobody is left to connect then.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::Relaxed);
                read_head(&stream);
                serve(stream);
            }
        });
        Self { address, visits }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }
}

/// Reads up to the end of a request's head, so that closing resets nothing that is under way.
fn read_head(mut stream: &TcpStream) -> Vec<u8> {
    use std::io::Read as _;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.extend_from_slice(&byte);
    }
    head
}

#[tokio::test]
async fn an_allowed_network_is_reached_and_nothing_else_on_the_way() {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    let outbound = door(&["127.0.0.0/8"], &DnsServer::start(|_, _| vec![]));
    let answer = outbound.call(get(&server.url())).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"hi"[..]));
    assert_eq!(server.visits(), 1);
}
