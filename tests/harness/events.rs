//! One who listens to server-sent events.

use serde_json::Value;

use super::http::{Connection, Request};
use super::server::{ADMIN_TOKEN, Fresnel};

/// A stream that was answered with.
pub(crate) struct EventStream {
    connection: Connection,
    text: String,
}

/// An event.
pub(crate) struct Event {
    /// Empty where the event has none.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl EventStream {
    /// Listens, as the instance's owner.
    pub(crate) fn open(server: &Fresnel, path: &str, headers: &[(&str, &str)]) -> Self {
        let request = Request::get(path).header("authorization", format!("Bearer {ADMIN_TOKEN}"));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value));
        let mut connection = server.connect();
        let answer = connection
            .exchange(&request)
            .expect("an answer")
            .expect_status(200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let mut stream = Self {
            connection,
            text: String::new(),
        };
        let first = stream.message().expect("a first message");
        assert!(first.starts_with(": listening"), "{first}");
        stream
    }

    /// The next message, whole; none when the stream has ended.
    pub(crate) fn message(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let rest = self.text.split_off(end + 2);
                return Some(std::mem::replace(&mut self.text, rest));
            }
            let piece = self.connection.read_piece().expect("a piece");
            if piece.is_empty() {
                return None;
            }
            self.text.push_str(&piece);
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Event {
        loop {
            let message = self.message().expect("the stream goes on");
            if message.starts_with(':') {
                continue;
            }
            let line = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
            return Event {
                id: line("id: ").unwrap_or_default().to_owned(),
                name: line("event: ").expect("a name").to_owned(),
                data: serde_json::from_str(line("data: ").expect("data")).expect("JSON"),
            };
        }
    }
}
