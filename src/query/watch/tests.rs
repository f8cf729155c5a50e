//! Rules to statements.

use std::fmt::Write as _;

use insta::assert_snapshot;
use serde_json::json;

use super::batch::Batches;
use super::{Watched, alerts, statements};
use crate::clock::UnixMicros;
use crate::domain::rule::{Direction, LevelThresholds, Watch};
use crate::warehouse::Statement;

/// 2026-07-15T12:07:30Z
const NOW: UnixMicros = UnixMicros(1_784_117_250_000_000);

const THRESHOLDS: LevelThresholds = LevelThresholds {
    direction: Direction::Above,
    info: None,
    warning: Some(3_000.0),
    error: None,
    critical: Some(5_000.0),
};

fn watch(json: serde_json::Value) -> Watch {
    let watch: Watch = serde_json::from_value(json).unwrap();
    assert_eq!(watch.faults(), []);
    watch
}

fn watched<'a>(project_id: &'a str, watch: &'a Watch) -> Watched<'a> {
    Watched {
        project_id,
        watch,
        direction: Direction::Above,
        thresholds: &THRESHOLDS,
        seen_from_ms: NOW.as_millis() - 120_000,
    }
}

fn shown(statement: &Statement) -> String {
    let mut text = format!("{}\n", statement.sql());
    for (name, value) in statement.parameters() {
        let _ = write!(text, "\n{name} = {}", serde_json::to_string(value).unwrap());
    }
    text
}

/// The one statement that answers these rules.
fn statement(rules: &[Watched<'_>]) -> String {
    let batches = Batches::of(rules, NOW).batches;
    assert_eq!(batches.len(), 1, "{batches:?}");
    shown(&batches[0].statement("fresnel"))
}

#[test]
fn rules_that_filter_by_the_same_columns_are_one_statement() {
    let slow = watch(json!({
        "kind": "metric", "type": "api_response_time", "aggregate": "p95",
        "filters": { "page": ["/a", "/b"], "browser": ["Firefox"] },
    }));
    let failing = watch(json!({
        "kind": "metric", "type": "api_response_time", "aggregate": "error_share", "events_min": 20,
        "filters": { "browser": ["Firefox"], "page": ["/b", "/a"] },
    }));
    let others = watch(json!({
        "kind": "metric", "type": "page_load_time", "aggregate": "avg",
        "filters": { "page": ["/c"], "browser": ["Chrome", "Safari"] },
    }));
    assert_snapshot!(statement(&[
        watched("default", &slow),
        watched("default", &failing),
        watched("another", &others),
    ]));
}

#[test]
fn an_hour_by_page_is_read_from_slices() {
    let busy = watch(json!({
        "kind": "metric", "type": "core_web_vitals", "name": "LCP", "aggregate": "count", "window_ms": 3_600_000,
        "filters": { "environment": ["production"] }, "group_by": ["page"],
    }));
    assert_snapshot!(statement(&[watched("default", &busy)]));
}

#[test]
fn a_day_by_browser_is_slices_of_hours_with_raw_edges() {
    let slow = watch(json!({
        "kind": "metric", "aggregate": "p99", "window_ms": 86_400_000, "group_by": ["browser"],
    }));
    assert_snapshot!(statement(&[watched("default", &slow)]));
}

#[test]
fn other_beacons_are_counted_by_their_keys() {
    let steps = watch(json!({
        "kind": "events", "beacon": "funnel", "names": ["signup_completed"], "window_ms": 3_600_000,
        "filters": { "release": ["1.2.0"] }, "group_by": ["country"],
    }));
    assert_snapshot!(statement(&[watched("default", &steps)]));
}

#[test]
fn single_values_are_looked_for_beyond_the_lowest_threshold() {
    let slow = watch(json!({
        "kind": "single", "type": "api_response_time", "group_by": ["api_endpoint"],
    }));
    assert_snapshot!(statement(&[watched("default", &slow)]));
}

#[test]
fn alerts_of_clients() {
    assert_snapshot!(shown(&alerts::statement("fresnel", NOW.as_millis())));
}

#[test]
fn what_differs_in_columns_or_windows_is_asked_apart_and_what_is_not_about_rows_is_not_asked() {
    let by = |window_ms: i64, group_by: &[&str]| {
        watch(json!({ "kind": "metric", "aggregate": "count", "window_ms": window_ms, "group_by": group_by }))
    };
    let watches = [
        by(60_000, &[]),
        by(120_000, &[]),
        by(60_000, &["page"]),
        watch(json!({ "kind": "memory" })),
        watch(json!({ "kind": "cache_hit_rate" })),
        watch(json!({ "kind": "ledger" })),
    ];
    let rules: Vec<_> = watches.iter().map(|watch| watched("default", watch)).collect();
    assert_eq!(statements(&rules, NOW), 3);
    let none = LevelThresholds::default();
    let single = watch(json!({ "kind": "single", "type": "page_load_time" }));
    let single = Watched {
        thresholds: &none,
        ..watched("default", &single)
    };
    assert_eq!(statements(&[single], NOW), 0);
}

#[test]
fn a_batch_falls_apart_by_project() {
    let watches = ["/a", "/b", "/c"]
        .map(|page| watch(json!({ "kind": "metric", "aggregate": "p50", "filters": { "page": [page] } })));
    let rules: Vec<_> = ["z", "a"]
        .into_iter()
        .flat_map(|project| {
            watches
                .iter()
                .chain(&watches)
                .map(move |watch| watched(project, watch))
        })
        .collect();
    let batches = Batches::of(&rules, NOW).batches;
    assert_eq!(
        (batches.len(), batches[0].subjects.len(), batches[0].rules.len()),
        (1, 6, 12)
    );
    let parts = batches[0].by_project();
    assert_eq!(parts.len(), 2);
    for part in parts {
        assert!(part.has_percentiles);
        assert_eq!((part.subjects.len(), part.rules.len()), (3, 6));
        for (rule, subject) in &part.rules {
            assert_eq!(part.subjects[*subject].project_id, rules[*rule].project_id);
            let (_, wanted) = super::batch::shape_of(&rules[*rule], NOW).unwrap();
            assert_eq!(part.subjects[*subject], wanted);
        }
    }
}
