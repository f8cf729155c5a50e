//! Projects: whom data belongs to.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::text::{Name, TimeZoneName};
use crate::domain::field_error::{FieldError, FieldFault};

/// Most origins of a project.
const ORIGINS_MAX: usize = 100;
/// Most own names (funnel steps, event types) and most rules of each sort in a project.
const LIST_MAX: usize = 200;
/// Most characters of an own name; also what a beacon may carry.
const OWN_NAME_CHARS_MAX: usize = 100;
/// Most characters of a rule's pattern or replacement.
const RULE_CHARS_MAX: usize = 500;

/// A project's id: 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`. A clone costs a counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectId(Arc<str>);

impl ProjectId {
    /// The project that always exists.
    pub const DEFAULT: &'static str = "default";

    /// Reads an id; `field` is what a fault is told of.
    ///
    /// # Errors
    /// It is empty, too long, or holds other characters.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let is_fit = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(is_fit) {
            Ok(Self(text.into()))
        } else {
            Err(FieldError::new(
                field,
                FieldFault::BadFormat,
                "must be 1 to 64 of the characters a-z, 0-9, _ and -",
            ))
        }
    }

    /// The project that always exists.
    #[must_use]
    pub fn default_project() -> Self {
        Self(Self::DEFAULT.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProjectId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse("project_id", &text).map_err(|fault| fault.message.into_owned())
    }
}

impl From<ProjectId> for String {
    fn from(id: ProjectId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for ProjectId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Project {
    /// Its id, for ever; the id of a deleted project is not given again.
    pub id: ProjectId,
    /// Its name for people.
    pub name: Name,
    /// Where its days begin.
    pub time_zone: TimeZoneName,
    /// Where its browser keys may post from, and whom CORS allows.
    pub allowed_origins: Vec<Origin>,
    /// Whether it takes beacons without a key, from its allowed origins.
    pub allow_keyless: bool,
    /// What else can be set.
    pub settings: ProjectSettings,
    /// When it was made.
    pub created_at_ms: i64,
    /// Goes up by one with each change of the project itself; an update must name the one that it has seen.
    pub revision: i64,
}

impl Project {
    /// A project with this id and name, and defaults for the rest.
    #[must_use]
    pub fn new(id: ProjectId, name: Name, now_ms: i64) -> Self {
        Self {
            id,
            name,
            time_zone: TimeZoneName::utc(),
            allowed_origins: Vec::new(),
            allow_keyless: false,
            settings: ProjectSettings::default(),
            created_at_ms: now_ms,
            revision: 1,
        }
    }

    /// True when a page of this origin may post with a browser key.
    #[must_use]
    pub fn allows_origin(&self, header: &str) -> bool {
        self.allowed_origins.iter().any(|origin| origin.allows(header))
    }

    /// What of it is out of its limits.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = self.settings.faults();
        if self.allowed_origins.len() > ORIGINS_MAX {
            let message = format!("must have at most {ORIGINS_MAX} items");
            faults.push(FieldError::new("allowed_origins", FieldFault::TooLong, message));
        }
        faults
    }
}

/// What can be set for a project beside its columns; kept as JSON. A setting that an older version did not know
/// has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
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
}

/// A pattern for paths and the name that they are counted under.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct GroupingRule {
    /// Segments of a path, like `/shop/*/item/**`: `*` stands for one segment, `**` for any rest.
    pub pattern: String,
    /// What they become, like `/shop/:shop/item`.
    pub name: String,
}

/// A regular expression and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ScrubRule {
    /// A regular expression.
    pub pattern: String,
    /// What takes the place of each match.
    pub replacement: String,
}

/// What happens to metrics over the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowMode {
    /// They are refused.
    #[default]
    Refuse,
    /// A sample of them is kept, with its weight.
    Sample,
}

impl ProjectSettings {
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
            list(field, names, LIST_MAX, OWN_NAME_CHARS_MAX);
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
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_plain() {
        for text in ["default", "a", "shop-2_x", &"a".repeat(64)] {
            assert_eq!(ProjectId::parse("id", text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "Shop",
            "a b",
            "ä",
            "a/b",
            "'; DROP TABLE projects",
            &"a".repeat(65),
        ] {
            assert!(ProjectId::parse("id", text).is_err(), "{text}");
        }
    }

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
