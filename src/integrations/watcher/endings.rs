//! Credentials that end soon: told before calls begin to fail.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::gauge;
use uuid::Uuid;

use crate::clock;
use crate::domain::integration::Integration;
use crate::integrations::Integrations;
use crate::metric_definitions::CREDENTIALS_ENDING;

/// How often the log is told.
const TELL_EVERY: Duration = Duration::from_secs(6 * 3_600);
const DAY_MS: i64 = 24 * 3_600_000;

/// When it was told last.
#[derive(Debug, Default)]
pub(super) struct Endings {
    told_at: Option<Instant>,
}

impl Endings {
    /// Counts them when something has changed, and tells the log from time to time.
    pub(super) fn tell_when_due(
        &mut self,
        integrations: &Integrations,
        all: &HashMap<Uuid, Arc<Integration>>,
        is_changed: bool,
    ) {
        let is_due = self.told_at.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if !is_due && !is_changed {
            return;
        }
        let now_ms = clock::now().as_millis();
        let mut ending = 0_u32;
        for integration in all.values() {
            let secrets = integrations.secrets().open(integration).ok();
            let credential = secrets.and_then(|secrets| secrets.credential);
            let Some(left_ms) = credential.and_then(|credential| credential.ends_soon_in_ms(now_ms)) else {
                continue;
            };
            ending += 1;
            if is_due {
                let days_left = left_ms.div_euclid(DAY_MS);
                tracing::warn!(integration = %integration.slug, project = %integration.project_id, days_left,
                    "the credential of a vendor ends soon, or has ended: give it a new one");
            }
        }
        gauge!(CREDENTIALS_ENDING).set(f64::from(ending));
        if is_due {
            self.told_at = Some(Instant::now());
        }
    }
}
