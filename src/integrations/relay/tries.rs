//! Calls a vendor until there is an answer that is passed on, or none is to be had.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Request, Response, Version};
use hyper::body::Incoming;

use super::retry::{Tried, is_harmless};
use super::upload::CallBody;
use super::vendor::{Retrying, Vendor};
use super::{
    Incomplete, Origin, Priority, Relay, RelayAnswer, RelayBody, RelayCall, RelayError, Report, headers,
    keyed,
};
use crate::breaker::Outcome;
use crate::domain::integration::{Effective, Integration};
use crate::integrations::call;
use crate::integrations::tokens::NoCredential;
use crate::outbound::{CallError, OutgoingBody, Refusal};

/// A call, ready to be made again and again.
pub(super) struct Ready {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: CallBody,
    priority: Priority,
    is_harmless: bool,
}

impl Relay {
    /// Adds what the integration knows: address and credential.
    pub(super) async fn ready(
        &self,
        integration: &Integration,
        effective: &Effective,
        call: RelayCall,
    ) -> Result<Ready, RelayError> {
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
        let has_key = keyed::key_of(effective, &call)?.is_some();
        Ok(Ready {
            is_harmless: is_harmless(&effective.retry, &call.method, &call.path, has_key),
            method: call.method,
            url: out.url,
            headers,
            body: call.body,
            priority: call.priority,
        })
    }

    /// Calls until there is an answer that is passed on, or none is to be had.
    pub(super) async fn ask_vendor(
        &self,
        ready: &mut Ready,
        effective: &Effective,
        vendor: &Vendor,
        deadline: Instant,
    ) -> Result<RelayAnswer, RelayError> {
        let inner = &*self.0;
        let mut tries = 0;
        let begun = Instant::now();
        loop {
            let admitted = vendor.circuit.admit().map_err(|wait| RelayError::LeftAlone {
                retry_after_s: seconds(wait),
            });
            let admitted = admitted?;
            let turn = vendor.turn(effective.rate_limit, ready.priority, deadline).await;
            turn.map_err(|wait| RelayError::NoTurn {
                retry_after_s: seconds(wait),
            })?;
            let place = tokio::time::timeout_at(deadline.into(), vendor.places.acquire()).await;
            let Ok(Ok(_place)) = place else {
                return Err(RelayError::NoTurn { retry_after_s: 1 });
            };
            tries += 1;
            let started = Instant::now();
            let answered = self.once(ready, deadline).await;
            let took = started.elapsed();
            if let CallBody::Coming(body) = &ready.body
                && answered.is_err()
                && body.is_broken()
            {
                return Err(RelayError::BrokenOff);
            }
            let tried = match &answered {
                Ok(answer) => Tried::Answered(answer.status(), asked_for(answer.headers())),
                Err(error) => Tried::Failed(*error),
            };
            admitted.part().ended(match tried.is_vendors_fault() {
                true => Outcome::Failure,
                false => Outcome::Success,
            });
            // Counts now, so that what follows sees it.
            drop(admitted);
            let pause = inner.backoff.pause(tries, tried);
            let is_last =
                tries >= inner.tries_max || started + took + pause >= deadline || ready.body.held().is_none();
            if !is_last && tried.may_try_again(&effective.retry, ready.is_harmless) {
                vendor.retries(Retrying {
                    attempt: tries,
                    next_at: Instant::now() + pause,
                    started: begun,
                });
                tokio::time::sleep(pause).await;
                continue;
            }
            return match answered {
                Ok(answer) => {
                    if answer.version() == Version::HTTP_2 {
                        vendor.takes_many_calls_a_connection();
                    }
                    let (head, body) = answer.into_parts();
                    Ok(RelayAnswer {
                        status: head.status,
                        headers: headers::to_product(&head.headers),
                        body: RelayBody::Coming(Bytes::new(), body),
                        report: Report {
                            tries,
                            origin: Origin::Vendor,
                            breaker: vendor.circuit.status().state,
                            status: Some(head.status),
                            took,
                            together: None,
                        },
                    })
                }
                Err(last) => Err(RelayError::Exhausted { tries, last, took }),
            };
        }
    }

    async fn once(&self, ready: &mut Ready, deadline: Instant) -> Result<Response<Incoming>, CallError> {
        let (body, progress) = match &mut ready.body {
            CallBody::Held(bytes, _) => (OutgoingBody::Whole(bytes.clone()), None),
            CallBody::Coming(body) => {
                let (body, progress) = body.take().ok_or(CallError::Broken)?;
                (body, Some(progress))
            }
        };
        let mut request = Request::new(body);
        *request.method_mut() = ready.method.clone();
        *request.uri_mut() = ready
            .url
            .parse()
            .map_err(|_| CallError::Refused(Refusal::NotAUrl))?;
        request.headers_mut().clone_from(&ready.headers);
        let sent = self.0.integrations.outbound().send("relay", request);
        let given_up = async {
            match progress {
                None => tokio::time::sleep_until(deadline.into()).await,
                Some(progress) => {
                    if !progress.stalls(self.0.deadline).await {
                        return CallError::Broken;
                    }
                }
            }
            CallError::TimedOut(self.0.deadline)
        };
        tokio::select! {
            answered = sent => answered,
            error = given_up => Err(error),
        }
    }
}

/// The pause that an answer asks for, in seconds; dates are as good as none.
fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000))
        .unwrap_or(u32::MAX)
        .max(1)
}

/// Whether a path stays below the address that it is added to, as vendors may read it.
fn is_below(path: &str) -> bool {
    let lower = path.to_ascii_lowercase().replace("%2e", ".");
    let is_plain = path
        .bytes()
        .all(|byte| (b'!'..=b'~').contains(&byte) && !matches!(byte, b'\\' | b'?' | b'#'));
    path.starts_with('/') && is_plain && !lower.split('/').any(|part| part == "." || part == "..")
}

#[cfg(test)]
mod tests {
    use super::is_below;

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
}
