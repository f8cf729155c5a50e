//! Vendors held to what is expected of them.

use serde::Serialize;

use super::super::iso::as_iso;
use super::excluded::Excluded;
use super::statement::{By, Selection};
use super::totals::{Totals, TotalsRow};
use crate::domain::integration::Sla;
use crate::warehouse::{SelectError, Warehouse};

const DAY_S: i64 = 86_400;

/// A day's figures.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SlaDay {
    /// Begin of the day, in UTC.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub day: i64,
    /// What was called and looked for.
    pub seen: u64,
    /// What of it failed.
    pub failed: u64,
    /// Share in percent that did not fail; null of a day on which nothing was seen.
    pub availability_percent: Option<f64>,
    /// Mean milliseconds of an answer.
    pub response_ms: Option<f64>,
    /// Whether the day alone keeps to what is expected; null of a day on which nothing was seen.
    pub is_kept: Option<bool>,
}

/// What one vendor is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlaTarget {
    /// Share of what was seen that did not fail, in percent, at least.
    Availability,
    /// Mean milliseconds of an answer, at most.
    ResponseTime,
    /// Share of what was seen that failed, in percent, at most.
    ErrorRate,
    /// Mean milliseconds of a poll, at most.
    SyncLatency,
    /// Share of what was sent that was delivered, by the vendor's own webhooks, in percent, at least.
    Delivery,
    /// Share of the product's calls that were answered without a failure, in percent, at least.
    CallSuccess,
}

/// One figure against its target.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Compliance {
    /// What is measured.
    pub target: SlaTarget,
    /// What is expected.
    pub expected: f64,
    /// What was; null when there is nothing to measure.
    pub actual: Option<f64>,
    /// Whether it is kept; null when there is nothing to measure.
    pub is_kept: Option<bool>,
}

/// A vendor's figures of a time.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SlaFigures {
    /// Each target.
    pub targets: Vec<Compliance>,
    /// Whether all that can be measured are kept; null when nothing can.
    pub is_kept: Option<bool>,
    /// Share of the failures that the availability allows which has been used, 0 for none, above 1 for too many; null when nothing
    /// was seen or none are allowed.
    pub error_budget_used: Option<f64>,
    /// How fast it is used: over the last day, as a multiple of the pace at which it would just last.
    pub burn_rate: Option<f64>,
    /// What was called and looked for.
    pub seen: u64,
    /// What of it failed.
    pub failed: u64,
}

impl SlaFigures {
    /// Of what was seen in the whole time, and on its last day.
    #[must_use]
    pub fn new(sla: &Sla, whole: &Totals, last_day: Option<&SlaDay>) -> Self {
        let percent = |share: Option<f64>| share.map(|share| share * 100.0);
        let mut targets = Vec::new();
        let mut add = |target, expected: Option<f64>, actual: Option<f64>, is_most: bool| {
            let Some(expected) = expected else { return };
            let is_kept = actual.map(|actual| {
                if is_most {
                    actual <= expected
                } else {
                    actual >= expected
                }
            });
            targets.push(Compliance {
                target,
                expected,
                actual,
                is_kept,
            });
        };
        let availability = percent(whole.availability);
        add(
            SlaTarget::Availability,
            Some(sla.availability_percent),
            availability,
            false,
        );
        add(
            SlaTarget::ResponseTime,
            Some(f64::from(sla.response_ms)),
            whole.mean_ms,
            true,
        );
        add(
            SlaTarget::ErrorRate,
            Some(sla.error_percent),
            percent(whole.error_rate),
            true,
        );
        add(
            SlaTarget::SyncLatency,
            sla.sync_latency_ms.map(f64::from),
            whole.poll_ms,
            true,
        );
        add(
            SlaTarget::Delivery,
            sla.delivery_percent,
            percent(whole.delivery_rate),
            false,
        );
        add(
            SlaTarget::CallSuccess,
            sla.call_success_percent,
            percent(whole.success_rate),
            false,
        );
        let kept: Vec<bool> = targets.iter().filter_map(|one| one.is_kept).collect();
        let allowed = (100.0 - sla.availability_percent) / 100.0;
        let used = |error_rate: Option<f64>| error_rate.filter(|_| allowed > 0.0).map(|rate| rate / allowed);
        let of_day = last_day.and_then(|day| day.availability_percent);
        Self {
            is_kept: (!kept.is_empty()).then(|| kept.iter().all(|kept| *kept)),
            targets,
            error_budget_used: used(whole.error_rate),
            burn_rate: used(of_day.map(|percent| 1.0 - percent / 100.0)),
            seen: whole.seen,
            failed: whole.failed,
        }
    }
}

/// What is known of vendors by day, in UTC, and of the whole time: by integration, in two statements. Windows of maintenance do not
/// count. Both ends are begins of days; those without contacts are not in it.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn sla_days(
    warehouse: &Warehouse,
    project_id: &str,
    (from_s, to_s): (i64, i64),
    excluded: &[Excluded],
) -> Result<Vec<(String, Totals, Vec<(i64, Totals)>)>, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let selection = |bucket_s| Selection {
        project_id,
        integration: None,
        from_s,
        to_s,
        bucket_s,
        by: By::Integration,
        excluded,
    };
    let (whole, days) = (
        selection(None).statement(&database),
        selection(Some(DAY_S)).statement(&database),
    );
    let (whole, days): (Vec<TotalsRow>, Vec<TotalsRow>) =
        tokio::try_join!(question.select(&whole), question.select(&days))?;
    let mut days = days.into_iter().peekable();
    // Both are in the same order.
    let of_each = whole.into_iter().map(|row| {
        let name = row.name.clone();
        let mut of_one = Vec::new();
        while let Some(day) = days.next_if(|day| day.name == name) {
            of_one.push((day.bucket_start, day.into()));
        }
        (name, row.into(), of_one)
    });
    Ok(of_each.collect())
}

impl SlaDay {
    /// A day of a vendor.
    #[must_use]
    pub fn new(sla: &Sla, day: i64, totals: &Totals) -> Self {
        let availability_percent = totals.availability.map(|share| share * 100.0);
        let response_ms = totals.mean_ms;
        let is_kept = availability_percent.map(|percent| {
            percent >= sla.availability_percent
                && response_ms.is_none_or(|ms| ms <= f64::from(sla.response_ms))
        });
        Self {
            day,
            seen: totals.seen,
            failed: totals.failed,
            availability_percent,
            response_ms,
            is_kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(seen: u64, failed: u64, mean_ms: f64) -> Totals {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let rate = |part: u64| (seen > 0).then(|| part as f64 / seen as f64);
        Totals {
            seen,
            failed,
            availability: rate(seen - failed),
            error_rate: rate(failed),
            mean_ms: (seen > 0).then_some(mean_ms),
            ..Totals::default()
        }
    }

    #[test]
    fn a_vendor_of_which_nothing_was_seen_neither_keeps_nor_breaks_anything() {
        let figures = SlaFigures::new(&Sla::default(), &Totals::default(), None);
        assert_eq!(
            (figures.is_kept, figures.error_budget_used, figures.burn_rate),
            (None, None, None)
        );
        assert!(
            figures
                .targets
                .iter()
                .all(|one| one.is_kept.is_none() && one.actual.is_none())
        );
    }

    #[test]
    fn the_budget_is_the_share_of_the_failures_that_are_allowed() {
        let sla = Sla {
            availability_percent: 99.0,
            ..Sla::default()
        };
        let day = SlaDay::new(&sla, 0, &totals(100, 3, 10.0));
        assert_eq!(day.is_kept, Some(false));
        let figures = SlaFigures::new(&sla, &totals(10_000, 50, 3_001.0), Some(&day));
        assert!((figures.error_budget_used.unwrap() - 0.5).abs() < 1e-9);
        assert!((figures.burn_rate.unwrap() - 3.0).abs() < 1e-9);
        let broken: Vec<_> = figures
            .targets
            .iter()
            .filter(|one| one.is_kept == Some(false))
            .collect();
        assert_eq!(broken.len(), 1);
        assert_eq!(broken[0].target, SlaTarget::ResponseTime);
        assert_eq!(figures.is_kept, Some(false));
    }

    #[test]
    fn where_no_failure_is_allowed_there_is_no_budget() {
        let sla = Sla {
            availability_percent: 100.0,
            ..Sla::default()
        };
        assert_eq!(
            SlaFigures::new(&sla, &totals(10, 1, 1.0), None).error_budget_used,
            None
        );
    }
}
