//! Names in addresses.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::field_error::{FieldError, FieldFault};

const CHARS_MAX: usize = 50;

/// The name of a service, or of an integration in its project: 1 to 50 lower-case letters, digits and dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(example = "stripe", pattern = "^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$")]
pub struct Slug(String);

impl Slug {
    /// Reads a slug; `field` is what a fault is told of.
    ///
    /// # Errors
    /// It is no such name.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_slug = (1..=CHARS_MAX).contains(&text.len())
            && text.bytes().all(is_inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        let message = "must be 1 to 50 lower-case letters, digits and dashes, and begin and end with none of the latter";
        is_slug
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| FieldError::new(field, FieldFault::BadFormat, message))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse("", &text).map_err(|fault| fault.message.into_owned())
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_names_for_addresses() {
        for text in ["a", "stripe", "stripe-eu", "s3", &"a".repeat(50)] {
            assert_eq!(Slug::parse("slug", text).unwrap().as_str(), text);
        }
        for text in ["", "-a", "a-", "Stripe", "a_b", "a/b", "é", &"a".repeat(51)] {
            assert_eq!(
                Slug::parse("slug", text).unwrap_err().code,
                FieldFault::BadFormat,
                "{text}"
            );
        }
    }
}
