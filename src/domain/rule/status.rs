//! Where a rule stands, for one group of what it watches.

use serde::{Deserialize, Serialize};

use super::level::Level;
use super::timer::{Timer, Timing};

/// What it means that there is nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// Nothing: what was so stays so.
    #[default]
    Keep,
    /// All is well.
    Ok,
    /// Something is wrong, at the rule's highest level.
    Fire,
}

/// What an evaluation found. One that fails finds nothing, and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A value, and the highest level that it has reached.
    Value(Option<Level>),
    /// There was nothing to measure.
    NoData,
}

/// What must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It fires.
    Fired(Level),
    /// It fired at another level until now.
    Changed {
        /// The level until now.
        from: Level,
        /// The level from now on.
        to: Level,
    },
    /// It no longer fires.
    Resolved(Level),
}

/// Where a rule stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RulePhase)]
pub enum Phase {
    /// All is well.
    Ok,
    /// A level is reached, not for long enough.
    Pending,
    /// It fires.
    Firing,
    /// It fires, but the value is good again.
    Recovering,
    /// It does not fire, and there was nothing to measure at last.
    NoData,
}

/// Where a rule stands. Written down after each step that changes it, it goes on where it was.
///
/// Each level has a timer of its own, so that a level is told when the value has been at it, or beyond, for the whole time that
/// the rule asks for, whatever the other levels did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Status {
    timers: [Timer; 4],
    /// The last evaluation had nothing to measure.
    is_without_data: bool,
}

impl Status {
    /// Takes what was found, and says what must be told. `highest` is the highest level of the rule.
    pub fn step(
        &mut self,
        observation: Observation,
        now_ms: i64,
        timing: Timing,
        no_data: NoData,
        highest: Level,
    ) -> Option<Transition> {
        let before = self.level();
        let reached = match (observation, no_data) {
            (Observation::Value(reached), _) => Some(reached),
            (Observation::NoData, NoData::Keep) => None,
            (Observation::NoData, NoData::Ok) => Some(None),
            (Observation::NoData, NoData::Fire) => Some(Some(highest)),
        };
        self.is_without_data = observation == Observation::NoData;
        if let Some(reached) = reached {
            for (level, timer) in Level::ALL.into_iter().zip(&mut self.timers) {
                *timer = timer.step(reached.is_some_and(|reached| reached >= level), now_ms, timing);
            }
        }
        match (before, self.level()) {
            (None, Some(level)) => Some(Transition::Fired(level)),
            (Some(level), None) => Some(Transition::Resolved(level)),
            (Some(from), Some(to)) if from != to => Some(Transition::Changed { from, to }),
            _ => None,
        }
    }

    /// The level at which it fires.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        let levels = Level::ALL.into_iter().zip(self.timers).rev();
        levels
            .filter(|(_, timer)| timer.is_told())
            .map(|(level, _)| level)
            .next()
    }

    /// Where it stands, in a word: that of the highest level that is not well.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let of_timer = |timer: &Timer| match timer {
            Timer::Ok => Phase::Ok,
            Timer::Pending { .. } => Phase::Pending,
            Timer::Firing { .. } => Phase::Firing,
            Timer::Recovering { .. } => Phase::Recovering,
        };
        let told = self.timers.iter().rev().find(|timer| timer.is_told());
        let pending = || self.timers.iter().rev().find(|timer| **timer != Timer::Ok);
        match told.or_else(pending) {
            Some(timer) => of_timer(timer),
            None if self.is_without_data => Phase::NoData,
            None => Phase::Ok,
        }
    }
}
