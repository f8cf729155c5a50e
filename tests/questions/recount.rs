//! The same statistics, counted from the rows themselves.

use std::collections::BTreeMap;

use fresnel::query::timeseries::{Stats, Timeseries};

use crate::rows::Metric;

/// Rows to count.
pub(crate) struct Recount<'a>(&'a [Metric]);

impl<'a> Recount<'a> {
    pub(crate) const fn new(rows: &'a [Metric]) -> Self {
        Self(rows)
    }

    /// Compares an answer, point by point; every row that the question is about must be in it.
    pub(crate) fn check(&self, query: &str, answer: &Timeseries) {
        let asked = Question::new(query);
        let mut expected: BTreeMap<_, BTreeMap<i64, Vec<&Metric>>> = BTreeMap::new();
        let starts: Vec<i64> = answer.series[0].points.iter().map(|point| point.ts).collect();
        let mut events = 0;
        for row in self.0.iter().filter(|row| asked.passes(row)) {
            let seconds = row.ts_ms.div_euclid(1_000);
            if seconds < answer.from || seconds >= answer.to {
                continue;
            }
            let bucket = starts[starts.partition_point(|start| *start <= seconds) - 1];
            expected
                .entry(asked.line(row))
                .or_default()
                .entry(bucket)
                .or_default()
                .push(row);
            events += 1;
        }
        assert!(events > 100, "{query}: the test asks for next to nothing");
        let lines: Vec<_> = answer
            .series
            .iter()
            .map(|series| {
                (
                    series.metric_type.clone(),
                    series.name.clone(),
                    series.group.clone(),
                )
            })
            .collect();
        assert_eq!(lines, expected.keys().cloned().collect::<Vec<_>>(), "{query}");
        for (series, rows_of_line) in answer.series.iter().zip(expected.values()) {
            for point in &series.points {
                match rows_of_line.get(&point.ts) {
                    Some(rows) => check_stats(query, &point.stats, rows),
                    None => assert_eq!((point.stats.count, point.stats.p50), (0, None), "{query}"),
                }
            }
        }
    }
}

/// Compares statistics with those of the rows themselves.
pub(crate) fn check_stats(query: &str, found: &Stats, rows: &[&Metric]) {
    // An event of weight 3 is three events.
    let each = rows
        .iter()
        .flat_map(|row| std::iter::repeat_n(*row, row.weight as usize));
    let rows: Vec<&Metric> = each.collect();
    let weight_max = f64::from(rows.iter().map(|row| row.weight).max().unwrap_or(1));
    let mut values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    assert_eq!(found.count, values.len() as u64, "{query}");
    let sum: f64 = values.iter().sum();
    let close = |found: Option<f64>, wanted: f64| {
        (found.expect("a value") - wanted).abs() <= 1e-9 * wanted.abs().max(1.0)
    };
    assert!(close(found.avg, sum / count), "{query}");
    assert_eq!(
        (found.min, found.max),
        (values.first().copied(), values.last().copied()),
        "{query}"
    );
    let errors = rows
        .iter()
        .filter(|row| row.status >= 500 || !row.error_context.is_empty())
        .count();
    assert!(close(found.error_share, errors as f64 / count), "{query}");
    for (rank, found) in [
        (0.5, found.p50),
        (0.75, found.p75),
        (0.9, found.p90),
        (0.95, found.p95),
        (0.99, found.p99),
    ] {
        let found: f64 = found.expect("a percentile");
        // One percentile rank; an event that stands for several is known no better than by all of them.
        let error = 0.01 + (weight_max - 1.0) / count;
        let (least, greatest) = (at_rank(&values, rank - error), at_rank(&values, rank + error));
        // A digest computes in single precision, and interpolates between neighbours.
        let slack = 1e-6 * greatest.1.abs();
        assert!(
            least.0 - slack <= found && found <= greatest.1 + slack,
            "{query}: p{rank} of {} values is {found}, not in {least:?} to {greatest:?}",
            values.len()
        );
    }
}

/// The two neighbours between which this share of the sorted values lies.
fn at_rank(values: &[f64], rank: f64) -> (f64, f64) {
    let position = rank.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    (
        values[position.floor() as usize],
        values[position.ceil() as usize],
    )
}

/// What a query string asks for, read in the simplest way.
struct Question<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Question<'a> {
    fn new(query: &'a str) -> Self {
        Self(query.split('&').filter_map(|pair| pair.split_once('=')).collect())
    }

    fn any(&self, name: &str, value: &str) -> bool {
        let mut wanted = self.0.iter().filter(|(field, _)| *field == name).peekable();
        wanted.peek().is_none() || wanted.any(|(_, wanted)| *wanted == value)
    }

    fn passes(&self, row: &Metric) -> bool {
        self.any("type", row.kind)
            && self.any("page", &row.page)
            && self.any("region", row.region)
            && self.any("status", &row.status.to_string())
    }

    fn line(&self, row: &Metric) -> (String, Option<String>, Option<String>) {
        let name = (row.kind == "core_web_vitals").then(|| row.name.to_owned());
        let group = self
            .0
            .iter()
            .find(|(field, _)| *field == "group_by")
            .map(|(_, by)| match *by {
                "page" => row.page.clone(),
                _ => row.api_endpoint.clone(),
            });
        (row.kind.to_owned(), name, group)
    }
}
