//! Outbound: the one door to addresses that users supply.
//!
//! ```text
//! save:  Outbound::check(url)                     is it a plain web address, and not of this house?
//! call:  Outbound::call(Call) ─► check again ─► name ─► addresses ─► each checked ─► connection ─► answer, bounded
//! ```
//!
//! Whoever may save a URL here could otherwise make Fresnel speak to what only Fresnel can reach: the database beside
//! it, a cloud's metadata service, a printer. So
//!
//! - **connections go to public addresses only**, and to the networks of `outbound.allow_networks`. What is connected to
//!   is the address that was looked at, never a name, so an answer of DNS that changes between look and connection
//!   changes nothing. Addresses in URLs take the same way as names.
//! - **`https` to the internet**, with the system's roots and `outbound.ca_file`; `http` to allowed networks only.
//! - **no redirects, no proxies, no cookies, no credentials in URLs**: the client has none of them. A redirect is an
//!   answer with status 3xx.
//! - **answers are bounded** in bytes and, with everything before them, in time. They are asked for uncompressed and
//!   never inflated.
//!
//! Connections are not kept, but for the relay's ([`Outbound::send`]). `docs/adr/0008-outbound.md` tells why it is built so.

mod address;
mod body;
mod connect;
mod guard;
mod names;
mod pooled;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use metrics::counter;

use crate::config::OutboundConfig;
use crate::metric_definitions::OUTBOUND_CALLS;
use crate::tls::{self, TlsError};

use connect::{ConnectError, Connector};
use guard::Guard;
use names::{Names, SystemNames};

pub use address::Special;
pub use body::{OutgoingBody, Piece};
pub use guard::Refusal;

const OUR_NAME: &str = concat!("fresnel/", env!("CARGO_PKG_VERSION"));

/// A request to an address of a user's.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// What it is for; a label of the counter, so one of few.
    pub purpose: &'static str,
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: &'a str,
    /// Headers beside those that every call has.
    pub headers: HeaderMap,
    /// The body; empty: none.
    pub body: Bytes,
    /// Longest body of the answer.
    pub answer_bytes_max: usize,
    /// Time in which the whole answer must be there.
    pub timeout: Duration,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Bytes,
}

/// Why there is no answer. The texts may be shown to whoever set the URL: they hold nothing that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The guard refused; nothing was connected to.
    #[error("the address {0}")]
    Refused(#[from] Refusal),
    /// The name means nothing.
    #[error("the host's name has no address")]
    NoSuchName,
    /// Nobody took the connection.
    #[error("the host takes no connection")]
    Unreachable,
    /// The certificate is not believed, or the other side speaks another TLS.
    #[error("the host's certificate is not trusted, or it does not speak TLS")]
    Tls,
    /// The answer was not there in time.
    #[error("there was no whole answer within {0:?}")]
    TimedOut(Duration),
    /// The answer's body is too long.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The connection broke, or the answer was no HTTP.
    #[error("the answer broke off, or is no HTTP")]
    Broken,
}

impl CallError {
    /// Its name, for counters and measurements.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::NoSuchName => "no_such_name",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::TimedOut(_) => "timed_out",
            Self::TooLarge(_) => "too_large",
            Self::Broken => "broken",
        }
    }
}

/// What becomes of a body beyond its limit.
#[derive(Clone, Copy)]
enum Rest {
    /// The answer is worth nothing.
    Refused,
    /// It is not read.
    Unread,
}

/// The door. A clone is cheap and is the same.
#[derive(Clone)]
pub struct Outbound {
    guard: Arc<Guard>,
    client: HttpClient<HttpsConnector<Connector>, Full<Bytes>>,
    pool: pooled::Pool,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl Outbound {
    /// With the system's names.
    ///
    /// # Errors
    /// The file of certificates cannot be used.
    pub fn new(config: &OutboundConfig) -> Result<Self, TlsError> {
        Self::with_names(config, Arc::new(SystemNames::new()))
    }

    fn with_names(config: &OutboundConfig, names: Arc<dyn Names>) -> Result<Self, TlsError> {
        let guard = Arc::new(Guard::new(config.allow_networks.clone()));
        let connector = Connector {
            guard: Arc::clone(&guard),
            names,
        };
        let tls = tls::client_config(&config.ca_file)?;
        let pool = pooled::pool(tls.clone(), connector.clone());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = HttpClient::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self { guard, client, pool })
    }

    /// What can be said of a URL without asking for names; for the moment when it is saved.
    ///
    /// # Errors
    /// Why it would not be called.
    pub fn check(&self, url: &str) -> Result<(), Refusal> {
        self.guard.check_url(url).map(|_| ())
    }

    /// Sends a request and gives the whole answer.
    ///
    /// # Errors
    /// There is none, or it breaks a limit.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        self.call_in_time(call, Rest::Refused).await
    }

    /// The same for callers to whom the status says it all: a body that is longer than its limit, or breaks off, is cut there.
    ///
    /// # Errors
    /// There is no answer, or not within its time.
    pub async fn call_for_status(&self, call: Call<'_>) -> Result<Answer, CallError> {
        self.call_in_time(call, Rest::Unread).await
    }

    async fn call_in_time(&self, call: Call<'_>, rest: Rest) -> Result<Answer, CallError> {
        let (purpose, timeout) = (call.purpose, call.timeout);
        let outcome = match tokio::time::timeout(timeout, self.call_unbounded(call, rest)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::TimedOut(timeout)),
        };
        let name = outcome.as_ref().map_or_else(|error| error.name(), |_| "answered");
        counter!(OUTBOUND_CALLS, "purpose" => purpose, "outcome" => name).increment(1);
        outcome
    }

    async fn call_unbounded(&self, call: Call<'_>, rest: Rest) -> Result<Answer, CallError> {
        // Settings may have changed since the URL was saved, and a port or a scheme is not seen at the connection.
        let mut url = self.guard.check_url(call.url)?;
        url.set_fragment(None);
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| Refusal::NotAUrl)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.extend(call.headers);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));

        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| failure(&error))?;
        let (head, mut body) = answer.into_parts();
        let bytes_max = call.answer_bytes_max;
        let body = match rest {
            Rest::Refused => {
                if announced_bytes(&head.headers).is_some_and(|bytes| bytes > bytes_max as u64) {
                    return Err(CallError::TooLarge(bytes_max));
                }
                let whole = Limited::new(body, bytes_max).collect().await;
                whole.map_err(|error| not_whole(&*error, bytes_max))?.to_bytes()
            }
            Rest::Unread => {
                let mut read = BytesMut::new();
                while read.len() < bytes_max
                    && let Some(Ok(frame)) = body.frame().await
                {
                    read.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes.as_ref()));
                }
                read.truncate(bytes_max);
                read.freeze()
            }
        };
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

/// Why a body is not there as a whole.
fn not_whole(error: &(dyn std::error::Error + 'static), bytes_max: usize) -> CallError {
    if error.is::<LengthLimitError>() {
        CallError::TooLarge(bytes_max)
    } else {
        CallError::Broken
    }
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What a failure of the HTTP client comes from.
fn failure(error: &(dyn std::error::Error + 'static)) -> CallError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<ConnectError>() {
            return match error {
                ConnectError::Refused(refusal) => CallError::Refused(*refusal),
                ConnectError::NoSuchName => CallError::NoSuchName,
                ConnectError::Unreachable => CallError::Unreachable,
            };
        }
        if error.is::<rustls::Error>() {
            return CallError::Tls;
        }
        // An I/O error hides what is in it from `source`.
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    CallError::Broken
}
