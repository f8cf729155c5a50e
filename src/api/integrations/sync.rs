//! `POST /api/integrations/{id}/sync`: asking a vendor for what is new, now.

use actix_web::web;
use serde::Serialize;

use super::known;
use crate::api::error::ApiError;
use crate::api::ingest::IngestState;
use crate::api::manage::{Call, OfProject};
use crate::clock;
use crate::domain::account::Role;
use crate::domain::integration::{PollOutcome, PollState};
use crate::integrations::hooks::HookError;
use crate::integrations::watcher::take_news;

/// The interval of those that have none: it is asked by hand.
const INTERVAL_DEFAULT_S: u32 = 3_600;

/// How a sync went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SyncOutcome {
    /// There was something new: it is an event of the project now.
    Changed,
    /// There was nothing new.
    Unchanged,
    /// There was no answer, or a failure.
    Failed,
}

/// What came of a sync.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = IntegrationSync)]
pub(in crate::api) struct Synced {
    outcome: SyncOutcome,
    /// Status of the answer; null without one.
    status: Option<u16>,
    /// Milliseconds until its head was there.
    took_ms: Option<f64>,
    /// Why it failed.
    error: Option<String>,
    /// When it is polled next, in milliseconds since 1970, if it is.
    next_poll_ms: i64,
}

/// Asks the vendor now for what is new. What is, becomes an event of the project; the next poll is counted from now on.
#[utoipa::path(post, path = "/api/integrations/{id}/sync", tag = "integrations", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Synced)))]
pub(in crate::api) async fn sync(call: &mut Call) -> Result<Synced, ApiError> {
    let (_, integration) = known(call, Role::Admin).await?;
    let state = call.state();
    if !integration.definition.is_enabled || !state.relay.is_enabled() {
        return Err(ApiError::Hook(HookError::Off));
    }
    let control = call.control();
    let now_ms = clock::now().as_millis();
    let effective = state.integrations.effective(&integration);
    let set_ms = i64::from(effective.poll_interval_s.unwrap_or(INTERVAL_DEFAULT_S)) * 1_000;
    let known = control.poll_of(integration.id).await?;
    let mut poll = known.unwrap_or_else(|| PollState::new(set_ms, now_ms, 0));
    let polled = state.integrations.poll(&integration, &mut poll).await;
    poll.asked(polled.outcome, set_ms, clock::now().as_millis(), rand::random());
    control.note_poll(integration.id, &poll).await?;
    if let Some(ingest) = call.request().app_data::<web::Data<IngestState>>() {
        take_news(&ingest.ingest, &control, &integration, &polled).await;
    }
    let contact = polled.contact;
    Ok(Synced {
        outcome: match polled.outcome {
            PollOutcome::Changed => SyncOutcome::Changed,
            PollOutcome::Same => SyncOutcome::Unchanged,
            PollOutcome::Failed(_) => SyncOutcome::Failed,
        },
        status: contact.map(|(_, status, _)| status).filter(|status| *status > 0),
        took_ms: contact.map(|(.., took)| took.as_secs_f64() * 1_000.0),
        error: poll.error,
        next_poll_ms: poll.next_at_ms,
    })
}
