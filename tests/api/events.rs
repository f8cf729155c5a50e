//! `POST /api/analytics/events`

use serde_json::json;

use crate::api::stored::{assert_columns, sent_ms, store, stored_ms};
use crate::harness::Fresnel;
use crate::harness::beacons::Kind;

#[test]
fn every_field_of_an_event_is_stored_in_its_column() {
    let server = Fresnel::shared();
    let beacon = Kind::Event.sample();
    let row = store(&server, Kind::Event, beacon.clone());
    assert_columns(
        &row,
        &json!({
            "project_id": "default", "session_id": "session-4", "user_id": "user-4", "flags": 0,
            "event_type": "image_upload",
            "event_data": {"bytes": 1024, "format": "png", "nested": {"a": [1, 2]}},
        }),
    );
    assert_eq!(stored_ms(&row["ts"]), sent_ms(&beacon["timestamp"]));
}

#[test]
fn the_seven_standard_types_are_taken() {
    let server = Fresnel::shared();
    for event_type in [
        "image_upload",
        "result_download",
        "result_share",
        "profile_update",
        "feature_discovery",
        "tutorial_completion",
        "error_occurrence",
    ] {
        let event = json!({"event_type": event_type, "event_data": {}, "session_id": "s"});
        let row = store(&server, Kind::Event, event);
        assert_columns(
            &row,
            &json!({"event_type": event_type, "event_data": {}, "client_ts": null}),
        );
    }
}

#[test]
fn properties_of_any_shape_can_be_asked_for_in_clickhouse() {
    let server = Fresnel::shared();
    let event = json!({
        "event_type": "feature_discovery", "session_id": "s",
        "event_data": {"a.b": 1, "list": [{"x": 1}, {"x": 2}], "deep": {"er": {"est": "end"}}, "flag": true, "big": 1e300},
    });
    let row = store(&server, Kind::Event, event);
    let id = row["event_id"].as_str().expect("an id");
    let sql = format!(
        "SELECT event_data.deep.er.est AS end, event_data.flag AS flag FROM user_events WHERE event_id = '{id}'"
    );
    let rows = server.warehouse().query(&sql);
    assert_columns(&rows[0], &json!({"end": "end", "flag": true}));
}

#[test]
fn keys_that_only_differ_by_a_dot_or_a_type_never_stop_the_flow() {
    let server = Fresnel::shared();
    // ClickHouse reads a dot in a key as a path: `a.b` and `{a: {b}}` meet in the same place.
    for event_data in [
        json!({"a.b": 1, "a": {"b": 2}}),
        json!({"a": 1}),
        json!({"a": "text"}),
        json!({"a": [1, "two", null, {"three": 3}]}),
        json!({"": 1}),
        json!({"a": {"": {"": 1}}}),
        json!({"with space and \"quotes\" and `ticks`": {"ключ": "значение"}}),
        json!({"a..b": 1, ".": 2, "a.": 3, ".a": 4}),
        json!({"max": u64::MAX, "min": i64::MIN, "float": 1e308, "null": null}),
    ] {
        let event = json!({"event_type": "profile_update", "session_id": "s", "event_data": event_data});
        store(&server, Kind::Event, event);
    }
}
