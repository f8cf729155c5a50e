//! What rules would have seen, against a recount of each window.

use std::sync::atomic::{AtomicUsize, Ordering};

use fresnel::domain::rule::{
    Backtest, Dimension, Direction, LedgerMeasure, LedgerWatch, MetricWatch, RuleDefinition, Watch,
};
use fresnel::ledger::Ledger;
use fresnel::query::watch::{
    Grain, HISTORY_GROUPS_MAX, History, HistoryRequest, Pasts, VendorFacts, history,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::super::stage::{RETENTION, Stage, time};
use super::rows::{Beat, beats, insert};
use super::{Asked, NOW, recount, rule};

async fn past(stage: &Stage, asked: &Asked, from_ms: i64, to_ms: i64) -> History {
    past_with(stage, &Ledger::default(), asked, from_ms, to_ms).await
}

async fn past_with(stage: &Stage, ledger: &Ledger, asked: &Asked, from_ms: i64, to_ms: i64) -> History {
    let request = HistoryRequest::new(&asked.watch, from_ms, to_ms).expect("a good range");
    let direction = asked.thresholds.direction;
    history(
        Pasts {
            warehouse: &stage.warehouse,
            retention: &RETENTION,
            ledger,
            vendors: &VendorFacts::default(),
        },
        asked.project,
        &asked.watch,
        direction,
        &request,
        NOW,
    )
    .await
    .unwrap_or_else(|error| panic!("{asked:?}: {error}"))
}

async fn check(stage: &Stage, rows: &[Beat], (asked, from_minutes, minutes): (Asked, i64, i64)) -> usize {
    let from_ms = NOW.as_millis() - from_minutes * 60_000 - 12_345;
    let to_ms = (from_ms + minutes * 60_000).min(NOW.as_millis());
    let history = past(stage, &asked, from_ms, to_ms).await;
    recount::check_history(rows, &asked, &history, to_ms);
    let samples = history.series.iter().flat_map(|series| &series.samples);
    samples.filter(|sample| sample.events > 0).count()
}

#[test]
fn the_past_of_random_rules_is_what_a_recount_of_each_window_gives() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows = beats(12, 3_000);
    let stage = runtime.block_on(async {
        let stage = Stage::set().await;
        insert(&stage, &rows).await;
        stage
    });
    let config = Config {
        cases: 50,
        failure_persistence: None,
        max_shrink_iters: 32,
        ..Config::default()
    };
    let with_events = AtomicUsize::new(0);
    // Over some weeks samples stand further apart than many windows are long.
    let minutes_ago = prop_oneof![4 => 10..1_500_i64, 1 => 1_500..60_000_i64];
    TestRunner::new(config)
        .run(&(rule(), minutes_ago, 1..60_000_i64), |asked| {
            let found = runtime.block_on(check(&stage, &rows, asked));
            with_events.fetch_add(found, Ordering::Relaxed);
            Ok(())
        })
        .expect("every rule");
    let with_events = with_events.into_inner();
    assert!(
        with_events > 1_000,
        "the rules look at next to nothing: {with_events} samples"
    );
}

fn metric(ago_ms: i64, page: &str, value: f64) -> Value {
    let ts = time(NOW.as_millis() - ago_ms);
    json!({ "type": "page_load_time", "value": value, "page": page, "ts": ts, "received_at": ts })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_tried_fires_where_its_values_were_bad() {
    let stage = Stage::set().await;
    let minute_ms = 60_000;
    // Bad for ten minutes, two hours ago, on one page.
    let rows: Vec<Value> = (0..240)
        .flat_map(|minute| {
            let is_bad = (110..120).contains(&minute);
            [("/a", if is_bad { 9_000.0 } else { 100.0 }), ("/b", 100.0)]
                .map(|(page, value)| metric(minute * minute_ms, page, value))
        })
        .collect();
    stage.insert("performance_metrics", &rows).await;
    let definition: RuleDefinition = serde_json::from_value(json!({
        "name": "Slow", "thresholds": { "error": 5_000.0 }, "for_ms": 2 * minute_ms,
        "watch": { "kind": "metric", "aggregate": "max", "window_ms": minute_ms, "group_by": ["page"] },
    }))
    .expect("a rule");
    assert_eq!(definition.faults(), []);
    let asked = Asked {
        project: "default",
        watch: definition.watch.clone(),
        thresholds: definition.thresholds,
        seen_from_ms: 0,
    };
    let history = past(&stage, &asked, NOW.as_millis() - 240 * minute_ms, NOW.as_millis()).await;
    assert_eq!(
        (history.source, history.step_ms, history.series.len()),
        (Grain::Minute, minute_ms, 2)
    );
    let tested = Backtest::run(&definition, &history.series);
    assert_eq!((tested.firings.len(), tested.counts.error), (1, 1));
    let firing = &tested.firings[0];
    assert_eq!(
        (firing.group.as_slice(), firing.peak),
        (&["/a".to_owned()][..], Some(9_000.0))
    );
    // It begins two minutes late, and ends when the last bad minute is over.
    let resolved_at_ms = firing.resolved_at_ms.expect("an end");
    assert_eq!(resolved_at_ms - firing.fired_at_ms, 8 * minute_ms);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_of_the_groups_with_the_most_events_is_told() {
    let stage = Stage::set().await;
    let rows = (0..50_i64).flat_map(|page| {
        let times = if page < 30 { 1 } else { 2 };
        (0..times).map(move |time| metric(3_600_000 + time * 60_000, &format!("/{page:02}"), 1.0))
    });
    stage
        .insert("performance_metrics", &rows.collect::<Vec<_>>())
        .await;
    for group_by in [vec![Dimension::Page], vec![Dimension::Page, Dimension::Browser]] {
        let asked = Asked {
            project: "default",
            watch: Watch::Metric(MetricWatch {
                group_by,
                ..MetricWatch::default()
            }),
            thresholds: fresnel::domain::rule::LevelThresholds::default(),
            seen_from_ms: 0,
        };
        assert_eq!(asked.thresholds.direction, Direction::Above);
        let history = past(&stage, &asked, NOW.as_millis() - 4 * 3_600_000, NOW.as_millis()).await;
        assert_eq!(history.series.len(), HISTORY_GROUPS_MAX);
        assert!(
            history
                .series
                .iter()
                .all(|series| series.group[0].as_str() >= "/30")
        );
    }
}

/// What a rule about the ledger would have seen in each window of ten minutes of the last hour, by how long ago it ended.
async fn ledger_past(stage: &Stage, ledger: &Ledger, measure: LedgerMeasure) -> Vec<(i64, Option<f64>)> {
    let window_ms = 10 * 60_000;
    let asked = Asked {
        project: "default",
        watch: Watch::Ledger(LedgerWatch { measure, window_ms }),
        thresholds: fresnel::domain::rule::LevelThresholds::default(),
        seen_from_ms: 0,
    };
    let to_ms = NOW.as_millis();
    let history = past_with(stage, ledger, &asked, to_ms - 3_600_000, to_ms).await;
    assert_eq!((history.step_ms, history.series.len()), (60_000, 1));
    let samples = history.series[0].samples.iter();
    samples
        .map(|sample| ((to_ms - sample.ts_ms).div_euclid(60_000), sample.value))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_of_the_ledger_is_told_window_by_window() {
    let stage = Stage::set().await;
    let minute = NOW.as_millis().div_euclid(60_000);
    let sums = |ago: i64, outcome: &str, items: i64| {
        json!({
            "project_id": "default", "minute": (minute - ago) * 60, "kind": "metric", "outcome": outcome,
            "node": "n", "items": items, "segment_max": 1,
        })
    };
    let rows = [
        sums(40, "accepted", 6),
        sums(40, "over_quota", 2),
        sums(30, "client_lost", 9),
        sums(1, "accepted", 5),
    ];
    stage.insert_raw("ledger", &rows).await;
    // Of 6 that should be stored 4 are; of the last minute nothing is said.
    let stored: Vec<Value> = (0..4).map(|_| metric(40 * 60_000, "/a", 1.0)).collect();
    stage.insert("performance_metrics", &stored).await;
    // Windows of ten minutes that hold the minute: they end up to ten minutes behind its begin.
    let holds = |ended_ago: i64, minute_ago: i64| (minute_ago - 10..minute_ago).contains(&ended_ago);
    let ledger = Ledger::default();
    for (measure, at, value, otherwise) in [
        (LedgerMeasure::Missing, 40, Some(2.0), Some(0.0)),
        (LedgerMeasure::ClientLost, 30, Some(9.0), Some(0.0)),
        (LedgerMeasure::DroppedShare, 40, Some(0.25), None),
    ] {
        for (ended_ago, found) in ledger_past(&stage, &ledger, measure).await {
            let wanted = match measure {
                _ if holds(ended_ago, at) => value,
                // What came a minute ago was received, and none of it was dropped.
                LedgerMeasure::DroppedShare if holds(ended_ago, 1) => Some(0.0),
                _ => otherwise,
            };
            assert_eq!(found, wanted, "{measure:?} {ended_ago} minutes ago");
        }
    }
}
