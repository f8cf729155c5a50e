//! Which alerts are meant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::field_error::{FieldError, FieldFault};

/// What an alert is known by. Always there: `alertname`, `source` (`rule`, `client` or `fresnel`).
pub type Labels = BTreeMap<String, String>;

const CONDITIONS_MAX: usize = 20;
const VALUES_MAX: usize = 50;
const TEXT_CHARS_MAX: usize = 1_000;

/// One label's condition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// The label, like `page`, or `level`.
    #[schema(example = "page")]
    pub label: String,
    /// It has one of these; a label that an alert lacks is empty.
    pub values: Vec<String>,
    /// It has none of these.
    #[serde(default)]
    pub is_not: bool,
}

/// Alerts that fulfil all of these conditions; without any: all alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Matcher(pub Vec<Matching>);

impl Matcher {
    /// Whether an alert with these labels is meant.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|condition| {
            let value = labels.get(&condition.label).map_or("", String::as_str);
            condition.values.iter().any(|one| one == value) != condition.is_not
        })
    }

    /// What is wrong with it; fields begin with `field`.
    #[must_use]
    pub fn faults(&self, field: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.0.len() > CONDITIONS_MAX {
            let message = format!("must have at most {CONDITIONS_MAX} conditions");
            faults.push(FieldError::new(field.to_owned(), FieldFault::TooLong, message));
        }
        let is_bad = |text: &String| text.chars().count() > TEXT_CHARS_MAX || text.contains('\0');
        for (number, condition) in self.0.iter().enumerate() {
            if condition.label.is_empty() || is_bad(&condition.label) {
                let message = format!("must have 1 to {TEXT_CHARS_MAX} characters");
                faults.push(FieldError::new(
                    format!("{field}.{number}.label"),
                    FieldFault::BadFormat,
                    message,
                ));
            }
            let count = condition.values.len();
            if count == 0 || count > VALUES_MAX || condition.values.iter().any(is_bad) {
                let message =
                    format!("must hold 1 to {VALUES_MAX} values of at most {TEXT_CHARS_MAX} characters");
                faults.push(FieldError::new(
                    format!("{field}.{number}.values"),
                    FieldFault::BadFormat,
                    message,
                ));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_conditions_must_hold_and_a_label_that_is_not_there_is_empty() {
        let condition = |label: &str, values: &[&str], is_not| Matching {
            label: label.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            is_not,
        };
        let labels = Labels::from([("page".to_owned(), "/a".to_owned())]);
        for (conditions, expected) in [
            (vec![], true),
            (vec![condition("page", &["/b", "/a"], false)], true),
            (vec![condition("page", &["/a"], true)], false),
            (
                vec![
                    condition("page", &["/a"], false),
                    condition("os", &["Linux"], false),
                ],
                false,
            ),
            (vec![condition("os", &["Linux"], true)], true),
            (vec![condition("os", &[""], false)], true),
        ] {
            assert_eq!(
                Matcher(conditions.clone()).matches(&labels),
                expected,
                "{conditions:?}"
            );
        }
    }
}
