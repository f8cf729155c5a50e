//! Calls that are made once: those that carry a key by which the vendor knows them again, and questions whose answers hold.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::HeaderName;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::kept::{self, KeptAnswer, Key};
use super::message::{Origin, RelayAnswer, RelayBody, RelayCall, Report};
use super::retry::Tried;
use super::{Relay, RelayError};
use crate::breaker::State;
use crate::domain::integration::{Effective, Integration};
use crate::outbound::CallError;

/// Longest body of an answer that is kept.
const KEPT_BODY_BYTES_MAX: usize = 1_024 * 1_024;
/// Longest key by which a vendor knows a call again.
const KEY_BYTES_MAX: usize = 255;

impl Relay {
    /// Makes a call, or gives the answer that is kept under its key. Whoever asks the same meanwhile waits: there is one call.
    pub(super) async fn call_keyed(
        &self,
        integration: &Integration,
        effective: &Effective,
        call: RelayCall,
        key: Key,
        deadline: Instant,
    ) -> Result<RelayAnswer, RelayError> {
        let inner = &*self.0;
        let call_sum = sum_of(&call).ok_or(RelayError::KeyedTooLong)?;
        let has_key = key_of(effective, &call)?.is_some();
        let path = call.path.clone();
        let _alone = inner.kept.alone(&key).await;
        if let Some(known) = inner.kept.get(&key) {
            let origin = match (has_key, known.call_sum == call_sum) {
                (true, false) => return Err(RelayError::KeyReused),
                (true, true) => Origin::Repeated,
                (false, _) => Origin::Held,
            };
            return Ok(again(&known, origin, self.breaker(integration)));
        }
        let answer = self.ask(integration, effective, call, deadline).await?;
        let (answer, whole) = self.read(answer, KEPT_BODY_BYTES_MAX, deadline).await?;
        if let Some(body) = whole {
            let holds = if has_key {
                // What may go well later must be tried again, under the same key.
                let tried = Tried::Answered(answer.status, None);
                (!tried.is_transient(&effective.retry)).then(kept::key_holds)
            } else if answer.status == StatusCode::OK {
                kept::holds(&effective.caching, &path, &body)
            } else {
                None
            };
            if let Some(holds) = holds {
                let headers = answer.headers.clone();
                let answer = KeptAnswer::new(answer.status, headers, body, call_sum, holds);
                inner.kept.put(key, answer);
            }
        }
        Ok(answer)
    }

    /// Reads an answer's body in time. One that is longer than `bytes_max` goes on as it comes.
    ///
    /// # Errors
    /// It breaks off, or is not there in time.
    pub(super) async fn read(
        &self,
        answer: RelayAnswer,
        bytes_max: usize,
        deadline: Instant,
    ) -> Result<(RelayAnswer, Option<Bytes>), RelayError> {
        let report = answer.report;
        let read = tokio::time::timeout_at(deadline.into(), read_whole(answer, bytes_max)).await;
        let read = read.unwrap_or(Err(CallError::TimedOut(self.0.deadline)));
        read.map_err(|last| report.exhausted(last))
    }
}

/// The key by which the vendor knows the call again, if it knows calls so.
pub(super) fn key_of<'a>(effective: &Effective, call: &'a RelayCall) -> Result<Option<&'a [u8]>, RelayError> {
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

/// The sum of a call whose body is held.
fn sum_of(call: &RelayCall) -> Option<[u8; 32]> {
    let mut sum = Sha256::new();
    for part in [
        call.method.as_str().as_bytes(),
        call.path.as_bytes(),
        call.query.as_bytes(),
        call.body.held()?,
    ] {
        sum.update(part.len().to_le_bytes());
        sum.update(part);
    }
    Some(sum.finalize().into())
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
            together: None,
        },
    }
}

/// Reads a body. One that is too long goes on as it comes; of one that breaks off there is none, and the product
/// is told that the vendor's answer is not there.
async fn read_whole(
    answer: RelayAnswer,
    bytes_max: usize,
) -> Result<(RelayAnswer, Option<Bytes>), CallError> {
    let RelayBody::Coming(begun, mut body) = answer.body else {
        return Ok((answer, None));
    };
    let mut read = BytesMut::from(&begun[..]);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| CallError::Broken)?;
        read.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes.as_ref()));
        if read.len() > bytes_max {
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
    use http::Method;

    use super::*;
    use crate::integrations::relay::upload::{CallBody, Place};

    #[test]
    fn calls_are_the_same_only_with_the_same_method_path_query_and_body() {
        let call = |method: Method, path: &str, query: &str, body: &'static str| {
            sum_of(&RelayCall {
                method,
                path: path.into(),
                query: query.into(),
                headers: http::HeaderMap::new(),
                body: CallBody::Held(Bytes::from_static(body.as_bytes()), Place::default()),
                priority: crate::integrations::relay::Priority::Normal,
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
