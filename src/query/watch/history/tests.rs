//! The past of rules to statements.

use std::fmt::Write as _;

use insta::assert_snapshot;
use serde_json::json;

use super::super::super::grain::{Grain, Kept};
use super::super::Watched;
use super::super::batch::{needs_percentiles, shape_of};
use super::HistoryRequest;
use super::statement::Past;
use crate::clock::UnixMicros;
use crate::domain::rule::{Direction, LevelThresholds, Watch};
use crate::warehouse::Retention;

/// 2026-07-15T12:00:00Z
const NOW: UnixMicros = UnixMicros(1_784_116_800_000_000);
const DAY_MS: i64 = 86_400_000;

const KEPT: Kept = Kept::new(
    Retention {
        raw_days: 90,
        minute_days: 30,
        hour_days: 730,
    },
    NOW,
);

/// Which table is read, and the statement.
fn past(watch: serde_json::Value, days: i64) -> (Grain, String) {
    let watch: Watch = serde_json::from_value(watch).unwrap();
    assert_eq!(watch.faults(), []);
    let thresholds = LevelThresholds {
        warning: Some(1.0),
        ..LevelThresholds::default()
    };
    let rule = Watched {
        project_id: "default",
        watch: &watch,
        direction: Direction::Above,
        thresholds: &thresholds,
        seen_from_ms: 0,
    };
    let (shape, subject) = shape_of(&rule, NOW).unwrap();
    let request = HistoryRequest::new(&watch, NOW.as_millis() - days * DAY_MS, NOW.as_millis()).unwrap();
    let past = Past {
        shape: &shape,
        subject: &subject,
        request: &request,
        has_percentiles: needs_percentiles(&watch),
    };
    let source = past.source(&KEPT);
    let statement = past.statement("fresnel", source, &KEPT);
    let mut text = format!("{}\n", statement.sql());
    for (name, value) in statement.parameters() {
        let _ = write!(text, "\n{name} = {}", serde_json::to_string(value).unwrap());
    }
    (source, text)
}

#[test]
fn windows_are_put_together_from_the_buckets_of_slices() {
    let (source, statement) = past(
        json!({
            "kind": "metric", "type": "api_response_time", "aggregate": "p95", "window_ms": 10_800_000,
            "filters": { "environment": ["production"] }, "group_by": ["page"],
        }),
        7,
    );
    assert_eq!(source, Grain::Quarter);
    assert_snapshot!(statement);
}

#[test]
fn other_beacons_are_counted_in_raw_rows() {
    let (source, statement) = past(
        json!({ "kind": "events", "beacon": "event", "filters": { "page": ["/a"] }, "group_by": ["page", "browser"] }),
        1,
    );
    assert_eq!(source, Grain::Raw);
    assert_snapshot!(statement);
}

#[test]
fn the_coarsest_table_that_makes_up_the_buckets_and_remembers_all_is_read() {
    let metric = |window_ms: i64, group_by: &[&str]| json!({ "kind": "metric", "window_ms": window_ms, "group_by": group_by });
    assert_eq!(past(metric(300_000, &[]), 7).0, Grain::Minute);
    // Minutes are kept for 30 days, hours for two years, raw rows for 90 days.
    assert_eq!(past(metric(300_000, &[]), 60).0, Grain::Raw);
    assert_eq!(past(metric(DAY_MS, &["browser"]), 300).0, Grain::Hour);
    assert_eq!(past(metric(3_600_000, &["browser"]), 7).0, Grain::Raw);
    assert_eq!(past(metric(DAY_MS, &["browser", "os"]), 7).0, Grain::Raw);
}
