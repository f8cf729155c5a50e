//! `POST /api/analytics/performance/alerts`

use serde_json::json;

use crate::api::stored::{assert_columns, sent_ms, store, stored_ms};
use crate::harness::Fresnel;
use crate::harness::beacons::Kind;

#[test]
fn every_field_of_an_alert_is_stored_in_its_column() {
    let server = Fresnel::shared();
    let beacon = Kind::Alert.sample();
    let row = store(&server, Kind::Alert, beacon.clone());
    assert_columns(
        &row,
        &json!({
            "project_id": "default", "session_id": "session-2", "user_id": "user-2", "flags": 0,
            "severity": "warning", "metric": "memory", "threshold": 0.8, "actual_value": 0.93,
            "browser": "Firefox", "device_type": "desktop", "user_context": {"cores": 8},
        }),
    );
    assert_eq!(stored_ms(&row["ts"]), sent_ms(&beacon["timestamp"]));
}

#[test]
fn an_alert_needs_neither_session_nor_time() {
    let server = Fresnel::shared();
    for severity in ["warning", "error", "critical"] {
        let beacon = json!({
            "severity": severity, "metric": "lcp", "threshold": -1, "actual_value": 0,
            "user_context": {"browser": "Chrome", "device_type": "mobile"},
        });
        let row = store(&server, Kind::Alert, beacon);
        assert_columns(
            &row,
            &json!({"severity": severity, "session_id": "", "client_ts": null, "flags": 0}),
        );
        assert_eq!(row["ts"], row["received_at"]);
    }
}
