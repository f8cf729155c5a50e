//! Takes fields out of an object, one by one, and notes what is wrong with each.

use std::borrow::Cow;

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::domain::beacon::{ID_CHARS_MAX, Id, IdFault};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::json::{Members, Value, cut};

/// The fields of one object that have not been taken yet. A taken field leaves the object, and the order of the
/// others changes: it means nothing in JSON.
pub(super) struct Fields<'a, 'e> {
    members: Members<'a>,
    /// Path of the object with a trailing dot, or empty for the body itself.
    prefix: &'static str,
    errors: &'e mut Vec<FieldError>,
}

impl<'a, 'e> Fields<'a, 'e> {
    pub(super) fn new(members: Members<'a>, prefix: &'static str, errors: &'e mut Vec<FieldError>) -> Self {
        Self {
            members,
            prefix,
            errors,
        }
    }

    /// What was not taken.
    pub(super) fn rest(self) -> Members<'a> {
        self.members
    }

    /// Takes a field; `null` counts as absent.
    fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let position = self.members.iter().position(|(key, _)| key == name)?;
        match self.members.swap_remove(position).1 {
            Value::Null => None,
            value => Some(value),
        }
    }

    fn fail(&mut self, name: &'static str, code: FieldFault, message: impl Into<Cow<'static, str>>) {
        let field: Cow<'static, str> = if self.prefix.is_empty() {
            name.into()
        } else {
            format!("{}{name}", self.prefix).into()
        };
        self.errors.push(FieldError::new(field, code, message));
    }

    fn wrong_type(&mut self, name: &'static str, wanted: &str, found: &Value<'_>) {
        let message = format!("must be {wanted}, found {}", found.type_name());
        self.fail(name, FieldFault::WrongType, message);
    }

    /// Takes a field by a reader of optional ones, and notes when it is absent rather than wrong.
    fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<T> {
        let errors_before = self.errors.len();
        let value = read(self, name);
        if value.is_none() && self.errors.len() == errors_before {
            self.fail(name, FieldFault::Missing, "is required");
        }
        value
    }

    fn optional_number(&mut self, name: &'static str) -> Option<f64> {
        let value = self.take(name)?;
        let number = value.as_f64();
        if number.is_none() {
            self.wrong_type(name, "a number", &value);
        }
        number
    }

    /// A string of any length.
    pub(super) fn text(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        match self.take(name)? {
            Value::Text(text) => Some(text),
            other => {
                self.wrong_type(name, "a string", &other);
                None
            }
        }
    }

    /// A string that is cut to `chars_max`; absent is empty. Sets `is_cut` when it was longer.
    pub(super) fn text_cut(
        &mut self,
        name: &'static str,
        chars_max: usize,
        is_cut: &mut bool,
    ) -> Cow<'a, str> {
        let mut text = self.text(name).unwrap_or_default();
        *is_cut |= cut(&mut text, chars_max);
        text
    }

    /// An id or a name that may be absent; empty counts as absent.
    pub(super) fn optional_id(&mut self, name: &'static str) -> Option<Id<'a>> {
        let text = self.text(name)?;
        if text.is_empty() {
            None
        } else {
            self.checked_id(name, text)
        }
    }

    /// An id or a name that must be there.
    pub(super) fn required_id(&mut self, name: &'static str) -> Option<Id<'a>> {
        let text = self.required(name, Self::text)?;
        self.checked_id(name, text)
    }

    fn checked_id(&mut self, name: &'static str, text: Cow<'a, str>) -> Option<Id<'a>> {
        match Id::parse(text) {
            Ok(id) => Some(id),
            Err(fault) => {
                match fault {
                    IdFault::Empty => self.fail(name, FieldFault::Empty, "must not be empty"),
                    IdFault::TooLong => {
                        let message = format!("must have at most {ID_CHARS_MAX} characters");
                        self.fail(name, FieldFault::TooLong, message);
                    }
                    IdFault::ControlCharacter => {
                        self.fail(name, FieldFault::BadFormat, "must not hold control characters");
                    }
                }
                None
            }
        }
    }

    /// A name that must be there and be one of `known` or of `further`.
    pub(super) fn known_name(
        &mut self,
        name: &'static str,
        known: &[&'static str],
        further: &[String],
    ) -> Option<Id<'a>> {
        let id = self.required_id(name)?;
        if known.contains(&id.as_str()) || further.iter().any(|other| other == id.as_str()) {
            return Some(id);
        }
        self.unknown_value(name, known, further);
        None
    }

    /// A name that must be there and be one of `known`.
    pub(super) fn choice(&mut self, name: &'static str, known: &[&'static str]) -> Option<&'static str> {
        let id = self.required_id(name)?;
        let choice = known.iter().copied().find(|other| *other == id.as_str());
        if choice.is_none() {
            self.unknown_value(name, known, &[]);
        }
        choice
    }

    pub(super) fn unknown_value(&mut self, name: &'static str, known: &[&'static str], further: &[String]) {
        let names: Vec<&str> = known
            .iter()
            .copied()
            .chain(further.iter().map(String::as_str))
            .collect();
        self.fail(
            name,
            FieldFault::UnknownValue,
            format!("must be one of {}", names.join(", ")),
        );
    }

    /// A number that must be there; JSON has no infinite ones.
    pub(super) fn number(&mut self, name: &'static str) -> Option<f64> {
        self.required(name, Self::optional_number)
    }

    /// A number from zero on that must be there.
    pub(super) fn number_from_zero(&mut self, name: &'static str) -> Option<f64> {
        let number = self.number(name)?;
        if number < 0.0 {
            self.fail(name, FieldFault::OutOfRange, "must not be negative");
            return None;
        }
        // −0.0 passes the check above and would be a second zero in the store.
        Some(number.abs())
    }

    /// An HTTP status, 100 to 599; absent is 0.
    pub(super) fn status(&mut self, name: &'static str) -> u16 {
        match self.take(name) {
            None => 0,
            Some(Value::Unsigned(status @ 100..=599)) => u16::try_from(status).unwrap_or_default(),
            Some(Value::Unsigned(_) | Value::Negative(_) | Value::Float(_)) => {
                self.fail(
                    name,
                    FieldFault::OutOfRange,
                    "must be a whole number from 100 to 599",
                );
                0
            }
            Some(other) => {
                self.wrong_type(name, "a number", &other);
                0
            }
        }
    }

    /// A UUID in any of its usual forms that may be absent.
    pub(super) fn uuid(&mut self, name: &'static str) -> Option<Uuid> {
        let text = self.text(name)?;
        let id = Uuid::try_parse(&text).ok().filter(|id| !id.is_nil());
        if id.is_none() {
            self.fail(name, FieldFault::BadFormat, "must be a UUID that is not nil");
        }
        id
    }

    /// An ISO 8601 time that may be absent, in milliseconds since 1970; without an offset it is UTC.
    pub(super) fn time_ms(&mut self, name: &'static str) -> Option<i64> {
        let text = self.text(name)?;
        let time_ms = parse_time_ms(&text);
        if time_ms.is_none() {
            self.fail(
                name,
                FieldFault::BadFormat,
                "must be an ISO 8601 time, like 2026-01-31T23:59:59.999Z",
            );
        }
        time_ms
    }

    /// An ISO 8601 time that must be there.
    pub(super) fn required_time_ms(&mut self, name: &'static str) -> Option<i64> {
        self.required(name, Self::time_ms)
    }

    /// An object that must be there.
    pub(super) fn required_object(&mut self, name: &'static str) -> Option<Members<'a>> {
        self.required(name, Self::optional_object)
    }

    /// An object that may be absent.
    pub(super) fn optional_object(&mut self, name: &'static str) -> Option<Members<'a>> {
        match self.take(name)? {
            Value::Object(members) => Some(members),
            other => {
                self.wrong_type(name, "an object", &other);
                None
            }
        }
    }

    /// The fields of an object inside this one; `prefix` is its path with a trailing dot.
    pub(super) fn nested<'n>(&'n mut self, members: Members<'a>, prefix: &'static str) -> Fields<'a, 'n> {
        Fields::new(members, prefix, self.errors)
    }
}

fn parse_time_ms(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text, &Iso8601::PARSING))
        .or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::PARSING).map(PrimitiveDateTime::assume_utc))
        .ok()?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_8601_times_are_read_in_the_forms_that_clients_send() {
        let expected = Some(1_769_904_000_123);
        for text in [
            "2026-02-01T00:00:00.123Z",
            "2026-02-01T00:00:00.123456+00:00",
            "2026-02-01T01:00:00.123+01:00",
            "2026-02-01T01:00:00.123+0100",
            "20260201T000000.123Z",
            "2026-02-01T00:00:00.123",
            "2026-02-01 00:00:00.123Z",
        ] {
            assert_eq!(parse_time_ms(text), expected, "{text}");
        }
        for text in ["", "now", "2026-02-30T00:00:00Z", "2026-02-01", "1769904000123"] {
            assert_eq!(parse_time_ms(text), None, "{text}");
        }
    }
}
