//! A receiver of webhooks: it notes what comes, and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::wait::PATIENCE;

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mood {
    /// It takes everything.
    Takes,
    /// Of some messages it fails the first try or two, which by their ids: it answers 500, or closes the connection. Not by the number
    /// of the request: tries of one message may come at one place of each row of requests.
    FailsAtRandom,
    /// It answers 500 to everything.
    Fails,
    /// It reads, and never answers.
    Hangs,
    /// It answers 200, and its answer does not end.
    NeverEnds,
}

/// A message that came.
#[derive(Clone, Debug)]
pub(super) struct Got {
    /// When.
    pub(super) at: Instant,
    /// Its `webhook-id`.
    pub(super) id: String,
    /// Its body.
    pub(super) body: Value,
    /// Whether it was answered 204.
    pub(super) is_taken: bool,
}

impl Got {
    /// What happened to which endpoint, of the only notice.
    pub(super) fn event(&self) -> (String, String) {
        let notice = &self.body["data"]["notices"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&notice["event"]), text(&notice["labels"]["api_endpoint"]))
    }
}

/// The receiver; it ends with this value.
pub(super) struct Hook {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hook {
    /// A receiver on loopback.
    pub(super) fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let (noted, over) = (Arc::clone(&got), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (noted, over) = (Arc::clone(&noted), Arc::clone(&over));
                let _detached = std::thread::spawn(move || {
                    let _ = take(&stream, mood, &noted, &over);
                });
            }
        });
        Self {
            address,
            got,
            is_over,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What came so far.
    pub(super) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn take(
    stream: &TcpStream,
    mood: Mood,
    noted: &Mutex<Vec<Got>>,
    is_over: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.clone_into(&mut id),
            "content-length" => length = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (fails, hangs_up) = match mood {
        Mood::Takes => (false, false),
        Mood::Fails => (true, false),
        Mood::Hangs | Mood::NeverEnds => (false, true),
        Mood::FailsAtRandom => fails_by(&id, noted),
    };
    if let Ok(body) = serde_json::from_slice(&body) {
        let mut got = noted.lock().unwrap_or_else(PoisonError::into_inner);
        got.push(Got {
            at: Instant::now(),
            id,
            body,
            is_taken: !fails && !hangs_up,
        });
    }
    match mood {
        Mood::Hangs => {
            // Until the other side gives up.
            let mut rest = Vec::new();
            return reader.read_to_end(&mut rest).map(drop);
        }
        Mood::NeverEnds => return never_end(stream, is_over),
        _ if hangs_up => return Ok(()),
        _ => {}
    }
    let status = if fails {
        "500 Internal Server Error"
    } else {
        "204 No Content"
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

/// Whether a try of this message is answered 500, and whether its connection is closed.
fn fails_by(id: &str, noted: &Mutex<Vec<Got>>) -> (bool, bool) {
    let got = noted.lock().unwrap_or_else(PoisonError::into_inner);
    let before = got.iter().filter(|one| one.id == id).count();
    // One message in eight, so that hardly ever five fail in a row: the breaker would keep all of them back for a minute.
    let failures = match id.bytes().last() {
        Some(b'0') => 1,
        Some(b'1') => 2,
        _ => 0,
    };
    let fails = before < failures;
    let closes = before == 0;
    (fails && !closes, fails && closes)
}

fn never_end(mut stream: &TcpStream, is_over: &AtomicBool) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
    while !is_over.load(Ordering::SeqCst) {
        stream.write_all(&[b'x'; 4_096])?;
    }
    Ok(())
}
