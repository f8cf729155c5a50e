//! A rule as people write it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::level::LevelThresholds;
use super::status::NoData;
use super::timer::Timing;
use super::watch::Watch;
use crate::domain::account::{Name, ProjectId};
use crate::domain::dashboard::{Link, Note};
use crate::domain::field_error::{FieldError, FieldFault};

/// Longest that something may have to last: a day.
const LAST_MAX_MS: i64 = 24 * 3_600_000;
/// A single value fires for at least so long: what is looked at twice must not be told twice.
pub const SINGLE_KEEPS_FIRING_MIN_MS: i64 = 60_000;

/// A rule, without where it belongs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleDefinition {
    /// Its name, which alerts carry.
    pub name: Name,
    /// What it means and what to do, for whoever is woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Note>,
    /// Where it is told what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<Link>,
    /// Whether it is looked at.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    /// What it looks at.
    pub watch: Watch,
    /// From which value on each level is reached.
    pub thresholds: LevelThresholds,
    /// Time for which a level must be reached until it fires, in milliseconds, at most a day; 0 for single values.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86_400_000)]
    pub for_ms: i64,
    /// Time for which values must be good again until it no longer fires, in milliseconds, at most a day. Single values: a
    /// minute at least, 5 minutes by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86_400_000)]
    pub keep_firing_for_ms: Option<i64>,
    /// What it means that there is nothing to measure.
    #[serde(default)]
    pub no_data: NoData,
}

const fn yes() -> bool {
    true
}

/// A single value fires so long behind the last one, unless its rule says otherwise.
const SINGLE_KEEPS_FIRING_MS: i64 = 300_000;

impl RuleDefinition {
    /// How long something must last.
    #[must_use]
    pub fn timing(&self) -> Timing {
        let default_ms = match self.watch {
            Watch::Single(_) => SINGLE_KEEPS_FIRING_MS,
            _ => 0,
        };
        Timing {
            for_ms: self.for_ms,
            keep_firing_for_ms: self.keep_firing_for_ms.unwrap_or(default_ms),
        }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = self.watch.faults();
        faults.extend(self.thresholds.faults());
        let is_single = matches!(self.watch, Watch::Single(_));
        if !(0..=LAST_MAX_MS).contains(&self.for_ms) {
            let message = "must be 0 to 86400000";
            faults.push(FieldError::new("for_ms", FieldFault::OutOfRange, message));
        } else if is_single && self.for_ms != 0 {
            let message = "must be 0: a single value does not last";
            faults.push(FieldError::new("for_ms", FieldFault::OutOfRange, message));
        }
        let least_ms = if is_single { SINGLE_KEEPS_FIRING_MIN_MS } else { 0 };
        let is_time = |time_ms: i64| (least_ms..=LAST_MAX_MS).contains(&time_ms);
        if !self.keep_firing_for_ms.is_none_or(is_time) {
            let message = format!("must be {least_ms} to {LAST_MAX_MS}");
            faults.push(FieldError::new(
                "keep_firing_for_ms",
                FieldFault::OutOfRange,
                message,
            ));
        }
        faults
    }
}

/// A rule of a project.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Rule {
    /// Its id.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// What it says.
    #[serde(flatten)]
    pub definition: RuleDefinition,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// Goes up with each change.
    pub revision: i64,
}

impl Rule {
    /// Most groups of a rule that are known to stand badly; further ones are as if there were nothing of them.
    pub const GROUPS_MAX: usize = 1_000;
}
