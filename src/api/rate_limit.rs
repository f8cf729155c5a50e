//! What answers say about quotas: the headers of the IETF draft, the older ones that most clients know, and
//! `Retry-After`.
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>

use std::fmt::Write as _;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;

use super::asked;
use crate::quota::{Class, Decision};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Middleware of addresses that are asked: the answer says what is left of the quota that the request was taken from.
pub(super) async fn tell<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut answer = next.call(request).await?;
    if let Some(decision) = asked::decision(answer.request()) {
        insert(answer.headers_mut(), Class::Api, &decision);
    }
    Ok(answer)
}

/// Says in an answer what is left of a quota; nothing where there is none. Times are seconds from now.
pub(super) fn insert(answer: &mut HeaderMap, class: Class, decision: &Decision) {
    if decision.limit == 0 {
        return;
    }
    let Decision {
        limit,
        remaining,
        reset_s,
        ..
    } = *decision;
    let (name, window_s) = (class.as_str(), class.window_s());
    let mut text = String::with_capacity(48);
    let mut structured = |header: HeaderName, values: [(&str, u32); 2]| {
        text.clear();
        // Writing to a String cannot fail.
        let _ = write!(text, "\"{name}\"");
        for (key, value) in values {
            let _ = write!(text, ";{key}={value}");
        }
        if let Ok(value) = HeaderValue::from_str(&text) {
            answer.insert(header, value);
        }
    };
    structured(RATE_LIMIT_POLICY, [("q", limit), ("w", window_s)]);
    structured(RATE_LIMIT, [("r", remaining), ("t", reset_s)]);
    answer.insert(LIMIT, limit.into());
    answer.insert(REMAINING, remaining.into());
    answer.insert(RESET, reset_s.into());
    if let Some(seconds) = decision.retry_after_s {
        answer.insert(header::RETRY_AFTER, seconds.into());
    }
}
