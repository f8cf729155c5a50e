//! The stretch of time that a rule looks at, and the tables that have it.

use super::super::dimension::Slices;
use super::super::grain::Grain;
use super::super::pieces::{Piece, cover};
use super::super::range::Range;
use crate::clock::UnixMicros;

const MINUTE_S: i64 = 60;
/// Windows of this length and less are counted to the second.
const EXACT_MAX_S: i64 = 15 * MINUTE_S;

/// A window that ends with the present second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Window {
    /// Its length as the rule has it, in seconds.
    seconds: i64,
    /// The second behind the present one, since 1970.
    end: i64,
}

impl Window {
    /// The window of a rule.
    pub(super) fn new(window_ms: i64, now: UnixMicros) -> Self {
        Self {
            seconds: (window_ms / 1_000).max(1),
            end: now.as_millis().div_euclid(1_000) + 1,
        }
    }

    const fn is_exact(self) -> bool {
        self.seconds <= EXACT_MAX_S
    }

    /// What is counted. A long window is widened to whole minutes at both ends.
    pub(super) const fn range(self) -> Range {
        let from = self.end - self.seconds;
        if self.is_exact() {
            return Range { from, to: self.end };
        }
        Range {
            from: from.div_euclid(MINUTE_S) * MINUTE_S,
            to: (self.end + MINUTE_S - 1).div_euclid(MINUTE_S) * MINUTE_S,
        }
    }

    /// How much of it has passed, in minutes, for what is counted a minute.
    pub(super) fn minutes(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most a day and a minute in seconds")]
        let seconds = (self.end - self.range().from) as f64;
        seconds / 60.0
    }

    /// The pieces of tables that have it. Every table keeps what it has for at least a day, which is the longest window.
    pub(super) fn pieces(self, slices: Option<Slices>) -> Vec<Piece> {
        let Range { from, to } = self.range();
        let slices = slices.filter(|_| !self.is_exact());
        let answers =
            |grain: &Grain| *grain == Grain::Raw || slices.is_some_and(|slices| *grain >= slices.finest);
        let grains: Vec<Grain> = Grain::FROM_COARSE.into_iter().filter(answers).collect();
        cover(from, to, &grains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_S: i64 = 1_784_116_800;

    #[test]
    fn short_windows_end_with_the_present_second_and_long_ones_with_its_minute() {
        let now = UnixMicros::from_millis((NOON_S + 30) * 1_000 + 999);
        let short = Window::new(60_000, now);
        assert_eq!((short.range().from, short.range().to), (NOON_S - 29, NOON_S + 31));
        assert!((short.minutes() - 1.0).abs() < 1e-9);
        let long = Window::new(3_600_000, now);
        assert_eq!(
            (long.range().from, long.range().to),
            (NOON_S - 3_600, NOON_S + 60)
        );
        assert!((long.minutes() - (3_600.0 + 31.0) / 60.0).abs() < 1e-9);
    }

    #[test]
    fn an_hour_is_some_quarters_and_minutes_and_no_raw_row() {
        let now = UnixMicros::from_millis((NOON_S + 7 * 60) * 1_000);
        let slices = Slices::having([], true);
        let grains = |slices| {
            let pieces = Window::new(3_600_000, now).pieces(slices).into_iter();
            pieces.map(|piece| piece.grain).collect::<Vec<_>>()
        };
        assert_eq!(grains(slices), [Grain::Quarter, Grain::Minute, Grain::Minute]);
        assert_eq!(grains(None), [Grain::Raw]);
        let short = Window::new(900_000, now).pieces(slices);
        assert_eq!(short.len(), 1);
        assert_eq!(short[0].grain, Grain::Raw);
    }
}
