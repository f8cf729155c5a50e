//! `POST /api/analytics/…`: beacons in.

use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;

use super::auth::Credentials;
use super::envelope;
use super::error::{self, ApiError};
use super::unread;
use crate::clock;
use crate::domain::beacon::Kind;
use crate::ingest::{Body, Encoding, Ingest, MediaType, Rejection};

/// What the handlers of one worker share.
pub struct IngestState {
    /// Who may post.
    pub credentials: Credentials,
    /// This worker's path into the log.
    pub ingest: Ingest,
    /// Time in which a body must have arrived.
    pub body_timeout: Duration,
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
}

async fn post(kind: Kind, request: HttpRequest, mut payload: web::Payload) -> HttpResponse {
    let started = Instant::now();
    if request.method() != Method::POST {
        return unread::holding(
            error::answer(&request, &ApiError::MethodNotAllowed("POST")),
            payload,
        );
    }
    let Some(state) = request.app_data::<web::Data<IngestState>>() else {
        return HttpResponse::InternalServerError().finish();
    };
    match take(state, kind, &request, &mut payload).await {
        Ok(event_id) => {
            state.ingest.count_accepted(kind);
            envelope::accepted(event_id, started)
        }
        Err(rejection) => {
            state.ingest.count_rejected(kind, &rejection);
            unread::holding(error::answer(&request, &ApiError::Rejected(rejection)), payload)
        }
    }
}

async fn take(
    state: &IngestState,
    kind: Kind,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<uuid::Uuid, Rejection> {
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
    let bytes = read_body(payload, bytes_max, state.body_timeout).await?;
    let body = Body {
        bytes: &bytes,
        media_type,
        encoding,
    };
    let (event_id, commit) = state.ingest.accept(kind, body, clock::now().as_millis())?;
    // Hundreds of requests wait for their commit; none needs its body any more.
    drop(bytes);
    commit.await?;
    Ok(event_id)
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
