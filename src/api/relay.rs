//! `ANY /relay/{integration}/{path}`: a product's calls to its vendors.

mod upload;

use std::convert::Infallible;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::error::{self, ApiError};
use super::ingest::IngestState;
use super::manage::ControlState;
use super::{rate_limit, unread};
use crate::breaker::State;
use crate::clock;
use crate::control::KeyEntry;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::integration::{ContactOutcome, Integration, Slug};
use crate::ingest::VendorCall;
use crate::integrations::relay::{Origin, Priority, RelayAnswer, RelayBody, RelayCall, RelayError};
use crate::outbound::CallError;
use crate::quota::Class;
use crate::task;

use upload::Incomer;

/// Longest pause within a body.
const PAUSE_MAX: Duration = Duration::from_secs(30);
const TRIES: HeaderName = HeaderName::from_static("x-fresnel-tries");
const CACHE: HeaderName = HeaderName::from_static("x-fresnel-cache");
const BATCH: HeaderName = HeaderName::from_static("x-fresnel-batch");
const BREAKER: HeaderName = HeaderName::from_static("x-fresnel-breaker");

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    for path in ["/relay/{integration}", "/relay/{integration}/{path:.*}"] {
        config.service(web::resource(path).to(relay));
    }
}

/// Carries a call to a vendor, and its answer back. The path may have any number of parts, or none.
#[utoipa::path(method(get, post, put, patch, delete), path = "/relay/{integration}/{path}", tag = "relay",
    params(
        ("integration" = String, Path, description = "The integration's slug"),
        ("path" = String, Path, description = "Path below its address, with slashes, passed on as it is"),
        ("X-Fresnel-Priority" = Option<String>, Header, description = "`high`, `normal` or `low`: whose call goes first where calls wait. \
            A call of low priority waits a moment for others to go with, where the vendor takes many things in one call"),
        ("X-Fresnel-Session" = Option<String>, Header, description = "Session for which it is made, for blame"),
        ("X-Fresnel-User" = Option<String>, Header, description = "User for whom it is made"),
        ("X-Fresnel-Page" = Option<String>, Header, description = "Page for which it is made"),
    ),
    responses(
        (status = 200, description = "The vendor's answer: its body and headers", content_type = "*/*", body = String, headers(
            ("X-Fresnel-Tries" = u32, description = "How often the vendor was called for it"),
            ("X-Fresnel-Cache" = String, description = "`miss`, `hit`, `repeated` or `batched`"),
            ("X-Fresnel-Breaker" = String, description = "`closed`, `half_open` or `open`"),
            ("X-Fresnel-Batch" = Option<u32>, description = "Calls that went together in this one"),
        )),
        (status = "default", description = "The vendor's answer, whatever its status", content_type = "*/*", body = String),
        (status = 400, description = "`BAD_PATH`, `BAD_IDEMPOTENCY_KEY`, `BAD_PARAMETERS`, `BODY_INCOMPLETE`"),
        (status = 408, description = "`BODY_TIMEOUT`"),
        (status = 409, description = "`INTEGRATION_INCOMPLETE`, `CREDENTIAL_UNREADABLE`"),
        (status = 413, description = "`TOO_LARGE`, `IDEMPOTENT_BODY_TOO_LARGE`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
        (status = 429, description = "`VENDOR_RATE_LIMIT`"),
        (status = 502, description = "`EXTERNAL_API_RETRY_FAILED`, `VENDOR_TOKEN_UNAVAILABLE`, `BATCH_UNREADABLE`"),
        (status = 503, description = "`VENDOR_LEFT_ALONE`, `INTEGRATION_OFF`"),
    ))]
pub(super) async fn relay(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ControlState>,
    ingest: web::Data<IngestState>,
) -> HttpResponse {
    let asked = state.identity.relayer(&request, clock::now().as_millis()).await;
    let (entry, decision) = match asked {
        Ok(asked) => asked,
        Err(error) => return unread::holding(error::answer(&request, &error), payload),
    };
    let under_way = state.relay.begin();
    let mut body = Incomer::of(payload);
    let mut answer = match carried(&request, &mut body, &state, &entry).await {
        Ok((integration, answered)) => {
            measure(&request, &ingest, &entry, &integration, &answered);
            match answered {
                Ok(answer) => sent(&request, answer),
                Err(RelayError::BrokenOff) => error::answer(&request, &ApiError::Rejected(body.why())),
                Err(error) => error::answer(&request, &ApiError::Relay(error)),
            }
        }
        Err(error) => error::answer(&request, &error),
    };
    rate_limit::insert(answer.headers_mut(), Class::External, &decision);
    if state.relay.is_stopping() {
        // The product's next call goes to where it is answered.
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    unread::holding(answer, (body, under_way))
}

/// The integration, and what came of the call.
async fn carried(
    request: &HttpRequest,
    body: &mut Incomer,
    state: &ControlState,
    entry: &KeyEntry,
) -> Result<(std::sync::Arc<Integration>, Result<RelayAnswer, RelayError>), ApiError> {
    let no_such = || ApiError::NoSuch("there is no such integration");
    let slug = Slug::parse("", request.match_info().query("integration")).map_err(|_| no_such())?;
    let directory = state.control.directory();
    let found = directory.integrations().find(&entry.project.project.id, &slug);
    let integration = found.cloned().ok_or_else(no_such)?;
    let call = RelayCall {
        method: method(request.method())?,
        path: below(request.uri().path()).to_owned(),
        query: request.query_string().to_owned(),
        priority: priority(request)?,
        headers: headers(request),
        body: body.call_body(request, state).await?,
    };
    let answered = state.relay.call(&integration, call).await;
    Ok((integration, answered))
}

fn priority(request: &HttpRequest) -> Result<Priority, ApiError> {
    let Some(name) = request.headers().get("x-fresnel-priority") else {
        return Ok(Priority::default());
    };
    let known = name.to_str().ok().and_then(Priority::from_name);
    known.ok_or_else(|| {
        let message = "must be high, normal or low";
        ApiError::BadParameters(vec![FieldError::new(
            "X-Fresnel-Priority",
            FieldFault::BadFormat,
            message,
        )])
    })
}

/// The path behind the integration, as it stands in the request: nothing in it is decoded.
fn below(path: &str) -> &str {
    let behind = path.strip_prefix("/relay/").unwrap_or_default();
    behind.find('/').map_or("/", |end| &behind[end..])
}

/// The web server's HTTP types are those of another version of the same crate.
fn method(method: &Method) -> Result<http::Method, ApiError> {
    let known = http::Method::from_bytes(method.as_str().as_bytes());
    match known {
        Ok(http::Method::CONNECT | http::Method::TRACE) | Err(_) => Err(ApiError::MethodNotAllowed(
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        )),
        Ok(method) => Ok(method),
    }
}

/// See [`method`].
pub(super) fn headers(request: &HttpRequest) -> http::HeaderMap {
    let sent = request.headers().iter();
    let pairs = sent.filter_map(|(name, value)| {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, http::HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut headers = http::HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

fn sent(request: &HttpRequest, answer: RelayAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            response.append_header((name, value));
        }
    }
    let report = &answer.report;
    response.insert_header((TRIES, report.tries));
    response.insert_header((CACHE, HeaderValue::from_static(report.origin.as_str())));
    if let Some(calls) = report.together {
        response.insert_header((BATCH, calls));
    }
    let breaker = match report.breaker {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half_open",
    };
    response.insert_header((BREAKER, HeaderValue::from_static(breaker)));
    if request.method() == Method::HEAD {
        return response.finish();
    }
    match answer.body {
        RelayBody::Whole(bytes) => response.body(bytes),
        RelayBody::Coming(begun, body) => {
            let bytes = hyper::body::Body::size_hint(&body).exact();
            let pieces = pieces(begun.clone(), body);
            match bytes {
                Some(bytes) => response.body(SizedStream::new(begun.len() as u64 + bytes, pieces)),
                None => response.streaming(pieces),
            }
        }
    }
}

/// A body as it comes. One that pauses too long, or breaks off, breaks off here too.
fn pieces(begun: Bytes, body: Incoming) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let begun = stream::iter((!begun.is_empty()).then_some(Ok::<_, Infallible>(begun)));
    let begun = begun.map(|piece| piece.map_err(|never| match never {}));
    let rest = stream::unfold(Some(body.into_data_stream()), |stream| async move {
        let mut stream = stream?;
        match tokio::time::timeout(PAUSE_MAX, stream.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(stream))),
            Ok(Some(Err(error))) => Some((Err(std::io::Error::other(error)), None)),
            Ok(None) => None,
            Err(_) => Some((Err(std::io::ErrorKind::TimedOut.into()), None)),
        }
    });
    begun.chain(rest)
}

/// Writes down what came of the call.
fn measure(
    request: &HttpRequest,
    state: &web::Data<IngestState>,
    entry: &KeyEntry,
    integration: &Integration,
    answered: &Result<RelayAnswer, RelayError>,
) {
    let (outcome, status, took, tries, origin, error) = match answered {
        Ok(answer) => {
            let report = &answer.report;
            let status = report.status.map_or(0, |status| status.as_u16());
            // What is given again is what was answered before: not the vendor's failure now.
            let outcome = match report.origin {
                Origin::Held | Origin::Repeated => ContactOutcome::Answered,
                Origin::Vendor | Origin::Together => ContactOutcome::of_status(status),
            };
            (
                outcome,
                status,
                report.took,
                report.tries,
                report.origin.as_str(),
                "",
            )
        }
        Err(RelayError::Exhausted { tries, last, took }) => {
            let outcome = match last {
                CallError::TimedOut(_) => ContactOutcome::TimedOut,
                _ => ContactOutcome::Unreachable,
            };
            (outcome, 0, *took, *tries, "", last.name())
        }
        Err(RelayError::NoToken) => (ContactOutcome::Unreachable, 0, Duration::ZERO, 1, "", "no_token"),
        Err(RelayError::LeftAlone { .. }) => (ContactOutcome::LeftAlone, 0, Duration::ZERO, 0, "", ""),
        Err(_) => return,
    };
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let call = VendorCall {
        integration: integration.slug.as_str(),
        service: integration.service.as_str(),
        method: request.method().as_str(),
        path: request.uri().path(),
        outcome,
        status,
        error,
        took_ms: took.as_secs_f64() * 1_000.0,
        tries,
        origin,
        session_id: header("x-fresnel-session"),
        user_id: header("x-fresnel-user"),
        page: header("x-fresnel-page").unwrap_or_default(),
    };
    let now_ms = clock::now().as_millis();
    match state.ingest.measure_call(&entry.project, &call, now_ms) {
        // The product does not wait for what Fresnel wants to know.
        Ok(commit) => {
            let _detached = task::spawn_local("measured call", async move {
                if let Err(error) = commit.await {
                    tracing::warn!(%error, "a call to a vendor was not measured");
                }
            });
        }
        Err(error) => tracing::warn!(%error, "a call to a vendor was not measured"),
    }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn what_stands_behind_the_integration_is_passed_on_as_it_is() {
        for (path, expected) in [
            ("/relay/stripe", "/"),
            ("/relay/stripe/", "/"),
            ("/relay/stripe/v1/a%2Fb", "/v1/a%2Fb"),
            ("/relay/stripe//x", "//x"),
        ] {
            assert_eq!(below(path), expected);
        }
    }
}
