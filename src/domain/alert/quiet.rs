//! When alerts are told to nobody.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::matcher::{Labels, Matcher};
use crate::domain::account::{Actor, ProjectId};
use crate::domain::dashboard::Note;
use crate::domain::field_error::{FieldError, FieldFault};

/// Longest silence: a year.
const SILENCE_MAX_MS: i64 = 366 * 24 * 3_600_000;
const EQUAL_MAX: usize = 10;

/// A silence, as people write it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceDefinition {
    /// Which alerts.
    #[serde(default)]
    pub matcher: Matcher,
    /// From when on, in milliseconds since 1970.
    pub starts_at_ms: i64,
    /// Until when; at most a year later.
    pub ends_at_ms: i64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Note>,
}

impl SilenceDefinition {
    /// What is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = self.matcher.faults("matcher");
        let lasts_ms = self.ends_at_ms.saturating_sub(self.starts_at_ms);
        if self.starts_at_ms < 0 {
            let message = "must not be negative";
            faults.push(FieldError::new("starts_at_ms", FieldFault::OutOfRange, message));
        } else if lasts_ms <= 0 || lasts_ms > SILENCE_MAX_MS {
            let message = "must be after starts_at_ms, by at most a year";
            faults.push(FieldError::new("ends_at_ms", FieldFault::OutOfRange, message));
        }
        faults
    }
}

/// Alerts that are told to nobody for a time. What was told before is told as resolved all the same; what still fires
/// at the end is told then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Silence {
    /// Its id.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// What it says.
    #[serde(flatten)]
    pub definition: SilenceDefinition,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at_ms: i64,
}

impl Silence {
    /// Whether an alert with these labels is told to nobody now.
    #[must_use]
    pub fn silences(&self, labels: &Labels, now_ms: i64) -> bool {
        let Self { definition, .. } = self;
        (definition.starts_at_ms..definition.ends_at_ms).contains(&now_ms)
            && definition.matcher.matches(labels)
    }
}

/// An inhibition, as people write it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InhibitionDefinition {
    /// While one of these fires,
    pub source: Matcher,
    /// these are told to nobody
    pub target: Matcher,
    /// that have the same values of these labels.
    #[serde(default)]
    pub equal: Vec<String>,
}

impl InhibitionDefinition {
    /// What is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = self.source.faults("source");
        faults.extend(self.target.faults("target"));
        for (field, matcher) in [("source", &self.source), ("target", &self.target)] {
            if matcher.0.is_empty() {
                let message = "must have a condition";
                faults.push(FieldError::new(field, FieldFault::Empty, message));
            }
        }
        let is_bad = |label: &String| label.is_empty() || label.chars().count() > 100;
        if self.equal.len() > EQUAL_MAX || self.equal.iter().any(is_bad) {
            let message = format!("must hold at most {EQUAL_MAX} labels of 1 to 100 characters");
            faults.push(FieldError::new("equal", FieldFault::BadFormat, message));
        }
        faults
    }
}

/// Alerts that are told to nobody while another one fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Inhibition {
    /// Its id.
    pub id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// What it says.
    #[serde(flatten)]
    pub definition: InhibitionDefinition,
    /// When it was made.
    pub created_at_ms: i64,
}

impl Inhibition {
    /// Whether a firing alert with the labels `source` keeps one with the labels `target` from being told. Whoever is both
    /// inhibits nobody of its like, or two would keep each other quiet.
    #[must_use]
    pub fn inhibits(&self, source: &Labels, target: &Labels) -> bool {
        let Self { definition, .. } = self;
        let is_source = |labels| definition.source.matches(labels);
        is_source(source)
            && definition.target.matches(target)
            && !is_source(target)
            && definition
                .equal
                .iter()
                .all(|label| source.get(label) == target.get(label))
    }
}
