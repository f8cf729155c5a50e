//! What is wrong with one field of something that a client sent.

use std::borrow::Cow;

use serde::Serialize;

/// One field's fault, as the client reads it in `details`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the field, like `metadata.status`.
    pub field: Cow<'static, str>,
    /// Stable name of the fault, for programs.
    pub code: FieldFault,
    /// The fault in words, for people; never repeats the value that was sent.
    pub message: Cow<'static, str>,
}

/// The closed list of faults that a field can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldFault {
    /// The field is absent or null and must not be.
    Missing,
    /// The field holds another JSON type.
    WrongType,
    /// The field holds more characters or items than allowed.
    TooLong,
    /// The field must not be empty.
    Empty,
    /// The number is outside its range, or not finite.
    OutOfRange,
    /// The text does not have the form that the field asks for.
    BadFormat,
    /// The value is none of the allowed ones.
    UnknownValue,
    /// The field stands twice.
    Duplicate,
    /// The parameter is not known.
    UnknownField,
    /// The value is in use, or what is there stands against it.
    Conflict,
    /// The item of a batch is beyond its sender's quota.
    OverQuota,
    /// Another request is storing the item of a batch.
    UnderWay,
}

impl FieldError {
    /// Builds a field's fault.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: FieldFault,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            field: field.into(),
            code,
            message: message.into(),
        }
    }
}
