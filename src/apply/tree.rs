//! TOML and JSON as one tree, in which everything knows its line.

use std::collections::HashSet;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

/// Deepest nesting that is looked into.
const DEPTH_MAX: usize = 16;

/// A value with its line, from 1.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What files can hold.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Whole(i64),
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Member>),
    /// What no field takes: a date, a number that is none.
    Other,
}

/// One field of a table.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

/// Why a text is no tree.
#[derive(Debug)]
pub(super) struct Malformed {
    /// From 1; 0 when it is not known.
    pub(super) line: usize,
    /// What is wrong, without a quotation: the text may hold secrets.
    pub(super) reason: String,
}

impl Node {
    /// The same as JSON, without lines; what no field takes is a text that says so.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Whole(number) => (*number).into(),
            Value::Fraction(number) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(members) => {
                let members = members.iter();
                members
                    .map(|member| (member.name.clone(), member.node.to_json()))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
            Value::Other => "a date, or no number".into(),
        }
    }

    /// The line of a field of this table, like `watch.type`; of the last part of its path that is there.
    pub(super) fn line_of(&self, field: &str) -> usize {
        let (mut line, mut node) = (self.line, self);
        for part in field.split('.') {
            let next = match &node.value {
                Value::Table(members) => members.iter().find(|member| member.name == part),
                Value::List(items) => {
                    let item = part.parse::<usize>().ok().and_then(|at| items.get(at));
                    let Some(item) = item else { return line };
                    (line, node) = (item.line, item);
                    continue;
                }
                _ => None,
            };
            let Some(member) = next else { return line };
            (line, node) = (member.line, &member.node);
        }
        line
    }
}

/// Reads TOML.
pub(super) fn toml(text: &str) -> Result<Node, Malformed> {
    let source = Source::new(text);
    let table = DeTable::parse(text).map_err(|error| Malformed {
        line: error.span().map_or(0, |span| source.line_of(span.start)),
        reason: error.message().to_owned(),
    })?;
    let members = of_table(&source, table.into_inner(), 0)?;
    Ok(Node {
        line: 1,
        value: Value::Table(members),
    })
}

fn of_table(source: &Source<'_>, table: DeTable<'_>, depth: usize) -> Result<Vec<Member>, Malformed> {
    let members = table.into_iter().map(|(name, value)| {
        let line = source.line_of(name.span().start);
        // The span of a table is that of its header, or of its first dotted key.
        let value_line = source.line_of(value.span().start);
        Ok(Member {
            name: name.into_inner().into_owned(),
            line,
            node: of_toml(source, value_line, value.into_inner(), depth)?,
        })
    });
    let mut members = members.collect::<Result<Vec<_>, Malformed>>()?;
    // In the order of the file, so that faults are told in it.
    members.sort_by_key(|member| member.line);
    Ok(members)
}

fn of_toml(source: &Source<'_>, line: usize, value: DeValue<'_>, depth: usize) -> Result<Node, Malformed> {
    check_depth(line, depth)?;
    let value = match value {
        DeValue::String(value) => Value::Text(value.into_owned()),
        DeValue::Integer(value) => {
            let digits = value.as_str();
            i64::from_str_radix(digits, value.radix()).map_or(Value::Other, Value::Whole)
        }
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Float(value) => fraction(value.as_str()),
        DeValue::Datetime(_) => Value::Other,
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| {
                let line = source.line_of(item.span().start);
                of_toml(source, line, item.into_inner(), depth + 1)
            });
            Value::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(of_table(source, table, depth + 1)?),
    };
    Ok(Node { line, value })
}

/// A number with a fraction or an exponent, or a whole one that is too large to be one.
fn fraction(text: &str) -> Value {
    match text.parse() {
        Ok(number) if f64::is_finite(number) => Value::Fraction(number),
        _ => Value::Other,
    }
}

/// Reads JSON.
pub(super) fn json(text: &str) -> Result<Node, Malformed> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| json_fault(&error, 1))?;
    of_json(&Source::new(text), raw, 0)
}

/// `first` is the line on which the text that was read begins.
fn json_fault(error: &serde_json::Error, first: usize) -> Malformed {
    let whole = error.to_string();
    let reason = whole.split(" at line ").next().unwrap_or(&whole);
    Malformed {
        line: first + error.line().saturating_sub(1),
        reason: reason.to_owned(),
    }
}

/// `raw` is a part of the source. It is read level by level, since the reader tells no places.
fn of_json(source: &Source<'_>, raw: &RawValue, depth: usize) -> Result<Node, Malformed> {
    let part = raw.get();
    let offset = (part.as_ptr() as usize).saturating_sub(source.text.as_ptr() as usize);
    let line = source.line_of(offset);
    check_depth(line, depth)?;
    let fault = |error: &serde_json::Error| json_fault(error, line);
    let value = match part.as_bytes().first() {
        Some(b'{') => {
            let Fields(fields) = serde_json::from_str(part).map_err(|error| fault(&error))?;
            let mut members: Vec<Member> = Vec::with_capacity(fields.len());
            let mut names = HashSet::with_capacity(fields.len());
            for (name, raw) in fields {
                let node = of_json(source, raw, depth + 1)?;
                if !names.insert(name.clone()) {
                    return Err(Malformed {
                        line: node.line,
                        reason: format!("the field `{}` stands twice", short(&name)),
                    });
                }
                members.push(Member {
                    line: node.line,
                    name,
                    node,
                });
            }
            Value::Table(members)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(part).map_err(|error| fault(&error))?;
            let items = items.into_iter().map(|item| of_json(source, item, depth + 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::Text(serde_json::from_str(part).map_err(|error| fault(&error))?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') => Value::Null,
        _ => part.parse().map_or_else(|_| fraction(part), Value::Whole),
    };
    Ok(Node { line, value })
}

/// A name of a file, at a length that can be shown.
pub(super) fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

fn check_depth(line: usize, depth: usize) -> Result<(), Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed {
            line,
            reason: format!("more than {DEPTH_MAX} levels deep"),
        });
    }
    Ok(())
}

/// A text whose lines can be found.
struct Source<'t> {
    text: &'t str,
    /// Where lines end.
    ends: Vec<usize>,
}

impl<'t> Source<'t> {
    fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(place, _)| place);
        Self {
            text,
            ends: ends.collect(),
        }
    }

    /// Line of a byte offset, counted from 1.
    fn line_of(&self, offset: usize) -> usize {
        1 + self.ends.partition_point(|end| *end < offset)
    }
}

/// The fields of an object in their order, unread.
struct Fields<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap;
        impl<'de> Visitor<'de> for OfMap {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(OfMap)
    }
}
