//! What beacons can be told apart by in rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::field_error::{FieldError, FieldFault};

/// A property of beacons that is a column of their table, or a key of what else they carry.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = RuleDimension)]
pub enum Dimension {
    /// Group of the page.
    Page,
    /// Group of the endpoint.
    ApiEndpoint,
    /// HTTP method.
    Method,
    /// Effect that was processed.
    EffectId,
    /// Family of the browser.
    Browser,
    /// Family of the system.
    Os,
    /// Class of the device.
    Device,
    /// Country, if a database knows it.
    Country,
    /// Region, as the client named it.
    Region,
    /// Release of the client's code.
    Release,
    /// Environment, like `production`.
    Environment,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Page,
        Self::ApiEndpoint,
        Self::Method,
        Self::EffectId,
        Self::Browser,
        Self::Os,
        Self::Device,
        Self::Country,
        Self::Region,
        Self::Release,
        Self::Environment,
    ];

    /// Name on the wire and in questions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::ApiEndpoint => "api_endpoint",
            Self::Method => "method",
            Self::EffectId => "effect_id",
            Self::Browser => "browser",
            Self::Os => "os",
            Self::Device => "device",
            Self::Country => "country",
            Self::Region => "region",
            Self::Release => "release",
            Self::Environment => "environment",
        }
    }
}

/// Most values of one filter.
const VALUES_MAX: usize = 50;
/// All values together, in bytes: they travel with each evaluation.
const BYTES_MAX: usize = 32 * 1_024;
/// Longest value.
const VALUE_CHARS_MAX: usize = 1_000;

/// Only beacons that have, for each of these dimensions, one of the values.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({ "page": ["/checkout"], "environment": ["production"] }))]
pub struct WatchFilters(pub BTreeMap<Dimension, Vec<String>>);

impl WatchFilters {
    /// Whether a beacon passes, whose value of each dimension `value_of` tells; absent is empty.
    pub fn pass<'v>(&self, mut value_of: impl FnMut(Dimension) -> &'v str) -> bool {
        self.0
            .iter()
            .all(|(dimension, values)| values.iter().any(|value| value == value_of(*dimension)))
    }

    /// What is wrong with them.
    pub(super) fn faults(&self, field: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let bytes: usize = self.0.values().flatten().map(String::len).sum();
        if bytes > BYTES_MAX {
            let message = format!("values must have at most {BYTES_MAX} bytes together");
            faults.push(FieldError::new(field.to_owned(), FieldFault::TooLong, message));
        }
        for (dimension, values) in &self.0 {
            let field = format!("{field}.{}", dimension.as_str());
            if values.is_empty() || values.len() > VALUES_MAX {
                let message = format!("must hold 1 to {VALUES_MAX} values");
                faults.push(FieldError::new(field.clone(), FieldFault::OutOfRange, message));
            }
            if values.iter().any(|value| value.chars().count() > VALUE_CHARS_MAX) {
                let message = format!("values must have at most {VALUE_CHARS_MAX} characters");
                faults.push(FieldError::new(field, FieldFault::TooLong, message));
            }
        }
        faults
    }
}
