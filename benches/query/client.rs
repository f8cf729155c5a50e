//! One connection that asks and times: what stands between the question and its answer is loopback and little else.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::service::ADMIN_TOKEN;

/// A question that takes longer is a failure.
const TIMEOUT: Duration = Duration::from_secs(60);
const HEADERS_MAX: usize = 64;

/// A kept connection.
pub(crate) struct Client {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, and how long it took from the first byte of the question to the last of the answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn is_good(&self) -> bool {
        self.status == 200
    }

    /// True when it was a kept one.
    pub(crate) fn was_kept(&self) -> bool {
        const MARK: &[u8] = b"\"cache_hit\":true";
        // It stands in `meta`, near the end.
        let end = &self.body[self.body.len().saturating_sub(1_000)..];
        end.windows(MARK.len()).any(|some| some == MARK)
    }

    /// The begin of the body, for a message.
    pub(crate) fn begin(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(300)]).into_owned()
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            address,
            stream,
            buffer: Vec::with_capacity(1 << 20),
        })
    }

    /// Asks.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ADMIN_TOKEN}\r\naccept: application/json\r\n\r\n",
            self.address
        );
        let started = Instant::now();
        self.stream.write_all(request.as_bytes())?;
        self.buffer.clear();
        loop {
            if let Some((status, body)) = whole(&self.buffer)? {
                let took = started.elapsed();
                return Ok(Answer { status, body, took });
            }
            let mut piece = [0; 65_536];
            let bytes = self.stream.read(&mut piece).context("no answer")?;
            if bytes == 0 {
                bail!("the connection ended within the answer to {path}");
            }
            self.buffer.extend_from_slice(&piece[..bytes]);
        }
    }
}

/// Status and body, when all of the answer is there.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<(u16, Vec<u8>)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_bytes) = head.parse(bytes)? else {
        return Ok(None);
    };
    let status = head.code.context("an answer has a status")?;
    let value = |name: &str| {
        let header = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let rest = &bytes[head_bytes..];
    if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Ok(unchunked(rest)?.map(|body| (status, body)));
    }
    let length: usize = value("content-length").unwrap_or("0").parse()?;
    Ok(rest.get(..length).map(|body| (status, body.to_vec())))
}

fn unchunked(mut rest: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut body = Vec::with_capacity(rest.len());
    loop {
        let Ok(httparse::Status::Complete((size_bytes, length))) = httparse::parse_chunk_size(rest) else {
            return Ok(None);
        };
        let length = usize::try_from(length)?;
        let Some(chunk) = rest.get(size_bytes..size_bytes + length) else {
            return Ok(None);
        };
        if length == 0 {
            return Ok(rest.len().ge(&(size_bytes + 2)).then_some(body));
        }
        body.extend_from_slice(chunk);
        let Some(after) = rest.get(size_bytes + length + 2..) else {
            return Ok(None);
        };
        rest = after;
    }
}
