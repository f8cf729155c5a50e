//! The form of a successful answer: `{success, data, meta}`.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use uuid::Uuid;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Room for the answer to a beacon.
const ACCEPTED_BYTES_EXPECTED: usize = 128;

#[derive(Serialize)]
struct Envelope<'d, T> {
    success: bool,
    data: &'d T,
    meta: Meta,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Meta {
    /// Milliseconds, to the microsecond.
    processing_time: f64,
}

/// An answer with data.
pub(super) fn success(data: &impl Serialize, started: Instant) -> HttpResponse {
    with_status(StatusCode::OK, data, started)
}

/// An answer with data and a status of its own.
pub(super) fn with_status(status: StatusCode, data: &impl Serialize, started: Instant) -> HttpResponse {
    let envelope = Envelope {
        success: true,
        data,
        meta: Meta {
            processing_time: processing_time(started),
        },
    };
    HttpResponse::build(status).json(envelope)
}

/// Milliseconds, to the microsecond.
pub(super) fn processing_time(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// An answer whose data is JSON text already.
pub(super) fn around(data: &[u8], meta: &impl Serialize) -> HttpResponse {
    json(StatusCode::OK).body(text_around(data, meta))
}

/// The text of such an answer.
pub(super) fn text_around(data: &[u8], meta: &impl Serialize) -> Vec<u8> {
    const META_BYTES_EXPECTED: usize = 256;
    let mut body = Vec::with_capacity(data.len() + META_BYTES_EXPECTED);
    body.extend_from_slice(br#"{"success":true,"data":"#);
    body.extend_from_slice(data);
    body.extend_from_slice(br#","meta":"#);
    // Numbers, texts and flags: nothing in it can fail to be written.
    if serde_json::to_writer(&mut body, meta).is_err() {
        body.extend_from_slice(b"{}");
    }
    body.push(b'}');
    body
}

/// Keeps an answer, which may hold a secret, out of every cache.
pub(super) fn not_for_caches(answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The answer to a beacon that is durable. It is built by hand: this is the hot path, and its form never varies.
pub(super) fn accepted(event_id: Uuid, started: Instant) -> HttpResponse {
    let elapsed_us = started.elapsed().as_micros();
    let mut body = String::with_capacity(ACCEPTED_BYTES_EXPECTED);
    body.push_str(r#"{"success":true,"data":{"event_id":""#);
    body.push_str(event_id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    body.push_str(r#""},"meta":{"processing_time":"#);
    push_ms(&mut body, u64::try_from(elapsed_us).unwrap_or(u64::MAX));
    body.push_str("}}");
    json(StatusCode::ACCEPTED).body(body)
}

/// Appends microseconds as milliseconds with three places. A `write!` would cost more than the rest of the answer.
fn push_ms(text: &mut String, time_us: u64) {
    let (whole_ms, part_us) = (time_us / 1_000, time_us % 1_000);
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = whole_ms;
    loop {
        first -= 1;
        digits[first] = digit(rest);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend(digits[first..].iter().map(|digit| char::from(*digit)));
    text.push('.');
    text.extend([part_us / 100, part_us / 10, part_us].map(|place| char::from(digit(place))));
}

/// The last decimal digit, as ASCII.
const fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// Starts an answer whose body is JSON text.
pub(super) fn json(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponseBuilder::new(status);
    builder.insert_header((CONTENT_TYPE, JSON));
    builder
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::push_ms;

    proptest! {
        #[test]
        fn milliseconds_have_three_places(time_us in any::<u64>()) {
            let mut text = String::new();
            push_ms(&mut text, time_us);
            prop_assert_eq!(text, format!("{}.{:03}", time_us / 1_000, time_us % 1_000));
        }
    }
}
