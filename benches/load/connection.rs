//! One keep-alive connection with at most one request on its way.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// Headers that an answer may have.
const HEADERS_MAX: usize = 32;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A request that has not been answered yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outstanding {
    /// When the request was due: latency counts from here, also when it went out later.
    pub(crate) intended: Instant,
    pub(crate) event_id: Uuid,
}

/// What came of reading from a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// The answer is not whole yet.
    Nothing,
    /// One whole answer.
    Answer(Answer),
    /// The server has closed the connection.
    Closed,
    /// Bytes that are no answer of a kind that the generator knows.
    Garbled,
}

/// A whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Length of head and body.
    pub(crate) bytes: usize,
    /// The server will close the connection.
    pub(crate) last: bool,
}

/// One connection; it may be down for a while.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Rest of a request that the socket did not take at once.
    unsent: Vec<u8>,
    /// Beginning of an answer that has not come whole.
    received: Vec<u8>,
    pub(crate) outstanding: Option<Outstanding>,
}

impl Connection {
    /// Connects and makes the socket non-blocking.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            unsent: Vec::new(),
            received: Vec::new(),
            outstanding: None,
        })
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a request. True when the socket took all of it; otherwise [`Connection::send_rest`] must be
    /// called once the socket is writable.
    pub(crate) fn send(&mut self, request: &[u8], outstanding: Outstanding) -> io::Result<bool> {
        debug_assert!(self.outstanding.is_none(), "one request at a time");
        self.outstanding = Some(outstanding);
        let taken = match self.stream.write(request) {
            Ok(taken) => taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.unsent.extend_from_slice(&request[taken..]);
        Ok(self.unsent.is_empty())
    }

    /// Sends what is left of the request; true when nothing is left.
    pub(crate) fn send_rest(&mut self) -> io::Result<bool> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(taken) => drop(self.unsent.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads once. `scratch` is shared by all connections: an answer that comes whole is never copied.
    pub(crate) fn receive(&mut self, scratch: &mut [u8]) -> Received {
        let length = match self.stream.read(scratch) {
            Ok(0) => return Received::Closed,
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Received::Nothing;
            }
            Err(_) => return Received::Closed,
        };
        let parsed = if self.received.is_empty() {
            parse(&scratch[..length])
        } else {
            self.received.extend_from_slice(&scratch[..length]);
            parse(&self.received)
        };
        match parsed {
            Received::Nothing if self.received.is_empty() => {
                self.received.extend_from_slice(&scratch[..length]);
            }
            Received::Answer(answer) => {
                // More bytes than one answer to one request: they belong to nothing.
                let whole = if self.received.is_empty() {
                    length
                } else {
                    self.received.len()
                };
                self.received.clear();
                if whole > answer.bytes {
                    return Received::Garbled;
                }
            }
            _ => {}
        }
        parsed
    }
}

/// Reads an HTTP/1.1 answer with a `content-length`; the generator's servers send no other.
fn parse(bytes: &[u8]) -> Received {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let head_bytes = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Received::Nothing,
        Err(_) => return Received::Garbled,
    };
    let mut body_bytes = None;
    let mut last = false;
    for header in head.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            body_bytes = std::str::from_utf8(header.value)
                .ok()
                .and_then(|text| text.trim().parse::<usize>().ok());
        } else if header.name.eq_ignore_ascii_case("connection") {
            last = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let (Some(status), Some(body_bytes)) = (head.code, body_bytes) else {
        return Received::Garbled;
    };
    if bytes.len() < head_bytes + body_bytes {
        return Received::Nothing;
    }
    Received::Answer(Answer {
        status,
        bytes: head_bytes + body_bytes,
        last,
    })
}
