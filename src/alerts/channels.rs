//! Channels: how each kind of place is told.
//!
//! | kind | what is sent |
//! |---|---|
//! | webhook | JSON, signed by Standard Webhooks |
//! | Slack | text with coloured attachments, which Mattermost, Rocket.Chat and Discord (`/slack`) understand too |
//! | PagerDuty | an event of the Events API v2 for each notice |
//! | Alertmanager | alerts of its API v2 |
//! | e-mail | one mail with a text and an HTML part |
//!
//! Whatever a user has set as an address is called through `outbound` alone.

mod alertmanager;
mod email;
mod pager_duty;
mod slack;
mod verdict;
mod webhook;
mod words;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;
use uuid::Uuid;

use crate::config::SmtpConfig;
use crate::domain::account::ProjectId;
use crate::domain::alert::{Attempt, AttemptOutcome, Channel, Notice, Target};
use crate::outbound::{Answer, Call, CallError, Outbound};
use email::Mailer;

pub use email::MailError;
pub use verdict::Verdict;
pub use webhook::{check_webhook_secret, new_webhook_secret};

/// Longest that one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What is read of an answer; its status says whether the message was taken.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// What of a body that was sent the log keeps.
const SENT_BYTES_MAX: usize = 16 * 1_024;
/// What of an answer the log keeps.
const RECEIVED_BYTES_MAX: usize = 4 * 1_024;

/// A message for one channel: one or more notices, sent at once.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The same on each try.
    pub id: Uuid,
    /// To whom.
    pub channel: &'a Channel,
    /// What; at least one.
    pub notices: &'a [Notice],
    /// When it is sent, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What was sent and what came back, for the delivery log; without secrets.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Method and host, or who gets a mail.
    pub request_line: String,
    /// Headers, a line each.
    pub request_headers: String,
    /// The body, cut at 16 KiB.
    pub request_body: String,
    /// Status of the answer.
    pub status: Option<u32>,
    /// Headers of the answer, a line each, cut at 4 KiB.
    pub response_headers: String,
    /// Body of the answer, cut at 4 KiB.
    pub response_body: String,
    /// Why there was no answer.
    pub error: Option<String>,
    /// How long it took.
    pub took_ms: i64,
    /// What it means.
    pub verdict: Verdict,
}

impl Sent {
    /// Nothing could be sent, and nothing can until somebody sets it right; it is tried again all the same.
    #[must_use]
    pub fn not_sent(error: String) -> Self {
        Self {
            request_line: String::new(),
            request_headers: String::new(),
            request_body: String::new(),
            status: None,
            response_headers: String::new(),
            response_body: String::new(),
            error: Some(error.clone()),
            took_ms: 0,
            verdict: Verdict::Retry {
                after_ms: None,
                error,
            },
        }
    }
}

impl Sent {
    /// A line for the delivery log.
    #[must_use]
    pub fn into_attempt(
        self,
        message_id: Uuid,
        project_id: &ProjectId,
        channel_id: Uuid,
        number: u32,
        at_ms: i64,
        outcome: AttemptOutcome,
    ) -> Attempt {
        Attempt {
            id: Uuid::now_v7(),
            message_id,
            project_id: project_id.clone(),
            channel_id,
            number,
            at_ms,
            took_ms: self.took_ms,
            outcome,
            request_line: self.request_line,
            request_headers: self.request_headers,
            request_body: self.request_body,
            status: self.status,
            response_headers: self.response_headers,
            response_body: self.response_body,
            error: self.error,
        }
    }
}

/// A request that is ready to be sent.
struct Prepared {
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Names of headers whose values nobody may see.
    hidden: Vec<HeaderName>,
    body: Vec<u8>,
    /// What of the body the log shows, where that is not all of it.
    shown: Option<Vec<u8>>,
}

/// Sends messages. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Sender {
    outbound: Outbound,
    mailer: Option<Mailer>,
    timeout: Duration,
}

impl Sender {
    /// Through this door, and by the mail server of the settings.
    ///
    /// # Errors
    /// The settings of mail make no sense.
    pub fn new(smtp: &SmtpConfig, outbound: Outbound) -> Result<Self, MailError> {
        Ok(Self {
            outbound,
            mailer: Mailer::new(smtp)?,
            timeout: TIMEOUT,
        })
    }

    /// With another longest time of a call.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether mails can be sent.
    #[must_use]
    pub const fn can_mail(&self) -> bool {
        self.mailer.is_some()
    }

    /// Sends a message.
    pub async fn send(&self, message: &Message<'_>) -> Sent {
        let requests = match &message.channel.target {
            Target::Webhook { url, secrets } => vec![webhook::request(url, secrets, message)],
            Target::Slack { url } => vec![slack::request(url, message)],
            Target::PagerDuty { routing_key, url } => {
                let notices = message.notices.iter();
                let each = notices.map(|notice| pager_duty::request(routing_key, url.as_ref(), notice));
                each.collect()
            }
            Target::Alertmanager { url, authorization } => {
                vec![alertmanager::request(url, authorization.as_ref(), message)]
            }
            Target::Email { recipients } => {
                return email::send(self.mailer.as_ref(), recipients, message).await;
            }
        };
        let mut sent = Sent::not_sent("there is nothing to be told".to_owned());
        let mut took_ms = 0;
        for request in requests {
            sent = match request {
                Ok(request) => self.call(request).await,
                Err(error) => Sent {
                    verdict: Verdict::Refused { error: error.clone() },
                    ..Sent::not_sent(error)
                },
            };
            took_ms += sent.took_ms;
            // What was taken is known by its key, and taken again without harm.
            if sent.verdict != Verdict::Delivered {
                break;
            }
        }
        Sent { took_ms, ..sent }
    }

    async fn call(&self, request: Prepared) -> Sent {
        let Prepared {
            url,
            headers,
            hidden,
            body,
            shown,
        } = request;
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        all.extend(headers);
        let mut sent = Sent::not_sent(String::new());
        sent.request_line = format!("POST {}", shown_url(&url));
        sent.request_headers = lines(&all, &hidden, usize::MAX);
        sent.request_body = text(shown.as_deref().unwrap_or(&body), SENT_BYTES_MAX);
        let started = Instant::now();
        let answer = self
            .outbound
            .call_for_status(Call {
                purpose: "alerts",
                method: Method::POST,
                url: &url,
                headers: all,
                body: Bytes::from(body),
                answer_bytes_max: ANSWER_BYTES_MAX,
                timeout: self.timeout,
            })
            .await;
        sent.took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        sent.verdict = verdict::of(&answer);
        sent.error = match &sent.verdict {
            Verdict::Delivered => None,
            Verdict::Gone => Some("it answered 410".to_owned()),
            Verdict::Retry { error, .. } | Verdict::Refused { error } => Some(error.clone()),
        };
        if let Ok(answer) = &answer {
            sent.note(answer);
        }
        sent
    }
}

impl Sent {
    fn note(&mut self, answer: &Answer) {
        self.status = Some(answer.status.as_u16().into());
        self.response_headers = lines(&answer.headers, &[], RECEIVED_BYTES_MAX);
        self.response_body = text(&answer.body, RECEIVED_BYTES_MAX);
    }
}

/// What of an address may be shown: paths and queries hold secrets.
fn shown_url(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return "(no address)".to_owned();
    };
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!(
        "{}://{}{port}/…",
        url.scheme(),
        url.host_str().unwrap_or_default()
    )
}

/// Headers, a line each, at most so many bytes.
fn lines(headers: &HeaderMap, hidden: &[HeaderName], bytes_max: usize) -> String {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = if hidden.contains(name) {
            "…".into()
        } else {
            String::from_utf8_lossy(value.as_bytes())
        };
        format!("{name}: {value}\n")
    };
    let all: String = headers.iter().map(line).collect();
    text(all.as_bytes(), bytes_max)
}

/// Bytes as a text without NUL, cut.
fn text(bytes: &[u8], bytes_max: usize) -> String {
    let cut = &bytes[..bytes.len().min(bytes_max)];
    let mut text = String::from_utf8_lossy(cut).replace('\0', "\u{fffd}");
    // What stands in for bytes that are no text is longer than they.
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

/// Why a call that failed did.
fn reason(error: CallError) -> String {
    error.to_string()
}
