//! Web vitals: the 75th percentile of each, how many were good, and the same by page or whatever else.
//!
//! A vital is rated by its 75th percentile, with the bounds of <https://web.dev/articles/vitals>. A vital without events
//! has no rating: no data is never good.

mod answer;
mod request;

use super::grain::Kept;
use super::metrics::Plan;
use super::stats::StatRow;
use crate::clock::UnixMicros;
use crate::warehouse::{Retention, SelectError, Warehouse};

pub use answer::{GroupVitals, Rating, Vital, WebVitals};
pub use request::{VitalsParameters, VitalsRequest};

/// More than all names, periods and members of a page.
const ROWS_MAX: usize = 10_000;

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn vitals(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &VitalsRequest,
    now: UnixMicros,
) -> Result<WebVitals, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let kept = Kept::new(*retention, now);
    let whole = request.selection.without_group();
    let plan = Plan::totals(&whole, &request.range.all(), &kept);
    let statement = plan.statement(&database, project_id, 0, ROWS_MAX);
    let by_group = Plan::totals(&request.selection, &[request.range.now], &kept);
    let members = by_group.members(&database, project_id, request.sort_by, request.page);
    let (rows, of_groups) = tokio::try_join!(
        question.select::<StatRow>(&statement),
        question.select::<StatRow>(&members)
    )?;
    let source = plan.source.min(by_group.source);
    Ok(answer::assemble(
        request,
        source,
        plan.kept_from,
        &rows,
        &of_groups,
    ))
}
