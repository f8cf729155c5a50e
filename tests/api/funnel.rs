//! `POST /api/analytics/funnel`

use serde_json::json;

use crate::api::stored::{assert_columns, sent_ms, store, stored_ms};
use crate::harness::beacons::Kind;
use crate::harness::{Fresnel, Options};

#[test]
fn every_field_of_a_step_is_stored_in_its_column() {
    let server = Fresnel::shared();
    let beacon = Kind::Funnel.sample();
    let row = store(&server, Kind::Funnel, beacon.clone());
    assert_columns(
        &row,
        &json!({
            "project_id": "default", "session_id": "session-3", "user_id": "user-3", "flags": 0,
            "step": "effect_started", "effect_id": "glow", "metadata": {"page": "/studio", "tries": 2},
        }),
    );
    assert_eq!(stored_ms(&row["ts"]), sent_ms(&beacon["timestamp"]));
}

#[test]
fn the_nine_standard_steps_are_taken() {
    let server = Fresnel::shared();
    for step in [
        "effect_discovered",
        "effect_viewed",
        "effect_started",
        "image_uploaded",
        "parameters_set",
        "processing_started",
        "processing_completed",
        "result_downloaded",
        "result_shared",
    ] {
        let row = store(&server, Kind::Funnel, json!({"step": step, "session_id": "s"}));
        assert_columns(&row, &json!({"step": step, "effect_id": "", "metadata": {}}));
    }
}

#[test]
fn steps_and_types_from_the_settings_are_taken_and_unknown_ones_named() {
    let options = Options::new()
        .settings_file("[ingest]\nfunnel_steps = [\"cart_opened\"]\nevent_types = [\"newsletter\"]\n");
    let server = Fresnel::start(options);
    let row = store(
        &server,
        Kind::Funnel,
        json!({"step": "cart_opened", "session_id": "s"}),
    );
    assert_eq!(row["step"], "cart_opened");
    let event = json!({"event_type": "newsletter", "event_data": {}, "session_id": "s"});
    assert_eq!(store(&server, Kind::Event, event)["event_type"], "newsletter");

    let refused = server.post(
        Kind::Funnel.path(),
        r#"{"step": "newsletter", "session_id": "s"}"#,
    );
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.details(),
        [("step".to_owned(), "unknown_value".to_owned())]
    );
}
