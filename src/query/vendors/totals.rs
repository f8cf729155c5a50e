//! What contacts with vendors add up to.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::super::stats::{float, share};
use super::excluded::Excluded;
use super::statement::{By, Selection};
use crate::warehouse::{SelectError, Warehouse};

#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct TotalsRow {
    pub(super) name: String,
    pub(super) bucket_start: i64,
    calls: u64,
    calls_good: u64,
    calls_kept: u64,
    calls_left_alone: u64,
    calls_limited: u64,
    tries_made: u64,
    calls_tried: u64,
    checks: u64,
    webhooks: u64,
    seen: u64,
    failed: u64,
    timed_out: u64,
    took_ms_sum: f64,
    polls: u64,
    polls_ms_sum: f64,
    delivered: u64,
    undelivered: u64,
    took_ms_quantiles: Vec<f32>,
    last_webhook_ms: i64,
    last_poll_ms: i64,
    last_seen_ms: i64,
    last_outcome: String,
    last_status: u16,
}

/// What contacts add up to. Shares and times are null when there is nothing that they could be of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = VendorTotals)]
pub struct Totals {
    /// Calls of the product.
    pub calls: u64,
    /// Share of the calls that were answered without a failure of the vendor's, 0 to 1.
    pub success_rate: Option<f64>,
    /// The others.
    pub failure_rate: Option<f64>,
    /// Calls that were answered from what is kept.
    pub cache_hits: u64,
    /// Their share of the calls.
    pub cache_hit_rate: Option<f64>,
    /// Calls that were not made because the vendor kept failing.
    pub left_alone: u64,
    /// Calls that the vendor refused because there were too many.
    pub limited: u64,
    /// Tries beyond the first ones.
    pub retries: u64,
    /// Probes and polls.
    pub checks: u64,
    /// Webhooks of the vendor.
    pub webhooks: u64,
    /// Calls and checks that reached for the vendor.
    pub seen: u64,
    /// Of these, those that failed.
    pub failed: u64,
    /// Share of what was seen that did not fail, 0 to 1.
    pub availability: Option<f64>,
    /// Share of what was seen that failed, 0 to 1.
    pub error_rate: Option<f64>,
    /// Share of what was seen without an answer in time, 0 to 1.
    pub timeout_share: Option<f64>,
    /// Mean milliseconds until the head of an answer.
    pub mean_ms: Option<f64>,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Mean milliseconds of a poll.
    pub poll_ms: Option<f64>,
    /// Share of what was sent that was delivered, by the vendor's webhooks, 0 to 1.
    pub delivery_rate: Option<f64>,
    /// When a webhook came last, in milliseconds since 1970.
    pub last_webhook_ms: Option<i64>,
    /// When a poll was answered last.
    pub last_poll_ms: Option<i64>,
    /// When it was called or looked for last.
    pub last_seen_ms: Option<i64>,
    /// How that ended: `answered`, `failed`, `timed_out` or `unreachable`.
    pub last_outcome: Option<String>,
    /// With which status; null without an answer.
    pub last_status: Option<u16>,
}

impl Totals {
    /// When data of the vendor came last, by a webhook or a poll.
    #[must_use]
    pub fn last_sync_ms(&self) -> Option<i64> {
        self.last_webhook_ms.max(self.last_poll_ms)
    }
}

impl From<TotalsRow> for Totals {
    fn from(row: TotalsRow) -> Self {
        let quantile = |at: usize| {
            let value = row.took_ms_quantiles.get(at).copied().map(f64::from);
            value.filter(|value| value.is_finite() && row.seen > 0)
        };
        let time = |ms: i64| Some(ms).filter(|ms| *ms > 0);
        Self {
            calls: row.calls,
            success_rate: share(row.calls_good, row.calls),
            failure_rate: share(row.calls - row.calls_good, row.calls),
            cache_hits: row.calls_kept,
            cache_hit_rate: share(row.calls_kept, row.calls),
            left_alone: row.calls_left_alone,
            limited: row.calls_limited,
            retries: row.tries_made.saturating_sub(row.calls_tried),
            checks: row.checks,
            webhooks: row.webhooks,
            seen: row.seen,
            failed: row.failed,
            availability: share(row.seen - row.failed, row.seen),
            error_rate: share(row.failed, row.seen),
            timeout_share: share(row.timed_out, row.seen),
            mean_ms: (row.seen > 0).then(|| row.took_ms_sum / float(row.seen)),
            poll_ms: (row.polls > 0).then(|| row.polls_ms_sum / float(row.polls)),
            delivery_rate: share(row.delivered, row.delivered + row.undelivered),
            p50_ms: quantile(0),
            p95_ms: quantile(1),
            p99_ms: quantile(2),
            last_webhook_ms: time(row.last_webhook_ms),
            last_poll_ms: time(row.last_poll_ms),
            last_seen_ms: time(row.last_seen_ms),
            last_outcome: Some(row.last_outcome).filter(|outcome| !outcome.is_empty()),
            last_status: Some(row.last_status).filter(|status| *status > 0),
        }
    }
}

/// What contacts of a time add up to, by integration, in one statement. Those without contacts are not in it.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn totals(
    warehouse: &Warehouse,
    project_id: &str,
    (from_s, to_s): (i64, i64),
    excluded: &[Excluded],
) -> Result<Vec<(String, Totals)>, SelectError> {
    let question = warehouse.question();
    let selection = Selection {
        project_id,
        integration: None,
        from_s,
        to_s,
        bucket_s: None,
        by: By::Integration,
        excluded,
    };
    let rows: Vec<TotalsRow> = question
        .select(&selection.statement(&question.database_name()?))
        .await?;
    let totals = rows.into_iter().map(|row| (row.name.clone(), row.into()));
    Ok(totals.collect())
}
