//! `POST /hooks/{integration}/{token}`: vendors' webhooks.

use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::HOST;
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use metrics::counter;
use serde::Serialize;
use uuid::Uuid;

use super::body::{header_text, read_body};
use super::error::{self, ApiError};
use super::ingest::IngestState;
use super::manage::ControlState;
use super::{envelope, relay, unread};
use crate::clock;
use crate::control::sha256;
use crate::domain::integration::Side;
use crate::ingest::VendorWebhook;
use crate::integrations::hooks::{HookError, Webhook, id_of};
use crate::metric_definitions::HOOKS;

/// Longest body.
const BODY_BYTES_MAX: usize = 1_024 * 1_024;

/// Adds the address.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/hooks/{integration}/{token}").to(hook));
}

/// The answer to a webhook.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = TakenWebhook)]
struct Taken {
    /// Id of the event that it is.
    event_id: Uuid,
    /// Whether it had come before.
    is_repeated: bool,
}

/// Takes a vendor's webhook, as an event of the project.
#[utoipa::path(post, path = "/hooks/{integration}/{token}", tag = "relay", security(()),
    params(
        ("integration" = String, Path, description = "The integration's slug"),
        ("token" = String, Path, description = "The secret of its hook"),
    ),
    request_body(content = String, content_type = "*/*", description = "What the vendor says, signed in its way"),
    responses(
        (status = 200, description = "It is on disk", body = Taken),
        (status = 400, description = "`BODY_INCOMPLETE`"),
        (status = 401, description = "`NOT_VERIFIED`"),
        (status = 408, description = "`BODY_TIMEOUT`"),
        (status = 409, description = "`INTEGRATION_INCOMPLETE`, `CREDENTIAL_UNREADABLE`"),
        (status = 413, description = "`TOO_LARGE`"),
        (status = 503, description = "`INTEGRATION_OFF`, `UNDER_WAY`, `LOG_FULL`, `OVERLOADED`, `UNAVAILABLE`"),
    ))]
pub(super) async fn hook(
    request: HttpRequest,
    mut payload: web::Payload,
    state: web::Data<ControlState>,
    ingest: web::Data<IngestState>,
) -> HttpResponse {
    let started = Instant::now();
    let taken = match *request.method() {
        Method::POST => take(&request, &mut payload, &state, &ingest).await,
        _ => Err(ApiError::MethodNotAllowed("POST")),
    };
    let outcome = match &taken {
        Ok(Taken {
            is_repeated: false, ..
        }) => "taken",
        Ok(Taken {
            is_repeated: true, ..
        }) => "repeated",
        Err(ApiError::Hook(HookError::NotVerified(_))) => "not_verified",
        Err(_) => "refused",
    };
    counter!(HOOKS, "outcome" => outcome).increment(1);
    match taken {
        Ok(taken) => envelope::success(&taken, started),
        Err(error) => unread::holding(error::answer(&request, &error), payload),
    }
}

async fn take(
    request: &HttpRequest,
    payload: &mut web::Payload,
    state: &ControlState,
    ingest: &IngestState,
) -> Result<Taken, ApiError> {
    let segment = |name: &str| request.match_info().query(name);
    let no_such = || ApiError::NoSuch("there is no such hook");
    let directory = state.control.directory();
    let integration = directory.integrations().of_hook(&sha256(segment("token")));
    let integration = integration
        .filter(|found| found.slug.as_str() == segment("integration"))
        .cloned()
        .ok_or_else(no_such)?;
    let project = directory
        .project(integration.project_id.as_str())
        .cloned()
        .ok_or_else(no_such)?;
    if !state.relay.is_enabled() {
        return Err(ApiError::Hook(HookError::Off));
    }
    let body = read_body(payload, BODY_BYTES_MAX, state.body_timeout).await?;
    let headers = relay::headers(request);
    let now_ms = clock::now().as_millis();
    let urls = urls(request);
    let webhook = Webhook {
        headers: &headers,
        body: &body,
        urls: &urls,
        now_s: now_ms / 1_000,
    };
    state
        .integrations
        .verify_webhook(&integration, &webhook)
        .map_err(ApiError::Hook)?;
    let event_id = id_of(&integration, &headers, &body);
    let media_type = header_text(request, &actix_web::http::header::CONTENT_TYPE);
    let webhook = VendorWebhook {
        event_id,
        integration: integration.slug.as_str(),
        service: integration.service.as_str(),
        side: Side::Webhook,
        body: &body,
        is_form: media_type.starts_with("application/x-www-form-urlencoded"),
        happened: headers
            .get("x-goog-resource-state")
            .and_then(|value| value.to_str().ok()),
    };
    let stored = ingest.ingest.take_webhook(&project, &webhook, now_ms)?;
    let is_repeated = stored.is_none();
    if let Some(commit) = stored {
        commit.await.map_err(|error| ApiError::Rejected(error.into()))?;
    }
    Ok(Taken {
        event_id,
        is_repeated,
    })
}

/// Addresses by which the vendor may have called: a proxy before us may have ended TLS, or there is none.
fn urls(request: &HttpRequest) -> Vec<String> {
    let host = header_text(request, &HOST);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    ["https", "http"]
        .map(|scheme| format!("{scheme}://{host}{path}"))
        .to_vec()
}
