//! How the last days went: figures by day without gaps, and what the events were like.

mod answer;
mod shares;

use std::borrow::Cow;

use serde::Serialize;

use super::activity::{ActivityRow, Counted, Wanted, of_buckets};
use super::dimension::Dimension;
use super::grain::Kept;
use super::grid::Grid;
use super::interval::Interval;
use super::metrics::Plan;
use super::overview::CONVERSION_STEP;
use super::parameters::Parameters;
use super::range::Range;
use super::selection::Selection;
use super::stats::StatRow;
use crate::clock::UnixMicros;
use crate::domain::beacon::{EVENT_TYPES, Kind, METRIC_TYPES};
use crate::domain::field_error::FieldError;
use crate::warehouse::{Retention, SelectError, Warehouse};

use shares::ShareRow;

pub use answer::{Day, Distributions, Share, Trends};

const DAYS_DEFAULT: i64 = 7;
const DAYS_MAX: i64 = 90;
/// Types of metrics times names times days.
const ROWS_MAX: usize = 2_000;
/// What the events of a distribution are told apart by.
const DISTRIBUTED: [Dimension; 4] = [
    Dimension::Device,
    Dimension::Browser,
    Dimension::Os,
    Dimension::Country,
];

/// What is asked for; [`TrendsRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct TrendsParameters {
    /// How many, today included.
    #[param(default = 7, minimum = 1, maximum = 90)]
    days: Option<i64>,
    /// IANA name of the zone of the days; the project's unless given.
    #[param(example = "Europe/Berlin")]
    timezone: Option<String>,
}

/// A question for the last days.
#[derive(Clone, Debug, Serialize)]
pub struct TrendsRequest {
    days: i64,
    zone_name: String,
    grid: Grid,
}

impl TrendsRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `days` | 1 to 90, today included; 7 unless given |
    /// | `timezone` | IANA name; `zone_default` unless given |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        zone_default: &str,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let days = reader.number("days", DAYS_DEFAULT, 1..=DAYS_MAX);
        let zone_name = reader.one("timezone").unwrap_or_else(|| zone_default.to_owned());
        let zone = reader.zone(&zone_name);
        reader.nothing_else();
        reader.no_faults()?;
        let now = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
        let from = now
            .to_zoned(zone.clone())
            .checked_sub(jiff::Span::new().days(days - 1))
            .map_or(now, |first| first.timestamp());
        // One microsecond more: a day that begins now is among them.
        let to = now
            .checked_add(jiff::SignedDuration::from_micros(1))
            .unwrap_or(now);
        Ok(Self {
            days,
            zone_name,
            grid: Grid::new(from, to, Interval::Day, &zone),
        })
    }

    /// Whole hours that hold all of the days.
    fn range(&self) -> Range {
        Range {
            from: self.grid.from().div_euclid(3_600) * 3_600,
            to: (self.grid.to() + 3_599).div_euclid(3_600) * 3_600,
        }
    }
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn trends(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &TrendsRequest,
    now: UnixMicros,
) -> Result<Trends, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let kept = Kept::new(*retention, now);
    let by_day = of_buckets(&database, project_id, &request.grid, &wanted_by_day(), &kept);
    let selection = Selection::of_types(METRIC_TYPES.to_vec());
    let plan = Plan::series(&selection, &request.grid, &kept).without_percentiles();
    let metrics = plan.statement(&database, project_id, 0, ROWS_MAX);
    let shares = shares::shares(&database, project_id, request.range(), &DISTRIBUTED);
    let (by_day, metrics, shares) = tokio::try_join!(
        question.select::<ActivityRow>(&by_day),
        question.select::<StatRow>(&metrics),
        question.select::<ShareRow>(&shares),
    )?;
    Ok(answer::assemble(request, &by_day, &metrics, shares))
}

fn wanted_by_day() -> [Wanted; 2] {
    let step = Counted::named(Kind::Funnel, CONVERSION_STEP);
    let types = EVENT_TYPES.map(|name| Counted::named(Kind::Event, name));
    let kinds = Kind::ALL.map(Counted::of).into_iter();
    [
        Wanted::with_sessions([Counted::all(), step]),
        Wanted::events(kinds.chain(types)),
    ]
}
