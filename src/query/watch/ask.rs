//! Asks for all rules about rows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::batch::{Batch, Batches, Look};
use super::found::{Found, Measure};
use super::{Reading, Watched};
use crate::clock::UnixMicros;
use crate::warehouse::{SelectError, Warehouse};

/// Projects of one statement that may fail alone; then it is not the projects, and the others are not asked for.
const FAILED_PARTS_MAX: u32 = 3;
/// ClickHouse's code.
const MEMORY_LIMIT_EXCEEDED: u32 = 241;

/// An answer, and the number of the rule that it is for.
pub(super) type Answer = (usize, Result<Vec<Reading>, SelectError>);

/// The answers of all rules that are about rows.
pub(super) async fn of_rows(warehouse: &Warehouse, rules: &[Watched<'_>], now: UnixMicros) -> Vec<Answer> {
    let Batches { batches, too_large } = Batches::of(rules, now);
    let next = AtomicUsize::new(0);
    let work = || async {
        let mut answers = Vec::new();
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            answers.extend(answer(warehouse, rules, batch).await);
        }
        answers
    };
    // Two at once, as the statements of any other question: more would take the places of people who wait.
    let (mut answers, others) = tokio::join!(work(), work());
    answers.extend(others);
    let too_large = too_large.into_iter().map(|rule| {
        let message = "the filters of the rule are too long for one statement".to_owned();
        (rule, Err(SelectError::Failed { code: 0, message }))
    });
    answers.extend(too_large);
    answers
}

/// How many statements these rules take.
#[must_use]
pub fn statements(rules: &[Watched<'_>], now: UnixMicros) -> usize {
    Batches::of(rules, now).batches.len()
}

/// One project can be too much for the warehouse; those that share its statement shall not suffer for it.
async fn answer(warehouse: &Warehouse, rules: &[Watched<'_>], batch: &Batch<'_>) -> Vec<Answer> {
    let failure = match ask(warehouse, rules, batch).await {
        Ok(readings) => return readings,
        Err(failure) => failure,
    };
    let parts = batch.by_project();
    if parts.len() < 2 || !is_of_the_statement(&failure) {
        let failed = batch.rules.iter().map(|(rule, _)| (*rule, Err(failure.clone())));
        return failed.collect();
    }
    let mut answers = Vec::new();
    let mut failed = 0;
    for part in parts {
        let answer = if failed < FAILED_PARTS_MAX {
            ask(warehouse, rules, &part).await
        } else {
            Err(failure.clone())
        };
        failed += u32::from(answer.is_err());
        match answer {
            Ok(readings) => answers.extend(readings),
            Err(failure) => answers.extend(part.rules.iter().map(|(rule, _)| (*rule, Err(failure.clone())))),
        }
    }
    answers
}

/// Whether a smaller statement may do better: it took too long, too much memory, or stumbled over a row.
const fn is_of_the_statement(failure: &SelectError) -> bool {
    match failure {
        SelectError::TimedOut(_) | SelectError::Failed { .. } => true,
        SelectError::Overloaded { code, .. } => *code == MEMORY_LIMIT_EXCEEDED,
        SelectError::Unavailable(_) | SelectError::NotMigrated { .. } | SelectError::LeftAlone { .. } => {
            false
        }
    }
}

async fn ask(
    warehouse: &Warehouse,
    rules: &[Watched<'_>],
    batch: &Batch<'_>,
) -> Result<Vec<Answer>, SelectError> {
    let statement = batch.statement(&warehouse.database_name()?);
    let found: Vec<Found> = warehouse.select(&statement).await?;
    Ok(readings(rules, batch, &found))
}

/// What each rule of a batch makes of what its subject has.
fn readings(rules: &[Watched<'_>], batch: &Batch<'_>, found: &[Found]) -> Vec<Answer> {
    let mut by_subject: HashMap<usize, Vec<&Found>> = HashMap::new();
    for row in found {
        let number = usize::try_from(row.subject_number).unwrap_or_default();
        by_subject.entry(number.saturating_sub(1)).or_default().push(row);
    }
    let minutes = match batch.shape.look {
        Look::Window(window) => window.minutes(),
        Look::Greatest | Look::Least => 0.0,
    };
    let has_groups = !batch.shape.group_by.is_empty();
    let of_rule = |(number, subject): &(usize, usize)| {
        let rule = rules.get(*number)?;
        let measure = Measure::of(rule.watch, rule.direction, minutes)?;
        let found = by_subject.get(subject).into_iter().flatten();
        let mut readings: Vec<Reading> = found
            .map(|found| Reading {
                group: found.group_values.clone(),
                value: measure.value(found),
                events: found.events,
            })
            .collect();
        let is_window = matches!(batch.shape.look, Look::Window(_));
        if readings.is_empty() && !has_groups && is_window {
            readings.push(Reading {
                group: Vec::new(),
                value: measure.of_nothing(),
                events: 0,
            });
        }
        Some((*number, Ok(readings)))
    };
    batch.rules.iter().filter_map(of_rule).collect()
}
