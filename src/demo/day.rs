//! The day that the demo tells: when visitors come, and what goes wrong when.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use time::OffsetDateTime;

const HOUR_MS: i64 = 3_600_000;
/// Name of the release that runs when the day begins.
pub(super) const RELEASE_BEFORE: &str = "2.4.1";
/// Name of the one that comes in the middle of it, and makes the editor slower.
pub(super) const RELEASE_AFTER: &str = "2.5.0";
/// Time until everybody has the new release.
const ROLLOUT_MS: i64 = 30 * 60 * 1_000;

/// Times of the day at which the incident may begin.
const INCIDENT_CANDIDATES: i64 = 16;

/// What to make. The same story always gives the same beacons.
#[derive(Clone, Debug)]
pub(super) struct Story {
    /// Decides everything that is left to chance.
    pub(super) seed: u64,
    /// End of the day, in milliseconds since 1970; no beacon is younger.
    pub(super) until_ms: i64,
    /// Length of the day in hours.
    pub(super) hours: u32,
    /// Visits.
    pub(super) sessions: u32,
}

impl Story {
    /// Begin of the day, in milliseconds since 1970.
    pub(super) fn begin_ms(&self) -> i64 {
        self.until_ms - i64::from(self.hours) * HOUR_MS
    }

    /// When the new release goes out: in the middle.
    pub(super) fn release_at_ms(&self) -> i64 {
        self.begin_ms() + i64::from(self.hours) * HOUR_MS / 2
    }

    /// When the storage of images is slow and fails: for a thirtieth of the day, at its busiest time.
    pub(super) fn incident_ms(&self) -> Range<i64> {
        let length = i64::from(self.hours) * HOUR_MS;
        let begin = (0..INCIDENT_CANDIDATES)
            .map(|place| self.begin_ms() + length * place / INCIDENT_CANDIDATES)
            .max_by(|one, other| rhythm(*one).total_cmp(&rhythm(*other)))
            .unwrap_or_else(|| self.begin_ms());
        begin..begin + length / 30
    }

    /// The release that a visitor who comes at this time gets.
    pub(super) fn release(&self, at_ms: i64, chance: f64) -> &'static str {
        let since = at_ms - self.release_at_ms();
        if since >= 0 && since as f64 >= chance * ROLLOUT_MS as f64 {
            RELEASE_AFTER
        } else {
            RELEASE_BEFORE
        }
    }

    /// When the visits begin, in order.
    pub(super) fn starts(&self) -> Vec<i64> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut starts: Vec<i64> = (0..self.sessions).map(|_| self.start(&mut rng)).collect();
        starts.sort_unstable();
        starts
    }

    /// One visit's begin: any time of the day, taken as often as people are awake then.
    fn start(&self, rng: &mut StdRng) -> i64 {
        loop {
            let at_ms = rng.random_range(self.begin_ms()..self.until_ms);
            if rng.random::<f64>() < rhythm(at_ms) {
                return at_ms;
            }
        }
    }
}

/// How busy the time of day is, above 0 and at most 1: quiet at four in the morning (UTC), busiest in the late
/// afternoon.
fn rhythm(at_ms: i64) -> f64 {
    let minute = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1_000))
        .map_or(0, |at| u32::from(at.hour()) * 60 + u32::from(at.minute()));
    let angle = (f64::from(minute) / 1_440.0 - 16.0 / 24.0) * std::f64::consts::TAU;
    0.55 + 0.45 * angle.cos()
}
