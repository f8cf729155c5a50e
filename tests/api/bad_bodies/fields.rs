//! Every field of every kind: missing, null, of each wrong type, empty, too long, out of its range.

use serde_json::{Value, json};

use super::MARKER;
use super::corpus::Case;
use crate::harness::beacons::Kind;

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// An id or a name of 1 to 100 characters.
    Id,
    /// An id that may be empty, which counts as absent.
    OptionalId,
    /// One of a list.
    Choice,
    /// Text that is cut instead of refused.
    Text,
    Time,
    Uuid,
    Number,
    NumberFromZero,
    Status,
    Object,
}

use Shape::{Choice, Id, Number, NumberFromZero, Object, OptionalId, Status, Text, Time, Uuid};

/// Fields by kind: path, shape, and whether the field is required.
fn fields(kind: Kind) -> Vec<(&'static str, Shape, bool)> {
    let mut fields = vec![
        ("event_id", Uuid, false),
        ("user_id", OptionalId, false),
        ("sent_at", Time, false),
    ];
    match kind {
        Kind::Metric => fields.extend([
            ("type", Choice, true),
            ("value", NumberFromZero, true),
            ("timestamp", Time, true),
            ("session_id", Id, true),
            ("metadata", Object, false),
            ("metadata.page", Text, false),
            ("metadata.api_endpoint", Text, false),
            ("metadata.error_context", Text, false),
            ("metadata.name", OptionalId, false),
            ("metadata.method", OptionalId, false),
            ("metadata.status", Status, false),
            ("metadata.region", OptionalId, false),
            ("metadata.effect_id", OptionalId, false),
            ("metadata.release", OptionalId, false),
            ("metadata.environment", OptionalId, false),
            ("metadata.rating", OptionalId, false),
            ("metadata.navigation_type", OptionalId, false),
        ]),
        Kind::Alert => fields.extend([
            ("severity", Choice, true),
            ("metric", Id, true),
            ("threshold", Number, true),
            ("actual_value", Number, true),
            ("user_context", Object, true),
            ("user_context.browser", Id, true),
            ("user_context.device_type", Id, true),
            ("timestamp", Time, false),
            ("session_id", OptionalId, false),
        ]),
        Kind::Funnel => fields.extend([
            ("step", Choice, true),
            ("effect_id", OptionalId, false),
            ("session_id", Id, true),
            ("timestamp", Time, false),
            ("metadata", Object, false),
        ]),
        Kind::Event => fields.extend([
            ("event_type", Choice, true),
            ("event_data", Object, true),
            ("session_id", Id, true),
            ("timestamp", Time, false),
        ]),
    }
    fields
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in Kind::ALL {
        for (path, shape, required) in fields(kind) {
            if required {
                cases.push(Case::changed("missing", kind, path, None, &["missing"]));
                cases.push(Case::changed("null", kind, path, Some(Value::Null), &["missing"]));
            }
            for value in wrong_types(shape) {
                let name = format!("of a wrong type: {value}");
                cases.push(Case::changed(&name, kind, path, Some(value), &["wrong_type"]));
            }
            for (value, code) in bad_values(shape) {
                let shown: String = value.to_string().chars().take(40).collect();
                cases.push(Case::changed(
                    &format!("= {shown}"),
                    kind,
                    path,
                    Some(value),
                    &[code],
                ));
            }
        }
    }
    cases.push(unknown_vital());
    cases
}

fn unknown_vital() -> Case {
    let mut beacon = Kind::Metric.sample();
    beacon["type"] = json!("core_web_vitals");
    beacon["metadata"] = json!({ "name": MARKER });
    Case::new(
        "an unknown vital",
        Kind::Metric,
        beacon.to_string(),
        "metadata.name",
        &["unknown_value"],
    )
}

fn wrong_types(shape: Shape) -> Vec<Value> {
    let text = json!(MARKER);
    let number = json!(12_345);
    let flag = json!(true);
    let list = json!([MARKER]);
    let object = json!({ MARKER: MARKER });
    match shape {
        Number | NumberFromZero | Status => vec![text, json!("1"), flag, list, object],
        Object => vec![text, number, flag, list],
        Id | OptionalId | Choice | Text | Time | Uuid => vec![number, flag, list, object],
    }
}

fn bad_values(shape: Shape) -> Vec<(Value, &'static str)> {
    let long = json!(format!("{MARKER}{}", "x".repeat(100)));
    let long_by_characters = json!("ü".repeat(101));
    let control: [Value; 3] = [json!("a\nb"), json!("a\u{7f}"), json!("\u{1b}[31m")];
    let of_id = || {
        let mut values = vec![
            (long.clone(), "too_long"),
            (long_by_characters.clone(), "too_long"),
        ];
        values.extend(control.iter().map(|value| (value.clone(), "bad_format")));
        values
    };
    match shape {
        Id => [vec![(json!(""), "empty")], of_id()].concat(),
        OptionalId => of_id(),
        Choice => vec![
            (json!(""), "empty"),
            (json!(MARKER), "unknown_value"),
            (long, "too_long"),
        ],
        Time => [
            "",
            MARKER,
            "yesterday",
            "2026-02-30T00:00:00Z",
            "2026-01-01T25:00:00Z",
            "2026-01-01",
            "1700000000",
        ]
        .map(|text| (json!(text), "bad_format"))
        .to_vec(),
        Uuid => [
            "",
            MARKER,
            "00000000-0000-0000-0000-000000000000",
            "6f1ed002-ab59-5c4a-9f0d-2f9f2c7f8a3",
            "6f1ed002-ab59-5c4a-9f0d-2f9f2c7f8a3g",
        ]
        .map(|text| (json!(text), "bad_format"))
        .to_vec(),
        NumberFromZero => vec![
            (json!(-1), "out_of_range"),
            (json!(-5e-324), "out_of_range"),
            (json!(i64::MIN), "out_of_range"),
        ],
        Status => [
            json!(99),
            json!(600),
            json!(0),
            json!(-200),
            json!(200.5),
            json!(1e300),
            json!(u64::MAX),
        ]
        .map(|value| (value, "out_of_range"))
        .to_vec(),
        Text | Number | Object => Vec::new(),
    }
}
