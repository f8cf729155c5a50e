//! How bad a value is.

use serde::{Deserialize, Serialize};

use crate::domain::field_error::{FieldError, FieldFault};

/// How bad it is, the least first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertLevel)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth looking at today.
    Warning,
    /// Something does not work.
    Error,
    /// Somebody is woken.
    Critical,
}

impl Level {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The level of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// Which side of a threshold is bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ThresholdDirection)]
pub enum Direction {
    /// Values above it; the threshold itself is good.
    #[default]
    Above,
    /// Values below it; the threshold itself is good.
    Below,
}

/// From which value on each level is reached; levels without a threshold are never reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LevelThresholds {
    /// Which side is bad.
    pub direction: Direction,
    /// Threshold of `info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<f64>,
    /// Threshold of `warning`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<f64>,
    /// Threshold of `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// Threshold of `critical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<f64>,
}

impl LevelThresholds {
    /// The threshold of a level.
    #[must_use]
    pub const fn of(&self, level: Level) -> Option<f64> {
        match level {
            Level::Info => self.info,
            Level::Warning => self.warning,
            Level::Error => self.error,
            Level::Critical => self.critical,
        }
    }

    /// The highest level that a value reaches; none when it is good. A value that is no number reaches none.
    #[must_use]
    pub fn level_of(&self, value: f64) -> Option<Level> {
        let is_bad = |threshold: f64| match self.direction {
            Direction::Above => value > threshold,
            Direction::Below => value < threshold,
        };
        Level::ALL
            .into_iter()
            .rev()
            .find(|level| self.of(*level).is_some_and(is_bad))
    }

    /// The highest level that has a threshold.
    #[must_use]
    pub fn highest(&self) -> Option<Level> {
        Level::ALL
            .into_iter()
            .rev()
            .find(|level| self.of(*level).is_some())
    }

    /// What is wrong with them: there is none, one is no number, or a higher level is easier to reach than a lower one.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let set: Vec<(Level, f64)> = Level::ALL
            .into_iter()
            .filter_map(|level| Some((level, self.of(level)?)))
            .collect();
        if set.is_empty() {
            let message = "must hold a threshold for at least one of info, warning, error and critical";
            return vec![FieldError::new("thresholds", FieldFault::Missing, message)];
        }
        let field = |level: Level| format!("thresholds.{}", level.as_str());
        let endless = set.iter().filter(|(_, threshold)| !threshold.is_finite());
        let mut faults: Vec<_> = endless
            .map(|(level, _)| {
                FieldError::new(field(*level), FieldFault::OutOfRange, "must be a finite number")
            })
            .collect();
        for pair in set.windows(2) {
            let [(lower, easy), (higher, hard)] = pair else {
                continue;
            };
            let is_easier = match self.direction {
                Direction::Above => hard < easy,
                Direction::Below => hard > easy,
            };
            if is_easier {
                let message = format!("must not be reached before that of {}", lower.as_str());
                faults.push(FieldError::new(field(*higher), FieldFault::OutOfRange, message));
            }
        }
        faults
    }
}
