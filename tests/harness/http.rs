//! A small blocking HTTP/1.1 client that never retries, pools or repairs anything: what a test writes is what
//! goes over the wire.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::wait::PATIENCE;

/// A request under construction.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A POST with a body.
    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path).body(body)
    }

    /// A GET.
    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body; its length is sent.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The bytes on the wire.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut wire =
            format!("{} {} HTTP/1.1\r\nhost: fresnel.test\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            wire.extend_from_slice(name.as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value);
            wire.extend_from_slice(b"\r\n");
        }
        if !self.body.is_empty() || self.method == "POST" {
            wire.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(&self.body);
        wire
    }
}

/// What the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text, invalid UTF-8 replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(json) => json,
            Err(error) => panic!(
                "{} with a body that is no JSON ({error}): {}",
                self.status,
                self.text()
            ),
        }
    }

    /// Checks the status.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// `code` of an error's envelope.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// `details` of an error's envelope as `(field, code)`.
    #[track_caller]
    pub(crate) fn details(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.json()["details"]
            .as_array()
            .map(|details| {
                details
                    .iter()
                    .map(|d| (text(&d["field"]), text(&d["code"])))
                    .collect()
            })
            .unwrap_or_default()
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    patience: Duration,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
            patience: PATIENCE,
        })
    }

    /// Sets how long an answer, or a write, may take.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(self.patience))?;
        self.stream.write_all(bytes)
    }

    /// Says that nothing more will be written.
    pub(crate) fn close_writing(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Sends a request and reads its answer; the connection can be used again.
    pub(crate) fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        self.write(&request.encode())?;
        self.read_answer()
    }

    /// Reads the next piece of a chunked body, as a text; empty at its end.
    pub(crate) fn read_piece(&mut self) -> io::Result<String> {
        let deadline = Instant::now() + self.patience;
        let line = self.take_line(deadline)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let piece = self.take(size, deadline)?;
        self.take_line(deadline)?;
        String::from_utf8(piece).map_err(io::Error::other)
    }

    /// Reads one answer, passing over `1xx` ones. Of events that go on and on only the head is read.
    pub(crate) fn read_answer(&mut self) -> io::Result<Answer> {
        let deadline = Instant::now() + self.patience;
        loop {
            let (mut answer, framing) = self.read_head(deadline)?;
            if (100..200).contains(&answer.status) {
                continue;
            }
            answer.body = self.read_body(framing, deadline)?;
            return Ok(answer);
        }
    }

    /// Reads until the server closes; true when it did before the deadline.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.fill(deadline) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
            }
        }
    }

    fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut chunk = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                // A read with a timeout is not resumed after the test process was suspended.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(length) => {
                    self.received.extend_from_slice(&chunk[..length]);
                    return Ok(length);
                }
            }
        }
    }

    fn fill_or_eof(&mut self, deadline: Instant) -> io::Result<()> {
        match self.fill(deadline)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn read_head(&mut self, deadline: Instant) -> io::Result<(Answer, Framing)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Response::new(&mut headers);
            let parsed = head.parse(&self.received).map_err(io::Error::other)?;
            if let httparse::Status::Complete(length) = parsed {
                let answer = Answer {
                    status: head.code.unwrap_or_default(),
                    headers: head
                        .headers
                        .iter()
                        .map(|h| {
                            (
                                h.name.to_lowercase(),
                                String::from_utf8_lossy(h.value).into_owned(),
                            )
                        })
                        .collect(),
                    body: Vec::new(),
                };
                self.received.drain(..length);
                let framing = Framing::of(&answer);
                return Ok((answer, framing));
            }
            self.fill_or_eof(deadline)?;
        }
    }

    fn read_body(&mut self, framing: Framing, deadline: Instant) -> io::Result<Vec<u8>> {
        match framing {
            Framing::Length(length) => self.take(length, deadline),
            Framing::UntilClosed => {
                while self.fill(deadline)? > 0 {}
                Ok(std::mem::take(&mut self.received))
            }
            Framing::Chunked => {
                let mut body = Vec::new();
                loop {
                    let line = self.take_line(deadline)?;
                    let size = line.split(';').next().unwrap_or_default().trim().to_owned();
                    let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
                    body.extend(self.take(size, deadline)?);
                    self.take_line(deadline)?;
                    if size == 0 {
                        return Ok(body);
                    }
                }
            }
        }
    }

    fn take(&mut self, length: usize, deadline: Instant) -> io::Result<Vec<u8>> {
        while self.received.len() < length {
            self.fill_or_eof(deadline)?;
        }
        Ok(self.received.drain(..length).collect())
    }

    fn take_line(&mut self, deadline: Instant) -> io::Result<String> {
        loop {
            if let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.received.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(io::Error::other);
            }
            self.fill_or_eof(deadline)?;
        }
    }
}

enum Framing {
    Length(usize),
    Chunked,
    UntilClosed,
}

impl Framing {
    fn of(answer: &Answer) -> Self {
        if answer.header("content-type") == Some("text/event-stream") {
            return Self::Length(0);
        }
        if answer.status == 204 || answer.status == 304 || answer.status < 200 {
            return Self::Length(0);
        }
        if answer
            .header("transfer-encoding")
            .is_some_and(|encoding| encoding.to_lowercase().contains("chunked"))
        {
            return Self::Chunked;
        }
        answer
            .header("content-length")
            .and_then(|length| length.parse().ok())
            .map_or(Self::UntilClosed, Self::Length)
    }
}

/// Sends one request over a connection of its own.
pub(crate) fn send(address: SocketAddr, request: &Request) -> io::Result<Answer> {
    Connection::open(address)?.exchange(request)
}
