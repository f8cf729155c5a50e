//! Projects: whom data belongs to.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::settings::ProjectSettings;
use super::text::{Name, TimeZoneName};
use crate::domain::field_error::{FieldError, FieldFault};

/// Most origins of a project.
const ORIGINS_MAX: usize = 100;

/// A project's id: 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`. A clone costs a counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9_-]{1,64}$", example = "shop")]
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
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
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
}
