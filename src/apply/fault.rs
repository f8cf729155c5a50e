//! What is wrong in files, and where.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// The file as the caller named it.
    pub(super) file: Arc<str>,
    /// From 1; 0 for the file as a whole.
    pub(super) line: usize,
    /// Path of the field, like `projects.0.name`; empty for the file as a whole.
    pub(super) field: String,
}

impl At {
    /// The same place, one field deeper.
    pub(super) fn under(&self, field: &str) -> Self {
        Self {
            field: format!("{}.{field}", self.field),
            ..self.clone()
        }
    }
}

/// File and line.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.line {
            0 => Ok(()),
            line => write!(f, ":{line}"),
        }
    }
}

/// What a file says, and where it says so.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    at: At,
    reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        if !self.at.field.is_empty() {
            write!(f, "{}: ", self.at.field)?;
        }
        f.write_str(&self.reason)
    }
}

/// All that is wrong, one fault a line: file, line, field and reason; no values.
#[derive(Debug, Default, thiserror::Error)]
pub struct Faults(Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// Collects faults while files are read.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<Vec<Fault>>);

impl Notes {
    pub(super) fn note(&self, at: &At, reason: impl Into<String>) {
        self.0.borrow_mut().push(Fault {
            at: at.clone(),
            reason: reason.into(),
        });
    }

    /// `value`, if nothing was wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Faults> {
        let faults = self.0.into_inner();
        if faults.is_empty() {
            Ok(value)
        } else {
            Err(Faults(faults))
        }
    }
}
