//! Reads a value as a type that serde knows, and names what does not fit: the exact place, and why.
//!
//! serde says why in words that repeat the value, which may be a secret; only what it says of the type is told on.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::{Fields, NAME_CHARS_MAX};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::json::Value;

impl<'a> Fields<'a> {
    /// A member of a type that serde reads; a fault names its exact place.
    pub(in crate::api) fn typed<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.some(name)?;
        self.read_typed(name, &value)
    }

    /// The same; the outer none when it is absent or faulty, the inner when it is `null`.
    pub(in crate::api) fn typed_or_null<T: DeserializeOwned>(&mut self, name: &str) -> Option<Option<T>> {
        match self.take(name)? {
            Value::Null => Some(None),
            value => self.read_typed(name, &value).map(Some),
        }
    }

    /// All members that were not taken yet, as a type that serde reads.
    pub(in crate::api) fn rest<T: DeserializeOwned>(&mut self) -> Option<T> {
        let members = std::mem::take(&mut self.members);
        self.read_typed("", &Value::Object(members))
    }

    fn read_typed<T: DeserializeOwned>(&mut self, name: &str, value: &Value<'a>) -> Option<T> {
        let place = format!("{}{name}", self.prefix);
        // A value of JSON can always be written as one.
        let value = serde_json::to_value(value).unwrap_or_default();
        match read(place.trim_end_matches('.'), value) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }
}

/// Reads a value; what is wrong is told of `field` and of what lies below it. An empty `field` is the body itself.
///
/// # Errors
/// The first thing that does not fit.
fn read<T: DeserializeOwned>(field: &str, value: serde_json::Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut place: Vec<String> = Vec::from_iter((!field.is_empty()).then(|| field.to_owned()));
        place.extend(error.path().iter().filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(cut(key)),
            Segment::Enum { .. } | Segment::Unknown => None,
        }));
        let words = error.inner().to_string();
        let (named, code, message) = reason(&words);
        // serde names the field that is missing or unknown, and the path may end at what it should be in.
        if let Some(named) = named.map(cut).filter(|named| place.last() != Some(named)) {
            place.push(named);
        }
        FieldError::new(place.join("."), code, message)
    })
}

/// The field that the words of serde name, what kind of fault it is, and what may be told of it.
fn reason(words: &str) -> (Option<&str>, FieldFault, String) {
    let quoted = words.split('`').nth(1);
    if words.starts_with("missing field") {
        return (quoted, FieldFault::Missing, "is required".to_owned());
    }
    if words.starts_with("unknown field") {
        let message = "is not a field of this body".to_owned();
        return (quoted, FieldFault::UnknownField, message);
    }
    // What is wanted stands behind the value, which may hold the same words: so the last of them are meant.
    let wanted = words.rsplit_once(", expected ").map(|(_, wanted)| wanted);
    let message = || {
        wanted.map_or_else(
            || "has the wrong form".to_owned(),
            |wanted| format!("must be {}", plain(wanted)),
        )
    };
    if words.starts_with("unknown variant") {
        (None, FieldFault::UnknownValue, message())
    } else if words.starts_with("invalid type") {
        (None, FieldFault::WrongType, message())
    } else if words.starts_with("invalid value") {
        (None, FieldFault::OutOfRange, message())
    } else if words.starts_with("invalid length") {
        (None, FieldFault::TooLong, message())
    } else {
        // Words of a type of ours, which repeat nothing.
        (None, FieldFault::BadFormat, words.to_owned())
    }
}

/// What serde calls a type, as users of the API do.
fn plain(wanted: &str) -> &str {
    let is_struct = wanted.starts_with("struct ") || wanted.starts_with("internally tagged enum");
    match wanted {
        "i64" => "a whole number",
        "u32" | "u64" | "usize" => "a whole number that is not negative",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "an object",
        _ if is_struct => "an object",
        _ if wanted.contains("enum") => "one of the names that there are",
        _ => wanted,
    }
}

fn cut(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        number: i64,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        choice: Option<Choice>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        name: crate::domain::account::Name,
        #[serde(default)]
        small: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Left,
        Right,
    }

    #[test]
    fn a_fault_names_its_place_and_its_reason_and_repeats_no_value() {
        let long = "x".repeat(300);
        for (value, field, code, message) in [
            (json!({}), "it.number", FieldFault::Missing, "is required"),
            (
                json!({"number": "secret, expected 7"}),
                "it.number",
                FieldFault::WrongType,
                "must be a whole number",
            ),
            (
                json!({"number": 1, "list": [{"name": "a"}, {"nam": "secret"}]}),
                "it.list.1.nam",
                FieldFault::UnknownField,
                "is not a field of this body",
            ),
            (
                json!({"number": 1, "list": [{}]}),
                "it.list.0.name",
                FieldFault::Missing,
                "is required",
            ),
            (
                json!({"number": 1, "list": [{"name": " "}]}),
                "it.list.0.name",
                FieldFault::BadFormat,
                "must not be empty",
            ),
            (
                json!({"number": 1, "list": [{"name": "a", "small": 300}]}),
                "it.list.0.small",
                FieldFault::OutOfRange,
                "must be u8",
            ),
            (
                json!({"number": 1, "choice": "secret"}),
                "it.choice",
                FieldFault::UnknownValue,
                "must be `left` or `right`",
            ),
            (
                json!({"number": 1, "list": "secret"}),
                "it.list",
                FieldFault::WrongType,
                "must be an array",
            ),
            (json!("secret"), "it", FieldFault::WrongType, "must be an object"),
        ] {
            let fault = read::<Outer>("it", value.clone()).unwrap_err();
            assert_eq!(
                (fault.field.as_ref(), fault.code, fault.message.as_ref()),
                (field, code, message),
                "{value}"
            );
        }
        let fault = read::<Outer>("", json!({"number": 1, long.as_str(): 1})).unwrap_err();
        assert_eq!(fault.field.len(), NAME_CHARS_MAX);
    }
}
