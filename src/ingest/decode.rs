//! JSON text → [`Value`], in one pass, within limits on depth and keys.
//!
//! serde's errors are sentences; a client wants the field. So the reader notes what it found wrong, and every
//! level that an error passes on its way out adds its key to the path.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::json::{Members, Value};

/// Limits on the shape of a body.
#[derive(Clone, Copy, Debug)]
pub struct ShapeLimits {
    /// Deepest nesting of objects and arrays.
    pub depth_max: usize,
    /// Most keys in one object.
    pub keys_max: usize,
}

/// Most members for which room is made before they are read.
const MEMBERS_EXPECTED: usize = 16;
/// Longest key that an error names.
const KEY_SHOWN_CHARS_MAX: usize = 100;

/// Reads a whole JSON text.
///
/// # Errors
/// Names the field at which the text stops being JSON, is too deep, has too many keys, or has a key twice.
pub fn decode<'a>(text: &'a [u8], limits: &ShapeLimits) -> Result<Value<'a>, FieldError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let message = format!("not UTF-8 at byte {}", error.valid_up_to());
        FieldError::new("body", FieldFault::BadFormat, message)
    })?;
    let fault = RefCell::new(Fault::default());
    let mut json = sonic_rs::Deserializer::from_str(text);
    let seed = Seed {
        depth: 0,
        limits,
        fault: &fault,
    };
    match seed
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value))
    {
        Ok(value) => Ok(value),
        Err(error) => Err(fault.into_inner().into_field_error(&error)),
    }
}

/// What was found wrong, and where.
#[derive(Default)]
struct Fault {
    /// Keys from the innermost outwards.
    path: Vec<String>,
    /// Unset for what the JSON parser itself found.
    cause: Option<(FieldFault, Cow<'static, str>)>,
}

impl Fault {
    fn into_field_error(mut self, error: &sonic_rs::Error) -> FieldError {
        self.path.reverse();
        let field = if self.path.is_empty() {
            "body".to_owned()
        } else {
            self.path.join(".")
        };
        let (code, message) = self.cause.unwrap_or_else(|| {
            let place = format!(
                "not valid JSON at line {}, column {}",
                error.line(),
                error.column()
            );
            (FieldFault::BadFormat, place.into())
        });
        FieldError::new(field, code, message)
    }
}

#[derive(Clone, Copy)]
struct Seed<'s> {
    depth: usize,
    limits: &'s ShapeLimits,
    fault: &'s RefCell<Fault>,
}

impl Seed<'_> {
    fn fail<E: serde::de::Error>(&self, code: FieldFault, message: impl Into<Cow<'static, str>>) -> E {
        self.fault.borrow_mut().cause = Some((code, message.into()));
        E::custom("refused")
    }

    fn name_key(&self, key: &str) {
        self.fault
            .borrow_mut()
            .path
            .push(key.chars().take(KEY_SHOWN_CHARS_MAX).collect());
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.limits.depth_max {
            return Err(self.fail(
                FieldFault::TooLong,
                format!("nested deeper than {} levels", self.limits.depth_max),
            ));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// A NUL can only come out of an escape, so only strings that had one are looked at.
    fn refuse_nul<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.as_bytes().contains(&0) {
            return Err(self.fail(FieldFault::BadFormat, "holds a NUL character"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Value::Negative(number), Value::Unsigned))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Unsigned(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        self.refuse_nul(text)?;
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner).inspect_err(|_| {
            inner.name_key(&items.len().to_string());
        })? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        let mut members: Members<'de> = Vec::with_capacity(MEMBERS_EXPECTED);
        while let Some(key) = map.next_key_seed(KeySeed(inner))? {
            if members.len() >= self.limits.keys_max {
                let message = format!("an object has more than {} keys", self.limits.keys_max);
                return Err(inner.fail(FieldFault::TooLong, message));
            }
            if members.iter().any(|(known, _)| *known == key) {
                inner.name_key(&key);
                return Err(inner.fail(FieldFault::Duplicate, "stands twice in its object"));
            }
            match map.next_value_seed(inner) {
                Ok(value) => members.push((key, value)),
                Err(error) => {
                    inner.name_key(&key);
                    return Err(error);
                }
            }
        }
        Ok(Value::Object(members))
    }
}

struct KeySeed<'s>(Seed<'s>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        self.0.refuse_nul(text)?;
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: ShapeLimits = ShapeLimits {
        depth_max: 32,
        keys_max: 100,
    };

    fn fault(text: &str) -> (String, FieldFault) {
        let error = decode(text.as_bytes(), &LIMITS).unwrap_err();
        (error.field.into_owned(), error.code)
    }

    #[test]
    fn the_field_is_named_at_which_the_text_stops_being_json() {
        assert_eq!(
            fault(r#"{"value": 1e400}"#),
            ("value".into(), FieldFault::BadFormat)
        );
        assert_eq!(
            fault(r#"{"value": NaN}"#),
            ("value".into(), FieldFault::BadFormat)
        );
        assert_eq!(
            fault(r#"{"metadata": {"page": "\ud800"}}"#),
            ("metadata.page".into(), FieldFault::BadFormat)
        );
        assert_eq!(
            fault(r#"{"a": [1, {"b": "\u0000"}]}"#),
            ("a.1.b".into(), FieldFault::BadFormat)
        );
        assert_eq!(fault(r#"{"a": 1"#), ("body".into(), FieldFault::BadFormat));
        assert_eq!(fault("{} {}"), ("body".into(), FieldFault::BadFormat));
        assert_eq!(fault(""), ("body".into(), FieldFault::BadFormat));
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        assert_eq!(
            fault(r#"{"a": 1, "b": {"c": 1, "c": 2}}"#),
            ("b.c".into(), FieldFault::Duplicate)
        );
    }

    #[test]
    fn depth_is_limited_whatever_nests() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert!(decode(nested(32).as_bytes(), &LIMITS).is_ok());
            assert_eq!(fault(&nested(33)).1, FieldFault::TooLong);
            assert_eq!(fault(&nested(10_000)).1, FieldFault::TooLong);
        }
    }

    #[test]
    fn keys_are_limited() {
        let object = |keys: usize| {
            let members: Vec<String> = (0..keys).map(|key| format!(r#""k{key}":0"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(decode(object(100).as_bytes(), &LIMITS).is_ok());
        assert_eq!(fault(&object(101)).1, FieldFault::TooLong);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&text, &LIMITS);
        }

        #[test]
        fn what_is_read_is_written_back_the_same(key in "[a-z]{1,8}", text in ".{0,40}", number in any::<i64>()) {
            let json = serde_json::json!({ "outer": { key: text, "n": number } });
            let body = json.to_string();
            let value = decode(body.as_bytes(), &LIMITS);
            // A NUL is refused; everything else survives.
            if let Ok(value) = value {
                prop_assert_eq!(serde_json::to_value(&value).unwrap(), json);
            } else {
                prop_assert!(body.contains("\\u0000"));
            }
        }
    }
}
