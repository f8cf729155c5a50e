//! Texts that no JSON writer makes: broken numbers and strings, doubled keys, cut and overgrown documents.

use super::MARKER;
use super::corpus::Case;
use crate::harness::beacons::Kind;

pub(super) fn cases() -> Vec<Case> {
    [
        numbers(),
        strings(),
        doubled_keys(),
        many_keys(),
        depths(),
        documents(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A metric whose `value` is this text.
fn metric(value: &str) -> String {
    let sample = Kind::Metric.sample().to_string();
    let changed = sample.replace("123.5", value);
    assert_ne!(sample, changed);
    changed
}

fn numbers() -> Vec<Case> {
    let not_json = [
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "1e400",
        "-1e400",
        "1e999999999999999999",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x10",
        "1_000",
        "--1",
        "- 1",
        "1,5",
        "undefined",
        "None",
        "٣",
    ];
    let mut cases: Vec<Case> = not_json
        .iter()
        .map(|text| {
            Case::new(
                format!("value = {text}"),
                Kind::Metric,
                metric(text),
                "",
                &["bad_format"],
            )
        })
        .collect();
    // Where the parser stops is the field's own value, as long as the text before it is whole.
    for text in ["NaN", "Infinity", "1e400", "undefined"] {
        cases.push(Case::new(
            format!("value = {text}, named"),
            Kind::Metric,
            metric(text),
            "value",
            &["bad_format"],
        ));
    }
    let digits = "9".repeat(400);
    cases.push(Case::new(
        "value of 400 digits",
        Kind::Metric,
        metric(&digits),
        "value",
        &["bad_format", "out_of_range"],
    ));
    cases
}

/// A step of a funnel whose session is this string, raw between its quotes.
fn session(raw: &[u8]) -> Vec<u8> {
    [
        br#"{"step": "effect_viewed", "session_id": ""#.as_slice(),
        raw,
        br#""}"#,
    ]
    .concat()
}

fn strings() -> Vec<Case> {
    let raw: [(&str, &[u8]); 14] = [
        ("a lone high surrogate", br"\ud800"),
        ("a lone low surrogate", br"\udc00"),
        ("surrogates in the wrong order", br"\udc00\ud800"),
        ("a high surrogate before text", br"\ud800abc"),
        ("two high surrogates", br"\ud800\ud800"),
        ("an escaped NUL", br"\u0000"),
        ("an escaped NUL within", br"a\u0000b"),
        ("a raw NUL", b"a\0b"),
        ("a raw line break", b"a\nb"),
        ("an unknown escape", br"\x41"),
        ("a short escape", br"\u12"),
        ("a byte that is no UTF-8", b"\xff"),
        ("UTF-8 that is too long for its character", b"\xc0\xaf"),
        ("a surrogate in UTF-8", b"\xed\xa0\x80"),
    ];
    // What is no UTF-8 is no JSON at all, wherever it stands.
    let named = |field: &'static str, raw: &[u8]| {
        if str::from_utf8(raw).is_ok() {
            field
        } else {
            "body"
        }
    };
    let mut cases: Vec<Case> = raw
        .iter()
        .map(|(name, raw)| {
            let field = named("session_id", raw);
            Case::new(
                format!("session_id: {name}"),
                Kind::Funnel,
                session(raw),
                field,
                &["bad_format"],
            )
        })
        .collect();
    for (name, raw) in raw {
        let body = [
            br#"{"event_type": "image_upload", "session_id": "s", "event_data": {"note": ""#.as_slice(),
            raw,
            br#""}}"#,
        ]
        .concat();
        cases.push(Case::new(
            format!("event_data.note: {name}"),
            Kind::Event,
            body,
            named("event_data.note", raw),
            &["bad_format"],
        ));
        let body = [
            br#"{"event_type": "image_upload", "session_id": "s", "event_data": {""#.as_slice(),
            raw,
            br#"": 1}}"#,
        ]
        .concat();
        cases.push(Case::new(
            format!("a key of event_data: {name}"),
            Kind::Event,
            body,
            "",
            &["bad_format"],
        ));
    }
    cases
}

/// An event with this text as its data.
fn event(data: &str) -> String {
    format!(r#"{{"event_type": "image_upload", "session_id": "s", "event_data": {data}}}"#)
}

fn doubled_keys() -> Vec<Case> {
    let twice = |name: &str, body: String, field: &str| {
        Case::new(
            format!("a key twice: {name}"),
            Kind::Event,
            body,
            field,
            &["duplicate"],
        )
    };
    let sample = r#"{"session_id": "a", "event_type": "image_upload", "event_data": {}, "#;
    vec![
        twice(
            "a known one",
            format!(r#"{sample}"session_id": "b"}}"#),
            "session_id",
        ),
        twice(
            "with an escape",
            format!(r#"{sample}"session\u005fid": "b"}}"#),
            "session_id",
        ),
        twice("deeper", event(r#"{"a": {"b": 1, "b": 1}}"#), "event_data.a.b"),
        twice("an unknown one", event(r#"{}, "extra": 1, "extra": 2"#), "extra"),
    ]
}

fn many_keys() -> Vec<Case> {
    let keys = |count: usize| {
        let members: Vec<String> = (0..count).map(|key| format!(r#""k{key}": {key}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let deeper = format!(r#"{{"a": {}}}"#, keys(101));
    [
        ("101 keys", event(&keys(101)), "event_data"),
        ("101 keys, deeper", event(&deeper), "event_data.a"),
        ("101 keys of the body", keys(101), "body"),
        ("3,000 keys", event(&keys(3_000)), "event_data"),
    ]
    .into_iter()
    .map(|(name, body, field)| Case::new(name, Kind::Event, body, field, &["too_long"]))
    .collect()
}

fn depths() -> Vec<Case> {
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let mut cases = Vec::new();
    for depth in [32, 33, 1_000, 10_000] {
        let arrays = event(&format!(r#"{{"a": {}}}"#, nested("[", "]", depth)));
        cases.push(Case::new(
            format!("arrays {depth} deep"),
            Kind::Event,
            arrays,
            "",
            &["too_long"],
        ));
        let objects = event(&nested(r#"{"a":"#, "}", depth));
        cases.push(Case::new(
            format!("objects {depth} deep"),
            Kind::Event,
            objects,
            "",
            &["too_long"],
        ));
    }
    for depth in [1_000, 10_000, 60_000] {
        for bracket in ["[", "]"] {
            let name = format!("nothing but {depth} times {bracket}");
            cases.push(Case::new(name, Kind::Event, bracket.repeat(depth), "", &[]));
        }
    }
    cases.push(Case::new(
        "nothing but open objects",
        Kind::Event,
        r#"{"a":"#.repeat(10_000),
        "",
        &[],
    ));
    cases
}

fn documents() -> Vec<Case> {
    let sample = Kind::Metric.sample().to_string();
    let mut cases: Vec<Case> = [
        "null",
        "true",
        "1",
        r#""text""#,
        "[]",
        r#"[{"step": "effect_viewed"}]"#,
    ]
    .iter()
    .map(|text| {
        Case::new(
            format!("the body is {text}"),
            Kind::Funnel,
            *text,
            "body",
            &["wrong_type"],
        )
    })
    .collect();
    let not_json = [
        ("empty", String::new()),
        ("white space", " \n\t".to_owned()),
        ("a word", MARKER.to_owned()),
        ("a second object behind the first", format!("{sample}{sample}")),
        ("a bracket behind the object", format!("{sample}}}")),
        ("a NUL behind the object", format!("{sample}\0")),
        ("two byte order marks", format!("\u{feff}\u{feff}{sample}")),
        ("a comment", format!("/* {MARKER} */{sample}")),
        ("a trailing comma", sample.replacen('}', ",}", 1)),
        ("single quotes", sample.replace('"', "'")),
        ("XML", format!("<beacon>{MARKER}</beacon>")),
        (
            "UTF-16",
            Kind::Funnel
                .sample()
                .to_string()
                .chars()
                .flat_map(|c| [c, '\0'])
                .collect(),
        ),
    ];
    cases.extend(not_json.map(|(name, text)| {
        Case::new(
            format!("the body is {name}"),
            Kind::Metric,
            text,
            "",
            &["bad_format"],
        )
    }));
    // A body that breaks off anywhere, in steps that share no divisor with anything.
    cases.extend((1..sample.len()).step_by(7).map(|end| {
        let name = format!("the body breaks off after {end} bytes");
        let cut: Vec<u8> = sample.as_bytes()[..end].to_vec();
        Case::new(name, Kind::Metric, cut, "", &["bad_format"])
    }));
    cases
}
