//! A JSON value that borrows its strings from the body it was read from.
//!
//! Objects keep their keys in the order of the body, in a vector: beacons are small, and a vector costs one
//! allocation where a map costs one a key.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// The members of an object, in the order of the body; keys are unique.
pub type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number below zero.
    Negative(i64),
    /// A whole number from zero on.
    Unsigned(u64),
    /// Any other number; always finite.
    Float(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Value<'a>>),
    /// An object.
    Object(Members<'a>),
}

impl Value<'_> {
    /// The number as a float, if it is one. Whole numbers above 2^53 lose their last digits.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "measurements are floats; documented")]
        match *self {
            Self::Negative(number) => Some(number as f64),
            Self::Unsigned(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The JSON type's name, for messages.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Negative(_) | Self::Unsigned(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Cuts every string below this value to `chars_max` characters; true when one was longer.
    pub fn cut_texts(&mut self, chars_max: usize) -> bool {
        match self {
            Self::Text(text) => cut(text, chars_max),
            Self::List(items) => items
                .iter_mut()
                .fold(false, |cut, item| item.cut_texts(chars_max) | cut),
            Self::Object(members) => members
                .iter_mut()
                .fold(false, |cut, (_, value)| value.cut_texts(chars_max) | cut),
            Self::Null | Self::Bool(_) | Self::Negative(_) | Self::Unsigned(_) | Self::Float(_) => false,
        }
    }
}

/// Cuts a string to `chars_max` characters; true when it was longer.
pub fn cut(text: &mut Cow<'_, str>, chars_max: usize) -> bool {
    // A string has at least as many bytes as characters, so the usual short one is not counted.
    if text.len() <= chars_max {
        return false;
    }
    let Some((end, _)) = text.char_indices().nth(chars_max) else {
        return false;
    };
    match text {
        Cow::Borrowed(borrowed) => *borrowed = &borrowed[..end],
        Cow::Owned(owned) => owned.truncate(end),
    }
    true
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Negative(number) => serializer.serialize_i64(*number),
            Self::Unsigned(number) => serializer.serialize_u64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Object(members) => serialize_members(members, serializer),
        }
    }
}

fn serialize_members<S: Serializer>(members: &Members<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(members.len()))?;
    for (key, value) in members {
        map.serialize_entry(key, value)?;
    }
    map.end()
}

/// Appends an object with these members to `out`, as JSON text.
pub fn write_object(members: &Members<'_>, out: &mut Vec<u8>) {
    if members.is_empty() {
        out.extend_from_slice(b"{}");
        return;
    }
    let mut serializer = sonic_rs::Serializer::new(out);
    // Writing finite numbers and strings to a vector has nothing that could fail.
    let written = serialize_members(members, &mut serializer);
    debug_assert!(written.is_ok());
}
