use serde_json::json;

use super::*;
use crate::domain::field_error::FieldFault as Fault;

const NOW_MS: i64 = 1_800_000_000_000;
const NOW: &str = "2027-01-15T08:00:00Z";

fn rules() -> Rules {
    Rules {
        funnel_steps: vec!["pay".into()],
        event_types: vec!["signup".into()],
        text_chars_max: 1_024,
    }
}

fn value_of(json: &serde_json::Value) -> Value<'static> {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(unsigned), ..) => Value::Unsigned(unsigned),
            (None, Some(negative), _) => Value::Negative(negative),
            (.., float) => Value::Float(float.unwrap()),
        },
        serde_json::Value::String(text) => Value::Text(text.clone().into()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value_of).collect()),
        serde_json::Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| (key.clone().into(), value_of(value)))
                .collect(),
        ),
    }
}

fn check(kind: Kind, json: &serde_json::Value) -> Result<Beacon<'static>, Vec<FieldError>> {
    validate(kind, value_of(json), Arrival::at(NOW_MS), &rules())
}

fn good(kind: Kind) -> serde_json::Value {
    match kind {
        Kind::Metric => {
            json!({"type": "api_response_time", "value": 12.5, "timestamp": NOW, "session_id": "s1"})
        }
        Kind::Alert => json!({"severity": "error", "metric": "lcp", "threshold": 2500, "actual_value": 4000,
            "user_context": {"browser": "Firefox", "device_type": "mobile"}}),
        Kind::Funnel => json!({"step": "effect_viewed", "session_id": "s1"}),
        Kind::Event => json!({"event_type": "image_upload", "event_data": {}, "session_id": "s1"}),
    }
}

const REQUIRED: [(Kind, &str); 12] = [
    (Kind::Metric, "type"),
    (Kind::Metric, "value"),
    (Kind::Metric, "timestamp"),
    (Kind::Metric, "session_id"),
    (Kind::Alert, "severity"),
    (Kind::Alert, "metric"),
    (Kind::Alert, "threshold"),
    (Kind::Alert, "user_context"),
    (Kind::Funnel, "step"),
    (Kind::Funnel, "session_id"),
    (Kind::Event, "event_type"),
    (Kind::Event, "event_data"),
];

#[test]
fn the_least_of_each_kind_is_valid() {
    for kind in Kind::ALL {
        assert_eq!(check(kind, &good(kind)).unwrap().detail.kind(), kind);
    }
}

#[test]
fn a_required_field_that_is_absent_or_null_is_named_once() {
    for (kind, field) in REQUIRED {
        let mut absent = good(kind);
        absent.as_object_mut().unwrap().remove(field);
        let mut null = good(kind);
        null[field] = serde_json::Value::Null;
        for body in [absent, null] {
            let errors = check(kind, &body).unwrap_err();
            assert_eq!(errors.len(), 1, "{field}: {errors:?}");
            assert_eq!(
                (errors[0].field.as_ref(), errors[0].code),
                (field, Fault::Missing)
            );
        }
    }
}

#[test]
fn a_field_of_another_type_is_named_once() {
    for (kind, field) in REQUIRED {
        let mut body = good(kind);
        body[field] = json!([true]);
        let errors = check(kind, &body).unwrap_err();
        assert_eq!(errors.len(), 1, "{field}: {errors:?}");
        assert_eq!(
            (errors[0].field.as_ref(), errors[0].code),
            (field, Fault::WrongType)
        );
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let body = json!({"type": "speed", "value": -1, "timestamp": "yesterday", "session_id": "",
        "event_id": "1", "metadata": {"status": 99}});
    let errors = check(Kind::Metric, &body).unwrap_err();
    let faults: Vec<_> = errors
        .iter()
        .map(|error| (error.field.as_ref(), error.code))
        .collect();
    assert_eq!(
        faults,
        [
            ("type", Fault::UnknownValue),
            ("value", Fault::OutOfRange),
            ("metadata.status", Fault::OutOfRange),
            ("event_id", Fault::BadFormat),
            ("session_id", Fault::Empty),
            ("timestamp", Fault::BadFormat),
        ]
    );
}

#[test]
fn a_layout_shift_of_zero_is_data() {
    let body = json!({"type": "core_web_vitals", "value": 0, "timestamp": NOW, "session_id": "s",
        "metadata": {"name": "CLS"}});
    let Detail::Metric(metric) = check(Kind::Metric, &body).unwrap().detail else {
        panic!("a metric")
    };
    assert!(metric.value.abs() < f64::EPSILON);
    assert_eq!(metric.name.unwrap().as_str(), "CLS");
}

#[test]
fn a_vital_may_have_no_name_but_no_invented_one() {
    let mut body = json!({"type": "core_web_vitals", "value": 1, "timestamp": NOW, "session_id": "s"});
    assert!(check(Kind::Metric, &body).is_ok());
    body["metadata"] = json!({"name": "FID"});
    assert_eq!(check(Kind::Metric, &body).unwrap_err()[0].field, "metadata.name");
}

#[test]
fn further_names_are_valid_when_the_settings_allow_them() {
    assert!(check(Kind::Funnel, &json!({"step": "pay", "session_id": "s"})).is_ok());
    assert!(check(Kind::Funnel, &json!({"step": "signup", "session_id": "s"})).is_err());
    assert!(
        check(
            Kind::Event,
            &json!({"event_type": "signup", "event_data": {}, "session_id": "s"})
        )
        .is_ok()
    );
}

#[test]
fn long_metadata_is_cut_and_flagged_and_long_ids_are_refused() {
    let mut body = good(Kind::Metric);
    body["metadata"] = json!({"page": "é".repeat(1_025), "deep": {"list": ["x".repeat(2_000)]}});
    let beacon = check(Kind::Metric, &body).unwrap();
    assert!(beacon.common.is_cut);
    let Detail::Metric(metric) = beacon.detail else {
        panic!("a metric")
    };
    assert_eq!(metric.page.chars().count(), 1_024);
    assert_eq!(
        serde_json::to_value(&metric.metadata[0].1).unwrap(),
        json!({"list": ["x".repeat(1_024)]})
    );
    body["metadata"] = json!({"effect_id": "x".repeat(101)});
    let errors = check(Kind::Metric, &body).unwrap_err();
    assert_eq!(
        (errors[0].field.as_ref(), errors[0].code),
        ("metadata.effect_id", Fault::TooLong)
    );
}

#[test]
fn known_metadata_gets_columns_and_the_rest_stays() {
    let mut body = good(Kind::Metric);
    body["metadata"] = json!({"page": "/a", "status": 503, "plan": "pro"});
    let Detail::Metric(metric) = check(Kind::Metric, &body).unwrap().detail else {
        panic!("a metric")
    };
    assert_eq!((metric.page.as_ref(), metric.status), ("/a", 503));
    assert_eq!(metric.metadata, [("plan".into(), Value::Text("pro".into()))]);
}

#[test]
fn an_event_id_is_kept_and_made_when_absent() {
    let mut body = good(Kind::Funnel);
    assert_eq!(
        check(Kind::Funnel, &body)
            .unwrap()
            .common
            .event_id
            .get_version_num(),
        7
    );
    body["event_id"] = json!("0B4A1C4E-1F0E-4C58-9D0F-0B8B6A5A7D11");
    let id = check(Kind::Funnel, &body).unwrap().common.event_id;
    assert_eq!(id.to_string(), "0b4a1c4e-1f0e-4c58-9d0f-0b8b6a5a7d11");
}
