//! Texts with a form: names, e-mail addresses, time zones.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::field_error::{FieldError, FieldFault};

const NAME_CHARS_MAX: usize = 100;
const EMAIL_CHARS_MAX: usize = 254;

/// A name for people: 1 to 100 characters, trimmed, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(example = "Shop")]
pub struct Name(String);

/// An e-mail address in lower case. Its form is checked, not that it can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(format = Email, example = "ada@shop.example")]
pub struct Email(String);

/// The IANA name of a time zone, like `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(example = "Europe/Berlin")]
pub struct TimeZoneName(String);

impl Name {
    /// Reads a name; `field` is what a fault is told of.
    ///
    /// # Errors
    /// It is empty, too long, or holds control characters.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(FieldError::new(field, FieldFault::Empty, "must not be empty"));
        }
        if text.chars().count() > NAME_CHARS_MAX {
            return Err(FieldError::new(
                field,
                FieldFault::TooLong,
                "must have at most 100 characters",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(FieldError::new(
                field,
                FieldFault::BadFormat,
                "must not hold control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Email {
    /// Reads an address; `field` is what a fault is told of.
    ///
    /// # Errors
    /// It is too long, or has no form of `name@host`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.chars().count() > EMAIL_CHARS_MAX {
            return Err(FieldError::new(
                field,
                FieldFault::TooLong,
                "must have at most 254 characters",
            ));
        }
        let is_part = |part: &str| {
            let is_fit = |c: char| !(c.is_whitespace() || c.is_control() || "@<>(),;:\"\\[]".contains(c));
            !part.is_empty() && part.chars().all(is_fit)
        };
        match text.rsplit_once('@') {
            Some((name, host)) if is_part(name) && is_part(host) => Ok(Self(text.to_lowercase())),
            _ => Err(FieldError::new(
                field,
                FieldFault::BadFormat,
                "must be an e-mail address like name@example.org",
            )),
        }
    }
}

impl TimeZoneName {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// Reads the name of a time zone; `field` is what a fault is told of.
    ///
    /// # Errors
    /// There is no such zone.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        match jiff::tz::db().get(text) {
            Ok(zone) => Ok(Self(zone.iana_name().unwrap_or(text).to_owned())),
            Err(_) => Err(FieldError::new(
                field,
                FieldFault::UnknownValue,
                "must be the IANA name of a time zone, like Europe/Berlin",
            )),
        }
    }
}

/// Conversions that every one of these types has.
macro_rules! text_type {
    ($type:ident, $field:literal) => {
        impl $type {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::parse($field, &text).map_err(|fault| fault.message.into_owned())
            }
        }
        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(Name, "name");
text_type!(Email, "email");
text_type!(TimeZoneName, "time_zone");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(
            Name::parse("name", "  Shop \u{1f6d2} ").unwrap().as_str(),
            "Shop \u{1f6d2}"
        );
        for (text, fault) in [
            ("", FieldFault::Empty),
            (" \t", FieldFault::Empty),
            ("a\0b", FieldFault::BadFormat),
            (&"ü".repeat(101), FieldFault::TooLong),
        ] {
            assert_eq!(Name::parse("name", text).unwrap_err().code, fault, "{text:?}");
        }
        assert!(Name::parse("name", &"ü".repeat(100)).is_ok());
    }

    #[test]
    fn addresses_are_equal_whatever_their_case() {
        let address = Email::parse("email", "Ada@Example.ORG ").unwrap();
        assert_eq!(address.as_str(), "ada@example.org");
        for text in ["", "ada", "@", "ada@", "@x", "a b@x", "a@b@c", "a@x\n", "<a@x>"] {
            let text = format!("{text}{}", if text.ends_with('\n') { "y" } else { "" });
            assert!(Email::parse("email", &text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn time_zones_must_exist() {
        assert_eq!(
            TimeZoneName::parse("time_zone", "europe/berlin")
                .unwrap()
                .as_str(),
            "Europe/Berlin"
        );
        assert_eq!(
            TimeZoneName::parse("time_zone", "UTC").unwrap(),
            TimeZoneName::utc()
        );
        assert!(TimeZoneName::parse("time_zone", "Europe/Atlantis").is_err());
        assert!(TimeZoneName::parse("time_zone", "../../etc/passwd").is_err());
    }
}
