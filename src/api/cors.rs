//! Answers that pages of other origins may read.
//!
//! A browser asks first (a *preflight*) when a page wants to post JSON or its own headers to another origin, and
//! lets the page read an answer only when it names the page's origin.
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

const METHODS: HeaderValue = HeaderValue::from_static("POST");
const HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Encoding, Content-Type, X-API-Key");
/// Seconds for which a browser need not ask again; none keeps it for more than a day.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("86400");
/// What scripts may read beside the body.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
);
const PRIVATE_NETWORK_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_NETWORK_ALLOWED: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The answer to a preflight from an allowed origin.
pub(super) fn preflight(asked: &HeaderMap, origin: &HeaderValue) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_S));
    if asked.contains_key(PRIVATE_NETWORK_ASKED) {
        response.insert_header((PRIVATE_NETWORK_ALLOWED, HeaderValue::from_static("true")));
    }
    let mut response = response.finish();
    allow(response.headers_mut(), origin);
    response
}

/// Lets pages of this origin read an answer.
pub(super) fn allow(answer: &mut HeaderMap, origin: &HeaderValue) {
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // A cache must not give one origin's answer to another.
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
}
