//! Bodies of requests: read within a size and a time, and JSON objects taken apart with every fault named.

mod typed;

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::StreamExt;

use super::error::ApiError;
use crate::control::ControlError;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::json::{Members, Value};
use crate::ingest::Rejection;
use crate::ingest::decode::{ShapeLimits, decode};

/// Limits on the shape of control data.
const SHAPE: ShapeLimits = ShapeLimits {
    depth_max: 16,
    keys_max: 100,
};
/// Longest name of an unknown field that is told.
const NAME_CHARS_MAX: usize = 100;

/// A header's text; absent is empty, and text that is not ASCII is something that no list knows.
pub(super) fn header_text<'r>(request: &'r HttpRequest, name: &HeaderName) -> &'r str {
    request
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap_or("?"))
}

/// Reads a body. Most come in one piece: that piece is the body, not copied.
pub(super) async fn read_body(
    payload: &mut web::Payload,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, Rejection> {
    match read_begin(payload, bytes_max, timeout).await? {
        Begin::Whole(body) => Ok(body),
        Begin::Part(_) => Err(Rejection::TooLarge),
    }
}

/// What was read of a body.
#[derive(Debug)]
pub(super) enum Begin {
    /// All of it.
    Whole(Bytes),
    /// It is longer than was asked for: this, and what may follow.
    Part(Bytes),
}

/// The same for bodies whose rest is not refused.
pub(super) async fn read_begin(
    payload: &mut web::Payload,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Begin, Rejection> {
    let read = async {
        let Some(first) = next_piece(payload).await? else {
            return Ok(Begin::Whole(Bytes::new()));
        };
        if first.len() > bytes_max {
            return Ok(Begin::Part(first));
        }
        let Some(second) = next_piece(payload).await? else {
            return Ok(Begin::Whole(first));
        };
        let mut body = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(piece) = next {
            body.extend_from_slice(&piece);
            if body.len() > bytes_max {
                return Ok(Begin::Part(body.freeze()));
            }
            next = next_piece(payload).await?;
        }
        Ok(Begin::Whole(body.freeze()))
    };
    let mut read = pin!(read);
    if let Some(outcome) = at_once(read.as_mut()).await {
        return outcome;
    }
    tokio::time::timeout(timeout, read)
        .await
        .unwrap_or(Err(Rejection::BodyTimeout))
}

/// What comes right behind a request's head, as most bodies do: a timer for it would cost more than to look twice.
/// Between the two looks the HTTP stack hands on what it has.
async fn at_once<F: Future>(mut whole: Pin<&mut F>) -> Option<F::Output> {
    let mut has_looked = false;
    poll_fn(|context| match whole.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending if has_looked => Poll::Ready(None),
        Poll::Pending => {
            has_looked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

pub(super) async fn next_piece(payload: &mut web::Payload) -> Result<Option<Bytes>, Rejection> {
    match payload.next().await {
        None => Ok(None),
        Some(Ok(piece)) => Ok(Some(piece)),
        Some(Err(_)) => Err(Rejection::BodyIncomplete),
    }
}

/// A JSON object whose members are taken one by one. What is wrong is collected, so that a client reads all of it at
/// once; what is left over at the end is wrong too.
///
/// A member that is absent, `null` or faulty is `None`; [`finish`](Self::finish) tells faults.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// What stands before the names in faults, like `settings.`.
    prefix: String,
    members: Members<'a>,
    faults: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        let bad = |fault| ApiError::Rejected(Rejection::BadJson(fault));
        match decode(body, &SHAPE).map_err(bad)? {
            Value::Object(members) => Ok(Self {
                prefix: String::new(),
                members,
                faults: Vec::new(),
            }),
            _ => Err(bad(FieldError::new(
                "body",
                FieldFault::WrongType,
                "must be an object",
            ))),
        }
    }

    fn fault(&mut self, name: &str, code: FieldFault, message: impl Into<Cow<'static, str>>) {
        let field = format!("{}{name}", self.prefix);
        self.faults.push(FieldError::new(field, code, message));
    }

    /// A member as it is, `null` too.
    fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let place = self.members.iter().position(|(key, _)| key == name)?;
        Some(self.members.swap_remove(place).1)
    }

    fn some(&mut self, name: &str) -> Option<Value<'a>> {
        self.take(name).filter(|value| *value != Value::Null)
    }

    fn wrong_type<T>(&mut self, name: &str, wanted: &'static str) -> Option<T> {
        self.fault(name, FieldFault::WrongType, format!("must be {wanted}"));
        None
    }

    /// Notes that a member is missing, unless something else is wrong with it.
    pub(super) fn require<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        let field = format!("{}{name}", self.prefix);
        if value.is_none() && !self.faults.iter().any(|fault| fault.field.starts_with(&field)) {
            self.fault(name, FieldFault::Missing, "is required");
        }
        value
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        match self.some(name)? {
            Value::Text(text) => Some(text),
            _ => self.wrong_type(name, "a string"),
        }
    }

    /// A text of a form.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(name, &text) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault(name, fault.code, fault.message);
                None
            }
        }
    }

    /// A text of a form; the outer none when it is absent, the inner when it is `null`.
    pub(super) fn parsed_or_null<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
    ) -> Option<Option<T>> {
        match self.members.iter().find(|(key, _)| key == name)? {
            (_, Value::Null) => self.take(name).map(|_| None),
            _ => self.parsed(name, parse).map(Some),
        }
    }

    /// One of some names.
    pub(super) fn named<T>(
        &mut self,
        name: &str,
        from_name: impl Fn(&str) -> Option<T>,
        names: &'static str,
    ) -> Option<T> {
        let text = self.text(name)?;
        from_name(&text).or_else(|| self.unknown(name, names))
    }

    /// Notes that a member is none of some names.
    pub(super) fn unknown<T>(&mut self, name: &str, names: &'static str) -> Option<T> {
        self.fault(name, FieldFault::UnknownValue, format!("must be one of {names}"));
        None
    }

    /// Passes over what was not taken: whether it is right depends on something that is wrong.
    pub(super) fn pass_over(&mut self) {
        self.members.clear();
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.some(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.wrong_type(name, "true or false"),
        }
    }

    /// A whole number from zero on; the outer none when it is absent, the inner when it is `null`.
    pub(super) fn whole_or_null(&mut self, name: &str) -> Option<Option<i64>> {
        match self.take(name)? {
            Value::Null => Some(None),
            Value::Unsigned(number) => match i64::try_from(number) {
                Ok(number) => Some(Some(number)),
                Err(_) => self.wrong_type(name, "a smaller number"),
            },
            _ => self.wrong_type(name, "a whole number that is not negative"),
        }
    }

    /// A whole number from zero on.
    pub(super) fn whole(&mut self, name: &str) -> Option<i64> {
        self.whole_or_null(name).flatten()
    }

    /// A number.
    pub(super) fn number(&mut self, name: &str) -> Option<f64> {
        let number = self.some(name)?.as_f64();
        number.or_else(|| self.wrong_type(name, "a number"))
    }

    /// A list of texts, each of a form; faults name the place in the list.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&'static str, &str) -> Result<T, FieldError>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = self.some(name)? else {
            return self.wrong_type(name, "an array of strings");
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::Text(text) => match parse(name, text) {
                    Ok(value) => list.push(value),
                    Err(fault) => self.fault(&format!("{name}.{index}"), fault.code, fault.message),
                },
                _ => self.fault(
                    &format!("{name}.{index}"),
                    FieldFault::WrongType,
                    "must be a string",
                ),
            }
        }
        (list.len() == items.len()).then_some(list)
    }

    /// The members of an object in this one, with faults of their own that are told with these.
    pub(super) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let Value::Object(members) = self.some(name)? else {
            return self.wrong_type(name, "an object");
        };
        let mut inner = Self {
            prefix: format!("{}{name}.", self.prefix),
            members,
            faults: Vec::new(),
        };
        let value = read(&mut inner);
        self.faults.extend(inner.all_faults());
        Some(value)
    }

    /// A list of objects, each read as [`object`](Self::object) does; faults name the place in the list.
    pub(super) fn objects<T>(&mut self, name: &str, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let Value::List(items) = self.some(name)? else {
            return self.wrong_type(name, "an array of objects");
        };
        let count = items.len();
        let mut list = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("{name}.{index}");
            let Value::Object(members) = item else {
                self.fault(&place, FieldFault::WrongType, "must be an object");
                continue;
            };
            let mut inner = Self {
                prefix: format!("{}{place}.", self.prefix),
                members,
                faults: Vec::new(),
            };
            list.extend(read(&mut inner));
            self.faults.extend(inner.all_faults());
        }
        (list.len() == count).then_some(list)
    }

    /// Notes a fault that was found later.
    pub(super) fn note(&mut self, fault: FieldError) {
        self.faults.push(fault);
    }

    fn all_faults(self) -> Vec<FieldError> {
        let Self {
            prefix,
            members,
            mut faults,
        } = self;
        faults.extend(members.iter().map(|(name, _)| {
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            FieldError::new(
                format!("{prefix}{name}"),
                FieldFault::UnknownField,
                "is not a field of this body",
            )
        }));
        faults
    }

    /// What was read, if nothing was wrong.
    ///
    /// # Errors
    /// All faults.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, ApiError> {
        self.finish_declared(read)
            .map_err(|faults| ApiError::Control(ControlError::Invalid(faults)))
    }

    /// The same for what stands in a file, and is no request.
    ///
    /// # Errors
    /// All faults.
    pub(super) fn finish_declared<T>(self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        let faults = self.all_faults();
        match read {
            Some(read) if faults.is_empty() => Ok(read),
            _ => Err(faults),
        }
    }

    /// Reads what stands in a file, as JSON.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn declared(json: &'a [u8]) -> Result<Self, Vec<FieldError>> {
        Self::read(json).map_err(|_| {
            let message = "must be a table that is not too deep or too large";
            vec![FieldError::new("", FieldFault::WrongType, message)]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Name;

    fn faults(outcome: Result<impl std::fmt::Debug, ApiError>) -> Vec<(String, FieldFault)> {
        match outcome {
            Err(ApiError::Control(ControlError::Invalid(faults))) => faults
                .into_iter()
                .map(|fault| (fault.field.into_owned(), fault.code))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_faults_are_named_at_once_with_their_place() {
        let body =
            br#"{"name": "", "on": 1, "at": -1, "list": ["a", 2, ""], "inner": {"x": 1, "deep": "y"}, "z": 0}"#;
        let mut fields = Fields::read(body).unwrap();
        let name = fields.parsed("name", Name::parse);
        let name = fields.require("name", name);
        assert_eq!(fields.flag("on"), None);
        assert_eq!(fields.whole("at"), None);
        assert_eq!(fields.list("list", Name::parse), None);
        fields.object("inner", |inner| inner.flag("x"));
        let absent = fields.text("absent");
        fields.require("absent", absent);
        let mut found = faults(fields.finish(name));
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let found: Vec<_> = found
            .iter()
            .map(|(field, code)| (field.as_str(), *code))
            .collect();
        assert_eq!(
            found,
            [
                ("absent", FieldFault::Missing),
                ("at", FieldFault::WrongType),
                ("inner.deep", FieldFault::UnknownField),
                ("inner.x", FieldFault::WrongType),
                ("list.1", FieldFault::WrongType),
                ("list.2", FieldFault::Empty),
                ("name", FieldFault::Empty),
                ("on", FieldFault::WrongType),
                ("z", FieldFault::UnknownField),
            ]
        );
    }

    #[test]
    fn null_is_absent_but_where_it_means_something() {
        let mut fields = Fields::read(br#"{"a": null, "b": null, "c": 7}"#).unwrap();
        assert_eq!(fields.text("a"), None);
        assert_eq!(fields.whole_or_null("b"), Some(None));
        assert_eq!(fields.whole_or_null("c"), Some(Some(7)));
        assert_eq!(fields.whole_or_null("d"), None);
        assert_eq!(fields.finish(Some(())).ok(), Some(()));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "7", "{", "{} {}", r#"{"a":1,"a":2}"#] {
            assert!(Fields::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
