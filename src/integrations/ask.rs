//! One question to a vendor that changes nothing: what probes, polls and trials are made of.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::tokens::NoCredential;
use super::{Integrations, call};
use crate::domain::integration::{ContactOutcome, Integration};
use crate::outbound::{CallError, OutgoingBody, Refusal};

/// Longest time until the answer is there.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
const OUR_NAME: HeaderValue = HeaderValue::from_static(concat!("Fresnel/", env!("CARGO_PKG_VERSION")));

/// What a vendor said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body, cut at the limit that was given.
    pub(super) body: Bytes,
    /// Time until the head was there.
    pub(super) took: Duration,
}

/// Why a vendor said nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Silent {
    /// There could be no call.
    #[error("{0}")]
    NoCall(String),
    /// The vendor gives no access token.
    #[error("no access token is to be had from the integration's token_url")]
    TokenRefused,
    /// There was no answer.
    #[error("{error}")]
    NoAnswer {
        /// Why.
        error: CallError,
        /// After which time.
        took: Duration,
    },
}

impl Integrations {
    /// Asks with `GET`. Connections are kept for the next question.
    pub(super) async fn ask(
        &self,
        purpose: &'static str,
        integration: &Integration,
        path: &str,
        further: HeaderMap,
        bytes_max: usize,
    ) -> Result<Said, Silent> {
        let no_call = |error: String| Silent::NoCall(error);
        let effective = self.effective(integration);
        let credential = self.credential(integration, &effective).await;
        let credential = credential.map_err(|error| match error {
            NoCredential::NoToken => Silent::TokenRefused,
            NoCredential::Unreadable(error) => no_call(error.to_string()),
        })?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let out = call::outgoing(&effective, credential.as_ref(), path, query);
        let out = out.map_err(|error| no_call(error.to_string()))?;
        let mut request = Request::new(OutgoingBody::Whole(Bytes::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = out
            .url
            .parse()
            .map_err(|_| no_call(Refusal::NotAUrl.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(http::header::USER_AGENT, OUR_NAME);
        headers.extend(out.headers);
        headers.extend(further);
        let started = Instant::now();
        let asked = async {
            let answer = self.outbound().send(purpose, request).await?;
            let took = started.elapsed();
            let (head, body) = answer.into_parts();
            Ok(Said {
                status: head.status,
                headers: head.headers,
                body: read(body, bytes_max).await,
                took,
            })
        };
        let said = tokio::time::timeout(TIMEOUT, asked).await;
        let said = said.unwrap_or(Err(CallError::TimedOut(TIMEOUT)));
        said.map_err(|error| Silent::NoAnswer {
            error,
            took: started.elapsed(),
        })
    }
}

/// What of a body is there up to its limit, or until it breaks off.
async fn read(mut body: Incoming, bytes_max: usize) -> Bytes {
    let mut read = BytesMut::new();
    while read.len() < bytes_max
        && let Some(Ok(frame)) = body.frame().await
    {
        read.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes.as_ref()));
    }
    read.truncate(bytes_max);
    read.freeze()
}

/// How a question ended, as contacts have it; none when there was no call.
pub(super) fn outcome_of(said: &Result<Said, Silent>) -> Option<(ContactOutcome, u16, Duration)> {
    match said {
        Ok(said) => {
            let status = said.status.as_u16();
            Some((ContactOutcome::of_status(status), status, said.took))
        }
        Err(Silent::NoCall(_)) => None,
        Err(Silent::TokenRefused) => Some((ContactOutcome::Unreachable, 0, Duration::ZERO)),
        // Our own rules, not the vendor.
        Err(Silent::NoAnswer {
            error: CallError::Refused(_),
            ..
        }) => None,
        Err(Silent::NoAnswer { error, took }) => {
            let outcome = match error {
                CallError::TimedOut(_) => ContactOutcome::TimedOut,
                _ => ContactOutcome::Unreachable,
            };
            Some((outcome, 0, *took))
        }
    }
}
