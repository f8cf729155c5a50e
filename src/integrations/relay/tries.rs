//! Calls a vendor until there is an answer that is passed on, or none is to be had.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;

use super::retry::Tried;
use super::vendor::{Retrying, Vendor};
use super::{Origin, Relay, RelayAnswer, RelayBody, RelayCall, RelayError, Report, headers};
use crate::breaker::Outcome;
use crate::domain::integration::Effective;
use crate::outbound::{CallError, Refusal};

/// A call, ready to be made again and again.
pub(super) struct Ready<'a> {
    pub(super) call: &'a RelayCall,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) has_key: bool,
}

impl Relay {
    /// Calls until there is an answer that is passed on, or none is to be had.
    pub(super) async fn ask_vendor(
        &self,
        ready: &Ready<'_>,
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
            take_turn(vendor, effective, deadline).await?;
            let place = tokio::time::timeout_at(deadline.into(), vendor.places.acquire()).await;
            let Ok(Ok(_place)) = place else {
                return Err(RelayError::NoTurn { retry_after_s: 1 });
            };
            tries += 1;
            let started = Instant::now();
            let answered = self.once(ready, deadline).await;
            let took = started.elapsed();
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
            let is_last = tries >= inner.tries_max || started + took + pause >= deadline;
            if !is_last && tried.may_try_again(&ready.call.method, ready.has_key) {
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
                        },
                    })
                }
                Err(last) => Err(RelayError::Exhausted { tries, last, took }),
            };
        }
    }

    async fn once(&self, ready: &Ready<'_>, deadline: Instant) -> Result<Response<Incoming>, CallError> {
        let mut request = Request::new(Full::new(ready.call.body.clone()));
        *request.method_mut() = ready.call.method.clone();
        *request.uri_mut() = ready
            .url
            .parse()
            .map_err(|_| CallError::Refused(Refusal::NotAUrl))?;
        request.headers_mut().clone_from(&ready.headers);
        let sent = self.0.integrations.outbound().send("relay", request);
        match tokio::time::timeout_at(deadline.into(), sent).await {
            Ok(answered) => answered,
            Err(_) => Err(CallError::TimedOut(self.0.deadline)),
        }
    }
}

/// Waits until the vendor's limit lets a call through.
async fn take_turn(vendor: &Vendor, effective: &Effective, deadline: Instant) -> Result<(), RelayError> {
    while let Err(wait) = vendor.admit(effective.rate_limit) {
        if Instant::now() + wait >= deadline {
            return Err(RelayError::NoTurn {
                retry_after_s: seconds(wait),
            });
        }
        tokio::time::sleep(wait).await;
    }
    Ok(())
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
