//! Performance metrics over time: buckets without gaps, percentiles, filters, groups.
//!
//! ```text
//! parameters ─► request (selection, grid of buckets) ─► metrics::Plan (tables and statement) ─► rows ─► answer
//! ```
//!
//! - The range is widened to whole buckets, so that every bucket is whole; the answer says from when to when.
//! - A bucket of an hour or more begins at local time of the zone that was asked for, through changes of
//!   daylight saving too: such a day has 23 or 25 hours.
//! - The coarsest table that answers exactly is read: rollups per day, hour or minute, or raw rows.
//! - A bucket without events has count 0 and no statistics: no data is never a good value.
//! - Values of different vitals are never mixed: each vital is a series of its own.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use crate::clock::UnixMicros;
use crate::domain::dashboard::Deploy;
use crate::warehouse::{Retention, SelectError, Warehouse};

use super::grain::Kept;
use super::metrics::Plan;
use super::range::Range;
use super::releases;

pub use super::dimension::Dimension;
pub use super::grain::Grain;
pub use super::interval::Interval;
pub use super::releases::{Marker, MarkerSource};
pub use super::stats::Stats;
pub use answer::{Point, Series, Timeseries};
pub use request::{TimeseriesParameters, TimeseriesRequest};

/// Most points in an answer: series times buckets.
pub const POINTS_MAX: usize = 20_000;

/// Asks the warehouse. `posted` are the deploys of the range, which become markers.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn timeseries(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &TimeseriesRequest,
    posted: Vec<Deploy>,
    now: UnixMicros,
) -> Result<Timeseries, SelectError> {
    let kept = Kept::new(*retention, now);
    let plan = Plan::series(&request.selection, &request.grid, &kept);
    let question = warehouse.question();
    let database = question.database_name()?;
    let statement = plan.statement(&database, project_id, request.groups_max, POINTS_MAX);
    let range = Range {
        from: request.grid.from(),
        to: request.grid.to(),
    };
    let rows = question.select(&statement);
    let markers = releases::markers(&question, project_id, range, posted);
    let (rows, markers) = tokio::try_join!(rows, markers)?;
    Ok(answer::assemble(request, &plan, rows, markers))
}
