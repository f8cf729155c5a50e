//! `POST /api/analytics/performance/metrics`

use serde_json::json;

use crate::api::stored::{assert_columns, sent_ms, store, stored_ms};
use crate::harness::Fresnel;
use crate::harness::beacons::{Kind, iso, now};

#[test]
fn every_field_of_a_metric_is_stored_in_its_column() {
    let server = Fresnel::shared();
    let beacon = Kind::Metric.sample();
    let row = store(&server, Kind::Metric, beacon.clone());
    assert_columns(
        &row,
        &json!({
            "project_id": "default", "session_id": "session-1", "user_id": "user-1", "flags": 0,
            "type": "api_response_time", "name": "", "value": 123.5, "page": "/checkout",
            "api_endpoint": "/api/orders", "method": "POST", "status": 201, "region": "eu-west",
            "effect_id": "glow", "error_context": "none at all", "release": "1.2.3",
            "environment": "production", "rating": "good", "navigation_type": "reload",
            "metadata": {"cart_items": 3, "note": "größer"},
        }),
    );
    assert_eq!(stored_ms(&row["ts"]), sent_ms(&beacon["timestamp"]));
    assert_eq!(stored_ms(&row["client_ts"]), sent_ms(&beacon["timestamp"]));
}

#[test]
fn a_metric_without_metadata_is_stored_with_empty_columns() {
    let server = Fresnel::shared();
    let beacon = json!({"type": "page_load_time", "value": 10, "timestamp": iso(now()), "session_id": "s"});
    let row = store(&server, Kind::Metric, beacon);
    assert_columns(
        &row,
        &json!({
            "type": "page_load_time", "name": "", "value": 10, "page": "", "api_endpoint": "", "method": "",
            "status": 0, "region": "", "error_context": "", "user_id": "", "metadata": {},
        }),
    );
}

#[test]
fn all_types_of_metrics_are_taken() {
    let server = Fresnel::shared();
    for metric_type in [
        "page_load_time",
        "api_response_time",
        "effect_processing_time",
        "core_web_vitals",
    ] {
        let mut beacon = Kind::Metric.sample();
        beacon["type"] = json!(metric_type);
        assert_eq!(store(&server, Kind::Metric, beacon)["type"], metric_type);
    }
}

#[test]
fn a_layout_shift_of_zero_is_stored_as_zero() {
    let server = Fresnel::shared();
    for zero in [json!(0), json!(0.0), json!(-0.0)] {
        let mut beacon = Kind::Metric.sample();
        beacon["type"] = json!("core_web_vitals");
        beacon["value"] = zero;
        beacon["metadata"] = json!({"name": "CLS", "rating": "good"});
        let row = store(&server, Kind::Metric, beacon);
        assert_columns(
            &row,
            &json!({"type": "core_web_vitals", "name": "CLS", "value": 0, "rating": "good"}),
        );
    }
}

#[test]
fn every_vital_is_taken_and_one_without_a_name_too() {
    let server = Fresnel::shared();
    for name in ["LCP", "INP", "CLS", "FCP", "TTFB", ""] {
        let mut beacon = Kind::Metric.sample();
        beacon["type"] = json!("core_web_vitals");
        beacon["metadata"] = if name.is_empty() {
            json!({"page": "/"})
        } else {
            json!({ "name": name })
        };
        assert_eq!(store(&server, Kind::Metric, beacon)["name"], name);
    }
}

#[test]
fn values_at_the_ends_of_their_range_are_stored_exactly() {
    let server = Fresnel::shared();
    for value in [
        json!(5e-324),
        json!(0.1),
        json!(9_007_199_254_740_993_u64),
        json!(1.797_693_134_862_315_7e308),
    ] {
        let mut beacon = Kind::Metric.sample();
        beacon["value"] = value.clone();
        assert_eq!(
            store(&server, Kind::Metric, beacon)["value"].as_f64(),
            value.as_f64()
        );
    }
    for status in [100, 599] {
        let mut beacon = Kind::Metric.sample();
        beacon["metadata"]["status"] = json!(status);
        assert_eq!(store(&server, Kind::Metric, beacon)["status"], status);
    }
}

#[test]
fn metadata_that_is_too_long_is_cut_and_flagged_and_at_the_limit_it_is_not() {
    let server = Fresnel::shared();
    for (chars, flags) in [(1_024, 0), (1_025, 1), (5_000, 1)] {
        let mut beacon = Kind::Metric.sample();
        beacon["metadata"]["page"] = json!("ä".repeat(chars));
        beacon["metadata"]["note"] = json!("ß".repeat(chars));
        let row = store(&server, Kind::Metric, beacon);
        assert_eq!(row["flags"], flags, "{chars}");
        assert_eq!(row["page"], "ä".repeat(chars.min(1_024)));
        assert_eq!(row["metadata"]["note"], "ß".repeat(chars.min(1_024)));
    }
}

#[test]
fn ids_at_their_longest_and_any_script_are_stored_as_sent() {
    let server = Fresnel::shared();
    for session in [
        "x".repeat(100),
        "ü".repeat(100),
        "日本語のセッション".to_owned(),
        "🦀\\\"'`%00".to_owned(),
    ] {
        let mut beacon = Kind::Metric.sample();
        beacon["session_id"] = json!(session);
        assert_eq!(store(&server, Kind::Metric, beacon)["session_id"], session);
    }
}
