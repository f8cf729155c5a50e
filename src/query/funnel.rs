//! Funnels: how many sessions take one step after the other, and how long they need.
//!
//! - A session **enters** with an event of the first step inside the period. Each entry begins a chain: the first event
//!   of the second step at or after it, the first of the third at or after that, and so on, all of them at most a
//!   window after the entry. Events of the same millisecond count in the order of the funnel.
//! - The entry whose chain gets furthest counts, of several the last one. So a session is counted once, at the furthest
//!   step that any of its entries reaches: as ClickHouse's `windowFunnel` does, which the tests compare with.
//! - Later steps count up to a window after the end of the period: who enters just before the end has as much time as
//!   others.
//! - A filter concerns each of the events. A breakdown takes the value of a session's first entry.
//!
//! What is read: the sorting key begins with project, step and time, so exactly the steps and the time that are asked
//! for. All of a session's events are gathered by a 64-bit hash of its id (two of ten million sessions share one with a
//! probability of 3 in a million), sorted, and walked through once.
//!
//! Beyond [`ROWS_MAX`] rows that gathering would outgrow a query's memory and the reader's patience. Then only every
//! n-th session is looked at, by its hash, and the numbers are multiplied; the answer says so (`sampled_share`).

mod answer;
mod request;
mod statement;
#[cfg(test)]
mod tests;

use super::estimate::Estimate;
use crate::clock::UnixMicros;
use crate::warehouse::{Question, Retention, SelectError, Warehouse};

pub use answer::{Comparison, Counts, Funnel, Group, Step, StepTime, TrendPoint};
pub use request::{FunnelQuestionParameters, FunnelRequest, KnownFunnel, STANDARD_ID, known_funnels};

/// Rows that are gathered at most: about 200 MB of the engine's memory, and about a second of two cores.
pub const ROWS_MAX: u64 = 3_000_000;
/// Most steps of a funnel.
pub const STEPS_MAX: usize = 20;

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn funnel(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &FunnelRequest,
    now: UnixMicros,
) -> Result<Funnel, SelectError> {
    funnel_of(warehouse, retention, project_id, request, now, ROWS_MAX).await
}

/// The same with another number of rows from which on sessions are sampled.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn funnel_of(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &FunnelRequest,
    now: UnixMicros,
    rows_max: u64,
) -> Result<Funnel, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let context = statement::Context {
        database: &database,
        project_id,
        request,
    };
    let (rows, every) = ask(&question, &context, &request.period, rows_max).await?;
    let mut answer = answer::assemble(request, rows, every);
    answer.kept_from = request.period.kept_from(retention, now);
    if request.compares {
        // One after the other: two at once would take twice the memory and be no faster.
        let previous = request.period.previous();
        let (rows, every) = ask(&question, &context, &previous, rows_max).await?;
        answer.previous = Some(answer::comparison(request, &previous, rows, every));
    }
    Ok(answer)
}

/// The rows of a period, and which share of the sessions is among them: every n-th.
async fn ask(
    question: &Question<'_>,
    context: &statement::Context<'_>,
    period: &super::period::Period,
    rows_max: u64,
) -> Result<(Vec<answer::FunnelRow>, u64), SelectError> {
    let every = Estimate::every(question, &context.estimate(period), rows_max).await?;
    let rows = question.select(&context.statement(period, every)).await?;
    Ok((rows, every))
}
