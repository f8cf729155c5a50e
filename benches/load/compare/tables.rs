//! The comparison as Markdown tables, for the terminal and for `docs/benchmarks.md`.

use super::catch_up::CatchUp;
use super::mode::{Layout, Mode};
use super::sample::{DiskSync, Sample};

const MIB: f64 = 1024.0 * 1024.0;

/// Least, middle and largest of some figures.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            min: *sorted.first()?,
            median: sorted[sorted.len() / 2],
            max: *sorted.last()?,
        })
    }

    fn show(&self, digits: usize) -> String {
        format!(
            "{:.digits$} ({:.digits$}–{:.digits$})",
            self.median, self.min, self.max
        )
    }
}

fn show(figures: impl Iterator<Item = f64>, digits: usize) -> String {
    Spread::of(figures).map_or_else(|| "–".to_owned(), |spread| spread.show(digits))
}

/// What was measured, in the order of the modes, the other one ahead.
fn rows(samples: &[Sample]) -> Vec<(Mode, bool)> {
    let mut rows: Vec<_> = samples
        .iter()
        .map(|sample| (sample.mode, !sample.is_other))
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn of_row(samples: &[Sample], (mode, is_now): (Mode, bool)) -> impl Iterator<Item = &Sample> + Clone {
    samples
        .iter()
        .filter(move |sample| sample.mode == mode && sample.is_other != is_now)
}

fn name(samples: &[Sample], row: (Mode, bool)) -> String {
    of_row(samples, row).next().map_or_else(String::new, Sample::name)
}

/// Requests a second; figures are medians, with the least and the largest in brackets.
pub(super) fn throughput(layout: Layout, samples: &[Sample]) -> String {
    let mut text = format!(
        "\n### Throughput, {layout}\n\n\
         | mode | requests/s | of bare | target | of other | p99 ms | server CPU µs/request | memory idle MiB | peak MiB | stored at the end |\n\
         |---|---|---|---|---|---|---|---|---|---|\n"
    );
    for row in rows(samples) {
        let of = of_row(samples, row);
        let stored = show(
            of.clone()
                .filter_map(|sample| sample.stored.map(|share| share * 100.0)),
            0,
        );
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            name(samples, row),
            show(of.clone().map(|sample| sample.load.accepted_per_second), 0),
            show(of.clone().filter_map(|sample| sample.ratio), 2),
            row.0
                .target()
                .map_or_else(|| "–".to_owned(), |target| format!("≥ {target}")),
            show(of.clone().filter_map(|sample| sample.of_other), 2),
            show(of.clone().map(|sample| sample.load.latency_ms.p99), 1),
            show(of.clone().map(Sample::cpu_us_sum), 1),
            show(
                of.clone().map(|sample| sample.resident_idle_bytes as f64 / MIB),
                0
            ),
            show(
                of.clone().map(|sample| sample.resident_peak_bytes as f64 / MIB),
                0
            ),
            if stored == "–" {
                stored
            } else {
                format!("{stored} %")
            },
        );
    }
    text += "\nTargets: memory below 64 MiB idle and 150 MiB under full load.\n\n";
    text + &threads(samples)
}

/// Where the processor time goes: by threads.
fn threads(samples: &[Sample]) -> String {
    let mut text = "Processor time a request in µs, by thread:\n\n".to_owned();
    for row in rows(samples) {
        let Some(sample) = of_row(samples, row).last() else {
            continue;
        };
        let mut parts: Vec<(&String, &f64)> = sample.cpu_us.iter().filter(|(_, us)| **us >= 0.05).collect();
        parts.sort_by(|one, other| other.1.total_cmp(one.1));
        let parts: Vec<String> = parts.iter().map(|(name, us)| format!("{name} {us:.2}")).collect();
        text += &format!("- {}: {}\n", sample.name(), parts.join(", "));
    }
    text
}

/// Latency at a fixed rate.
pub(super) fn latency(layout: Layout, rate: f64, samples: &[Sample], disk: DiskSync) -> String {
    let mut text = format!(
        "\n### Latency at {rate:.0} requests/s, {layout}\n\n\
         | mode | p50 ms | p99 ms | p99.9 ms | max ms | unsent |\n|---|---|---|---|---|---|\n"
    );
    for row in rows(samples) {
        let of = of_row(samples, row);
        text += &format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            name(samples, row),
            show(of.clone().map(|sample| sample.load.latency_ms.p50), 3),
            show(of.clone().map(|sample| sample.load.latency_ms.p99), 3),
            show(of.clone().map(|sample| sample.load.latency_ms.p999), 3),
            show(of.clone().map(|sample| sample.load.latency_ms.max), 3),
            of.map(|sample| sample.load.errors.unsent).sum::<u64>(),
        );
    }
    text += "\nTarget: p99 below 10 ms. An answer waits for the commit under way and for its own: twice the disk's ";
    text + &format!(
        "sync, which alone takes {:.2} ms, p99 {:.2} ms.\n",
        disk.p50_ms, disk.p99_ms
    )
}

/// The way from the log to ClickHouse.
pub(super) fn catch_up(figures: &CatchUp) -> String {
    format!(
        "\n### From a full log into ClickHouse\n\n\
         | rows | segments | all there after the start | flush rows/s | engine's own rows/s | share | target |\n\
         |---|---|---|---|---|---|---|\n\
         | {} | {} | {:.1} s | {:.0} | {:.0} | {:.2} | ≥ 0.8 |\n",
        figures.rows,
        figures.segments,
        figures.seconds_since_start,
        figures.flush_rows_per_second,
        figures.engine_rows_per_second,
        figures.share()
    )
}
