//! From the share of memory that is taken to a level.

use serde::Serialize;

/// How far the share must fall below where a level began before the level is left.
const HYSTERESIS: f64 = 0.05;

/// How short memory is; each is worse than those above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// There is enough.
    Ok,
    /// Caches hold half.
    Warning,
    /// Questions are refused; beacons are taken.
    Critical,
}

impl Level {
    /// All levels, the best first.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Critical];

    /// Name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// 0, 1 or 2, the higher the worse.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }

    pub(super) fn of_number(number: u8) -> Self {
        Self::ALL
            .get(usize::from(number))
            .copied()
            .unwrap_or(Self::Critical)
    }
}

/// Shares of the limit at which levels begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    pub(super) warning: f64,
    pub(super) critical: f64,
}

impl Thresholds {
    /// The level after `now`, when this share is taken: up at once, down only below the hysteresis.
    pub(super) fn next(&self, now: Level, share: f64) -> Level {
        let begun = self.reached(share);
        if begun >= now {
            return begun;
        }
        now.min(self.reached(share + HYSTERESIS))
    }

    fn reached(&self, share: f64) -> Level {
        if share >= self.critical {
            Level::Critical
        } else if share >= self.warning {
            Level::Warning
        } else {
            Level::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const THRESHOLDS: Thresholds = Thresholds {
        warning: 0.8,
        critical: 0.9,
    };

    fn levels() -> impl Strategy<Value = Level> {
        prop::sample::select(Level::ALL.to_vec())
    }

    #[test]
    fn a_level_begins_at_its_share_and_ends_five_points_below() {
        let mut level = Level::Ok;
        for (share, expected) in [
            (0.79, Level::Ok),
            (0.80, Level::Warning),
            (0.76, Level::Warning),
            (0.74, Level::Ok),
            (0.95, Level::Critical),
            (0.86, Level::Critical),
            (0.84, Level::Warning),
            (0.91, Level::Critical),
            (0.10, Level::Ok),
        ] {
            level = THRESHOLDS.next(level, share);
            assert_eq!(level, expected, "{share}");
        }
    }

    #[test]
    fn numbers_read_back() {
        for level in Level::ALL {
            assert_eq!(Level::of_number(level.number()), level);
        }
        assert_eq!(Level::of_number(9), Level::Critical);
    }

    proptest! {
        #[test]
        fn a_share_above_a_threshold_is_never_told_as_better(now in levels(), share in 0.0..2.0_f64) {
            let next = THRESHOLDS.next(now, share);
            prop_assert!(next >= THRESHOLDS.reached(share));
            prop_assert!(next <= now.max(THRESHOLDS.reached(share)));
        }

        #[test]
        fn the_same_share_again_changes_nothing(now in levels(), share in 0.0..2.0_f64) {
            let next = THRESHOLDS.next(now, share);
            prop_assert_eq!(THRESHOLDS.next(next, share), next);
        }

        #[test]
        fn a_share_that_moves_by_less_than_the_hysteresis_changes_the_level_once_at_most(
            around in 0.5..1.0_f64, steps in prop::collection::vec(-0.024..0.024_f64, 1..50),
        ) {
            let mut level = Level::Ok;
            let mut worst = level;
            for step in steps {
                level = THRESHOLDS.next(level, around + step);
                prop_assert!(level >= worst, "it went back within the hysteresis");
                worst = level;
            }
        }
    }
}
