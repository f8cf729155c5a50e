//! What is forgotten with time.

use super::statement::{Row, Statement, Step};
use super::{Control, ControlError};
use crate::config::ControlConfig;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Rows that one transaction forgets, so that none holds others up for long.
const ROWS_AT_ONCE: i64 = 5_000;

/// Days for which things are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptDays {
    audit: u32,
    alerts: u32,
    deliveries: u32,
}

impl KeptDays {
    pub(super) const fn of(config: &ControlConfig) -> Self {
        Self {
            audit: config.audit_retention_days,
            alerts: config.alert_retention_days,
            deliveries: config.delivery_retention_days,
        }
    }
}

/// How many rows were forgotten, at least: others may forget at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries of the audit log.
    pub audit_entries: u64,
    /// Sessions that had expired.
    pub sessions: u64,
    /// Tokens that had expired.
    pub tokens: u64,
    /// Keys that were revoked as long ago as the audit log goes back.
    pub keys: u64,
    /// Alerts that are over, silences that are, and lines of their history.
    pub alerts: u64,
    /// Lines of the delivery log, and notices that were sent or are dead.
    pub deliveries: u64,
}

impl Control {
    /// Forgets audit entries, revoked keys, alerts and deliveries beyond their retention, and sessions and tokens that have expired.
    /// It is done once an hour, too.
    ///
    /// # Errors
    /// The store cannot be changed; what was forgotten before stays forgotten.
    pub async fn prune(&self, now_ms: i64) -> Result<Pruned, ControlError> {
        let kept = self.inner.kept_days;
        let before = |days: u32| now_ms - i64::from(days) * DAY_MS;
        let kept_from = before(kept.audit);
        let (alerts_from, deliveries_from) = (before(kept.alerts), before(kept.deliveries));
        let sent = "updated_at_ms < $1 AND state <> 'waiting'";
        Ok(Pruned {
            audit_entries: self.forget("audit", "id", "ts_ms < $1", kept_from).await?,
            sessions: self
                .forget("sessions", "sha256", "expires_at_ms <= $1", now_ms)
                .await?,
            tokens: self.forget("tokens", "id", "expires_at_ms <= $1", now_ms).await?,
            keys: self
                .forget("api_keys", "id", "revoked_at_ms < $1", kept_from)
                .await?,
            alerts: self
                .forget("alerts", "id", "resolved_at_ms < $1", alerts_from)
                .await?
                + self
                    .forget("alert_events", "id", "at_ms < $1", alerts_from)
                    .await?
                + self
                    .forget("silences", "id", "ends_at_ms < $1", alerts_from)
                    .await?,
            deliveries: self.forget("outbox", "id", sent, deliveries_from).await?
                + self
                    .forget("delivery_attempts", "id", "at_ms < $1", deliveries_from)
                    .await?,
        })
    }

    async fn forget(
        &self,
        table: &str,
        id: &str,
        condition: &str,
        bound_ms: i64,
    ) -> Result<u64, ControlError> {
        let mut forgotten = 0;
        loop {
            let count = Statement::new(
                format!(
                    "SELECT count(*) FROM (SELECT {id} FROM {table} WHERE {condition} LIMIT {ROWS_AT_ONCE}) old"
                ),
                [bound_ms.into()],
            );
            let found = self.one(count, Row::int).await?.unwrap_or(0);
            if found == 0 {
                return Ok(forgotten);
            }
            let step = Step::new(
                format!(
                    "DELETE FROM {table} WHERE {id} IN \
                     (SELECT {id} FROM {table} WHERE {condition} LIMIT {ROWS_AT_ONCE})"
                ),
                [bound_ms.into()],
            );
            self.inner.store.change(vec![step]).await?;
            forgotten += u64::try_from(found).unwrap_or(0);
        }
    }
}
