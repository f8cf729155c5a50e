//! How far the demo is: a bar for people, a line every few seconds for logs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Beacons between two looks at the clock.
const BEACONS_PER_LOOK: u64 = 256;
const PLAIN_LINE_EVERY_MS: u64 = 5_000;
const TEMPLATE: &str = "{bar:32} {percent:>3} %  {pos}/{len} visits  {msg}  ETA {eta}";

/// The progress of one run.
pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
    beacons: AtomicU64,
    next_line_ms: AtomicU64,
}

impl Progress {
    pub(super) fn new(visits: u32) -> Self {
        // Draws on standard error, and nothing when that is no terminal.
        let bar = ProgressBar::new(u64::from(visits));
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self {
            bar,
            started: Instant::now(),
            beacons: AtomicU64::new(0),
            next_line_ms: AtomicU64::new(PLAIN_LINE_EVERY_MS),
        }
    }

    /// One beacon is posted.
    pub(super) fn beacon(&self) {
        let beacons = self.beacons.fetch_add(1, Relaxed) + 1;
        if !beacons.is_multiple_of(BEACONS_PER_LOOK) {
            return;
        }
        let elapsed = self.started.elapsed();
        let rate = beacons as f64 / elapsed.as_secs_f64();
        let message = format!("{} beacons, {}/s", HumanCount(beacons), HumanCount(rate as u64));
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if !self.bar.is_hidden() {
            self.bar.set_message(message);
        } else if elapsed_ms >= self.next_line_ms.load(Relaxed) {
            self.next_line_ms.store(elapsed_ms + PLAIN_LINE_EVERY_MS, Relaxed);
            let left = self.bar.eta().as_secs();
            let (visits, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            eprintln!("{visits}/{all} visits, {message}, {left} s left");
        }
    }

    /// One visit is posted whole.
    pub(super) fn visit(&self) {
        self.bar.inc(1);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
