//! Someone else's web server: it says what a test tells it to, and counts who asked.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The server; it ends with this value.
pub(crate) struct ThirdParty {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    answer: Mutex<Vec<u8>>,
    visits: AtomicUsize,
    visit_heads: Mutex<Vec<String>>,
    visit_bodies: Mutex<Vec<Vec<u8>>>,
    is_over: AtomicBool,
}

impl ThirdParty {
    /// A server on loopback that answers 200 with this body.
    pub(crate) fn serving(body: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let of_thread = Arc::clone(&state);
        let thread = std::thread::spawn(move || serve(&listener, &of_thread));
        let server = Self {
            address,
            state,
            thread: Some(thread),
        };
        server.say("200 OK", "", body);
        server
    }

    /// Answers so from now on; `headers` are whole lines.
    pub(crate) fn say(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        );
        *self.state.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer.into_bytes();
    }

    /// An address of the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Requests so far.
    pub(crate) fn visits(&self) -> usize {
        self.state.visits.load(Ordering::SeqCst)
    }

    /// Heads of the requests so far, in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        let heads = self.state.visit_heads.lock();
        heads.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was posted so far; requests without a body left nothing.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        let bodies = self.state.visit_bodies.lock();
        bodies.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes away: connections are refused from now on.
    pub(crate) fn die(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // The listener looks at the flag after each connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for ThirdParty {
    fn drop(&mut self) {
        self.die();
    }
}

fn serve(listener: &TcpListener, state: &State) {
    for stream in listener.incoming().map_while(Result::ok) {
        if state.is_over.load(Ordering::SeqCst) {
            return;
        }
        let _ = answer(stream, state);
    }
}

fn answer(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_read_timeout(Some(super::wait::PATIENCE))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    state.visits.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let heads = state.visit_heads.lock();
    heads.unwrap_or_else(PoisonError::into_inner).push(head.clone());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    if let Some(length) = length.and_then(|length| length.trim().parse().ok()) {
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        let bodies = state.visit_bodies.lock();
        bodies.unwrap_or_else(PoisonError::into_inner).push(body);
    }
    let answer = state
        .answer
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    stream.write_all(&answer)
}
