//! What has been decided about errors.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::Note;
use crate::domain::account::Actor;
use crate::domain::field_error::{FieldError, FieldFault};

/// What an error is known by: 16 hexadecimal digits, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(pattern = "^[0-9a-fA-F]{16}$", example = "9f86d081884c7d65")]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Reads a fingerprint; `field` is what a fault is told of.
    ///
    /// # Errors
    /// It is not 16 hexadecimal digits.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        if text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            let message = "must be 16 hexadecimal digits";
            Err(FieldError::new(field, FieldFault::BadFormat, message))
        }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for Fingerprint {
    fn from(number: u64) -> Self {
        Self(format!("{number:016x}"))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse("fingerprint", &text).map_err(|fault| fault.message.into_owned())
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is to be done about an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorState {
    /// Something; so is every error that nobody has decided about.
    #[default]
    Open,
    /// Nothing more, unless it comes again.
    Resolved,
    /// Nothing.
    Ignored,
}

impl ErrorState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Resolved, Self::Ignored];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What somebody has decided about an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ErrorRecord {
    /// About which.
    pub fingerprint: Fingerprint,
    /// What.
    pub state: ErrorState,
    /// Why.
    pub note: Option<Note>,
    /// Who.
    pub changed_by: Actor,
    /// When.
    pub changed_at_ms: i64,
}

impl ErrorRecord {
    /// What holds of the error when it was last seen at this time: who resolved it did not know of what came later.
    #[must_use]
    pub const fn state_at(&self, last_seen_ms: i64) -> ErrorState {
        match self.state {
            ErrorState::Resolved if last_seen_ms > self.changed_at_ms => ErrorState::Open,
            state => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_sixteen_digits() {
        let found = Fingerprint::parse("f", "0123456789ABCDEF").unwrap();
        assert_eq!(found, Fingerprint::from(0x0123_4567_89ab_cdef));
        for text in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg"] {
            assert!(Fingerprint::parse("f", text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_resolved_is_open_again_when_it_recurs_and_what_is_ignored_is_not() {
        let record = |state| ErrorRecord {
            fingerprint: Fingerprint::from(1),
            state,
            note: None,
            changed_by: Actor::system(),
            changed_at_ms: 10,
        };
        assert_eq!(record(ErrorState::Resolved).state_at(10), ErrorState::Resolved);
        assert_eq!(record(ErrorState::Resolved).state_at(11), ErrorState::Open);
        assert_eq!(record(ErrorState::Ignored).state_at(11), ErrorState::Ignored);
        assert_eq!(record(ErrorState::Open).state_at(9), ErrorState::Open);
    }
}
