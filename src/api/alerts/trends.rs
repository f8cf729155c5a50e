//! Alerts by days.

use serde::Serialize;

use crate::api::paging;
use crate::control::DayCount;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::rule::Level;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const DAYS_DEFAULT: i64 = 30;
const DAYS_MAX: i64 = 365;

/// How many alerts there were.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct AlertTrends {
    /// Each day, also those without any, the first first.
    days: Vec<AlertDay>,
    /// All of them together.
    #[serde(flatten)]
    all: AlertCounts,
}

/// A day of UTC.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AlertDay {
    /// When it begins.
    day_ms: i64,
    #[serde(flatten)]
    counts: AlertCounts,
}

/// How many alerts began, by the level that they have or had at last.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
struct AlertCounts {
    info: u64,
    warning: u64,
    error: u64,
    critical: u64,
    /// Of any level.
    total: u64,
    /// How many of them are over.
    resolved: u64,
    /// Mean time from their begin to their end, of those that are over.
    mean_time_to_resolve_ms: Option<i64>,
    #[serde(skip)]
    lasted_ms: i64,
}

impl AlertCounts {
    fn add(&mut self, count: &DayCount) {
        let of_level = match count.level {
            Level::Info => &mut self.info,
            Level::Warning => &mut self.warning,
            Level::Error => &mut self.error,
            Level::Critical => &mut self.critical,
        };
        *of_level += count.count;
        self.total += count.count;
        self.resolved += count.resolved;
        self.lasted_ms = self.lasted_ms.saturating_add(count.lasted_ms);
        let resolved = i64::try_from(self.resolved).unwrap_or(i64::MAX);
        self.mean_time_to_resolve_ms = self.lasted_ms.checked_div(resolved);
    }
}

impl AlertTrends {
    /// The days from `from_ms` to `to_ms`, both at their edges.
    pub(super) fn new(from_ms: i64, to_ms: i64, counts: &[DayCount]) -> Self {
        let mut all = AlertCounts::default();
        counts.iter().for_each(|count| all.add(count));
        let mut days = Vec::new();
        let mut day_ms = from_ms;
        while day_ms < to_ms {
            let mut day = AlertDay {
                day_ms,
                counts: AlertCounts::default(),
            };
            let of_day = counts.iter().filter(|count| count.day_ms == day_ms);
            of_day.for_each(|count| day.counts.add(count));
            days.push(day);
            day_ms += DAY_MS;
        }
        Self { days, all }
    }
}

/// How many days are asked for.
///
/// # Errors
/// It is no number within its limits, or something else is asked for.
pub(super) fn days(mut parameters: paging::Others<'_>) -> Result<i64, Vec<FieldError>> {
    let place = parameters.iter().position(|(name, _)| name == "days");
    let days = place.map(|place| parameters.remove(place).1);
    paging::no_others(&parameters)?;
    let Some(days) = days else {
        return Ok(DAYS_DEFAULT);
    };
    let days = days.parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
    days.ok_or_else(|| {
        let message = format!("must be a whole number from 1 to {DAYS_MAX}");
        vec![FieldError::new("days", FieldFault::OutOfRange, message)]
    })
}

/// So many days of UTC, of which today is the last.
pub(super) const fn range(days: i64, now_ms: i64) -> (i64, i64) {
    let to_ms = (now_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
    (to_ms - days * DAY_MS, to_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_no_gaps_and_the_mean_is_of_all_alerts_not_of_days() {
        let count = |day: i64, level, count, lasted_ms, resolved| DayCount {
            day_ms: day * DAY_MS,
            level,
            count,
            lasted_ms,
            resolved,
        };
        let (from_ms, to_ms) = range(3, 10 * DAY_MS + 5);
        assert_eq!((from_ms, to_ms), (8 * DAY_MS, 11 * DAY_MS));
        let trends = AlertTrends::new(
            from_ms,
            to_ms,
            &[
                count(8, Level::Warning, 3, 300, 3),
                count(8, Level::Critical, 1, 0, 0),
                count(10, Level::Warning, 1, 500, 1),
            ],
        );
        let days: Vec<_> = trends
            .days
            .iter()
            .map(|day| {
                (
                    day.day_ms / DAY_MS,
                    day.counts.total,
                    day.counts.mean_time_to_resolve_ms,
                )
            })
            .collect();
        assert_eq!(days, [(8, 4, Some(100)), (9, 0, None), (10, 1, Some(500))]);
        let all = trends.all;
        assert_eq!((all.total, all.warning, all.critical, all.resolved), (5, 4, 1, 4));
        assert_eq!(all.mean_time_to_resolve_ms, Some(200));
    }
}
