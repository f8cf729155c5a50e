//! The performance dashboard: each metric over a range, how it stands to the project's thresholds and to the time
//! before, and a list of it by page, endpoint, browser or whatever else it can be grouped by.

mod answer;
mod request;

use super::grain::Kept;
use super::metrics::Plan;
use super::stats::StatRow;
use crate::clock::UnixMicros;
use crate::domain::account::Thresholds;
use crate::warehouse::{Retention, SelectError, Warehouse};

pub use answer::{Before, GroupSummary, MetricSummary, PerformanceDashboard};
pub use request::{PerformanceParameters, PerformanceRequest};

/// More than all types, names and periods.
const ROWS_MAX: usize = 1_000;

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn performance(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    thresholds: &Thresholds,
    request: &PerformanceRequest,
    now: UnixMicros,
) -> Result<PerformanceDashboard, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let kept = Kept::new(*retention, now);
    let whole = request.selection.without_group();
    let plan = Plan::totals(&whole, &request.range.all(), &kept);
    let statement = plan.statement(&database, project_id, 0, ROWS_MAX);
    let groups = async {
        if request.selection.group_by.is_none() {
            return Ok(None);
        }
        let by_group = Plan::totals(&request.selection, &[request.range.now], &kept);
        let statement = by_group.list(&database, project_id, request.sort, request.page);
        let rows: Vec<StatRow> = question.select(&statement).await?;
        Ok(Some((rows, by_group.source)))
    };
    let (metrics, groups) = tokio::try_join!(question.select::<StatRow>(&statement), groups)?;
    Ok(answer::assemble(request, thresholds, &plan, metrics, groups))
}
