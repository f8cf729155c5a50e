//! What a rule would have seen in the past, to try it before it is made.
//!
//! The past is read in buckets, each of which is counted in every window that it lies in: their states are merged by the statement. A
//! sample is a window that ends at a multiple of the step, so it is what the rule would have seen at that time, with edges at
//! whole buckets.

mod of_ledger;
mod of_vendors;
mod request;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::Watched;
use super::batch::{needs_percentiles, shape_of};
use super::found::{Found, Measure};
use super::vendor::VendorFacts;
use crate::clock::UnixMicros;
use crate::domain::rule::{Direction, LevelThresholds, PastSample, PastSeries, Watch};
use crate::ledger::Ledger;
use crate::warehouse::{Retention, SelectError, Warehouse};

use super::super::grain::{Grain, Kept};
use statement::Past;

pub use request::{GROUP_SAMPLES_MAX, HistoryRequest, SAMPLES_MAX};

/// Most groups whose past is told: those with the most events.
pub const HISTORY_GROUPS_MAX: usize = 20;

/// What a rule would have seen.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// From one sample to the next, in milliseconds.
    pub step_ms: i64,
    /// How far each sample looks back, in milliseconds. Where the step is longer, what lies between is not seen.
    pub window_ms: i64,
    /// Table that the samples come from.
    pub source: Grain,
    /// Time before which that table has forgotten what it had, if that is in the range; milliseconds since 1970.
    pub kept_from_ms: Option<i64>,
    /// A series for each group that had events; one series without groups. All have samples at the same times.
    pub series: Vec<PastSeries>,
}

/// Where a rule's past is.
#[derive(Clone, Copy, Debug)]
pub struct Pasts<'p> {
    /// Rows and rollups.
    pub warehouse: &'p Warehouse,
    /// How long they are kept.
    pub retention: &'p Retention,
    /// What of the ledger is not in the warehouse yet.
    pub ledger: &'p Ledger,
    /// What is known of vendors.
    pub vendors: &'p VendorFacts,
}

/// Asks what a rule of a project would have seen. `direction` says which single value is the worst.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn history(
    pasts: Pasts<'_>,
    project_id: &str,
    watch: &Watch,
    direction: Direction,
    request: &HistoryRequest,
    now: UnixMicros,
) -> Result<History, SelectError> {
    let Pasts {
        warehouse, retention, ..
    } = pasts;
    if let Watch::Ledger(watch) = watch {
        return of_ledger::history(pasts, project_id, watch.measure, request, now).await;
    }
    if let Watch::Vendor(watch) = watch {
        return of_vendors::history(pasts, project_id, watch, request, now).await;
    }
    let kept = Kept::new(*retention, now);
    let mut history = History {
        step_ms: request.step * 1_000,
        window_ms: request.window * 1_000,
        source: Grain::Raw,
        kept_from_ms: None,
        series: Vec::new(),
    };
    // Thresholds say where a sweep looks; here all values are wanted.
    let thresholds = LevelThresholds {
        info: Some(0.0),
        ..LevelThresholds::default()
    };
    let rule = Watched {
        project_id,
        watch,
        direction,
        thresholds: &thresholds,
        seen_from_ms: 0,
    };
    #[expect(clippy::cast_precision_loss, reason = "at most a day in seconds")]
    let minutes = request.window as f64 / 60.0;
    let measure = Measure::of(watch, direction, minutes);
    let (Some((shape, subject)), Some(measure)) = (shape_of(&rule, now), measure) else {
        return Ok(history);
    };
    let past = Past {
        shape: &shape,
        subject: &subject,
        request,
        has_percentiles: needs_percentiles(watch),
    };
    history.source = past.source(&kept);
    let kept_from = kept.from(history.source);
    history.kept_from_ms = Some(kept_from * 1_000).filter(|_| kept_from > request.read_from());
    let statement = past.statement(&warehouse.database_name()?, history.source, &kept);
    let found: Vec<Found> = warehouse.select(&statement).await?;
    history.series = series(found, request, measure, watch.group_by().is_empty());
    Ok(history)
}

/// Samples at all times, also where nothing was found.
fn series(found: Vec<Found>, request: &HistoryRequest, measure: Measure, is_one: bool) -> Vec<PastSeries> {
    let mut groups: BTreeMap<Vec<String>, BTreeMap<i64, Found>> = BTreeMap::new();
    if is_one {
        groups.insert(Vec::new(), BTreeMap::new());
    }
    for mut found in found {
        let group = std::mem::take(&mut found.group_values);
        groups.entry(group).or_default().insert(found.sample_end, found);
    }
    let samples_of = |found: &BTreeMap<i64, Found>| {
        let sample = |end: i64| {
            let found = found.get(&end);
            PastSample {
                ts_ms: end * 1_000,
                value: found.map_or_else(|| measure.of_nothing(), |found| measure.value(found)),
                events: found.map_or(0, |found| found.events),
            }
        };
        request.samples().map(sample).collect()
    };
    let series = groups.into_iter().map(|(group, found)| PastSeries {
        group,
        samples: samples_of(&found),
    });
    series.collect()
}
