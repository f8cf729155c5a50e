//! `GET /api/alerts/stream`: what happens to alerts, live, as server-sent events.
//!
//! ```text
//! Control ◄─ a look each second ─ poller (one a project) ─► a bounded queue a listener ─► its connection
//! ```
//!
//! A listener that does not read is dropped, and so are all when the service stops, and each one after some minutes: browsers
//! come again by themselves, are asked anew who they are, and say with `Last-Event-ID` what they have seen.

mod listener;

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web;
use uuid::Uuid;

use super::error::ApiError;
use super::manage::{Call, OfProject};
use super::{alert_hub, paging, resource};
use crate::domain::account::Role;
use crate::domain::field_error::{FieldError, FieldFault};

/// How long a listener is not asked who it is.
const STREAM_TIME: Duration = Duration::from_secs(5 * 60);
/// How often something is sent at least, so that whoever is gone is noticed, by us and by what is in between.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// Adds the address. It goes before that of single alerts: `stream` is no id.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/api/alerts/stream", "GET").route(web::get().to(stream)));
}

/// What happens to alerts, live: an event `alert` for each change, with the change and the alert as it is by then; every
/// 15 seconds a comment. After some minutes the stream ends; with `Last-Event-ID` it goes on where it was. When more has been
/// missed than is told again, there is an event `missed` instead: read the list then.
#[utoipa::path(get, path = "/api/alerts/stream", tag = "alerts",
    params(OfProject, ("Last-Event-ID" = Option<Uuid>, Header, description = "The last event that was seen; what came since is told first")),
    responses(
        (status = 200, description = "Server-sent events; `data` of `alert` is JSON: `{event, alert}`", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`BAD_PARAMETERS`"),
        (status = 503, description = "`TOO_MANY_LISTENERS`"),
    ))]
async fn stream(call: Call) -> HttpResponse {
    let outcome = open(&call).await;
    call.answer_as_it_is(outcome)
}

async fn open(call: &Call) -> Result<HttpResponse, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    paging::no_others(&call.parameters()).map_err(ApiError::BadParameters)?;
    let after = last_event_id(call)?;
    let streams = &call.state().alert_streams;
    // First a place in the queue, then what is past, so that nothing falls in between.
    let seat = streams.listen(&call.control(), &project_id)?;
    let missed = match after {
        Some(after) => alert_hub::since(&call.control(), &project_id, after).await?,
        None => alert_hub::Missed::default(),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        // Proxies that gather answers would hold events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(listener::stream(seat, missed)))
}

fn last_event_id(call: &Call) -> Result<Option<Uuid>, ApiError> {
    let Some(value) = call.request().headers().get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| Uuid::try_parse(text).ok());
    let fault = || {
        let message = "must be the id of an event";
        ApiError::BadParameters(vec![FieldError::new(
            LAST_EVENT_ID,
            FieldFault::BadFormat,
            message,
        )])
    };
    id.map(Some).ok_or_else(fault)
}
