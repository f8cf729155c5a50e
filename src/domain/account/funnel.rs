//! Funnels that a project defines.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::text::Name;
use crate::domain::beacon::ID_CHARS_MAX;
use crate::domain::field_error::{FieldError, FieldFault};

/// Most funnels of a project.
const FUNNELS_MAX: usize = 50;
/// Steps of one funnel.
const STEPS: std::ops::RangeInclusive<usize> = 2..=20;
/// Most different names that the funnels of a project have together: beacons are compared with them.
const STEP_NAMES_MAX: usize = 200;
/// From the first step to the last: 1 s to 90 d.
const WINDOW_MS: std::ops::RangeInclusive<i64> = 1_000..=90 * 24 * 3_600_000;

/// A funnel of a project's own: steps in their order, and the time in which all must be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct FunnelDefinition {
    /// Names it in questions; 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`, once in a project.
    pub id: String,
    /// Its name for people.
    pub name: Name,
    /// 2 to 20 different names of steps, each as beacons carry it.
    pub steps: Vec<String>,
    /// Time from the first step to the last, in milliseconds: 1 s to 90 d.
    #[serde(default = "window_ms_default")]
    pub window_ms: i64,
}

impl FunnelDefinition {
    /// The window when nobody says: a day.
    pub const WINDOW_MS_DEFAULT: i64 = 24 * 3_600_000;

    fn faults(&self, at: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, code, message: String| {
            faults.push(FieldError::new(format!("{at}.{field}"), code, message));
        };
        let is_fit = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
        if !(1..=64).contains(&self.id.len()) || !self.id.bytes().all(is_fit) {
            let message = "must be 1 to 64 of the characters a-z, 0-9, _ and -";
            fault("id", FieldFault::BadFormat, message.to_owned());
        }
        if !STEPS.contains(&self.steps.len()) {
            let message = format!("must have {} to {} items", STEPS.start(), STEPS.end());
            fault("steps", FieldFault::OutOfRange, message);
        }
        let is_bad = |step: &String| {
            step.trim().is_empty()
                || step.chars().count() > ID_CHARS_MAX
                || step.chars().any(char::is_control)
        };
        if self.steps.iter().any(is_bad) {
            let message =
                format!("each must have 1 to {ID_CHARS_MAX} characters, without control characters");
            fault("steps", FieldFault::BadFormat, message);
        }
        if self.steps.iter().collect::<HashSet<_>>().len() < self.steps.len() {
            fault(
                "steps",
                FieldFault::Duplicate,
                "must not name a step twice".to_owned(),
            );
        }
        if !WINDOW_MS.contains(&self.window_ms) {
            let message = format!("must be {} to {}", WINDOW_MS.start(), WINDOW_MS.end());
            fault("window_ms", FieldFault::OutOfRange, message);
        }
        faults
    }
}

const fn window_ms_default() -> i64 {
    FunnelDefinition::WINDOW_MS_DEFAULT
}

/// What of a project's funnels is out of its limits.
pub(super) fn faults(funnels: &[FunnelDefinition]) -> Vec<FieldError> {
    const FIELD: &str = "settings.funnels";
    if funnels.len() > FUNNELS_MAX {
        let message = format!("must have at most {FUNNELS_MAX} items");
        return vec![FieldError::new(FIELD, FieldFault::TooLong, message)];
    }
    let mut ids = HashSet::new();
    let mut faults = Vec::new();
    for (index, funnel) in funnels.iter().enumerate() {
        let at = format!("{FIELD}.{index}");
        faults.extend(funnel.faults(&at));
        if !ids.insert(&funnel.id) {
            let field = format!("{at}.id");
            faults.push(FieldError::new(
                field,
                FieldFault::Duplicate,
                "stands twice in the list",
            ));
        }
    }
    let names: HashSet<_> = funnels.iter().flat_map(|funnel| &funnel.steps).collect();
    if names.len() > STEP_NAMES_MAX {
        let message = format!("must have at most {STEP_NAMES_MAX} different steps in all");
        faults.push(FieldError::new(FIELD, FieldFault::TooLong, message));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn funnel(id: &str, steps: &[&str]) -> FunnelDefinition {
        FunnelDefinition {
            id: id.to_owned(),
            name: Name::parse("name", "x").unwrap(),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            window_ms: FunnelDefinition::WINDOW_MS_DEFAULT,
        }
    }

    fn fields(funnels: &[FunnelDefinition]) -> Vec<String> {
        let faults = faults(funnels).into_iter();
        faults.map(|fault| fault.field.into_owned()).collect()
    }

    #[test]
    fn each_fault_names_the_funnel_and_the_field() {
        assert!(fields(&[funnel("a", &["x", "y"]), funnel("b", &["y", "x"])]).is_empty());
        let slow = FunnelDefinition {
            window_ms: 999,
            ..funnel("b", &["x", "x"])
        };
        let found = fields(&[
            funnel("a", &["x", "y"]),
            slow,
            funnel("a", &["x", ""]),
            funnel("A", &["x"]),
        ]);
        assert_eq!(
            found,
            [
                "settings.funnels.1.steps",
                "settings.funnels.1.window_ms",
                "settings.funnels.2.steps",
                "settings.funnels.2.id",
                "settings.funnels.3.id",
                "settings.funnels.3.steps",
            ]
        );
    }

    #[test]
    fn funnels_and_their_names_are_bounded() {
        let many: Vec<_> = (0..=FUNNELS_MAX)
            .map(|number| funnel(&format!("f{number}"), &["x", "y"]))
            .collect();
        assert_eq!(fields(&many), ["settings.funnels"]);
        let wide: Vec<_> = (0..11)
            .map(|number| {
                let steps: Vec<_> = (0..20).map(|step| format!("{number}-{step}")).collect();
                let steps: Vec<_> = steps.iter().map(String::as_str).collect();
                funnel(&format!("f{number}"), &steps)
            })
            .collect();
        assert_eq!(fields(&wide), ["settings.funnels"]);
        assert!(fields(&wide[..10]).is_empty());
    }
}
