//! The last beacons of each project that were refused, for the people who build its pages.
//!
//! What is kept is what helps to mend a page: the reason, the fields, and the body's *shape*, which has the names of
//! its members and the types of their values. Values are not kept: they may be secret.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::field_error::FieldError;
use crate::domain::json::Value;

/// Most that are kept of a project.
const KEPT_MAX: usize = 100;
/// Most projects of which some are kept; of others none are.
const PROJECTS_MAX: usize = 1_000;
/// Most faults that are kept of one beacon.
const FAULTS_MAX: usize = 20;
/// Longest shape, in bytes; longer ones are cut.
const SHAPE_BYTES_MAX: usize = 1_000;
/// Longest name of a member in a shape, in characters.
const NAME_CHARS_MAX: usize = 40;
/// Levels that a shape goes into.
const SHAPE_DEPTH_MAX: usize = 4;

/// One beacon, or one batch, that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedBeacon {
    /// When.
    pub at_ms: i64,
    /// What it was posted as: the kind of a beacon, or `batch`.
    pub kind: &'static str,
    /// Why, from [`Rejection::REASONS`](super::Rejection::REASONS).
    pub reason: &'static str,
    /// The first faults of its fields.
    pub faults: Vec<FieldError>,
    /// Names and types of what it held; empty when it could not be read.
    pub shape: String,
}

/// The last refused beacons, by project. The lock is held for a push or a copy.
#[derive(Debug, Default)]
pub struct RejectedLog(Mutex<HashMap<String, VecDeque<RejectedBeacon>>>);

impl RejectedLog {
    /// Notes one; forgets the oldest when there are too many.
    pub fn note(&self, project_id: &str, mut beacon: RejectedBeacon) {
        beacon.faults.truncate(FAULTS_MAX);
        let mut projects = self.lock();
        if projects.len() >= PROJECTS_MAX && !projects.contains_key(project_id) {
            return;
        }
        let kept = projects.entry(project_id.to_owned()).or_default();
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(beacon);
    }

    /// Those of a project, the newest first.
    #[must_use]
    pub fn of(&self, project_id: &str) -> Vec<RejectedBeacon> {
        let projects = self.lock();
        let kept = projects.get(project_id).into_iter().flatten();
        kept.rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<RejectedBeacon>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names and types of a value, like `{type: string, metadata: {page: string}}`.
#[must_use]
pub fn shape(value: &Value<'_>) -> String {
    let mut text = String::new();
    write_shape(value, SHAPE_DEPTH_MAX, &mut text);
    if text.len() > SHAPE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(SHAPE_BYTES_MAX));
        text.push('…');
    }
    text
}

fn write_shape(value: &Value<'_>, depth_left: usize, text: &mut String) {
    if text.len() > SHAPE_BYTES_MAX {
        return;
    }
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(_) => text.push_str("boolean"),
        Value::Negative(_) | Value::Unsigned(_) | Value::Float(_) => text.push_str("number"),
        Value::Text(_) => text.push_str("string"),
        Value::List(_) | Value::Object(_) if depth_left == 0 => text.push('…'),
        Value::List(items) => {
            text.push('[');
            if let Some(first) = items.first() {
                write_shape(first, depth_left - 1, text);
            }
            if items.len() > 1 {
                text.push_str(", …");
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (place, (name, member)) in members.iter().enumerate() {
                if place > 0 {
                    text.push_str(", ");
                }
                text.extend(name.chars().take(NAME_CHARS_MAX));
                text.push_str(": ");
                write_shape(member, depth_left - 1, text);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::{ShapeLimits, decode};
    use super::*;

    fn shape_of(json: &str) -> String {
        let limits = ShapeLimits {
            depth_max: 32,
            keys_max: 1_000,
        };
        shape(&decode(json.as_bytes(), &limits).unwrap())
    }

    #[test]
    fn a_shape_has_names_and_types_and_no_value() {
        let shape = shape_of(
            r#"{"type": "secret", "value": 17, "ok": true, "none": null, "metadata": {"items": [{"token": "secret"}, 2]}}"#,
        );
        assert_eq!(
            shape,
            "{type: string, value: number, ok: boolean, none: null, metadata: {items: [{token: string}, …]}}"
        );
    }

    #[test]
    fn a_shape_is_short_whatever_the_body() {
        let wide: Vec<String> = (0..900).map(|key| format!(r#""é{key}": {{"a": 1}}"#)).collect();
        assert!(shape_of(&format!("{{{}}}", wide.join(","))).len() < SHAPE_BYTES_MAX + 10);
        let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
        assert_eq!(shape_of(&deep), "[[[[…]]]]");
    }

    #[test]
    fn the_newest_are_kept_of_each_project_and_projects_do_not_see_each_other() {
        let log = RejectedLog::default();
        let beacon = |at_ms| RejectedBeacon {
            at_ms,
            kind: "metric",
            reason: "invalid",
            faults: Vec::new(),
            shape: String::new(),
        };
        for at_ms in 0..150 {
            log.note("one", beacon(at_ms));
        }
        let kept = log.of("one");
        assert_eq!((kept.len(), kept[0].at_ms, kept[99].at_ms), (KEPT_MAX, 149, 50));
        assert!(log.of("another").is_empty());
        for project in 0..2 * PROJECTS_MAX {
            log.note(&format!("invented-{project}"), beacon(0));
        }
        assert!(log.lock().len() <= PROJECTS_MAX);
    }
}
