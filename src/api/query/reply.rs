//! A kept or new answer as it is sent: the envelope is written around the bytes of the data.

use std::borrow::Cow;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH, VARY};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::api::envelope;
use crate::cache::{Answer, Origin};
use crate::clock::{self, UnixMicros};
use crate::query::overview::CacheInfo;

/// What is known of an answer beside its data.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = KeptMeta)]
pub(in crate::api) struct Meta {
    /// Milliseconds, to the microsecond.
    processing_time: f64,
    /// Whether the answer was there already.
    cache_hit: bool,
    /// Milliseconds since it was calculated.
    age_ms: u64,
    /// When it was calculated, in ISO 8601.
    calculated_at: String,
    /// Given because the warehouse has no answer now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    degraded: bool,
    performance_hints: Hints,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PerformanceHints)]
struct Hints {
    /// Seconds for which asking again brings the same.
    suggested_cache_duration: u64,
    /// The warehouse took long.
    resource_intensive: bool,
}

/// The answer, or 304 when whoever asks has it already.
pub(super) fn success(request: &HttpRequest, answer: &Answer, started: Instant) -> HttpResponse {
    reply(request, answer, answer.entry.data(), started)
}

/// The same, and the data, which is an object, tells how it is kept.
pub(super) fn success_with_cache_info(
    request: &HttpRequest,
    answer: &Answer,
    started: Instant,
) -> HttpResponse {
    reply(request, answer, &with_cache_info(answer), started)
}

/// The envelope of an answer, on one line.
pub(super) fn text(answer: &Answer, tells_cache: bool, started: Instant) -> Vec<u8> {
    let meta = meta_of(answer, started, clock::now());
    if tells_cache {
        envelope::text_around(&with_cache_info(answer), &meta)
    } else {
        envelope::text_around(answer.entry.data(), &meta)
    }
}

fn with_cache_info(answer: &Answer) -> Cow<'_, [u8]> {
    let (entry, now) = (&answer.entry, clock::now());
    let fresh_us = i64::try_from(entry.fresh_for(now).as_micros()).unwrap_or(i64::MAX);
    let info = CacheInfo {
        calculated_at: entry.calculated_at().rfc3339(),
        expires_at: UnixMicros(now.0.saturating_add(fresh_us)).rfc3339(),
        hit: answer.origin != Origin::New,
    };
    match (entry.data().strip_suffix(b"}"), serde_json::to_vec(&info)) {
        (Some(members), Ok(info)) => Cow::Owned([members, br#","cache_info":"#, &info, b"}"].concat()),
        (None, _) | (_, Err(_)) => Cow::Borrowed(entry.data()),
    }
}

fn reply(request: &HttpRequest, answer: &Answer, data: &[u8], started: Instant) -> HttpResponse {
    let is_degraded = answer.origin == Origin::Degraded;
    let tag = format!("W/\"{:016x}\"", answer.entry.tag());
    // What is degraded is told as such, also to those who have it.
    if !is_degraded && has_it(request, &tag) {
        let mut response = HttpResponse::new(StatusCode::NOT_MODIFIED);
        say_how_to_keep(&mut response, &tag);
        return response;
    }
    let meta = meta_of(answer, started, clock::now());
    let mut response = envelope::around(data, &meta);
    if is_degraded {
        envelope::not_for_caches(&mut response);
    } else {
        say_how_to_keep(&mut response, &tag);
    }
    response
}

pub(super) fn meta_of(answer: &Answer, started: Instant, now: UnixMicros) -> Meta {
    let entry = &answer.entry;
    Meta {
        processing_time: envelope::processing_time(started),
        cache_hit: answer.origin != Origin::New,
        age_ms: u64::try_from(entry.age(now).as_millis()).unwrap_or(u64::MAX),
        calculated_at: entry.calculated_at().rfc3339(),
        degraded: answer.origin == Origin::Degraded,
        performance_hints: Hints {
            suggested_cache_duration: entry.fresh_for(now).as_secs(),
            resource_intensive: entry.is_intensive(),
        },
    }
}

/// A browser may keep it, and asks each time whether it still holds: the cache of this server answers that at once, and
/// what one user has seen is never shown to the next one at the same browser.
fn say_how_to_keep(response: &mut HttpResponse, tag: &str) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Cookie, X-API-Key"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
}

/// True when one of the tags that the request names is this one.
fn has_it(request: &HttpRequest, tag: &str) -> bool {
    let mut named = request
        .headers()
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok());
    named.any(|tags| tags.split(',').any(|one| one.trim() == tag))
}
