//! Whoever is told by HTTP: it answers as a test tells it to, and keeps what it was sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::harness::wait::PATIENCE;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Method and path.
    pub(crate) line: String,
    /// By names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// How it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With a status, further lines of the head, and a body.
    Whole(u16, &'static str, String),
    /// Never.
    Hang,
    /// With a body that has no end.
    Endless,
}

/// The receiver; it ends with this value.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    /// The last one is given again and again.
    answers: Mutex<Vec<Answer>>,
    received: Mutex<Vec<Received>>,
    is_over: AtomicBool,
}

impl Receiver {
    /// One on loopback that answers so.
    pub(crate) fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            answers: Mutex::new(vec![answer]),
            received: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&state);
        let thread = std::thread::spawn(move || serve(&listener, &of_thread));
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    /// One that answers with this status and nothing else.
    pub(crate) fn of_status(status: u16) -> Self {
        Self::answering(Answer::Whole(status, "", String::new()))
    }

    /// Answers so from now on, one after the other; the last one for good.
    pub(crate) fn say(&self, answers: Vec<Answer>) {
        *self.state.answers.lock().unwrap() = answers;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// The one request.
    #[track_caller]
    pub(crate) fn only(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // The listener looks at the flag after each connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, state: &State) {
    let mut held = Vec::new();
    for stream in listener.incoming().map_while(Result::ok) {
        if state.is_over.load(Ordering::SeqCst) {
            return;
        }
        let _ = take(stream, state, &mut held);
    }
}

fn take(mut stream: TcpStream, state: &State, held: &mut Vec<TcpStream>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    state.received.lock().unwrap().push(Received {
        line: line.trim_end().trim_end_matches(" HTTP/1.1").to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    });
    let answer = {
        let mut answers = state.answers.lock().unwrap();
        if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        }
    };
    match answer {
        Answer::Whole(status, head, body) => {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{head}\r\n{body}"
            )
        }
        Answer::Hang => {
            held.push(stream);
            Ok(())
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")?;
            loop {
                write!(stream, "1000\r\n{}\r\n", "x".repeat(0x1000))?;
            }
        }
    }
}
