//! What is asked of the ledger.

use std::borrow::Cow;

use super::super::grid::Grid;
use super::super::interval::Interval;
use super::super::parameters::{Parameters, one_of};
use super::BUCKETS_MAX;
use crate::clock::UnixMicros;
use crate::domain::beacon::Kind;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::ledger::ItemKind;

/// What beside the range is asked for; [`LedgerRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct LedgerParameters {
    /// Length of a bucket: `1m`, `5m`, `15m`, `1h`, `6h`, `1d` or `auto`.
    #[param(default = "auto", pattern = "^(1m|5m|15m|1h|6h|1d|auto)$")]
    interval: Option<String>,
    /// Only items of these kinds: `metric`, `alert`, `funnel`, `event`, or `unknown` for what could not be read.
    #[param(max_items = 5)]
    kind: Option<Vec<String>>,
}

/// A question for the ledger.
#[derive(Clone, Debug)]
pub struct LedgerRequest {
    pub(super) grid: Grid,
    pub(super) interval: Interval,
    pub(super) zone_name: String,
    /// Kinds that are asked for; never empty.
    pub(super) kinds: Vec<ItemKind>,
}

impl LedgerRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `from`, `to` | times of reception, ISO 8601, with an offset or in `timezone`; `to` is now and `from` a day before it unless given |
    /// | `interval` | `1m`, `5m`, `15m`, `1h`, `6h`, `1d`, or `auto` |
    /// | `timezone` | IANA name; UTC unless given |
    /// | `kind` | `metric`, `alert`, `funnel`, `event` or `unknown`; may be repeated; all unless given |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let zone_name = reader.one("timezone").unwrap_or_else(|| "UTC".to_owned());
        let zone = reader.zone(&zone_name);
        let (from, to) = reader.range(&zone, now);
        let seconds = to.as_second() - from.as_second();
        let interval = reader.interval(seconds);
        let mut kinds = Vec::new();
        for name in reader.all("kind") {
            match ItemKind::from_name(&name) {
                Some(kind) if kinds.contains(&kind) => {}
                Some(kind) => kinds.push(kind),
                None => {
                    let names = one_of(ItemKind::ALL.map(ItemKind::as_str));
                    reader.fault("kind", FieldFault::UnknownValue, names);
                }
            }
        }
        if kinds.is_empty() {
            kinds = ItemKind::ALL.to_vec();
        }
        reader.nothing_else();
        let buckets = usize::try_from(seconds / interval.seconds()).unwrap_or(usize::MAX);
        if buckets >= BUCKETS_MAX {
            reader.fault(
                "interval",
                FieldFault::OutOfRange,
                format!("range and interval make more than {BUCKETS_MAX} buckets: take a longer interval or a shorter range"),
            );
        }
        reader.no_faults()?;
        Ok(Self {
            grid: Grid::new(from, to, interval, &zone),
            interval,
            zone_name,
            kinds,
        })
    }

    /// Names of the kinds that have a table, and of their tables.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let kinds = self.kinds.clone();
        let wanted = move |kind: &Kind| kinds.contains(&ItemKind::Known(*kind));
        let tables = Kind::ALL.into_iter().filter(wanted);
        tables.map(|kind| (kind.as_str(), kind.table().name()))
    }
}
