//! What stores are asked: statements in the SQL that SQLite and Postgres have in common, with `$1`, `$2`, … for
//! their values, and rows of plain values for an answer.

use std::borrow::Cow;

use uuid::Uuid;

use super::ControlError;
use crate::domain::account::Sha256Sum;

/// A value that goes into a statement, or comes out of a row. Truth values are integers, ids are texts: a store
/// turns them into the types of its columns and back.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number, or a truth value as 0 or 1.
    Int(i64),
    /// A text, without NUL.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

// By hand: values may be secrets.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Int(_) => "int",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        })
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Int(truth.into())
    }
}

impl From<&str> for Value {
    /// Postgres holds no NUL in a text, so none goes into any store.
    fn from(text: &str) -> Self {
        Self::Text(text.replace('\0', "\u{fffd}"))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::Text(id.to_string())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<f64> for Value {
    /// Kept as a text, which reads back as the same number.
    fn from(number: f64) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<Sha256Sum> for Value {
    fn from(sum: Sha256Sum) -> Self {
        Self::Bytes(sum.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One statement with its values.
#[derive(Clone, Debug)]
pub struct Statement {
    /// SQL with `$1`, `$2`, …; it holds no other `$`.
    pub sql: Cow<'static, str>,
    /// The values, `$1` first.
    pub values: Vec<Value>,
}

impl Statement {
    /// A statement with these values.
    pub fn new(sql: impl Into<Cow<'static, str>>, values: impl Into<Vec<Value>>) -> Self {
        Self {
            sql: sql.into(),
            values: values.into(),
        }
    }
}

/// A statement of a change, and what must come of it for the change to be made.
#[derive(Debug)]
pub struct Step {
    /// What is asked.
    pub statement: Statement,
    /// The failure of the whole change when no row is written, or none is found.
    pub otherwise: Option<ControlError>,
    /// The field that is in use when a unique index refuses the row.
    pub unique: &'static str,
}

impl Step {
    /// A step that may hit any number of rows.
    pub fn new(sql: impl Into<Cow<'static, str>>, values: impl Into<Vec<Value>>) -> Self {
        Self {
            statement: Statement::new(sql, values),
            otherwise: None,
            unique: "id",
        }
    }

    /// The whole change fails so when the step hits no row.
    #[must_use]
    pub fn or(mut self, error: ControlError) -> Self {
        self.otherwise = Some(error);
        self
    }

    /// The field that a unique index is about.
    #[must_use]
    pub const fn unique(mut self, field: &'static str) -> Self {
        self.unique = field;
        self
    }
}

/// Reads the values of a row in their order.
#[derive(Debug)]
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// A row of these values.
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    fn corrupt(what: &str) -> ControlError {
        ControlError::Corrupt(format!("a row holds something else than {what}"))
    }

    /// The next value, a number.
    ///
    /// # Errors
    /// It is something else.
    pub fn int(&mut self) -> Result<i64, ControlError> {
        self.opt_int()?.ok_or_else(|| Self::corrupt("a number"))
    }

    /// The next value, a number or nothing.
    ///
    /// # Errors
    /// It is something else.
    pub fn opt_int(&mut self) -> Result<Option<i64>, ControlError> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(Self::corrupt("a number")),
        }
    }

    /// The next value, a number of 32 bits or nothing.
    ///
    /// # Errors
    /// It is something else.
    pub fn opt_u32(&mut self) -> Result<Option<u32>, ControlError> {
        let number = self.opt_int()?.map(u32::try_from).transpose();
        number.map_err(|_| Self::corrupt("a number of 32 bits"))
    }

    /// The next value, a truth value.
    ///
    /// # Errors
    /// It is something else.
    pub fn bool(&mut self) -> Result<bool, ControlError> {
        Ok(self.int()? != 0)
    }

    /// The next value, a text.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&mut self) -> Result<String, ControlError> {
        self.opt_text()?.ok_or_else(|| Self::corrupt("a text"))
    }

    /// The next value, a text or nothing.
    ///
    /// # Errors
    /// It is something else.
    pub fn opt_text(&mut self) -> Result<Option<String>, ControlError> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(Self::corrupt("a text")),
        }
    }

    /// The next value, a text that is read into a type; `what` names it in a failure.
    ///
    /// # Errors
    /// It is something else.
    pub fn parsed<T, E>(
        &mut self,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ControlError> {
        parse(&self.text()?).map_err(|_| Self::corrupt(what))
    }

    /// The next value, a text that is one of a list of names.
    ///
    /// # Errors
    /// It is something else.
    pub fn named<T>(
        &mut self,
        what: &str,
        from_name: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ControlError> {
        from_name(&self.text()?).ok_or_else(|| Self::corrupt(what))
    }

    /// The next value, an id.
    ///
    /// # Errors
    /// It is something else.
    pub fn id(&mut self) -> Result<Uuid, ControlError> {
        self.parsed("an id", Uuid::try_parse)
    }

    /// The next value, an id or nothing.
    ///
    /// # Errors
    /// It is something else.
    pub fn opt_id(&mut self) -> Result<Option<Uuid>, ControlError> {
        let id = self.opt_text()?.map(|text| Uuid::try_parse(&text)).transpose();
        id.map_err(|_| Self::corrupt("an id"))
    }

    /// The next value, bytes.
    ///
    /// # Errors
    /// It is something else.
    pub fn bytes(&mut self) -> Result<Vec<u8>, ControlError> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(Self::corrupt("bytes")),
        }
    }

    /// The next value, a number with a fraction that is kept as a text, or nothing.
    ///
    /// # Errors
    /// It is something else.
    pub fn opt_float(&mut self) -> Result<Option<f64>, ControlError> {
        let number = self.opt_text()?.map(|text| text.parse()).transpose();
        number.map_err(|_| Self::corrupt("a number"))
    }

    /// The next value, a SHA-256 sum.
    ///
    /// # Errors
    /// It is something else.
    pub fn sum(&mut self) -> Result<Sha256Sum, ControlError> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => bytes.try_into().map_err(|_| Self::corrupt("a sum")),
            _ => Err(Self::corrupt("a sum")),
        }
    }
}
