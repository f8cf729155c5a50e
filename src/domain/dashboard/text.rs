//! Texts with a form.

use serde::{Deserialize, Serialize};

use crate::domain::beacon::ID_CHARS_MAX;
use crate::domain::field_error::{FieldError, FieldFault};

const NOTE_CHARS_MAX: usize = 1_000;
const LINK_CHARS_MAX: usize = 1_000;
const PAGE_CHARS_MAX: usize = 64;
const STATE_CHARS_MAX: usize = 8_192;

/// Text that is kept for people or for programs; `$is_bad` is what it must not hold.
macro_rules! text_type {
    ($(#[$doc:meta])* $type:ident, $field:literal, $max:ident, $is_bad:expr, $message:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Reads one; `field` is what a fault is told of.
            ///
            /// # Errors
            /// It is empty, too long, or has another form.
            pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
                if text.trim().is_empty() {
                    return Err(FieldError::new(field, FieldFault::Empty, "must not be empty"));
                }
                if text.chars().count() > $max {
                    let message = format!("must have at most {} characters", $max);
                    return Err(FieldError::new(field, FieldFault::TooLong, message));
                }
                let is_bad: fn(&str) -> bool = $is_bad;
                if is_bad(text) {
                    return Err(FieldError::new(field, FieldFault::BadFormat, $message));
                }
                Ok(Self(text.to_owned()))
            }

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
    };
}

text_type!(
    /// A name that beacons carry too, such as a release: 1 to 100 characters, without control characters.
    Label,
    "label",
    ID_CHARS_MAX,
    |text| text.chars().any(char::is_control),
    "must not hold control characters"
);

text_type!(
    /// Words for people: 1 to 1,000 characters, of control characters only line breaks and tabs.
    Note,
    "note",
    NOTE_CHARS_MAX,
    |text| text.chars().any(|letter| letter.is_control() && !"\n\r\t".contains(letter)),
    "must not hold control characters but line breaks and tabs"
);

text_type!(
    /// Where a browser may go: `http://…` or `https://…`, at most 1,000 characters. Nobody calls it but a person.
    Link,
    "url",
    LINK_CHARS_MAX,
    |text| {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/'))
            || text.chars().any(|letter| letter.is_control() || letter.is_whitespace())
    },
    "must be a URL that begins with https:// or http://, without spaces"
);

text_type!(
    /// A page of the dashboard: 1 to 64 of `a` to `z`, `0` to `9`, `_`, `-` and `/`.
    PageName,
    "page",
    PAGE_CHARS_MAX,
    |text| !text
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'/')),
    "must be 1 to 64 of the characters a-z, 0-9, _, - and /"
);

text_type!(
    /// What a page shows, as the page writes it: 1 to 8,192 characters, without NUL.
    ViewState,
    "state",
    STATE_CHARS_MAX,
    |text| text.contains('\0'),
    "must not hold NUL"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_form_and_their_length() {
        assert!(Label::parse("l", "2026.11.3+build").is_ok());
        assert!(Label::parse("l", "a\nb").is_err());
        assert!(Label::parse("l", &"x".repeat(101)).is_err());
        assert!(Note::parse("n", "first\nsecond").is_ok());
        assert!(Note::parse("n", "\u{1b}[2J").is_err());
        assert!(Note::parse("n", "  ").is_err());
        assert!(PageName::parse("p", "web-vitals/page").is_ok());
        assert!(PageName::parse("p", "Overview").is_err());
        assert!(ViewState::parse("s", r#"{"from":"now-7d"}"#).is_ok());
        assert!(ViewState::parse("s", "a\0").is_err());
        assert!(ViewState::parse("s", &"x".repeat(8_193)).is_err());
    }

    #[test]
    fn links_lead_to_web_pages_and_to_no_scripts() {
        for text in ["https://ci.example/run/7?x=1#log", "http://localhost:3000"] {
            assert_eq!(Link::parse("url", text).unwrap().as_str(), text);
        }
        for text in [
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "ftp://x",
            "https://a b",
            "//x",
            "data:text/html,x",
        ] {
            assert!(Link::parse("url", text).is_err(), "{text}");
        }
    }
}
