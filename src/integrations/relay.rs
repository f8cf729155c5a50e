//! The relay: a product's calls to its vendors, on their way through Fresnel.
//!
//! ```text
//! call ─► known by its key, or still held? ─► breaker ─► limit (waits for its turn) ─► a place ─► outbound ─► vendor
//!              │ yes                             │ open        │ no turn in time         ▲     │
//!              ▼                                 ▼             ▼                         └─────┘ transient, and
//!        answer of before                    refused        refused                        harmless twice: once more
//! ```
//!
//! # Guarantees
//! 1. A call that is not idempotent and has no key by which the vendor knows it again reaches the vendor at most once.
//! 2. Under one key one call is made; who sends it again within a day gets the same answer, who sends another one is refused.
//! 3. In no rolling window more calls leave this node than the vendor takes.
//! 4. Nothing takes longer than the deadline until the head of the answer is there.
//! 5. Memory is bounded: bodies of calls, answers that are kept, calls at once.

mod failure;
mod headers;
mod kept;
mod message;
mod retry;
mod tries;
mod vendor;
mod window;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::HeaderName;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::Integrations;
use super::call;
use super::tokens::NoCredential;
use crate::breaker::{Limits, Outcome, State};
use crate::config::{BreakerConfig, RelayConfig};
use crate::domain::integration::{ContactOutcome, Effective, Integration};
use crate::outbound::CallError;

pub use failure::{Incomplete, RelayError};
pub use message::{Origin, RelayAnswer, RelayBody, RelayCall, Report};
pub use vendor::Retrying;

use kept::{Kept, KeptAnswer, Key};
use retry::{Backoff, Tried};
use tries::Ready;
use vendor::Vendors;

/// Longest body of an answer that is kept.
const KEPT_BODY_BYTES_MAX: usize = 1_024 * 1_024;
/// Longest key by which a vendor knows a call again.
const KEY_BYTES_MAX: usize = 255;

/// The relay. A clone is cheap and is the same.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    integrations: Integrations,
    is_enabled: bool,
    vendors: Vendors,
    kept: Kept,
    backoff: Backoff,
    tries_max: u32,
    deadline: Duration,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Relay {
    /// With these integrations, and nothing known of their vendors yet.
    #[must_use]
    pub fn new(
        integrations: Integrations,
        is_enabled: bool,
        config: &RelayConfig,
        breaker: &BreakerConfig,
    ) -> Self {
        Self(Arc::new(Inner {
            integrations,
            is_enabled,
            vendors: Vendors::new(Limits::from(breaker)),
            kept: Kept::new(config.kept_bytes_max),
            backoff: Backoff {
                base: Duration::from_millis(config.backoff_ms),
                cap: Duration::from_millis(config.backoff_max_ms),
            },
            tries_max: config.tries_max,
            deadline: Duration::from_millis(config.deadline_ms),
        }))
    }

    /// Makes a call to the vendor of an integration, or gives the answer of one that was made.
    ///
    /// # Errors
    /// There is no answer of the vendor's. What it answers, whatever the status, is none.
    pub async fn call(&self, integration: &Integration, call: RelayCall) -> Result<RelayAnswer, RelayError> {
        let inner = &*self.0;
        if !inner.is_enabled || !integration.definition.is_enabled {
            return Err(RelayError::Off);
        }
        let effective = inner.integrations.effective(integration);
        let ready = self.ready(integration, &effective, &call).await?;
        let vendor = inner.vendors.of(integration.id, &integration.slug);
        let deadline = Instant::now() + inner.deadline;
        let is_question = call.method == Method::GET && kept::may_hold(&effective.caching, &call.path);
        let key = match (key_of(&effective, &call)?, is_question) {
            (Some(key), _) => Some(Key::of_call(integration.id, key)),
            (None, true) => {
                let headers = &call.headers;
                Some(Key::of_question(integration.id, &call.path, &call.query, headers))
            }
            (None, false) => None,
        };
        let Some(key) = key else {
            let answered = self.ask_vendor(&ready, &effective, &vendor, deadline).await;
            self.note_refusal(integration, &effective, &answered).await;
            return answered;
        };
        // Whoever asks the same waits: there is one call.
        let _alone = inner.kept.alone(&key).await;
        let call_sum = sum_of(&call);
        if let Some(known) = inner.kept.get(&key) {
            if known.call_sum != call_sum && ready.has_key {
                return Err(RelayError::KeyReused);
            }
            let origin = if ready.has_key {
                Origin::Repeated
            } else {
                Origin::Held
            };
            return Ok(again(&known, origin, vendor.circuit.status().state));
        }
        let answered = self.ask_vendor(&ready, &effective, &vendor, deadline).await;
        self.note_refusal(integration, &effective, &answered).await;
        let answer = answered?;
        let report = answer.report;
        let read = tokio::time::timeout_at(deadline.into(), read_whole(answer)).await;
        let read = read.unwrap_or(Err(CallError::TimedOut(inner.deadline)));
        let (answer, whole) = read.map_err(|last| RelayError::Exhausted {
            tries: report.tries,
            last,
            took: report.took,
        })?;
        if let Some(body) = whole {
            let holds = if ready.has_key {
                // What may go well later must be tried again, under the same key.
                let tried = Tried::Answered(answer.status, None);
                (!tried.is_transient()).then(kept::key_holds)
            } else if answer.status == StatusCode::OK {
                kept::holds(&effective.caching, &call.path, &body)
            } else {
                None
            };
            if let Some(holds) = holds {
                let (status, headers) = (answer.status, answer.headers.clone());
                inner
                    .kept
                    .put(key, KeptAnswer::new(status, headers, body, call_sum, holds));
            }
        }
        Ok(answer)
    }

    /// An access token that the vendor refuses is not used again.
    async fn note_refusal(
        &self,
        integration: &Integration,
        effective: &Effective,
        answered: &Result<RelayAnswer, RelayError>,
    ) {
        let is_refused = matches!(answered, Ok(answer) if answer.status == StatusCode::UNAUTHORIZED);
        if is_refused && effective.token_url.is_some() {
            self.0.integrations.tokens().forget(integration.id).await;
        }
    }

    /// Whether third-party services are called, and may call.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.is_enabled
    }

    /// How the breaker before an integration's vendor stands.
    #[must_use]
    pub fn breaker(&self, integration: &Integration) -> State {
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        vendor.circuit.status().state
    }

    /// Whether the vendor's limit leaves room for a call of our own, which takes it.
    #[must_use]
    pub fn has_room(&self, integration: &Integration, effective: &Effective) -> bool {
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        vendor.admit(effective.rate_limit).is_ok()
    }

    /// Calls of the last window, and how many the vendor takes in one; none when it has no limit.
    #[must_use]
    pub fn used(&self, integration: &Integration, effective: &Effective) -> Option<(u32, u32)> {
        let limit = effective.rate_limit?;
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        Some((vendor.used(limit), limit.calls))
    }

    /// The call to the vendor that waits for its next try, if one does.
    #[must_use]
    pub fn retrying(&self, integration: &Integration) -> Option<Retrying> {
        self.0.vendors.of(integration.id, &integration.slug).retrying()
    }

    /// Tells the breaker how a call of our own ended, if it would have let it through.
    pub fn heard(&self, integration: &Integration, outcome: ContactOutcome) {
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        if let Ok(admitted) = vendor.circuit.admit() {
            admitted.part().ended(match outcome {
                ContactOutcome::Answered => Outcome::Success,
                _ => Outcome::Failure,
            });
        }
    }

    /// Closes the breaker before an integration's vendor, and forgets the answers that are kept of it.
    pub fn reset(&self, integration: &Integration) {
        self.0
            .vendors
            .of(integration.id, &integration.slug)
            .circuit
            .close();
        self.0.kept.forget(integration.id);
    }

    async fn ready<'a>(
        &self,
        integration: &Integration,
        effective: &Effective,
        call: &'a RelayCall,
    ) -> Result<Ready<'a>, RelayError> {
        if !is_below(&call.path) {
            return Err(RelayError::BadPath);
        }
        let credential = self.0.integrations.credential(integration, effective).await;
        let credential = credential.map_err(|error| match error {
            NoCredential::Unreadable(_) => RelayError::Unreadable,
            NoCredential::NoToken => RelayError::NoToken,
        })?;
        let out = call::outgoing(effective, credential.as_ref(), &call.path, &call.query);
        let out = out.map_err(Incomplete::from)?;
        let mut headers = headers::to_vendor(&call.headers);
        // Those of the integration stand in place of the product's.
        for (name, value) in &out.headers {
            headers.insert(name, value.clone());
        }
        Ok(Ready {
            has_key: key_of(effective, call)?.is_some(),
            call,
            url: out.url,
            headers,
        })
    }
}

/// The key by which the vendor knows the call again, if it knows calls so.
fn key_of<'a>(effective: &Effective, call: &'a RelayCall) -> Result<Option<&'a [u8]>, RelayError> {
    let name = effective.idempotency_header.as_deref();
    let name = name.and_then(|name| name.parse::<HeaderName>().ok());
    let Some(key) = name.and_then(|name| call.headers.get(name)) else {
        return Ok(None);
    };
    match key.len() {
        1..=KEY_BYTES_MAX => Ok(Some(key.as_bytes())),
        _ => Err(RelayError::BadKey),
    }
}

fn sum_of(call: &RelayCall) -> [u8; 32] {
    let mut sum = Sha256::new();
    for part in [
        call.method.as_str().as_bytes(),
        call.path.as_bytes(),
        call.query.as_bytes(),
        &call.body,
    ] {
        sum.update(part.len().to_le_bytes());
        sum.update(part);
    }
    sum.finalize().into()
}

/// Whether a path stays below the address that it is added to, as vendors may read it.
fn is_below(path: &str) -> bool {
    let lower = path.to_ascii_lowercase().replace("%2e", ".");
    let is_plain = path
        .bytes()
        .all(|byte| (b'!'..=b'~').contains(&byte) && !matches!(byte, b'\\' | b'?' | b'#'));
    path.starts_with('/') && is_plain && !lower.split('/').any(|part| part == "." || part == "..")
}

fn again(known: &KeptAnswer, origin: Origin, breaker: State) -> RelayAnswer {
    RelayAnswer {
        status: known.status,
        headers: known.headers.clone(),
        body: RelayBody::Whole(known.body.clone()),
        report: Report {
            tries: 0,
            origin,
            breaker,
            status: Some(known.status),
            took: Duration::ZERO,
        },
    }
}

/// Reads a body that is to be kept. One that is too long goes on as it comes; of one that breaks off there is none, and the product
/// is told that the vendor's answer is not there.
async fn read_whole(answer: RelayAnswer) -> Result<(RelayAnswer, Option<Bytes>), CallError> {
    let RelayBody::Coming(begun, mut body) = answer.body else {
        return Ok((answer, None));
    };
    let mut read = BytesMut::from(&begun[..]);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| CallError::Broken)?;
        read.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes.as_ref()));
        if read.len() > KEPT_BODY_BYTES_MAX {
            let body = RelayBody::Coming(read.freeze(), body);
            return Ok((RelayAnswer { body, ..answer }, None));
        }
    }
    let whole = read.freeze();
    let body = RelayBody::Whole(whole.clone());
    Ok((RelayAnswer { body, ..answer }, Some(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_the_integrations_address() {
        for path in ["/", "/v1/charges", "/v1/a%2Fb", "/a..b/...", "/%2e%2e%2e"] {
            assert!(is_below(path), "{path}");
        }
        for path in [
            "",
            "v1",
            "/..",
            "/a/../b",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/./a",
            "/a\\..\\b",
            "/a b",
            "/a?b",
            "/a#b",
            "/\u{e9}",
        ] {
            assert!(!is_below(path), "{path}");
        }
    }

    #[test]
    fn calls_are_the_same_only_with_the_same_method_path_query_and_body() {
        let call = |method: Method, path: &str, query: &str, body: &'static str| {
            sum_of(&RelayCall {
                method,
                path: path.into(),
                query: query.into(),
                headers: http::HeaderMap::new(),
                body: Bytes::from_static(body.as_bytes()),
            })
        };
        let one = call(Method::POST, "/a", "b", "c");
        assert_eq!(one, call(Method::POST, "/a", "b", "c"));
        for other in [
            call(Method::PUT, "/a", "b", "c"),
            call(Method::POST, "/ab", "", "c"),
            call(Method::POST, "/a", "bc", ""),
            call(Method::POST, "/a", "b", "d"),
        ] {
            assert_ne!(one, other);
        }
    }
}
