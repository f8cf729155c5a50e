//! The day that the demo tells, or the weeks: when visitors come, and what goes wrong when.

use std::f64::consts::TAU;
use std::ops::Range;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: f64 = 86_400_000.0;
/// Name of the release that runs when the day begins.
pub(super) const RELEASE_BEFORE: &str = "2.4.1";
/// Name of the one that comes in the middle of it, and makes the editor slower.
pub(super) const RELEASE_AFTER: &str = "2.5.0";
/// Time until everybody has the new release.
const ROLLOUT_MS: i64 = 30 * 60 * 1_000;

/// Times of the day at which the incident may begin.
const INCIDENT_CANDIDATES: i64 = 16;
/// Longest incident.
const INCIDENT_MS_MAX: i64 = 6 * HOUR_MS;

/// How busy the quietest and the busiest time of a day are: half of their sum, half of their difference.
const RHYTHM_MEAN: f64 = 0.55;
const RHYTHM_SWING: f64 = 0.45;
/// Busiest time of day (UTC).
const RHYTHM_PEAK_MS: f64 = DAY_MS * 16.0 / 24.0;
/// Halvings of the range in which a visit's begin is looked for: a year ends up below a millisecond.
const HALVINGS: u32 = 36;
/// Steps of this length in a circle of length 1 are spread evenly, however many there are.
const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;

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

    /// When the storage of images is slow and fails: for a thirtieth of the time, but not for ever, when it is busiest.
    pub(super) fn incident_ms(&self) -> Range<i64> {
        let length = i64::from(self.hours) * HOUR_MS;
        let begin = (0..INCIDENT_CANDIDATES)
            .map(|place| self.begin_ms() + length * place / INCIDENT_CANDIDATES)
            .max_by(|one, other| rhythm(*one).total_cmp(&rhythm(*other)))
            .unwrap_or_else(|| self.begin_ms());
        begin..begin + (length / 30).min(INCIDENT_MS_MAX)
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

    /// When a visit begins: the places below [`Self::sessions`] in their order, as often as people are awake then. Those
    /// from there on are further visits, at any time. `chance` is 0 or more and below 1.
    pub(super) fn start_ms(&self, place: u64, chance: f64) -> i64 {
        let sessions = u64::from(self.sessions);
        let share = if place < sessions {
            (place as f64 + chance) / f64::from(self.sessions)
        } else {
            ((place - sessions) as f64).mul_add(GOLDEN_RATIO, chance).fract()
        };
        let (mut low, mut high) = (self.begin_ms() as f64, self.until_ms as f64);
        let wanted = visits_until(low) + share * (visits_until(high) - visits_until(low));
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if visits_until(middle) < wanted {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low as i64).clamp(self.begin_ms(), self.until_ms - 1)
    }
}

/// How busy the time of day is, above 0 and at most 1: quiet at four in the morning (UTC), busiest in the late
/// afternoon.
fn rhythm(at_ms: i64) -> f64 {
    RHYTHM_SWING.mul_add(angle(at_ms as f64).cos(), RHYTHM_MEAN)
}

/// The integral of [`rhythm`], in milliseconds of the busiest time.
fn visits_until(at_ms: f64) -> f64 {
    RHYTHM_MEAN * at_ms + RHYTHM_SWING * DAY_MS / TAU * angle(at_ms).sin()
}

fn angle(at_ms: f64) -> f64 {
    (at_ms.rem_euclid(DAY_MS) - RHYTHM_PEAK_MS) / DAY_MS * TAU
}
