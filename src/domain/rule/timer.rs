//! When one level fires, and when it no longer does.

use serde::{Deserialize, Serialize};

/// How long something must last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Time for which a value must have reached a level until it fires, in milliseconds.
    pub for_ms: i64,
    /// Time for which it must be good again until it no longer does, in milliseconds.
    pub keep_firing_for_ms: i64,
}

/// One level of one rule. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(super) enum Timer {
    /// The value has not reached the level.
    #[default]
    Ok,
    /// It has, not for long enough.
    Pending { since_ms: i64 },
    /// It has for long enough.
    Firing { since_ms: i64 },
    /// It fired, and the value is good again, not for long enough.
    Recovering { since_ms: i64, good_since_ms: i64 },
}

impl Timer {
    /// What becomes of it when the value is found to have reached the level, or not. A clock that goes backwards makes nothing
    /// fire and nothing end.
    pub(super) const fn step(self, is_reached: bool, now_ms: i64, timing: Timing) -> Self {
        if is_reached {
            match self {
                Self::Ok if timing.for_ms <= 0 => Self::Firing { since_ms: now_ms },
                Self::Ok => Self::Pending { since_ms: now_ms },
                Self::Pending { since_ms } if now_ms - since_ms >= timing.for_ms => {
                    Self::Firing { since_ms: now_ms }
                }
                Self::Recovering { since_ms, .. } => Self::Firing { since_ms },
                Self::Pending { .. } | Self::Firing { .. } => self,
            }
        } else {
            match self {
                Self::Ok | Self::Pending { .. } => Self::Ok,
                Self::Firing { .. } if timing.keep_firing_for_ms <= 0 => Self::Ok,
                Self::Firing { since_ms } => Self::Recovering {
                    since_ms,
                    good_since_ms: now_ms,
                },
                Self::Recovering { good_since_ms, .. }
                    if now_ms - good_since_ms >= timing.keep_firing_for_ms =>
                {
                    Self::Ok
                }
                Self::Recovering { .. } => self,
            }
        }
    }

    /// Whether it fires, also while it recovers.
    pub(super) const fn is_told(self) -> bool {
        matches!(self, Self::Firing { .. } | Self::Recovering { .. })
    }
}
