//! Rules about third-party services: what they read now, and would have read, against a recount.

use fresnel::domain::rule::{Direction, LevelThresholds, VendorMeasure, VendorWatch, Watch};
use fresnel::ledger::Ledger;
use fresnel::query::vendors::Excluded;
use fresnel::query::watch::{ErrorBudgets, HistoryRequest, Pasts, VendorFacts, evaluate, history};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::super::stage::{RETENTION, Stage, time};
use super::{Asked, NOW};

const MINUTE_MS: i64 = 60_000;
const MEASURES: [VendorMeasure; 5] = [
    VendorMeasure::ErrorRate,
    VendorMeasure::Availability,
    VendorMeasure::TimeoutShare,
    VendorMeasure::ResponseMs,
    VendorMeasure::BurnRate,
];

#[derive(Clone, Debug)]
struct Contact {
    project: &'static str,
    integration: &'static str,
    ts_ms: i64,
    outcome: &'static str,
    tries: u32,
    took_ms: f64,
}

/// Contacts of ten hours; more and more of them fail.
fn contacts(count: usize) -> Vec<Contact> {
    let mut rng = StdRng::seed_from_u64(3);
    let mut one = || {
        let ago_ms = rng.random_range(0..600 * MINUTE_MS);
        let is_late = rng.random_range(0..600 * MINUTE_MS) > ago_ms;
        let outcomes = ["failed", "timed_out", "answered", "answered", "unreachable"];
        Contact {
            project: ["default", "other"][rng.random_range(0..2)],
            integration: ["stripe", "mail", "maps"][rng.random_range(0..3)],
            ts_ms: NOW.as_millis() - ago_ms,
            outcome: if is_late {
                outcomes[rng.random_range(0..5)]
            } else {
                "answered"
            },
            // What is answered from what is kept does not count.
            tries: rng.random_range(0..3),
            took_ms: rng.random_range(10.0..5_000.0),
        }
    };
    (0..count).map(|_| one()).collect()
}

fn budget(project: &str, integration: &str) -> Option<f64> {
    (project == "default" && integration != "maps").then_some(0.005)
}

/// Times that do not count, with edges within seconds: of one, of all, and of another project.
fn away() -> Vec<Excluded> {
    let of = |project: &str, integration: Option<&str>, ago_minutes: i64, minutes: i64| {
        let from_ms = NOW.as_millis() - ago_minutes * MINUTE_MS - 123;
        Excluded {
            project_id: project.to_owned(),
            integration: integration.map(str::to_owned),
            from_ms,
            to_ms: from_ms + minutes * MINUTE_MS,
        }
    };
    vec![
        of("default", Some("stripe"), 40, 20),
        of("default", None, 200, 30),
        of("default", Some("mail"), 190, 30),
        of("other", None, 30, 60),
    ]
}

fn is_within(contact: &Contact, away: &Excluded) -> bool {
    let is_its = away
        .integration
        .as_deref()
        .is_none_or(|name| name == contact.integration);
    is_its && away.project_id == contact.project && (away.from_ms..away.to_ms).contains(&contact.ts_ms)
}

/// Number of contacts, and whether a value is right for them.
fn recount(seen: &[&Contact], watch: &VendorWatch, value: Option<f64>) -> (u64, bool) {
    let count = seen.len();
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let share = |outcome: &dyn Fn(&str) -> bool| {
        seen.iter().filter(|one| outcome(one.outcome)).count() as f64 / count as f64
    };
    let failed = share(&|outcome| outcome != "answered");
    let close = |expected: f64| value.is_some_and(|value| (value - expected).abs() < 1e-9);
    let is_right = match (watch.measure, seen.first()) {
        _ if count < watch.seen_min.max(1) as usize => value.is_none(),
        (_, None) => value.is_none(),
        (VendorMeasure::ErrorRate, _) => close(failed),
        (VendorMeasure::Availability, _) => close(1.0 - failed),
        (VendorMeasure::TimeoutShare, _) => close(share(&|outcome| outcome == "timed_out")),
        (VendorMeasure::BurnRate, Some(first)) => match budget(first.project, first.integration) {
            Some(budget) => close(failed / budget),
            None => value.is_none(),
        },
        (VendorMeasure::ResponseMs, _) => {
            let mut took: Vec<f64> = seen.iter().map(|one| one.took_ms).collect();
            took.sort_by(f64::total_cmp);
            // Between the neighbours of the rank: few values are far apart.
            let at = |place: usize| took[place.min(count - 1)];
            let rank = count * 95 / 100;
            value.is_some_and(|value| {
                (at(rank.saturating_sub(2)) - 1e-3..=at(rank + 2) + 1e-3).contains(&value)
            })
        }
    };
    (count as u64, is_right)
}

fn rules() -> Vec<Asked> {
    let watch = |measure, minutes: i64, integrations: &[&str]| VendorWatch {
        measure,
        window_ms: minutes * MINUTE_MS,
        seen_min: 5,
        integrations: integrations.iter().map(|&name| name.to_owned()).collect(),
    };
    let asked = |watch| Asked {
        project: "default",
        watch: Watch::Vendor(watch),
        thresholds: LevelThresholds::default(),
        seen_from_ms: 0,
    };
    MEASURES
        .into_iter()
        .flat_map(|measure| {
            [
                watch(measure, 5, &[]),
                watch(measure, 60, &["stripe", "maps"]),
                watch(measure, 300, &[]),
            ]
        })
        .map(asked)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_about_vendors_read_and_would_have_read_what_a_recount_gives() {
    let stage = Stage::set().await;
    let all = contacts(6_000);
    let rows: Vec<_> = all
        .iter()
        .map(|one| {
            json!({
                "project_id": one.project, "integration": one.integration, "side": "relay", "outcome": one.outcome,
                "tries": one.tries, "took_ms": one.took_ms, "status": 200, "operation": "x", "ts": time(one.ts_ms),
            })
        })
        .collect();
    stage.insert("vendor_calls", &rows).await;
    let facts = VendorFacts {
        budgets: ErrorBudgets::new(budget),
        away: away(),
    };
    let asked = rules();
    let watched: Vec<_> = asked.iter().map(Asked::watched).collect();
    let now = evaluate(&stage.warehouse, &Ledger::default(), &facts, &watched, NOW).await;
    for (asked, answer) in asked.iter().zip(now) {
        let Watch::Vendor(watch) = &asked.watch else {
            panic!("{asked:?}");
        };
        let seen_in = |integration: &str, from_ms: i64, to_ms: i64| -> Vec<&Contact> {
            let is_seen = |one: &&Contact| {
                one.project == asked.project
                    && one.integration == integration
                    && one.tries > 0
                    && (from_ms..to_ms).contains(&one.ts_ms)
                    && !facts.away.iter().any(|away| is_within(one, away))
            };
            all.iter().filter(is_seen).collect()
        };
        let readings = answer.expect("an answer");
        assert!(!readings.is_empty(), "{asked:?}");
        for reading in readings {
            // Whole seconds, as the evaluator looks.
            let from_ms = (NOW.as_millis() - watch.window_ms).div_euclid(1_000) * 1_000;
            let seen = seen_in(&reading.group[0], from_ms, i64::MAX);
            let (count, is_right) = recount(&seen, watch, reading.value);
            assert!(count == reading.events && is_right, "{asked:?} {reading:?}");
        }

        let to_ms = NOW.as_millis();
        let request =
            HistoryRequest::new(&asked.watch, to_ms - 480 * MINUTE_MS, to_ms).expect("a good range");
        let pasts = Pasts {
            warehouse: &stage.warehouse,
            retention: &RETENTION,
            ledger: &Ledger::default(),
            vendors: &facts,
        };
        let past = history(
            pasts,
            asked.project,
            &asked.watch,
            Direction::Above,
            &request,
            NOW,
        )
        .await;
        let past = past.expect("a past");
        let expected = if watch.integrations.is_empty() { 3 } else { 2 };
        assert_eq!(past.series.len(), expected, "{asked:?}");
        let mut with_values = 0;
        for series in &past.series {
            for sample in &series.samples {
                let seen = seen_in(&series.group[0], sample.ts_ms - watch.window_ms, sample.ts_ms);
                let (count, is_right) = recount(&seen, watch, sample.value);
                assert!(
                    count == sample.events && is_right,
                    "{asked:?} {} {sample:?}",
                    series.group[0]
                );
                with_values += usize::from(sample.value.is_some());
            }
        }
        assert!(with_values > 50, "{asked:?}: {with_values}");
    }
}
