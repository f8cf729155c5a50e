//! Integrations as a list shows them: beside what they are, how they do.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;

use super::shown::Shown;
use crate::api::error::ApiError;
use crate::api::manage::Call;
use crate::api::vendors::{Breaker, DAY_S, totals_of};
use crate::clock;
use crate::domain::account::ProjectId;
use crate::domain::integration::{Effective, Integration, PollState, SyncMethod};
use crate::domain::page::Page;
use crate::integrations::ExternalStatus;
use crate::integrations::relay::Retrying;
use crate::integrations::watcher::stays_away;
use crate::query::vendors::Totals;

/// From which share of a vendor's limit on it is told.
const WARN_SHARE: f64 = 0.8;

/// An integration, and how it does.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ListedIntegration)]
pub(super) struct Listed {
    #[serde(flatten)]
    integration: Shown,
    /// What the last 24 hours add up to; null when there were no contacts, or the warehouse is away.
    performance: Option<Totals>,
    /// Calls of this node within the vendor's own window; null when it has no limit.
    quota: Option<QuotaUse>,
    /// The call that waits for its next try; null when none does.
    retry_state: Option<RetryState>,
    /// The breaker of this node.
    breaker: Breaker,
    /// How and when its data comes.
    sync_state: SyncState,
    /// What the vendor says about how it does; null when it has no page for programs.
    external_status: Option<ExternalStatus>,
}

/// How much of a vendor's limit is used.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = IntegrationQuota)]
struct QuotaUse {
    /// Calls within the last window.
    used: u32,
    /// How many it takes.
    limit: u32,
    /// Both as a share, 0 to 1.
    share: f64,
    /// Whether four fifths are used.
    is_short: bool,
}

/// A call that waits for its next try.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = IntegrationRetryState)]
struct RetryState {
    /// Tries so far.
    attempt: u32,
    /// Milliseconds until the next one.
    next_delay_ms: u64,
    /// Milliseconds since the first one.
    total_elapsed_ms: u64,
}

/// How and when data comes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = IntegrationSyncState)]
struct SyncState {
    /// How it comes now: that of the settings, or what stands in for it.
    method: SyncMethod,
    /// Whether it is polled because webhooks stay away.
    is_fallback: bool,
    /// When a webhook came or a poll was answered last, in milliseconds since 1970.
    last_sync_ms: Option<i64>,
    /// When it said something new last, by polls.
    last_change_ms: Option<i64>,
    /// When it is polled next.
    next_poll_ms: Option<i64>,
    /// Time between two polls now, in milliseconds.
    poll_interval_ms: Option<i64>,
    /// Polls that failed, one after the other.
    failures: u32,
    /// Why the last one did.
    error: Option<String>,
}

/// A page of integrations with how they do: one statement for all of them, and the vendors' own pages side by side. Whoever of these
/// does not answer degrades nothing but the own row.
pub(super) async fn list(
    call: &Call,
    project_id: &ProjectId,
    found: Page<Integration>,
) -> Result<Page<Listed>, ApiError> {
    let state = call.state();
    let urls: HashMap<String, String> = found
        .items
        .iter()
        .filter_map(|one| {
            let service = state.integrations.catalogue().service(&one.service)?;
            Some((one.slug.as_str().to_owned(), service.status_url.clone()?))
        })
        .collect();
    let external = state
        .integrations
        .external_statuses(urls.values().map(String::as_str));
    let polls = call.control();
    let (performance, mut external, polls) =
        tokio::join!(totals_of(call, project_id, DAY_S), external, polls.polls());
    // Without the warehouse the list is still one of integrations.
    let mut performance = performance.unwrap_or_default();
    let polls = polls?;
    Ok(found.map(|integration| {
        let effective = state.integrations.effective(&integration);
        let slug = integration.slug.as_str().to_owned();
        let performance = performance.remove(&slug);
        let quota = state.relay.used(&integration, &effective).map(|(used, limit)| {
            let share = f64::from(used) / f64::from(limit.max(1));
            QuotaUse {
                used,
                limit,
                share,
                is_short: share >= WARN_SHARE,
            }
        });
        Listed {
            quota,
            retry_state: state.relay.retrying(&integration).map(RetryState::from),
            breaker: state.relay.breaker(&integration).into(),
            sync_state: sync_state(
                &integration,
                &effective,
                performance.as_ref(),
                polls.get(&integration.id),
                call,
            ),
            external_status: urls.get(&slug).and_then(|url| match external.get(url) {
                Some(status) => Some(status.clone()),
                None => external.remove(url),
            }),
            performance,
            integration: Shown::new(&state.integrations, integration),
        }
    }))
}

fn sync_state(
    integration: &Integration,
    effective: &Effective,
    performance: Option<&Totals>,
    poll: Option<&PollState>,
    call: &Call,
) -> SyncState {
    let may_fall_back =
        effective.sync == SyncMethod::Webhook && effective.fallback == Some(SyncMethod::Polling);
    let last_webhook_ms = performance
        .and_then(|seen| seen.last_webhook_ms)
        .unwrap_or_default();
    let silence_max = call.state().webhook_silence_max;
    let now_ms = clock::now().as_millis();
    let is_fallback = may_fall_back
        && stays_away(
            last_webhook_ms.max(integration.created_at_ms),
            now_ms,
            silence_max,
        );
    let is_polled = is_fallback || effective.sync == SyncMethod::Polling;
    let polled_ms = poll.filter(|poll| poll.failures == 0).map(|poll| poll.last_at_ms);
    SyncState {
        method: if is_fallback {
            SyncMethod::Polling
        } else {
            effective.sync
        },
        is_fallback,
        last_sync_ms: performance.and_then(Totals::last_sync_ms).max(polled_ms),
        last_change_ms: poll.and_then(|poll| poll.changed_at_ms),
        next_poll_ms: poll.filter(|_| is_polled).map(|poll| poll.next_at_ms),
        poll_interval_ms: poll.filter(|_| is_polled).map(|poll| poll.interval_ms),
        failures: poll.map_or(0, |poll| poll.failures),
        error: poll.and_then(|poll| poll.error.clone()),
    }
}

impl From<Retrying> for RetryState {
    fn from(call: Retrying) -> Self {
        let now = Instant::now();
        let ms = |length: std::time::Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self {
            attempt: call.attempt,
            next_delay_ms: ms(call.next_at.saturating_duration_since(now)),
            total_elapsed_ms: ms(now.saturating_duration_since(call.started)),
        }
    }
}
