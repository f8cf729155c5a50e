//! Performance metrics over time: buckets without gaps, percentiles, filters, groups.
//!
//! ```text
//! parameters ─► request ─► grid (the buckets) ─► plan (table and statement) ─► rows ─► answer
//! ```
//!
//! - The range is widened to whole buckets, so that every bucket is whole; the answer says from when to when.
//! - A bucket of an hour or more begins at local time of the zone that was asked for, through changes of
//!   daylight saving too: such a day has 23 or 25 hours.
//! - The coarsest table that answers exactly is read: rollups per hour, per minute, or raw rows. Counts and
//!   sums are exact in each, percentiles are within one percentile rank.
//! - A bucket without events has count 0 and no statistics: no data is never a good value.
//! - Values of different vitals are never mixed: each vital is a series of its own.

mod answer;
mod plan;
mod request;
#[cfg(test)]
mod tests;

use crate::clock::UnixMicros;
use crate::warehouse::{Retention, SelectError, Warehouse};

pub use super::interval::Interval;
pub use answer::{Point, Series, Timeseries};
pub use plan::Source;
pub use request::{Dimension, TimeseriesRequest};

/// Most points in an answer: series times buckets.
pub const POINTS_MAX: usize = 20_000;

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn timeseries(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &TimeseriesRequest,
    now: UnixMicros,
) -> Result<Timeseries, SelectError> {
    let plan = plan::Plan::new(request, retention, now);
    let statement = plan.statement(&warehouse.database_name()?, project_id);
    let rows = warehouse.select(&statement).await?;
    Ok(answer::assemble(request, &plan, rows))
}
