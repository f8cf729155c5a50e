//! Asking a vendor for what is new.
//!
//! The question names what the vendor said last (`If-None-Match`, `If-Modified-Since`; RFC 9110, 13.1), so that it can say in a word that
//! there is nothing new. For vendors that name no versions the sum of what they say is compared.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use super::Integrations;
use super::ask::{Said, Silent, outcome_of};
use crate::domain::integration::{ContactOutcome, Integration, PollOutcome, PollState};

/// What of an answer is read: more of it says nothing more about whether it is new, but for what follows.
const ANSWER_BYTES_MAX: usize = 1_024 * 1_024;
/// Longest text that is kept of a vendor's.
const TEXT_BYTES_MAX: usize = 1_000;

/// What came of a poll.
#[derive(Debug)]
pub struct Polled {
    /// Whether there is something new.
    pub outcome: PollOutcome,
    /// The contact: how it ended, with which status, and how long it took. None when there was no call.
    pub contact: Option<(ContactOutcome, u16, Duration)>,
    /// Path and query that were asked for.
    pub path: String,
    /// What is new.
    pub news: Option<Bytes>,
}

impl Integrations {
    /// What polls ask for: the service's probe, which shows what there is, or the integration's address.
    fn poll_path(&self, integration: &Integration) -> String {
        let effective = self.effective(integration);
        let of_probe = effective.probe.map(|probe| probe.path);
        effective.poll_path.or(of_probe).unwrap_or_else(|| "/".to_owned())
    }

    /// Asks once, and notes in the state what was said.
    pub async fn poll(&self, integration: &Integration, state: &mut PollState) -> Polled {
        let path = self.poll_path(integration);
        let mut further = HeaderMap::new();
        let known = [
            (IF_NONE_MATCH, &state.etag),
            (IF_MODIFIED_SINCE, &state.last_modified),
        ];
        for (name, known) in known {
            if let Some(value) = known.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
                further.insert(name, value);
            }
        }
        let asked = self
            .ask("poll", integration, &path, further, ANSWER_BYTES_MAX)
            .await;
        let contact = outcome_of(&asked);
        let (outcome, news) = read(state, asked);
        Polled {
            outcome,
            contact,
            path,
            news,
        }
    }
}

/// Whether an answer is new, and what is remembered of it.
fn read(state: &mut PollState, asked: Result<Said, Silent>) -> (PollOutcome, Option<Bytes>) {
    let said = match asked {
        Ok(said) => said,
        Err(silent) => {
            state.error = Some(silent.to_string());
            return (PollOutcome::Failed(None), None);
        }
    };
    if said.status == StatusCode::NOT_MODIFIED {
        state.error = None;
        return (PollOutcome::Same, None);
    }
    if !said.status.is_success() {
        state.error = Some(format!("it answered with status {}", said.status.as_u16()));
        return (PollOutcome::Failed(wait_of(&said.headers)), None);
    }
    let text = |name| {
        let value: Option<&HeaderValue> = said.headers.get(name);
        let text = value.and_then(|value| value.to_str().ok());
        text.filter(|text| text.len() <= TEXT_BYTES_MAX)
            .map(str::to_owned)
    };
    let sum = Sha256::digest(&said.body)
        .iter()
        .fold(String::new(), |mut sum, byte| {
            let _ = write!(sum, "{byte:02x}");
            sum
        });
    let is_first = state.content_sum.is_none();
    let is_same = state.content_sum.as_ref() == Some(&sum);
    state.error = None;
    state.etag = text(ETAG);
    state.last_modified = text(LAST_MODIFIED);
    state.content_sum = Some(sum);
    match is_same || is_first {
        // What there was before anybody asked is no news.
        true => (PollOutcome::Same, None),
        false => (PollOutcome::Changed, Some(said.body)),
    }
}

/// The pause that an answer asks for, in seconds; dates are as good as none.
fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, etag: Option<&'static str>, body: &'static str) -> Result<Said, Silent> {
        let mut headers = HeaderMap::new();
        if let Some(etag) = etag {
            headers.insert(ETAG, HeaderValue::from_static(etag));
        }
        Ok(Said {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
            took: Duration::ZERO,
        })
    }

    #[test]
    fn only_what_was_not_said_before_is_new() {
        let mut state = PollState::default();
        for (answer, expected) in [
            (said(200, Some("\"1\""), "[1]"), PollOutcome::Same),
            (said(304, None, ""), PollOutcome::Same),
            (said(200, Some("\"2\""), "[1]"), PollOutcome::Same),
            (said(200, Some("\"3\""), "[1,2]"), PollOutcome::Changed),
            (said(500, None, "oh"), PollOutcome::Failed(None)),
            (said(200, None, "[1,2]"), PollOutcome::Same),
        ] {
            assert_eq!(read(&mut state, answer).0, expected, "{state:?}");
        }
        assert_eq!(state.etag, None, "one that is no more is not named again");
        let failed = Err(Silent::NoCall("no credential".into()));
        assert_eq!(read(&mut state, failed).0, PollOutcome::Failed(None));
        assert_eq!(state.error.as_deref(), Some("no credential"));
    }
}
