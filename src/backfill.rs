//! `fresnel backfill`: fills rollups from raw rows, day by day, with a progress bar.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use thiserror::Error;

use crate::clock;
use crate::warehouse::{BackfillError, Retention, SelectError, Warehouse};

const TEMPLATE: &str = "{bar:32} {percent:>3} %  {pos}/{len} days  ETA {eta}";
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(5);

/// Why rollups were not filled, or not all.
#[derive(Debug, Error)]
pub enum RunError {
    /// What there is to do cannot be found out.
    #[error("the warehouse cannot be asked what raw rows it has: {0}")]
    Plan(#[from] SelectError),
    /// A day failed.
    #[error(transparent)]
    Day(#[from] BackfillError),
}

/// Fills all rollups of all days that raw rows are still kept of, and says what was done.
///
/// # Errors
/// The warehouse fails; what is done stays done.
pub async fn run(warehouse: &Warehouse, retention: &Retention) -> Result<String, RunError> {
    let started = Instant::now();
    let plan = warehouse.plan_backfill(retention, clock::now()).await?;
    // Draws on standard error, and nothing when that is no terminal.
    let bar = ProgressBar::new(plan.days());
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.tick();
    let mut line_at = Instant::now() + PLAIN_LINE_EVERY;
    warehouse.clear_rollups(&plan).await?;
    for (done, day) in (1_u64..).zip(plan.iter()) {
        warehouse.backfill_day(&plan, day).await?;
        bar.set_position(done);
        if bar.is_hidden() && Instant::now() >= line_at {
            tracing::info!(done, days = plan.days(), "filling rollups");
            line_at = Instant::now() + PLAIN_LINE_EVERY;
        }
    }
    bar.finish_and_clear();
    if plan.days() > 0 {
        warehouse.backfill_weeks(&plan).await?;
        warehouse.merge_rollups().await?;
    }
    Ok(match plan.days() {
        0 => "there are no raw rows to fill rollups from".to_owned(),
        1 => format!(
            "filled the rollups of 1 day in {:.1} s",
            started.elapsed().as_secs_f64()
        ),
        days => format!(
            "filled the rollups of {days} days in {:.1} s",
            started.elapsed().as_secs_f64()
        ),
    })
}
