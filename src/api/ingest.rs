//! `POST /api/analytics/…`: beacons in.

pub(super) mod described;

use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderValue, ORIGIN};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::beacon_headers::BeaconHeaders;
use super::body::read_body;
use super::error::{self, ApiError};
use super::identity::{Identity, Poster};
use super::{asked, cors, envelope, funnels, rate_limit, unread};
use crate::clock;
use crate::domain::beacon::Kind;
use crate::domain::field_error::FieldError;
use crate::domain::ledger::DropReason;
use crate::ingest::{
    Accepted, BatchOutcome, BatchRefusal, Body, Encoding, Ingest, MediaType, Outcome, RefusedItem, Rejection,
    Sender,
};
use crate::quota::{Class, Decision};

/// What refusals of a whole batch are listed as.
const BATCH: &str = "batch";

/// What the handlers of one worker share.
pub struct IngestState {
    /// Who may post.
    pub identity: Identity,
    /// This worker's path into the log.
    pub ingest: Ingest,
    /// Time in which a body must have arrived.
    pub body_timeout: Duration,
}

/// Adds the addresses of the four kinds, and that of batches.
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
    let Some(state) = request.app_data::<web::Data<IngestState>>() else {
        return HttpResponse::InternalServerError().finish();
    };
    if request.method() != Method::POST {
        if kind == Kind::Funnel && request.method() == Method::GET {
            // Boxed, or every beacon would carry the room for a question.
            return Box::pin(funnels::at_address_of_beacons(request)).await;
        }
        return not_a_post(state, &request, payload, methods(Some(kind)));
    }
    let now_ms = clock::now().as_millis();
    let headers = BeaconHeaders::of(&request);
    let poster = state.identity.poster(&request, &headers, now_ms);
    let outcome = match &poster {
        Ok(poster) => take(state, poster, kind, (&request, &headers), &mut payload).await,
        Err(rejection) => Err(rejection.clone()),
    };
    let mut answer = match outcome {
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
        Ok(Taken::Repeated(event_id)) => {
            state.ingest.count_repeated(kind);
            drop_one(state, &poster, kind, Some(DropReason::Duplicate)).await;
            envelope::accepted(event_id, started)
        }
        Ok(Taken::Robot(event_id)) => {
            state.ingest.count_robot(kind);
            drop_one(state, &poster, kind, Some(DropReason::Robot)).await;
            envelope::accepted(event_id, started)
        }
        Ok(Taken::Checked) => envelope::success(&Checked { valid: true }, started),
        Err(rejection) => {
            note_poster(&request, &poster);
            state.ingest.count_rejected(kind, &rejection);
            if !asks_only(&request) {
                drop_one(state, &poster, kind, rejection.drop_reason()).await;
            }
            unread::holding(error::answer(&request, &ApiError::Rejected(rejection)), payload)
        }
    };
    if let Some(origin) = headers.origin {
        let_page_read(state, (&request, origin), poster.as_ref().ok(), &mut answer);
    }
    answer
}

/// Who posted what is refused, for the log.
fn note_poster(request: &HttpRequest, poster: &Result<Poster, Rejection>) {
    if let Ok(poster) = poster {
        poster.note(request);
    }
}

/// Lets the ledger know that a beacon is not stored, unless nobody knows whose it is.
async fn drop_one(
    state: &IngestState,
    poster: &Result<Poster, Rejection>,
    kind: Kind,
    reason: Option<DropReason>,
) {
    if let (Ok(poster), Some(reason)) = (poster, reason) {
        let project_id = poster.project.project.id.as_str();
        let now_ms = clock::now().as_millis();
        state
            .ingest
            .note_dropped(project_id, kind.into(), reason, now_ms)
            .await;
    }
}

/// A page may read the answer to its own beacon, also a refusal, when its origin is one of the project's.
fn let_page_read(
    state: &IngestState,
    (request, origin): (&HttpRequest, &HeaderValue),
    poster: Option<&Poster>,
    answer: &mut HttpResponse,
) {
    let is_allowed = match poster {
        Some(poster) => !poster.is_server,
        None => state.identity.readable_by(request).is_some(),
    };
    if is_allowed {
        cors::allow(answer.headers_mut(), origin);
    }
}

/// What the address of a kind, or of batches, takes. The address of funnel steps also answers.
const fn methods(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Funnel) => "GET, POST",
        _ => "POST",
    }
}

/// The question of a browser whether a page may post, or a method that is not taken.
fn not_a_post(
    state: &IngestState,
    request: &HttpRequest,
    payload: web::Payload,
    methods: &'static str,
) -> HttpResponse {
    let asks_to_post = request.method() == Method::OPTIONS && request.headers().contains_key(ORIGIN);
    let error = if asks_to_post {
        if let Some(origin) = state.identity.readable_by(request) {
            return cors::preflight(request.headers(), origin);
        }
        ApiError::Rejected(Rejection::ForeignOrigin)
    } else {
        ApiError::MethodNotAllowed(methods)
    };
    unread::holding(error::answer(request, &error), payload)
}

/// What came of one beacon that was not refused.
enum Taken {
    Stored {
        event_id: uuid::Uuid,
        class: Class,
        decision: Decision,
    },
    /// Stored since an earlier time.
    Repeated(uuid::Uuid),
    /// Of a known robot, and dropped.
    Robot(uuid::Uuid),
    /// `?validate=1`: looked at, not stored.
    Checked,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::api) struct Checked {
    valid: bool,
}

async fn take(
    state: &IngestState,
    poster: &Poster,
    kind: Kind,
    (request, headers): (&HttpRequest, &BeaconHeaders<'_>),
    payload: &mut web::Payload,
) -> Result<Taken, Rejection> {
    let note = |rejection: &Rejection, body| note(state, poster, kind.as_str(), rejection, body);
    let read = read(state, poster, headers, payload)
        .await
        .inspect_err(|rejection| note(rejection, None))?;
    let now_ms = clock::now().as_millis();
    if asks_only(request) {
        state.ingest.check(
            &sender(state, poster, request, headers),
            kind,
            read.body(),
            now_ms,
        )?;
        return Ok(Taken::Checked);
    }
    let sender = sender(state, poster, request, headers);
    let ingest = &state.ingest;
    let outcome = if ingest.has_peers() {
        // Boxed, or every request of a node that is alone would carry the room for it.
        Box::pin(ingest.accept_among_peers(&sender, kind, read.body(), now_ms)).await
    } else {
        ingest.accept(&sender, kind, read.body(), now_ms)
    };
    let outcome = outcome.inspect_err(|rejection| {
        note(rejection, Some(read.body()));
        let session = ingest.session_in(read.body());
        asked::note(request, |asked| asked.session = session.as_deref().map(asked::id));
    })?;
    let Accepted {
        event_id,
        commit,
        class,
        decision,
    } = match outcome {
        Outcome::Stored(accepted) => accepted,
        Outcome::Repeated(event_id) => return Ok(Taken::Repeated(event_id)),
        Outcome::Robot(event_id) => return Ok(Taken::Robot(event_id)),
    };
    // Hundreds of requests wait for their commit; none needs its body any more.
    drop(read);
    commit.await?;
    Ok(Taken::Stored {
        event_id,
        class,
        decision,
    })
}

fn sender<'r>(
    state: &IngestState,
    poster: &'r Poster,
    request: &'r HttpRequest,
    headers: &BeaconHeaders<'r>,
) -> Sender<'r> {
    Sender {
        project: &poster.project,
        caller: &poster.caller,
        address: state.identity.address(request),
        asks_privacy: headers.asks_privacy(),
        user_agent: headers.user_agent(),
    }
}

/// Keeps a refusal for the people who build the page that posted.
fn note(
    state: &IngestState,
    poster: &Poster,
    kind: &'static str,
    rejection: &Rejection,
    body: Option<Body<'_>>,
) {
    let project_id = poster.project.project.id.as_str();
    let now_ms = clock::now().as_millis();
    state
        .ingest
        .note_rejected(project_id, kind, rejection, body, now_ms);
}

async fn post_batch(request: HttpRequest, mut payload: web::Payload) -> HttpResponse {
    let started = Instant::now();
    let Some(state) = request.app_data::<web::Data<IngestState>>() else {
        return HttpResponse::InternalServerError().finish();
    };
    if request.method() != Method::POST {
        return not_a_post(state, &request, payload, methods(None));
    }
    let now_ms = clock::now().as_millis();
    let headers = BeaconHeaders::of(&request);
    let poster = state.identity.poster(&request, &headers, now_ms);
    let outcome = match &poster {
        Ok(poster) => take_batch(state, poster, (&request, &headers), &mut payload).await,
        Err(rejection) => Err(rejection.clone().into()),
    };
    let mut answer = match outcome {
        Ok((status, outcome)) => {
            if status == StatusCode::ACCEPTED {
                for kind in &outcome.kinds {
                    state.ingest.count_accepted(*kind);
                }
                for kind in &outcome.robots {
                    state.ingest.count_robot(*kind);
                }
                for kind in &outcome.repeated {
                    state.ingest.count_repeated(*kind);
                }
            }
            let mut answer = envelope::with_status(status, &BatchAnswer::from(&outcome), started);
            // Of several quotas the one that has the least left.
            let limited = outcome
                .decisions
                .iter()
                .filter(|(_, decision)| decision.limit > 0);
            if let Some((class, decision)) = limited.min_by_key(|(_, decision)| decision.remaining) {
                rate_limit::insert(answer.headers_mut(), *class, decision);
            }
            answer
        }
        Err(refusal) => {
            note_poster(&request, &poster);
            state.ingest.count_batch_rejected(&refusal.rejection);
            if let Ok(poster) = &poster
                && !asks_only(&request)
            {
                let project_id = poster.project.project.id.as_str();
                state
                    .ingest
                    .note_batch_dropped(project_id, &refusal, clock::now().as_millis())
                    .await;
            }
            let error = ApiError::Rejected(refusal.rejection);
            unread::holding(error::answer(&request, &error), payload)
        }
    };
    if let Some(origin) = headers.origin {
        let_page_read(state, (&request, origin), poster.as_ref().ok(), &mut answer);
    }
    answer
}

async fn take_batch(
    state: &IngestState,
    poster: &Poster,
    (request, headers): (&HttpRequest, &BeaconHeaders<'_>),
    payload: &mut web::Payload,
) -> Result<(StatusCode, BatchOutcome), BatchRefusal> {
    let read = read(state, poster, headers, payload)
        .await
        .inspect_err(|rejection| note(state, poster, BATCH, rejection, None))?;
    let now_ms = clock::now().as_millis();
    if asks_only(request) {
        let sender = sender(state, poster, request, headers);
        return Ok((
            StatusCode::OK,
            state.ingest.check_batch(&sender, read.body(), now_ms)?,
        ));
    }
    let sender = sender(state, poster, request, headers);
    let ingest = &state.ingest;
    let taken = if ingest.has_peers() {
        Box::pin(ingest.accept_batch_among_peers(&sender, read.body(), now_ms)).await
    } else {
        ingest.accept_batch(&sender, read.body(), now_ms)
    };
    let (outcome, commit) =
        taken.inspect_err(|refusal| note(state, poster, BATCH, &refusal.rejection, Some(read.body())))?;
    for item in &outcome.refused {
        if item.reason() == DropReason::Invalid {
            let kind = item.kind.map_or(BATCH, Kind::as_str);
            note(
                state,
                poster,
                kind,
                &Rejection::Invalid(item.faults.clone()),
                None,
            );
        }
    }
    drop(read);
    match commit.await {
        Ok(()) => Ok((StatusCode::ACCEPTED, outcome)),
        Err(error) => Err(outcome.not_committed(error)),
    }
}

/// The answer to a batch.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::api) struct BatchAnswer<'o> {
    accepted: usize,
    rejected: Vec<RejectedItem<'o>>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::api) struct RejectedItem<'o> {
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
            accepted: outcome.kinds.len() + outcome.repeated.len() + outcome.robots.len(),
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
    poster: &Poster,
    headers: &BeaconHeaders<'_>,
    payload: &mut web::Payload,
) -> Result<Read, Rejection> {
    let media_type = MediaType::from_header(headers.content_type()).ok_or(Rejection::UnsupportedMedia(
        "send application/json, text/plain or a form, in UTF-8",
    ))?;
    let encoding = Encoding::from_header(headers.content_encoding()).ok_or(Rejection::UnsupportedMedia(
        "Content-Encoding must be one of gzip, deflate, br, zstd",
    ))?;
    let bytes_max = state.ingest.body_max_bytes(poster.is_server);
    if headers
        .content_length()
        .is_some_and(|length| length > bytes_max as u64)
    {
        return Err(Rejection::TooLarge);
    }
    Ok(Read {
        bytes: read_body(payload, bytes_max, state.body_timeout).await?,
        media_type,
        encoding,
    })
}
