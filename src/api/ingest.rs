//! `POST /api/analytics/…`: beacons in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use serde::Serialize;

use super::auth::Credentials;
use super::client_address::client_address;
use super::envelope;
use super::error::{self, ApiError};
use super::{rate_limit, unread};
use crate::clock;
use crate::domain::beacon::Kind;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::ingest::quota::{Class, Decision, Who};
use crate::ingest::{
    Accepted, BatchOutcome, Body, DEFAULT_PROJECT_ID, Encoding, Ingest, MediaType, RefusedItem, Rejection,
    Sender,
};

/// What refusals of a whole batch are listed as.
const BATCH: &str = "batch";

/// What the handlers of one worker share.
pub struct IngestState {
    /// Who may post.
    pub credentials: Credentials,
    /// This worker's path into the log.
    pub ingest: Ingest,
    /// Time in which a body must have arrived.
    pub body_timeout: Duration,
    /// The project of all beacons.
    pub project_id: Arc<str>,
    /// Proxies in front of the server whose `X-Forwarded-For` is believed.
    pub trusted_proxies: usize,
}

/// Adds the addresses of the four kinds.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    for (path, kind) in [
        ("/api/analytics/performance/metrics", Kind::Metric),
        ("/api/analytics/performance/alerts", Kind::Alert),
        ("/api/analytics/funnel", Kind::Funnel),
        ("/api/analytics/events", Kind::Event),
    ] {
        // No guard on the method: a guard notes it in the request's extensions, which costs every beacon an
        // allocation and a map.
        config.service(
            web::resource(path)
                .to(move |request: HttpRequest, payload: web::Payload| post(kind, request, payload)),
        );
    }
    config.service(web::resource("/api/analytics/batch").to(post_batch));
}

async fn post(kind: Kind, request: HttpRequest, mut payload: web::Payload) -> HttpResponse {
    let started = Instant::now();
    if request.method() != Method::POST {
        return wrong_method(&request, payload);
    }
    let Some(state) = request.app_data::<web::Data<IngestState>>() else {
        return HttpResponse::InternalServerError().finish();
    };
    match take(state, kind, &request, &mut payload).await {
        Ok(Taken::Stored {
            event_id,
            class,
            decision,
        }) => {
            state.ingest.count_accepted(kind);
            let mut answer = envelope::accepted(event_id, started);
            rate_limit::insert(answer.headers_mut(), class, &decision);
            answer
        }
        Ok(Taken::Checked) => envelope::success(&Checked { valid: true }, started),
        Err(rejection) => {
            state.ingest.count_rejected(kind, &rejection);
            unread::holding(error::answer(&request, &ApiError::Rejected(rejection)), payload)
        }
    }
}

/// What came of one beacon that was not refused.
enum Taken {
    Stored {
        event_id: uuid::Uuid,
        class: Class,
        decision: Decision,
    },
    /// `?validate=1`: looked at, not stored.
    Checked,
}

#[derive(Serialize)]
struct Checked {
    valid: bool,
}

async fn take(
    state: &IngestState,
    kind: Kind,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<Taken, Rejection> {
    let read = read(state, request, payload)
        .await
        .inspect_err(|rejection| note(state, kind.as_str(), rejection, None))?;
    let now_ms = clock::now().as_millis();
    if asks_only(request) {
        state.ingest.check(kind, read.body(), now_ms)?;
        return Ok(Taken::Checked);
    }
    let Accepted {
        event_id,
        commit,
        class,
        decision,
    } = state
        .ingest
        .accept(&sender(state, request, now_ms), kind, read.body(), now_ms)
        .inspect_err(|rejection| note(state, kind.as_str(), rejection, Some(read.body())))?;
    // Hundreds of requests wait for their commit; none needs its body any more.
    drop(read);
    commit.await?;
    Ok(Taken::Stored {
        event_id,
        class,
        decision,
    })
}

/// Who posts: somebody of this network with this browser.
fn sender(state: &IngestState, request: &HttpRequest, now_ms: i64) -> Sender {
    let user_agent = request.headers().get(USER_AGENT);
    let who = Who::Anonymous {
        address: client_address(request, state.trusted_proxies),
        user_agent: user_agent.map(HeaderValue::as_bytes).unwrap_or_default(),
    };
    Sender {
        subject: state.ingest.subject(DEFAULT_PROJECT_ID, who, now_ms),
        project_id: Arc::clone(&state.project_id),
    }
}

/// Keeps a refusal for the people who build the page that posted.
fn note(state: &IngestState, kind: &'static str, rejection: &Rejection, body: Option<Body<'_>>) {
    state
        .ingest
        .note_rejected(kind, rejection, body, clock::now().as_millis());
}

async fn post_batch(request: HttpRequest, mut payload: web::Payload) -> HttpResponse {
    let started = Instant::now();
    if request.method() != Method::POST {
        return wrong_method(&request, payload);
    }
    let Some(state) = request.app_data::<web::Data<IngestState>>() else {
        return HttpResponse::InternalServerError().finish();
    };
    match take_batch(state, &request, &mut payload).await {
        Ok((status, outcome)) => {
            if status == StatusCode::ACCEPTED {
                for kind in &outcome.kinds {
                    state.ingest.count_accepted(*kind);
                }
            }
            let mut answer = envelope::with_status(status, &BatchAnswer::from(&outcome), started);
            // Of several quotas the one that has the least left.
            let tightest = outcome
                .decisions
                .iter()
                .min_by_key(|(_, decision)| decision.remaining);
            if let Some((class, decision)) = tightest {
                rate_limit::insert(answer.headers_mut(), *class, decision);
            }
            answer
        }
        Err(rejection) => {
            state.ingest.count_batch_rejected(&rejection);
            unread::holding(error::answer(&request, &ApiError::Rejected(rejection)), payload)
        }
    }
}

async fn take_batch(
    state: &IngestState,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<(StatusCode, BatchOutcome), Rejection> {
    let read = read(state, request, payload)
        .await
        .inspect_err(|rejection| note(state, BATCH, rejection, None))?;
    let now_ms = clock::now().as_millis();
    if asks_only(request) {
        return Ok((StatusCode::OK, state.ingest.check_batch(read.body(), now_ms)?));
    }
    let (outcome, commit) = state
        .ingest
        .accept_batch(&sender(state, request, now_ms), read.body(), now_ms)
        .inspect_err(|rejection| note(state, BATCH, rejection, Some(read.body())))?;
    for item in &outcome.refused {
        let kind = item.kind.map_or(BATCH, Kind::as_str);
        if item
            .faults
            .iter()
            .any(|fault| fault.code == FieldFault::OverQuota)
        {
            continue;
        }
        note(state, kind, &Rejection::Invalid(item.faults.clone()), None);
    }
    drop(read);
    commit.await?;
    Ok((StatusCode::ACCEPTED, outcome))
}

/// The answer to a batch.
#[derive(Serialize)]
struct BatchAnswer<'o> {
    accepted: usize,
    rejected: Vec<RejectedItem<'o>>,
}

#[derive(Serialize)]
struct RejectedItem<'o> {
    index: usize,
    #[serde(flatten)]
    fault: &'o FieldError,
}

impl<'o> From<&'o BatchOutcome> for BatchAnswer<'o> {
    fn from(outcome: &'o BatchOutcome) -> Self {
        let first_fault = |item: &'o RefusedItem| {
            let index = item.index;
            item.faults.first().map(|fault| RejectedItem { index, fault })
        };
        Self {
            accepted: outcome.kinds.len(),
            rejected: outcome.refused.iter().filter_map(first_fault).collect(),
        }
    }
}

/// True for `?validate=1`: the sender wants to know whether the beacon would be taken.
fn asks_only(request: &HttpRequest) -> bool {
    let query = request.query_string();
    !query.is_empty()
        && form_urlencoded::parse(query.as_bytes())
            .any(|(name, value)| name == "validate" && matches!(value.as_ref(), "1" | "true"))
}

fn wrong_method(request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    unread::holding(
        error::answer(request, &ApiError::MethodNotAllowed("POST")),
        payload,
    )
}

/// A body that has arrived.
struct Read {
    bytes: Bytes,
    media_type: MediaType,
    encoding: Encoding,
}

impl Read {
    fn body(&self) -> Body<'_> {
        Body {
            bytes: &self.bytes,
            media_type: self.media_type,
            encoding: self.encoding,
        }
    }
}

async fn read(
    state: &IngestState,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<Read, Rejection> {
    if !state.credentials.may_post(request) {
        return Err(Rejection::Unauthenticated);
    }
    let media_type = MediaType::from_header(header_text(request, &CONTENT_TYPE)).ok_or(
        Rejection::UnsupportedMedia("send application/json, text/plain or a form, in UTF-8"),
    )?;
    let encoding = Encoding::from_header(header_text(request, &CONTENT_ENCODING)).ok_or(
        Rejection::UnsupportedMedia("Content-Encoding must be one of gzip, deflate, br, zstd"),
    )?;
    let bytes_max = state.ingest.body_max_bytes();
    if header_text(request, &CONTENT_LENGTH)
        .parse()
        .is_ok_and(|length: u64| length > bytes_max as u64)
    {
        return Err(Rejection::TooLarge);
    }
    Ok(Read {
        bytes: read_body(payload, bytes_max, state.body_timeout).await?,
        media_type,
        encoding,
    })
}

/// A header's text; absent is empty, and text that is not ASCII is something that no list knows.
fn header_text<'r>(request: &'r HttpRequest, name: &HeaderName) -> &'r str {
    request
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap_or("?"))
}

/// Reads a body. Most come in one piece: that piece is the body, not copied.
async fn read_body(
    payload: &mut web::Payload,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, Rejection> {
    let whole = async {
        let Some(first) = next_piece(payload).await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = next_piece(payload).await? else {
            return if first.len() > bytes_max {
                Err(Rejection::TooLarge)
            } else {
                Ok(first)
            };
        };
        let mut body = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(piece) = next {
            if body.len() + piece.len() > bytes_max {
                return Err(Rejection::TooLarge);
            }
            body.extend_from_slice(&piece);
            next = next_piece(payload).await?;
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(timeout, whole)
        .await
        .unwrap_or(Err(Rejection::BodyTimeout))
}

async fn next_piece(payload: &mut web::Payload) -> Result<Option<Bytes>, Rejection> {
    match payload.next().await {
        None => Ok(None),
        Some(Ok(piece)) => Ok(Some(piece)),
        Some(Err(_)) => Err(Rejection::BodyIncomplete),
    }
}
