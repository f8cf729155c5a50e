//! What is bounded, what is about all projects, and what the ledger says.

use fresnel::domain::rule::{
    Aggregate, Dimension, EventsWatch, LedgerMeasure, LedgerWatch, LevelThresholds, MetricWatch, Rule,
    SingleWatch, Watch, WatchFilters,
};
use fresnel::query::watch::{GROUPS_MAX, Reading, client_alerts, statements};
use serde_json::{Value, json};

use super::super::stage::{Stage, time};
use super::{Asked, NOW, answers_of};

const MINUTE_MS: i64 = 60_000;

fn rule(project: &'static str, watch: Watch) -> Asked {
    Asked {
        project,
        watch,
        thresholds: LevelThresholds {
            warning: Some(1.0),
            ..LevelThresholds::default()
        },
        seen_from_ms: NOW.as_millis() - 5 * MINUTE_MS,
    }
}

async fn read(stage: &Stage, rules: &[Asked]) -> Vec<Vec<Reading>> {
    let rules: Vec<_> = rules.iter().map(Asked::watched).collect();
    let answers = answers_of(&stage.warehouse, &rules).await;
    answers
        .into_iter()
        .map(|answer| answer.expect("an answer"))
        .collect()
}

fn metric(project: &str, ago_ms: i64, page: &str) -> Value {
    json!({
        "project_id": project, "type": "page_load_time", "value": 7.0, "page": page,
        "ts": time(NOW.as_millis() - ago_ms), "received_at": time(NOW.as_millis() - ago_ms),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_groups_those_with_the_most_events_are_told() {
    let stage = Stage::set().await;
    let mut rows = Vec::new();
    for page in 0..150 {
        // Later pages have more.
        rows.extend((0..=page / 50).map(|_| metric("default", 1_000, &format!("/{page:03}"))));
    }
    stage.insert("performance_metrics", &rows).await;
    let watch = Watch::Metric(MetricWatch {
        aggregate: Aggregate::Count,
        group_by: vec![Dimension::Page],
        ..MetricWatch::default()
    });
    let found = read(&stage, &[rule("default", watch)]).await.remove(0);
    assert_eq!(found.len(), GROUPS_MAX);
    assert!(
        found.iter().all(|reading| reading.group[0].as_str() >= "/050"),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn single_values_are_found_in_as_many_groups_as_a_rule_may_know() {
    let stage = Stage::set().await;
    let pages = i64::try_from(Rule::GROUPS_MAX).unwrap() + 5;
    let rows: Vec<_> = (0..pages)
        .map(|page| metric("default", 1_000, &format!("/{page:04}")))
        .collect();
    stage.insert("performance_metrics", &rows).await;
    let watch = Watch::Single(SingleWatch {
        metric_type: "page_load_time".to_owned(),
        group_by: vec![Dimension::Page],
        ..SingleWatch::default()
    });
    let found = read(&stage, &[rule("default", watch)]).await.remove(0);
    assert_eq!(found.len(), Rule::GROUPS_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_too_large_fails_and_those_beside_it_do_not() {
    let stage = Stage::set().await;
    stage
        .insert(
            "performance_metrics",
            &[metric("default", 1_000, "/a"), metric("other", 1_000, "/a")],
        )
        .await;
    let about = |values: Vec<String>| {
        Watch::Metric(MetricWatch {
            aggregate: Aggregate::Count,
            filters: WatchFilters([(Dimension::Page, values)].into()),
            ..MetricWatch::default()
        })
    };
    let large = (0..50)
        .map(|number| format!("{number}{}", "ü".repeat(998)))
        .collect();
    // Many that do not fit into one statement together.
    let mut rules = vec![rule("default", about(large))];
    for number in 0..1_200 {
        let project = if number % 2 == 0 { "default" } else { "other" };
        rules.push(rule(
            project,
            about(vec!["/a".to_owned(), format!("/{number}{}", "x".repeat(100))]),
        ));
    }
    let asked: Vec<_> = rules.iter().map(Asked::watched).collect();
    assert!((3..10).contains(&statements(&asked, NOW)));
    let answers = answers_of(&stage.warehouse, &asked).await;
    assert!(answers[0].is_err());
    let one = Reading {
        group: Vec::new(),
        value: Some(1.0),
        events: 1,
    };
    assert!(
        answers[1..]
            .iter()
            .all(|answer| answer.as_ref().is_ok_and(|found| *found == [one.clone()]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_warehouse_every_rule_fails() {
    let warehouse = fresnel::warehouse::Warehouse::new(None, std::time::Duration::from_secs(1));
    let rules = [
        Watch::Events(EventsWatch::default()),
        Watch::Ledger(LedgerWatch::default()),
        Watch::Memory,
    ]
    .map(|watch| rule("default", watch));
    let rules: Vec<_> = rules.iter().map(Asked::watched).collect();
    let answers = answers_of(&warehouse, &rules).await;
    assert!(answers[0].is_err() && answers[1].is_err());
    // The warehouse is not asked for it.
    assert_eq!(answers[2], Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_clients_come_by_project_metric_and_severity() {
    let stage = Stage::set().await;
    let alert = |project: &str, session: &str, severity: &str, received_ms: i64, value: f64| {
        json!({
            "project_id": project, "session_id": session, "severity": severity, "metric": "LCP",
            "threshold": 2_500.0, "actual_value": value,
            // Raised an hour before it arrived.
            "ts": time(received_ms - 3_600_000), "received_at": time(received_ms),
        })
    };
    let now_ms = NOW.as_millis();
    let rows = [
        alert("default", "a", "error", now_ms - 3_000, 1.0),
        alert("default", "a", "error", now_ms - 1_000, 3.0),
        alert("default", "b", "error", now_ms - 2_000, 2.0),
        alert("default", "", "error", now_ms - 5_000, 9.0),
        alert("default", "a", "warning", now_ms - 4_000, 5.0),
        alert("other", "a", "error", now_ms - 500, 4.0),
        alert("other", "z", "error", now_ms - MINUTE_MS - 1, 4.0),
    ];
    stage.insert("client_alerts", &rows).await;
    let groups = client_alerts(&stage.warehouse, now_ms - MINUTE_MS)
        .await
        .expect("an answer");
    let told: Vec<_> = groups
        .iter()
        .map(|group| {
            let seen_ms = (now_ms - group.first_received_ms, now_ms - group.last_received_ms);
            (
                group.project.as_str(),
                group.alert_severity.as_str(),
                group.alerts,
                group.sessions,
                group.last_value,
                seen_ms,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("other", "error", 1, 1, 4.0, (500, 500)),
            ("default", "error", 4, 2, 3.0, (5_000, 1_000)),
            ("default", "warning", 1, 1, 5.0, (4_000, 4_000)),
        ]
    );
    assert_eq!(
        (groups[0].watched_metric.as_str(), groups[0].last_threshold),
        ("LCP", 2_500.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_of_each_project_tells_what_is_missing_lost_and_dropped() {
    let stage = Stage::set().await;
    let minute_s = NOW.as_millis().div_euclid(MINUTE_MS) * 60;
    let sums = |project: &str, ago_minutes: i64, outcome: &str, items: i64| {
        json!({
            "project_id": project, "minute": minute_s - ago_minutes * 60, "kind": "metric", "outcome": outcome,
            "node": "n", "items": items, "segment_max": 1,
        })
    };
    let rows = [
        sums("default", 3, "accepted", 5),
        sums("default", 3, "dead_letter", 1),
        sums("default", 3, "over_quota", 4),
        sums("default", 4, "client_lost", 7),
        sums("default", 90, "client_lost", 100),
        // Too young to be missing.
        sums("default", 1, "accepted", 10),
        sums("other", 3, "accepted", 2),
    ];
    stage.insert_raw("ledger", &rows).await;
    // Of 4 that should be stored 3 are, of 2 both; and some more in another minute, whose sums are still to come.
    let mut stored = vec![metric("default", 3 * MINUTE_MS, "/a"); 3];
    stored.extend(vec![metric("default", 5 * MINUTE_MS, "/a"); 4]);
    stored.extend(vec![metric("other", 3 * MINUTE_MS, "/a"); 2]);
    stage.insert("performance_metrics", &stored).await;
    let about = |project, measure| {
        let window_ms = 60 * MINUTE_MS;
        rule(project, Watch::Ledger(LedgerWatch { measure, window_ms }))
    };
    let found = read(
        &stage,
        &[
            about("default", LedgerMeasure::Missing),
            about("default", LedgerMeasure::ClientLost),
            about("default", LedgerMeasure::DroppedShare),
            about("other", LedgerMeasure::Missing),
            about("other", LedgerMeasure::DroppedShare),
            about("third", LedgerMeasure::Missing),
            about("third", LedgerMeasure::DroppedShare),
        ],
    )
    .await;
    let told: Vec<_> = found
        .iter()
        .map(|readings| (readings[0].value, readings[0].events))
        .collect();
    assert_eq!(
        told,
        [
            (Some(1.0), 1),
            (Some(7.0), 7),
            (Some(5.0 / 19.0), 19),
            (Some(0.0), 0),
            (Some(0.0), 2),
            (Some(0.0), 0),
            (None, 0),
        ]
    );
}
