//! A table of a file, taken apart field by field. What is wrong is noted with its place; what is left over at the end is
//! wrong too.

use std::sync::Arc;

use super::fault::{At, Given, Notes};
use super::tree::{Member, Node, Value, short};
use crate::domain::field_error::FieldError;

/// Any text.
pub(super) fn any(_: &'static str, text: &str) -> Result<String, FieldError> {
    Ok(text.to_owned())
}

/// A table in the taking.
#[derive(Debug)]
pub(super) struct Section<'n> {
    notes: &'n Notes,
    at: At,
    members: Vec<Member>,
    /// The names that were asked for, for whoever mistypes one.
    known: Vec<&'static str>,
}

impl<'n> Section<'n> {
    /// The top of a file.
    pub(super) fn top(notes: &'n Notes, file: &Arc<str>, node: Node) -> Option<Self> {
        let at = At {
            file: Arc::clone(file),
            line: node.line,
            field: String::new(),
        };
        Self::of(notes, at, node)
    }

    fn of(notes: &'n Notes, at: At, node: Node) -> Option<Self> {
        match node.value {
            Value::Table(members) => Some(Self {
                notes,
                at,
                members,
                known: Vec::new(),
            }),
            _ => {
                notes.note(&at, "must be a table");
                None
            }
        }
    }

    /// Where it stands.
    pub(super) const fn at(&self) -> &At {
        &self.at
    }

    /// What collects faults.
    pub(super) const fn notes(&self) -> &'n Notes {
        self.notes
    }

    /// The place of a field, or of the table when the field is not there.
    fn at_field(&self, name: &str, line: usize) -> At {
        let field = match self.at.field.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        At {
            file: Arc::clone(&self.at.file),
            line,
            field,
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Given<Node>> {
        self.known.push(name);
        let place = self.members.iter().position(|member| member.name == name)?;
        let member = self.members.remove(place);
        let at = self.at_field(name, member.line);
        match member.node.value {
            // As if it were absent; TOML has no such thing.
            Value::Null => None,
            _ => Some(Given {
                value: member.node,
                at,
            }),
        }
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        wanted: &'static str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Option<Given<T>> {
        let Given { value: node, at } = self.take(name)?;
        match read(node.value) {
            Some(value) => Some(Given { value, at }),
            None => {
                self.notes.note(&at, format!("must be {wanted}"));
                None
            }
        }
    }

    /// Notes that a field is missing, unless it was there and faulty.
    pub(super) fn require<T>(&self, name: &str, was_there: bool, value: Option<T>) -> Option<T> {
        if value.is_none() && !was_there {
            self.notes.note(&self.at_field(name, self.at.line), "is required");
        }
        value
    }

    /// True when a field is there and not yet taken.
    pub(super) fn has(&self, name: &str) -> bool {
        let is_it = |member: &Member| member.name == name && !matches!(member.node.value, Value::Null);
        self.members.iter().any(is_it)
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<Given<String>> {
        self.read(name, "a text", |value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// A text of a form.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
    ) -> Option<Given<T>> {
        let Given { value: text, at } = self.text(name)?;
        match parse(name, &text) {
            Ok(value) => Some(Given { value, at }),
            Err(fault) => {
                self.notes.note(&at, fault.message);
                None
            }
        }
    }

    /// A text of a form, without which the table makes no sense.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
    ) -> Option<Given<T>> {
        let was_there = self.has(name);
        let value = self.parsed(name, parse);
        self.require(name, was_there, value)
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<Given<bool>> {
        self.read(name, "true or false", |value| match value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        })
    }

    /// A limit, where 0 is none.
    pub(super) fn limit(&mut self, name: &'static str) -> Option<u32> {
        let wanted = "a whole number from 0 to 4294967295";
        let limit = self.read(name, wanted, |value| match value {
            Value::Whole(number) => u32::try_from(number).ok(),
            _ => None,
        });
        limit.map(|limit| limit.value)
    }

    /// A whole number that is not negative.
    pub(super) fn whole(&mut self, name: &'static str) -> Option<Given<i64>> {
        self.read(name, "a whole number that is not negative", |value| match value {
            Value::Whole(number) if number >= 0 => Some(number),
            _ => None,
        })
    }

    /// A number, without which the table makes no sense.
    pub(super) fn required_number(&mut self, name: &'static str) -> Option<Given<f64>> {
        let was_there = self.has(name);
        let number = self.read(name, "a number", |value| match value {
            Value::Fraction(number) => Some(number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "bounds are small; far larger ones are refused"
            )]
            Value::Whole(number) => Some(number as f64),
            _ => None,
        });
        self.require(name, was_there, number)
    }

    /// A list of texts, each of a form.
    pub(super) fn texts<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&'static str, &str) -> Result<T, FieldError>,
    ) -> Option<Given<Vec<T>>> {
        let Given { value: items, at } = self.items(name, "a list of texts")?;
        let count = items.len();
        let mut texts = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            let at = At {
                line: item.line,
                ..at.under(&index.to_string())
            };
            let Value::Text(text) = item.value else {
                self.notes.note(&at, "must be a text");
                continue;
            };
            match parse(name, &text) {
                Ok(value) => texts.push(value),
                Err(fault) => self.notes.note(&at, fault.message),
            }
        }
        (texts.len() == count).then_some(Given { value: texts, at })
    }

    fn items(&mut self, name: &'static str, wanted: &'static str) -> Option<Given<Vec<Node>>> {
        self.read(name, wanted, |value| match value {
            Value::List(items) => Some(items),
            _ => None,
        })
    }

    /// A table in this one.
    pub(super) fn section(&mut self, name: &'static str) -> Option<Self> {
        let Given { value, at } = self.take(name)?;
        Self::of(self.notes, at, value)
    }

    /// A list of tables; none when it is absent. Those that are no tables are noted and left out.
    pub(super) fn sections(&mut self, name: &'static str) -> Option<Given<Vec<Self>>> {
        let Given { value: items, at } = self.items(name, "a list of tables")?;
        let sections = items.into_iter().enumerate().filter_map(|(index, item)| {
            let at = At {
                line: item.line,
                ..at.under(&index.to_string())
            };
            Self::of(self.notes, at, item)
        });
        Some(Given {
            value: sections.collect(),
            at: at.clone(),
        })
    }

    /// What is left, to be read as a whole, and its place.
    pub(super) fn rest(self) -> (Node, At) {
        let node = Node {
            line: self.at.line,
            value: Value::Table(self.members),
        };
        (node, self.at)
    }

    /// Puts a text in the place of a field, where the field with the other name stands.
    pub(super) fn put_text(&mut self, name: &'static str, given: Given<String>) {
        let line = given.at.line;
        let value = Value::Text(given.value);
        self.members.push(Member {
            name: name.to_owned(),
            line,
            node: Node { line, value },
        });
    }

    /// Puts a table back that was taken out.
    pub(super) fn put_back(&mut self, name: &'static str, section: Self) {
        let line = section.at.line;
        let (node, _) = section.rest();
        self.members.push(Member {
            name: name.to_owned(),
            line,
            node,
        });
    }

    /// Notes what nobody has asked for.
    pub(super) fn finish(self) {
        for member in &self.members {
            let at = self.at_field(&short(&member.name), member.line);
            let known = self.known.join(", ");
            self.notes
                .note(&at, format!("is not known here; there are: {known}"));
        }
    }
}
