//! What answers say about quotas: the headers of the IETF draft, the older ones that most clients know, and
//! `Retry-After`.
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>

use std::cell::RefCell;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::BytesMut;

use super::asked;
use crate::quota::{Class, Decision};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Longest text of what changes with each answer.
const TEXT_BYTES_MAX: usize = 64;
/// What is allocated for such texts at a time.
const BUFFER_BYTES: usize = 4_096;

thread_local! {
    static WRITER: RefCell<Writer> = RefCell::default();
}

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
    let values = WRITER.with_borrow_mut(|writer| writer.values(class, decision));
    let names = [RATE_LIMIT_POLICY, LIMIT, RATE_LIMIT, REMAINING, RESET];
    for (name, value) in names.into_iter().zip(values.into_iter().flatten()) {
        answer.insert(name, value);
    }
    if let Some(seconds) = decision.retry_after_s {
        answer.insert(header::RETRY_AFTER, seconds.into());
    }
}

/// One worker's texts: every answer to a beacon has these headers, and as a rule they cost it no allocation.
#[derive(Default)]
struct Writer {
    /// Of each class, the limit that was written last, with the headers that it alone makes.
    limits: [Option<(u32, [HeaderValue; 2])>; Class::ALL.len()],
    /// Texts are cut off its front; when all of them are sent, it is used again.
    buffer: BytesMut,
}

impl Writer {
    /// In the order of the headers' names above. None is ever missing: they are made of digits and names of ours.
    fn values(&mut self, class: Class, decision: &Decision) -> Option<[HeaderValue; 5]> {
        let [policy, limit] = self.of_limit(class, decision.limit)?;
        let [left, remaining, reset] = self.of_now(class, decision)?;
        Some([policy, limit, left, remaining, reset])
    }

    fn of_limit(&mut self, class: Class, limit: u32) -> Option<[HeaderValue; 2]> {
        let written = &mut self.limits[class as usize];
        if let Some((of, values)) = written
            && *of == limit
        {
            return Some(values.clone());
        }
        let policy = format!("\"{}\";q={limit};w={}", class.as_str(), class.window_s());
        let values = [HeaderValue::try_from(policy).ok()?, HeaderValue::from(limit)];
        *written = Some((limit, values.clone()));
        Some(values)
    }

    /// One text holds all three: `"metrics";r=499;t=3600`.
    fn of_now(&mut self, class: Class, decision: &Decision) -> Option<[HeaderValue; 3]> {
        let text = &mut self.buffer;
        if text.capacity() < TEXT_BYTES_MAX {
            text.reserve(BUFFER_BYTES);
        }
        let mut digits = itoa::Buffer::new();
        text.extend_from_slice(b"\"");
        text.extend_from_slice(class.as_str().as_bytes());
        text.extend_from_slice(b"\";r=");
        let remaining_at = text.len();
        text.extend_from_slice(digits.format(decision.remaining).as_bytes());
        let remaining_end = text.len();
        text.extend_from_slice(b";t=");
        let reset_at = text.len();
        text.extend_from_slice(digits.format(decision.reset_s).as_bytes());
        let text = text.split().freeze();
        let (remaining, reset) = (text.slice(remaining_at..remaining_end), text.slice(reset_at..));
        Some([
            HeaderValue::from_maybe_shared(text).ok()?,
            HeaderValue::from_maybe_shared(remaining).ok()?,
            HeaderValue::from_maybe_shared(reset).ok()?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::config::QuotaConfig;
    use crate::quota::{Ask, Pair, Quotas, Subject, SubjectKeys};

    use super::*;

    #[test]
    fn every_answer_says_its_own_quota_whatever_was_said_before() {
        let quotas = Quotas::new(&QuotaConfig::default(), SubjectKeys::in_memory());
        let mut kept = Vec::new();
        for number in 0..400 {
            let (class, limit) = [
                (Class::Metrics, 1_000),
                (Class::Events, 70),
                (Class::Metrics, u32::MAX),
            ][number as usize % 3];
            let ask = Ask {
                subject: Subject {
                    user: Pair::fixed(u64::from(limit)),
                    network: None,
                },
                class,
                limit,
                network_limit: 0,
                items: 1,
            };
            let decision = quotas.admit(&ask, 1_700_000_000_000);
            let mut headers = HeaderMap::new();
            insert(&mut headers, class, &decision);
            kept.push((class, decision, headers));
        }
        // They share their buffers, and stay what they were.
        for (class, decision, headers) in kept {
            let Decision {
                limit,
                remaining,
                reset_s,
                ..
            } = decision;
            let name = class.as_str();
            let wanted = [
                (RATE_LIMIT_POLICY, format!("\"{name}\";q={limit};w=3600")),
                (RATE_LIMIT, format!("\"{name}\";r={remaining};t={reset_s}")),
                (LIMIT, limit.to_string()),
                (REMAINING, remaining.to_string()),
                (RESET, reset_s.to_string()),
            ];
            for (header, value) in wanted {
                let values: Vec<_> = headers.get_all(&header).collect();
                assert_eq!(values, [value.as_str()], "{header}");
            }
            assert_eq!(headers.contains_key(header::RETRY_AFTER), decision.admitted == 0);
        }
    }
}
