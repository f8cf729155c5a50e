//! What can be set for a project beside what it is.

use serde::{Deserialize, Serialize};

use super::funnel::{self, FunnelDefinition};
use super::thresholds::Thresholds;
use crate::domain::beacon::{FUNNEL_STEPS, ID_CHARS_MAX};
use crate::domain::field_error::{FieldError, FieldFault};

/// Most own names (funnel steps, event types) and most rules of each sort in a project.
const LIST_MAX: usize = 200;
/// Most characters of a rule's pattern or replacement.
const RULE_CHARS_MAX: usize = 500;

/// What can be set for a project beside its columns; kept as JSON. A setting that an older version did not know
/// has its default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default)]
pub struct ProjectSettings {
    /// Names of funnel steps that are valid beside the nine standard ones.
    pub funnel_steps: Vec<String>,
    /// Types of events that are valid beside the seven standard ones.
    pub event_types: Vec<String>,
    /// How pages and endpoints are grouped, before the built-in rules; the first that fits wins.
    pub grouping_rules: Vec<GroupingRule>,
    /// What is scrubbed from URLs and texts beside the built-in rules.
    pub scrub_rules: Vec<ScrubRule>,
    /// What happens to metrics over the quota.
    pub overflow: OverflowMode,
    /// Funnels of the project's own; their steps are valid names of steps.
    pub funnels: Vec<FunnelDefinition>,
    /// From which values on measurements are a warning, or critical.
    pub thresholds: Thresholds,
}

/// A pattern for paths and the name that they are counted under.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct GroupingRule {
    /// Segments of a path, like `/shop/*/item/**`: `*` stands for one segment, `**` for any rest.
    pub pattern: String,
    /// What they become, like `/shop/:shop/item`.
    pub name: String,
}

/// A regular expression and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct ScrubRule {
    /// A regular expression.
    pub pattern: String,
    /// What takes the place of each match.
    pub replacement: String,
}

/// What happens to metrics over the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverflowMode {
    /// They are refused.
    #[default]
    Refuse,
    /// A sample of them is kept, with its weight.
    Sample,
}

impl ProjectSettings {
    /// Names of funnel steps that are valid beside the standard ones: those that are listed, and those of the funnels.
    #[must_use]
    pub fn own_steps(&self) -> Vec<String> {
        let mut steps = self.funnel_steps.clone();
        for step in self.funnels.iter().flat_map(|funnel| &funnel.steps) {
            if !FUNNEL_STEPS.contains(&step.as_str()) && !steps.contains(step) {
                steps.push(step.clone());
            }
        }
        steps
    }

    /// The funnel of this id.
    #[must_use]
    pub fn funnel(&self, id: &str) -> Option<&FunnelDefinition> {
        self.funnels.iter().find(|funnel| funnel.id == id)
    }

    /// What is out of its limits. Whether a regular expression compiles is for those to say who use it.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut list = |field: &'static str, texts: Vec<&str>, items_max: usize, chars_max: usize| {
            if texts.len() > items_max {
                let message = format!("must have at most {LIST_MAX} items");
                faults.push(FieldError::new(field, FieldFault::TooLong, message));
            }
            let is_bad = |text: &&str| {
                text.trim().is_empty()
                    || text.chars().count() > chars_max
                    || text.chars().any(char::is_control)
            };
            if texts.iter().any(is_bad) {
                let message =
                    format!("each must have 1 to {chars_max} characters, without control characters");
                faults.push(FieldError::new(field, FieldFault::BadFormat, message));
            }
        };
        for (field, names) in [
            ("settings.funnel_steps", &self.funnel_steps),
            ("settings.event_types", &self.event_types),
        ] {
            let names = names.iter().map(String::as_str).collect();
            list(field, names, LIST_MAX, ID_CHARS_MAX);
        }
        let rules = self.grouping_rules.iter();
        list(
            "settings.grouping_rules",
            rules
                .flat_map(|rule| [rule.pattern.as_str(), &rule.name])
                .collect(),
            2 * LIST_MAX,
            RULE_CHARS_MAX,
        );
        list(
            "settings.scrub_rules",
            self.scrub_rules
                .iter()
                .map(|rule| rule.pattern.as_str())
                .collect(),
            LIST_MAX,
            RULE_CHARS_MAX,
        );
        faults.extend(funnel::faults(&self.funnels));
        faults.extend(self.thresholds.faults());
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_an_older_version_get_defaults() {
        let settings: ProjectSettings = serde_json::from_str(r#"{"funnel_steps":["paid"]}"#).unwrap();
        assert_eq!(settings.funnel_steps, ["paid"]);
        assert_eq!(settings.overflow, OverflowMode::Refuse);
        assert!(settings.faults().is_empty());
    }

    #[test]
    fn settings_are_bounded() {
        let settings = ProjectSettings {
            funnel_steps: vec!["x".into(); LIST_MAX + 1],
            event_types: vec![String::new()],
            scrub_rules: vec![ScrubRule {
                pattern: "x".repeat(RULE_CHARS_MAX + 1),
                replacement: String::new(),
            }],
            ..ProjectSettings::default()
        };
        let fields: Vec<_> = settings.faults().into_iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "settings.funnel_steps",
                "settings.event_types",
                "settings.scrub_rules"
            ]
        );
    }
}
