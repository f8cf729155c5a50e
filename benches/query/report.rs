//! Figures as people read them.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::questions::Percentile;
use crate::run::Result;

/// Percentiles of some times, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Times {
    pub(crate) rounds: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Times {
    pub(crate) fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        // The least time that at least this share of all is not above.
        let at = |share: f64| {
            let rank = (share * took.len() as f64).ceil() as usize;
            took.get(rank.saturating_sub(1))
                .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        Self {
            rounds: took.len(),
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }

    pub(crate) fn meets(&self, (percentile, target_ms): (Percentile, f64)) -> bool {
        let figure = match percentile {
            Percentile::P95 => self.p95_ms,
            Percentile::P99 => self.p99_ms,
        };
        figure <= target_ms
    }
}

/// Markdown.
pub(crate) fn table(result: &Result) -> String {
    let mut text = format!(
        "{} events, `serve` {} MiB resident\n\n\
         | question | reads | uncached p50 / p95 / p99 ms | target | cached p50 / p99 ms | hits | raw tables p50 ms | answer KiB |\n\
         |---|---|---|---|---|---|---|---|\n",
        result.events,
        result.resident_bytes >> 20
    );
    for line in &result.lines {
        let target = match line.target_is_met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "–",
        };
        let uncached = match (&line.uncached, &line.failure) {
            (Some(times), _) => format!("{:.1} / {:.1} / {:.1}", times.p50_ms, times.p95_ms, times.p99_ms),
            (None, Some(failure)) => failure.replace('|', "/").chars().take(90).collect(),
            (None, None) => "–".to_owned(),
        };
        let cached = line.cached.map_or("–".to_owned(), |times| {
            format!("{:.3} / {:.3}", times.p50_ms, times.p99_ms)
        });
        let hits = line
            .cached_hits
            .map_or("–".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let raw = line
            .raw_tables
            .map_or("–".to_owned(), |times| format!("{:.1}", times.p50_ms));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {uncached} | {target} | {cached} | {hits} | {raw} | {:.1} |",
            line.name,
            line.class,
            line.answer_bytes as f64 / 1024.0
        );
    }
    text.push('\n');
    text.push_str(&result.storage.table(result.events));
    text
}
