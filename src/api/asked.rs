//! What is known of a request by the time that it is answered: whose it is, and how the quota of its sender stands.
//! Who finds it out notes it in the request; the log line of a refusal and the headers of the answer tell it.

use actix_web::{HttpMessage as _, HttpRequest};

use crate::control::sha256;
use crate::quota::Decision;

/// Longest text of a client's own that the log holds.
const TEXT_CHARS_MAX: usize = 200;

/// See the file's comment. None of it is a secret, nor an address.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// Id of the user or of the key, or the subject of a verified token.
    pub(super) user: Option<String>,
    /// What tells the session of a dashboard, or of a beacon, from others.
    pub(super) session: Option<String>,
    /// Network that has shown wrong credentials.
    pub(super) network: Option<String>,
    /// What the quota of requests says.
    pub(super) decision: Option<Decision>,
}

/// Notes something of a request.
pub(super) fn note(request: &HttpRequest, change: impl FnOnce(&mut Asked)) {
    let mut extensions = request.extensions_mut();
    if let Some(asked) = extensions.get_mut() {
        change(asked);
    } else {
        let mut asked = Asked::default();
        change(&mut asked);
        extensions.insert(asked);
    }
}

/// What the quota of requests has said, if it was asked.
pub(super) fn decision(request: &HttpRequest) -> Option<Decision> {
    request.extensions().get::<Asked>()?.decision
}

/// What is noted of a request.
pub(super) fn of(request: &HttpRequest) -> Asked {
    request.extensions().get::<Asked>().cloned().unwrap_or_default()
}

/// An id of the product's own, a subject or a session, as the log may name it. A product may take e-mail addresses for
/// ids; of those only a sum is named, by which lines of the same user are found.
pub(super) fn id(id: &str) -> String {
    if id.contains('@') {
        let sum = sha256(id);
        let digits = sum.iter().take(6).map(|byte| format!("{byte:02x}"));
        format!("sha256:{}", digits.collect::<String>())
    } else {
        cut(id)
    }
}

/// A text of a client's own, as the log may hold it: not longer than needed. (That it cannot begin a line of its own,
/// the log's format sees to.)
pub(super) fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
