//! The form of a successful answer: `{success, data, meta}`.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use uuid::Uuid;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Serialize)]
struct Envelope<'d, T> {
    success: bool,
    data: &'d T,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    /// Milliseconds, to the microsecond.
    processing_time: f64,
}

/// An answer with data.
pub(super) fn success(data: &impl Serialize, started: Instant) -> HttpResponse {
    let processing_time = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    let envelope = Envelope {
        success: true,
        data,
        meta: Meta { processing_time },
    };
    HttpResponse::Ok().json(envelope)
}

/// The answer to a beacon that is durable. It is built by hand: this is the hot path, and its form never varies.
pub(super) fn accepted(event_id: Uuid, started: Instant) -> HttpResponse {
    let elapsed_us = started.elapsed().as_micros();
    let (whole_ms, part_us) = (elapsed_us / 1_000, elapsed_us % 1_000);
    let body = format!(
        r#"{{"success":true,"data":{{"event_id":"{event_id}"}},"meta":{{"processing_time":{whole_ms}.{part_us:03}}}}}"#
    );
    json(StatusCode::ACCEPTED).body(body)
}

/// Starts an answer whose body is JSON text.
pub(super) fn json(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponseBuilder::new(status);
    builder.insert_header((CONTENT_TYPE, JSON));
    builder
}
