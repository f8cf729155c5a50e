//! How far the demo is: a bar for people, a line every few seconds for logs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Beacons between two looks at the clock.
const BEACONS_PER_LOOK: u64 = 256;
const PLAIN_LINE_EVERY_MS: u64 = 5_000;

/// The progress of one run.
pub(super) struct Progress {
    bar: ProgressBar,
    /// What the bar counts.
    unit: &'static str,
    started: Instant,
    beacons: AtomicU64,
    next_line_ms: AtomicU64,
}

impl Progress {
    /// Of visits that are posted, beacon by beacon.
    pub(super) fn of_visits(visits: u32) -> Self {
        Self::new(u64::from(visits), "visits")
    }

    /// Of beacons that are loaded, many at once; `done` of them were there before.
    pub(super) fn of_beacons(beacons: u64, done: u64) -> Self {
        let this = Self::new(beacons, "beacons");
        this.bar.set_position(done);
        this.bar.reset_eta();
        this
    }

    fn new(all: u64, unit: &'static str) -> Self {
        // Draws on standard error, and nothing when that is no terminal.
        let bar = ProgressBar::new(all);
        let template =
            format!("{{bar:32}} {{percent:>3}} %  {{human_pos}}/{{human_len}} {unit}  {{msg}}  ETA {{eta}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self {
            bar,
            unit,
            started: Instant::now(),
            beacons: AtomicU64::new(0),
            next_line_ms: AtomicU64::new(PLAIN_LINE_EVERY_MS),
        }
    }

    /// One beacon is posted.
    pub(super) fn beacon(&self) {
        let beacons = self.beacons.fetch_add(1, Relaxed) + 1;
        if beacons.is_multiple_of(BEACONS_PER_LOOK) {
            let rate = self.rate(beacons);
            self.show(format!("{} beacons, {rate}/s", HumanCount(beacons)));
        }
    }

    /// One visit is posted whole.
    pub(super) fn visit(&self) {
        self.bar.inc(1);
    }

    /// Some beacons are loaded.
    pub(super) fn loaded(&self, beacons: u64) {
        let beacons_all = self.beacons.fetch_add(beacons, Relaxed) + beacons;
        self.bar.inc(beacons);
        self.show(format!("{}/s", self.rate(beacons_all)));
    }

    fn rate(&self, beacons: u64) -> HumanCount {
        HumanCount((beacons as f64 / self.started.elapsed().as_secs_f64()) as u64)
    }

    fn show(&self, message: String) {
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if !self.bar.is_hidden() {
            self.bar.set_message(message);
        } else if elapsed_ms >= self.next_line_ms.load(Relaxed) {
            self.next_line_ms.store(elapsed_ms + PLAIN_LINE_EVERY_MS, Relaxed);
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            eprintln!(
                "{}/{} {}, {message}, {} s left",
                HumanCount(done),
                HumanCount(all),
                self.unit,
                self.bar.eta().as_secs()
            );
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
