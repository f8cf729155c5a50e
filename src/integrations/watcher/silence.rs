//! Webhooks that stay away: who could be polled instead is, until the next one comes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::clock;
use crate::domain::integration::{Effective, Integration, SyncMethod};
use crate::integrations::Integrations;
use crate::query::vendors::last_webhooks;
use crate::warehouse::Warehouse;

/// See the file's comment.
#[derive(Debug)]
pub(super) struct Silences {
    max: Duration,
    next_look: Instant,
    look_every: Duration,
    /// When webhooks came last, by project and slug; none before the warehouse has said it once.
    last_ms: Option<HashMap<(String, String), i64>>,
    /// Those that are polled instead.
    silent: HashSet<Uuid>,
}

impl Silences {
    pub(super) fn new(max: Duration, look_every: Duration) -> Self {
        Self {
            max,
            next_look: Instant::now(),
            look_every: look_every.min(max / 4),
            last_ms: None,
            silent: HashSet::new(),
        }
    }

    /// Whether it is time to look again.
    pub(super) fn are_due(&self) -> bool {
        self.next_look <= Instant::now()
    }

    /// Asks when webhooks came last, if it matters of any integration; true when another one is polled than before.
    pub(super) async fn look(
        &mut self,
        warehouse: &Warehouse,
        integrations: &Integrations,
        all: &HashMap<Uuid, Arc<Integration>>,
    ) -> bool {
        self.next_look = Instant::now() + self.look_every;
        let may_fall_back = |one: &&Arc<Integration>| has_fallback(&integrations.effective(one));
        let concerned: Vec<&Arc<Integration>> = all.values().filter(may_fall_back).collect();
        if concerned.is_empty() {
            return false;
        }
        match last_webhooks(warehouse, clock::now().as_millis(), self.max).await {
            Ok(last_ms) => self.last_ms = Some(last_ms),
            // What was known before holds.
            Err(error) => {
                tracing::debug!(%error, "when webhooks came last is not known");
                return false;
            }
        }
        let now_ms = clock::now().as_millis();
        let mut has_changed = false;
        for integration in concerned {
            let is_silent = self.is_silent(integration, now_ms);
            let changed = match is_silent {
                true => self.silent.insert(integration.id),
                false => self.silent.remove(&integration.id),
            };
            if changed {
                has_changed = true;
                let (project, slug) = (&integration.project_id, &integration.slug);
                match is_silent {
                    true => {
                        tracing::warn!(%project, integration = %slug, "webhooks stay away: the vendor is polled instead")
                    }
                    false => {
                        tracing::info!(%project, integration = %slug, "webhooks come again: the vendor is no longer polled")
                    }
                }
            }
        }
        has_changed
    }

    /// Whether an integration is polled now.
    pub(super) fn is_polled(&self, integration: &Integration, effective: &Effective) -> bool {
        effective.sync == SyncMethod::Polling
            || (has_fallback(effective) && self.silent.contains(&integration.id))
    }

    fn is_silent(&self, integration: &Integration, now_ms: i64) -> bool {
        let Some(last_ms) = &self.last_ms else {
            return false;
        };
        let key = (integration.project_id.to_string(), integration.slug.to_string());
        let last_ms = last_ms
            .get(&key)
            .copied()
            .unwrap_or(0)
            .max(integration.created_at_ms);
        stays_away(last_ms, now_ms, self.max)
    }
}

/// Whether webhooks stay away: the last came so long ago.
#[must_use]
pub fn stays_away(last_ms: i64, now_ms: i64, max: Duration) -> bool {
    now_ms.saturating_sub(last_ms) > i64::try_from(max.as_millis()).unwrap_or(i64::MAX)
}

fn has_fallback(effective: &Effective) -> bool {
    effective.sync == SyncMethod::Webhook && effective.fallback == Some(SyncMethod::Polling)
}
