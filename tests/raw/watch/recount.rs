//! The same, counted from the rows.

use std::collections::BTreeMap;

use fresnel::domain::rule::{Aggregate, CountedBeacon, Direction, MetricWatch, Watch};
use fresnel::domain::table::Table;
use fresnel::query::watch::{HISTORY_GROUPS_MAX, History, Reading};

use super::rows::Beat;
use super::{Asked, NOW};

/// Compares the readings of a rule with what its rows have.
pub(crate) fn check(rows: &[Beat], asked: &Asked, readings: &[Reading]) {
    let groups = groups(rows, asked, |row| is_in_time(asked, row));
    let mut told: BTreeMap<&[String], &Reading> = BTreeMap::new();
    for reading in readings {
        assert!(
            told.insert(&reading.group, reading).is_none(),
            "{asked:?}: a group twice"
        );
    }
    let context = format!("{asked:?}\n{readings:?}");
    let is_single = matches!(asked.watch, Watch::Single(_));
    if groups.is_empty() && asked.watch.group_by().is_empty() && !is_single {
        let counts = match &asked.watch {
            Watch::Metric(watch) => watch.aggregate.counts(),
            _ => true,
        };
        let nothing = Reading {
            group: Vec::new(),
            value: counts.then_some(0.0),
            events: 0,
        };
        assert_eq!(readings, [nothing], "{context}");
        return;
    }
    assert_eq!(told.len(), groups.len(), "{context}");
    let minutes = asked.watch.window_ms().map_or(0.0, |window_ms| {
        let end_ms = NOW.as_millis() / 1_000 * 1_000 + 1_000;
        (end_ms - window(window_ms).0) as f64 / 60_000.0
    });
    for (group, rows) in groups {
        let reading = told
            .get(group.as_slice())
            .unwrap_or_else(|| panic!("{group:?} is missing: {context}"));
        check_group(asked, reading, &rows, minutes, &context);
    }
}

/// Compares the past of a rule with what its rows have, sample by sample.
pub(crate) fn check_history(rows: &[Beat], asked: &Asked, history: &History, to_ms: i64) {
    // A single value is the worst of each step.
    let asked = match &asked.watch {
        Watch::Single(watch) => &Asked {
            watch: Watch::Metric(MetricWatch {
                metric_type: Some(watch.metric_type.clone()),
                name: watch.name.clone(),
                aggregate: match asked.thresholds.direction {
                    Direction::Above => Aggregate::Max,
                    Direction::Below => Aggregate::Min,
                },
                filters: watch.filters.clone(),
                group_by: watch.group_by.clone(),
                window_ms: history.step_ms,
                events_min: 1,
            }),
            ..asked.clone()
        },
        _ => asked,
    };
    let first = &history.series.first().map_or(&[][..], |series| &series.samples);
    let ends = first.iter().map(|sample| sample.ts_ms);
    assert!(ends.clone().all(|end| end % history.step_ms == 0 && end <= to_ms));
    let (Some(begin), Some(end)) = (ends.clone().min(), ends.max()) else {
        return;
    };
    let is_in_range = |row: &Beat| (begin - history.window_ms..end).contains(&row.ts_ms);
    let mut groups = groups(rows, asked, is_in_range);
    if asked.watch.group_by().is_empty() {
        groups.entry(Vec::new()).or_default();
    }
    let minutes = history.window_ms as f64 / 60_000.0;
    // Groups may lie between windows.
    assert!(
        history.series.len() <= groups.len().min(HISTORY_GROUPS_MAX),
        "{asked:?}"
    );
    for series in &history.series {
        let rows = &groups[&series.group];
        for sample in &series.samples {
            let window = sample.ts_ms - history.window_ms..sample.ts_ms;
            let rows: Vec<&Beat> = rows
                .iter()
                .copied()
                .filter(|row| window.contains(&row.ts_ms))
                .collect();
            let reading = Reading {
                group: series.group.clone(),
                value: sample.value,
                events: sample.events,
            };
            let context = format!("{asked:?} {} {reading:?}", sample.ts_ms);
            if rows.is_empty() {
                let counts = match &asked.watch {
                    Watch::Metric(watch) => watch.aggregate.counts(),
                    _ => true,
                };
                assert_eq!(
                    (sample.value, sample.events),
                    (counts.then_some(0.0), 0),
                    "{context}"
                );
            } else {
                check_group(asked, &reading, &rows, minutes, &context);
            }
        }
    }
}

/// The rows that a rule is about, by group.
fn groups<'r>(
    rows: &'r [Beat],
    asked: &Asked,
    is_in_time: impl Fn(&Beat) -> bool,
) -> BTreeMap<Vec<String>, Vec<&'r Beat>> {
    let (table, kinds, name, filters) = match &asked.watch {
        Watch::Metric(watch) => {
            let kinds: Vec<String> = watch.metric_type.iter().cloned().collect();
            (
                Table::PerformanceMetrics,
                kinds,
                watch.name.clone(),
                &watch.filters,
            )
        }
        Watch::Single(watch) => (
            Table::PerformanceMetrics,
            vec![watch.metric_type.clone()],
            watch.name.clone(),
            &watch.filters,
        ),
        Watch::Events(watch) => {
            let table = match watch.beacon {
                CountedBeacon::Event => Table::UserEvents,
                CountedBeacon::Funnel => Table::FunnelSteps,
                CountedBeacon::Alert => Table::ClientAlerts,
            };
            (table, watch.names.clone(), None, &watch.filters)
        }
        _ => unreachable!("no such rule is made"),
    };
    let is_about = |row: &&Beat| {
        row.project == asked.project
            && row.table == table
            && (kinds.is_empty() || kinds.iter().any(|kind| kind == row.kind))
            && name.as_ref().is_none_or(|name| name == row.name)
            && filters.pass(|dimension| row.dimensions.get(&dimension).copied().unwrap_or_default())
            && is_in_time(row)
    };
    let mut groups: BTreeMap<Vec<String>, Vec<&Beat>> = BTreeMap::new();
    for row in rows.iter().filter(is_about) {
        let group = asked
            .watch
            .group_by()
            .iter()
            .map(|dimension| row.dimensions[dimension].to_owned());
        groups.entry(group.collect()).or_default().push(row);
    }
    groups
}

fn is_in_time(asked: &Asked, row: &Beat) -> bool {
    let Some(window_ms) = asked.watch.window_ms() else {
        let threshold = asked.thresholds.warning.expect("a threshold");
        let is_bad = match asked.thresholds.direction {
            Direction::Above => row.value > threshold,
            Direction::Below => row.value < threshold,
        };
        // Late by less than an hour, so none of them is too late for the sweep.
        return is_bad && row.received_ms >= asked.seen_from_ms;
    };
    let (from_ms, to_ms) = window(window_ms);
    (from_ms..to_ms).contains(&row.ts_ms)
}

/// Up to and with the present second; widened to minutes when it is longer than 15 minutes.
fn window(window_ms: i64) -> (i64, i64) {
    let end_ms = NOW.as_millis() / 1_000 * 1_000 + 1_000;
    let from_ms = end_ms - window_ms;
    if window_ms <= 15 * 60_000 {
        return (from_ms, end_ms);
    }
    (from_ms / 60_000 * 60_000, (end_ms + 59_999) / 60_000 * 60_000)
}

fn check_group(asked: &Asked, reading: &Reading, rows: &[&Beat], minutes: f64, context: &str) {
    let each = rows
        .iter()
        .flat_map(|row| std::iter::repeat_n(*row, row.weight as usize));
    let each: Vec<&Beat> = each.collect();
    let mut values: Vec<f64> = each.iter().map(|row| row.value).collect();
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let (wanted, events) = match &asked.watch {
        Watch::Single(_) => {
            let worst = match asked.thresholds.direction {
                Direction::Above => values.last(),
                Direction::Below => values.first(),
            };
            (worst.copied(), rows.len())
        }
        Watch::Events(watch) if watch.per_minute => (Some(count / minutes), values.len()),
        Watch::Events(_) => (Some(count), values.len()),
        Watch::Metric(watch) => {
            let has_data = values.len() >= watch.events_min as usize;
            let errors = each.iter().filter(|row| row.is_error).count() as f64;
            let wanted = match watch.aggregate {
                Aggregate::Count => Some(count),
                Aggregate::Rate => Some(count / minutes),
                _ if !has_data => None,
                Aggregate::Avg => Some(values.iter().sum::<f64>() / count),
                Aggregate::Min => values.first().copied(),
                Aggregate::Max => values.last().copied(),
                Aggregate::ErrorShare => Some(errors / count),
                Aggregate::P50 => return check_rank(0.5, reading, rows, &values, context),
                Aggregate::P75 => return check_rank(0.75, reading, rows, &values, context),
                Aggregate::P90 => return check_rank(0.9, reading, rows, &values, context),
                Aggregate::P95 => return check_rank(0.95, reading, rows, &values, context),
                Aggregate::P99 => return check_rank(0.99, reading, rows, &values, context),
            };
            (wanted, values.len())
        }
        _ => unreachable!("no such rule is made"),
    };
    assert_eq!(reading.events, events as u64, "{context}");
    match (reading.value, wanted) {
        (Some(found), Some(wanted)) => {
            assert!(
                (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
                "{found} {wanted}: {context}"
            );
        }
        (found, wanted) => assert_eq!(found, wanted, "{context}"),
    }
}

/// Within one percentile rank; an event that stands for several is known no better than by all of them.
fn check_rank(rank: f64, reading: &Reading, rows: &[&Beat], values: &[f64], context: &str) {
    assert_eq!(reading.events, values.len() as u64, "{context}");
    let found = reading.value.unwrap_or_else(|| panic!("no value: {context}"));
    let weight_max = f64::from(rows.iter().map(|row| row.weight).max().unwrap_or(1));
    let error = 0.01 + (weight_max - 1.0) / values.len() as f64;
    let at = |rank: f64| rank.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let least = values[at(rank - error).floor() as usize];
    let greatest = values[at(rank + error).ceil() as usize];
    let slack = 1e-6 * greatest.abs();
    assert!(
        least - slack <= found && found <= greatest + slack,
        "{found}, not in {least} to {greatest}: {context}"
    );
}
