//! From sums to accounts that close.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::super::iso::{as_iso, as_iso_or_null};
use super::request::LedgerRequest;
use crate::domain::ledger::{DropReason, ItemKind, MINUTE_MS, Outcome};
use crate::ledger::Entry;

/// One sum, as the warehouse gives it.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct SumRow {
    pub(super) bucket_start: i64,
    pub(super) item_kind: String,
    pub(super) item_outcome: String,
    pub(super) total: i64,
}

/// The ledger of a project over time.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LedgerAnswer {
    /// Usual length of a bucket.
    pub interval_ms: i64,
    /// Start of the first bucket.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// End of the last bucket.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// Zone of the buckets.
    pub timezone: String,
    /// Time before which stored rows may have been forgotten by now, when that is inside the range: what is not found
    /// there is called expired, not missing.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// False when items moved from the log into the warehouse during the question, again and again: some of the last
    /// minutes may then be counted twice.
    pub exact: bool,
    /// All of it.
    pub totals: Account,
    /// What there is, by time and kind; a bucket and kind without items has no entry.
    pub items: Vec<Bucket>,
}

/// The account of one bucket and kind.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Bucket {
    /// Start of the bucket.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// `metric`, `alert`, `funnel`, `event` or `unknown`.
    pub kind: &'static str,
    /// The account.
    #[serde(flatten)]
    pub account: Account,
}

/// What has become of items: `received = stored + dropped + pending + missing + expired`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Account {
    /// Items of authenticated requests.
    pub received: i64,
    /// Rows in the raw tables.
    pub stored: i64,
    /// Items that are not stored, for a reason.
    pub dropped: i64,
    /// The same by reason; reasons without items are left out.
    pub reasons: BTreeMap<&'static str, i64>,
    /// Items that are in the log and will be stored.
    pub pending: i64,
    /// Items that should be stored and are not; below 0, what is stored and was not received.
    pub missing: i64,
    /// Items whose rows have been kept for as long as the settings say.
    pub expired: i64,
    /// Items that never came, as clients tell; not among those received.
    pub client_lost: i64,
}

impl Account {
    fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.stored += other.stored;
        self.dropped += other.dropped;
        for (reason, items) in &other.reasons {
            *self.reasons.entry(reason).or_default() += items;
        }
        self.pending += other.pending;
        self.missing += other.missing;
        self.expired += other.expired;
        self.client_lost += other.client_lost;
    }

    fn add_outcome(&mut self, outcome: Outcome, items: i64) {
        match outcome {
            Outcome::Accepted => self.received += items,
            Outcome::ClientLost => self.client_lost += items,
            Outcome::Dropped(reason) => {
                // What the warehouse refused was accepted before.
                if reason != DropReason::DeadLetter {
                    self.received += items;
                }
                self.dropped += items;
                *self.reasons.entry(reason.as_str()).or_default() += items;
            }
        }
    }

    /// Names what is neither stored nor dropped.
    fn close(&mut self, has_rows_in_log: bool, may_be_forgotten: bool) {
        let rest = self.received - self.stored - self.dropped;
        if has_rows_in_log && rest >= 0 {
            self.pending = rest;
        } else if may_be_forgotten && rest > 0 {
            self.expired = rest;
        } else {
            self.missing = rest;
        }
    }
}

/// Sums of the warehouse and of the log, closed by bucket and kind.
pub(super) fn assemble(
    request: &LedgerRequest,
    rows: Vec<SumRow>,
    in_log: Vec<(Entry, i64)>,
    kept_from: i64,
    exact: bool,
) -> LedgerAnswer {
    let mut accounts: BTreeMap<(i64, ItemKind), (Account, bool)> = BTreeMap::new();
    let wanted = |kind: &ItemKind| request.kinds.contains(kind);
    for row in rows {
        let Some(kind) = ItemKind::from_name(&row.item_kind).filter(wanted) else {
            continue;
        };
        let (account, _) = accounts.entry((row.bucket_start, kind)).or_default();
        if row.item_outcome == "stored" {
            account.stored += row.total;
        } else if let Some(outcome) = Outcome::from_name(&row.item_outcome) {
            account.add_outcome(outcome, row.total);
        }
    }
    for (entry, items) in in_log {
        let received_s = i64::from(entry.minute) * (MINUTE_MS / 1_000);
        let Some(bucket) = request.grid.start_of(received_s).filter(|_| wanted(&entry.kind)) else {
            continue;
        };
        let (account, has_rows_in_log) = accounts.entry((bucket, entry.kind)).or_default();
        account.add_outcome(entry.outcome, items);
        *has_rows_in_log |= entry.outcome == Outcome::Accepted;
    }
    let mut totals = Account::default();
    let items = accounts
        .into_iter()
        .map(|((ts, kind), (mut account, has_rows_in_log))| {
            account.close(has_rows_in_log, ts < kept_from);
            totals.add(&account);
            Bucket {
                ts,
                kind: kind.as_str(),
                account,
            }
        });
    let items = items.collect();
    LedgerAnswer {
        interval_ms: request.interval.seconds() * 1_000,
        from: request.grid.from(),
        to: request.grid.to(),
        timezone: request.zone_name.clone(),
        kept_from: Some(kept_from).filter(|kept_from| *kept_from > request.grid.from()),
        exact,
        totals,
        items,
    }
}
