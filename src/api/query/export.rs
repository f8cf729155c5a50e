//! The list of an answer as a file: CSV, JSON, or one JSON object a line.
//!
//! Columns of CSV are the members of the rows. What is itself an object is spread over columns with a dot in their names,
//! where an answer is at hand as a whole; otherwise, and lists always, it stands in its cell as JSON text. A text that a
//! spreadsheet would take for a formula gets an apostrophe before it
//! (<https://owasp.org/www-community/attacks/CSV_Injection>).

use std::borrow::Cow;
use std::fmt;

use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::domain::field_error::{FieldError, FieldFault};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Json,
    Ndjson,
}

/// In which form an answer is wanted.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `taken` reads")]
pub(super) struct FormatParameters {
    /// The list of the answer as a file, without the envelope: `csv`, `json` or `ndjson`.
    #[param(pattern = "^(csv|json|ndjson)$")]
    format: Option<String>,
}

impl Format {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

/// Takes `format` out of the parameters of a question, whose answer has a list or has none.
pub(super) fn taken(
    parameters: &mut Vec<(Cow<'_, str>, Cow<'_, str>)>,
    has_list: bool,
) -> Result<Option<Format>, FieldError> {
    let Some(place) = parameters.iter().position(|(name, _)| name == "format") else {
        return Ok(None);
    };
    if !has_list {
        return Ok(None);
    }
    let (_, name) = parameters.remove(place);
    match name.as_ref() {
        "" => Ok(None),
        "csv" => Ok(Some(Format::Csv)),
        "json" => Ok(Some(Format::Json)),
        "ndjson" => Ok(Some(Format::Ndjson)),
        _ => Err(FieldError::new(
            "format",
            FieldFault::UnknownValue,
            "must be one of csv, json, ndjson",
        )),
    }
}

/// Begins the answer that a file is.
pub(super) fn headed(name: &str, format: Format) -> HttpResponseBuilder {
    let file = format!("attachment; filename=\"fresnel-{name}.{}\"", format.ending());
    let mut builder = HttpResponseBuilder::new(StatusCode::OK);
    builder
        .insert_header((CONTENT_TYPE, format.media_type()))
        .insert_header((CONTENT_DISPOSITION, file))
        .insert_header((CACHE_CONTROL, "no-store"));
    builder
}

/// The list of an answer that is at hand: the first of these places that has one.
pub(super) fn file(name: &str, format: Format, places: &[&str], data: &[u8]) -> HttpResponse {
    let mut body = Vec::new();
    let mut writer = Writer::new(format, true);
    writer.begin(&mut body);
    let mut lists = places.iter().filter_map(|place| list_at(data, place));
    let rows = lists.find(|rows| !rows.is_empty()).unwrap_or_default();
    writer.rows(&rows, &mut body);
    writer.end(&mut body);
    headed(name, format).body(body)
}

/// The rows in a place like `total.steps`.
fn list_at(data: &[u8], place: &str) -> Option<Vec<Box<RawValue>>> {
    let mut inner: Box<RawValue> = serde_json::from_slice(data).ok()?;
    for name in place.split('.') {
        let Members(members) = serde_json::from_str(inner.get()).ok()?;
        inner = members.into_iter().find(|(member, _)| member == name)?.1;
    }
    serde_json::from_str(inner.get()).ok()
}

/// The members of an object, in their order.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Writes rows, some at a time.
pub(super) struct Writer {
    format: Format,
    /// Whether objects are spread over columns.
    spreads: bool,
    /// Columns of CSV: those of the rows that came first.
    columns: Option<Vec<String>>,
    is_first: bool,
}

impl Writer {
    pub(super) const fn new(format: Format, spreads: bool) -> Self {
        Self {
            format,
            spreads,
            columns: None,
            is_first: true,
        }
    }

    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.push(b'[');
        }
    }

    pub(super) fn end(&self, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.extend_from_slice(b"\n]\n");
        }
    }

    pub(super) fn rows(&mut self, rows: &[Box<RawValue>], out: &mut Vec<u8>) {
        if self.format == Format::Csv {
            return self.csv(rows, out);
        }
        for row in rows {
            if self.format == Format::Json {
                let separator = if self.is_first { "\n" } else { ",\n" };
                out.extend_from_slice(separator.as_bytes());
                self.is_first = false;
            }
            out.extend_from_slice(row.get().as_bytes());
            if self.format == Format::Ndjson {
                out.push(b'\n');
            }
        }
    }

    fn csv(&mut self, rows: &[Box<RawValue>], out: &mut Vec<u8>) {
        let rows: Vec<_> = rows.iter().map(|row| self.cells(row)).collect();
        if self.columns.is_none() && !rows.is_empty() {
            let mut columns: Vec<String> = Vec::new();
            for (name, _) in rows.iter().flatten() {
                if !columns.contains(name) {
                    columns.push(name.clone());
                }
            }
            // An object that is null in one row has columns of its own in another.
            let is_spread = |name: &String| {
                let beginning = format!("{name}.");
                columns.iter().any(|other| other.starts_with(&beginning))
            };
            let columns: Vec<String> = columns.iter().filter(|name| !is_spread(name)).cloned().collect();
            line(columns.iter().map(|name| guarded(name)), out);
            self.columns = Some(columns);
        }
        let columns = self.columns.as_deref().unwrap_or_default();
        for row in rows {
            let cell = |column: &String| {
                let found = row.iter().find(|(name, _)| name == column);
                found.map_or_else(String::new, |(_, value)| text_of(value))
            };
            line(columns.iter().map(cell), out);
        }
    }

    /// A row's cells by their columns.
    fn cells(&self, row: &RawValue) -> Vec<(String, Box<RawValue>)> {
        let Ok(Members(members)) = serde_json::from_str(row.get()) else {
            return Vec::new();
        };
        let mut cells = Vec::new();
        for (name, value) in members {
            match serde_json::from_str(value.get()) {
                Ok(Members(inner)) if self.spreads => {
                    cells.extend(
                        inner
                            .into_iter()
                            .map(|(of, value)| (format!("{name}.{of}"), value)),
                    );
                }
                _ => cells.push((name, value)),
            }
        }
        cells
    }
}

/// A value as the text of a cell.
fn text_of(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).unwrap_or_default();
            guarded(&text)
        }
        other => other.to_owned(),
    }
}

/// A text that no spreadsheet takes for a formula.
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// A line of CSV (RFC 4180).
fn line(cells: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(format: Format, spreads: bool, rows: &[serde_json::Value]) -> String {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| RawValue::from_string(row.to_string()).unwrap())
            .collect();
        let mut out = Vec::new();
        let mut writer = Writer::new(format, spreads);
        writer.begin(&mut out);
        for part in rows.chunks(2) {
            writer.rows(part, &mut out);
        }
        writer.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_and_no_text_is_a_formula() {
        let rows = [
            json!({"a": "=1+1", "b": -1.5, "c": "x,\"y\"\n"}),
            json!({"a": "@x", "b": null, "c": ["z"]}),
            json!({"a": "-", "b": true}),
        ];
        assert_eq!(
            written(Format::Csv, true, &rows),
            "a,b,c\r\n'=1+1,-1.5,\"x,\"\"y\"\"\n\"\r\n'@x,,\"[\"\"z\"\"]\"\r\n'-,true,\r\n"
        );
    }

    #[test]
    fn objects_are_spread_or_stand_as_text() {
        let rows = [
            json!({"a": null, "b": 1}),
            json!({"a": {"x": 1, "y": "z"}, "b": 2}),
        ];
        assert_eq!(written(Format::Csv, true, &rows), "b,a.x,a.y\r\n1,,\r\n2,1,z\r\n");
        assert_eq!(
            written(Format::Csv, false, &rows),
            "a,b\r\n,1\r\n\"{\"\"x\"\":1,\"\"y\"\":\"\"z\"\"}\",2\r\n"
        );
    }

    #[test]
    fn json_is_a_list_and_ndjson_a_line_a_row() {
        let rows = [json!({"a": 1}), json!({"a": 2}), json!({"a": 3})];
        let list: serde_json::Value = serde_json::from_str(&written(Format::Json, true, &rows)).unwrap();
        assert_eq!(list, json!(rows));
        let none: serde_json::Value = serde_json::from_str(&written(Format::Json, true, &[])).unwrap();
        assert_eq!(none, json!([]));
        assert_eq!(
            written(Format::Ndjson, true, &rows),
            "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"
        );
        assert_eq!(written(Format::Csv, true, &[]), "");
    }

    #[test]
    fn the_list_is_found_in_its_place() {
        let data = br#"{"groups": [], "total": {"steps": [{"step": "a"}]}}"#;
        assert_eq!(list_at(data, "total.steps").unwrap().len(), 1);
        assert!(list_at(data, "groups").unwrap().is_empty());
        assert!(list_at(data, "nothing").is_none());
    }
}
