//! What rules look at: random rules about random rows of two projects, against a recount that is slow and obvious.

mod limits;
mod past;
mod recount;
mod rows;
mod vendors;

use std::sync::atomic::{AtomicUsize, Ordering};

use fresnel::clock::UnixMicros;
use fresnel::domain::rule::{
    Aggregate, CountedBeacon, Dimension, Direction, EventsWatch, LevelThresholds, MetricWatch, SingleWatch,
    Watch, WatchFilters,
};
use fresnel::ledger::Ledger;
use fresnel::query::watch::{Reading, VendorFacts, Watched, evaluate};
use fresnel::warehouse::{SelectError, Warehouse};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::stage::{NOON_MS, Stage};
use rows::{Beat, DIMENSIONS, PROJECTS, beats, insert};

/// Not at the edge of anything.
pub(super) const NOW: UnixMicros = UnixMicros((NOON_MS + 34 * 60_000 + 56_789) * 1_000);

/// A rule of a project.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) project: &'static str,
    pub(super) watch: Watch,
    pub(super) thresholds: LevelThresholds,
    pub(super) seen_from_ms: i64,
}

impl Asked {
    pub(super) fn watched(&self) -> Watched<'_> {
        Watched {
            project_id: self.project,
            watch: &self.watch,
            direction: self.thresholds.direction,
            thresholds: &self.thresholds,
            seen_from_ms: self.seen_from_ms,
        }
    }
}

fn filters() -> impl Strategy<Value = WatchFilters> {
    let dimension = prop::sample::select(&DIMENSIONS[..]);
    let filter = dimension.prop_flat_map(|(dimension, values)| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        // Some values that no row has.
        let values = [values, vec!["nowhere".to_owned()]].concat();
        let some = prop::sample::subsequence(values, 1..=2);
        some.prop_map(move |values| (dimension, values))
    });
    prop::collection::vec(filter, 0..=3).prop_map(|filters| WatchFilters(filters.into_iter().collect()))
}

fn group_by() -> impl Strategy<Value = Vec<Dimension>> {
    let dimensions: Vec<Dimension> = DIMENSIONS.iter().map(|(dimension, _)| *dimension).collect();
    prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::sample::subsequence(dimensions, 1..=2).prop_shuffle(),
    ]
}

fn window_ms() -> impl Strategy<Value = i64> {
    let minutes = prop_oneof![1..=20_i64, Just(60), 16..=1_440_i64, Just(1_440)];
    minutes.prop_map(|minutes| minutes * 60_000)
}

fn kind() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    let some = |kind: &str, name: Option<&str>| Just((Some(kind.to_owned()), name.map(str::to_owned)));
    prop_oneof![
        some("api_response_time", None),
        some("core_web_vitals", Some("LCP")),
        some("core_web_vitals", None),
        Just((None, None)),
    ]
}

fn metric() -> impl Strategy<Value = Watch> {
    use Aggregate::{Avg, Count, ErrorShare, Max, Min, P50, P75, P90, P95, P99, Rate};
    let aggregates = [P50, P75, P90, P95, P99, Avg, Min, Max, Count, Rate, ErrorShare];
    (
        kind(),
        prop::sample::select(aggregates.to_vec()),
        filters(),
        group_by(),
        window_ms(),
        1..40_u32,
    )
        .prop_map(
            |((metric_type, name), aggregate, filters, group_by, window_ms, events_min)| {
                Watch::Metric(MetricWatch {
                    metric_type,
                    name,
                    aggregate,
                    filters,
                    group_by,
                    window_ms,
                    events_min,
                })
            },
        )
}

fn events() -> impl Strategy<Value = Watch> {
    let beacon =
        prop::sample::select(&[CountedBeacon::Event, CountedBeacon::Funnel, CountedBeacon::Alert][..]);
    let names = prop::sample::subsequence(
        vec!["warning".to_owned(), "one".to_owned(), "two".to_owned()],
        0..=2,
    );
    (beacon, names, any::<bool>(), filters(), group_by(), window_ms()).prop_map(
        |(beacon, names, per_minute, filters, group_by, window_ms)| {
            Watch::Events(EventsWatch {
                beacon,
                names,
                per_minute,
                filters,
                group_by,
                window_ms,
            })
        },
    )
}

fn single() -> impl Strategy<Value = Watch> {
    (kind(), filters(), group_by()).prop_map(|((metric_type, name), filters, group_by)| {
        Watch::Single(SingleWatch {
            metric_type: metric_type.unwrap_or_else(|| "page_load_time".to_owned()),
            name,
            filters,
            group_by,
        })
    })
}

pub(super) fn rule() -> impl Strategy<Value = Asked> {
    let watch = prop_oneof![4 => metric(), 2 => events(), 2 => single()];
    // Values are whole hundreds: some lie on the threshold.
    let threshold = (0..60_u32).prop_map(|hundreds| f64::from(hundreds) * 100.0);
    let seen_from_ms = (0..40_i64).prop_map(|minutes| NOW.as_millis() - minutes * 60_000);
    (
        prop::sample::select(&PROJECTS[..]),
        watch,
        threshold,
        any::<bool>(),
        seen_from_ms,
    )
        .prop_map(|(project, watch, threshold, is_below, seen_from_ms)| {
            let (direction, critical) = if is_below {
                (Direction::Below, threshold - 1_000.0)
            } else {
                (Direction::Above, threshold + 1_000.0)
            };
            let thresholds = LevelThresholds {
                direction,
                warning: Some(threshold),
                critical: Some(critical),
                ..LevelThresholds::default()
            };
            Asked {
                project,
                watch,
                thresholds,
                seen_from_ms,
            }
        })
}

/// What rules read now, of whose projects nothing else is known.
pub(super) async fn answers_of(
    warehouse: &Warehouse,
    rules: &[Watched<'_>],
) -> Vec<Result<Vec<Reading>, SelectError>> {
    evaluate(warehouse, &Ledger::default(), &VendorFacts::default(), rules, NOW).await
}

/// Checks some rules, and gives the number of readings that have events.
async fn check(stage: &Stage, rows: &[Beat], asked: &[Asked]) -> usize {
    let rules: Vec<Watched<'_>> = asked.iter().map(Asked::watched).collect();
    let answers = answers_of(&stage.warehouse, &rules).await;
    assert_eq!(answers.len(), rules.len());
    let mut with_events = 0;
    for (asked, answer) in asked.iter().zip(answers) {
        let readings = answer.unwrap_or_else(|error| panic!("{asked:?}: {error}"));
        recount::check(rows, asked, &readings);
        with_events += readings.iter().filter(|reading| reading.events > 0).count();
    }
    with_events
}

#[test]
fn random_rules_read_what_a_recount_of_the_rows_of_their_own_project_gives() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows = beats(11, 6_000);
    let stage = runtime.block_on(async {
        let stage = Stage::set().await;
        for part in rows.chunks(2_500) {
            insert(&stage, part).await;
        }
        stage
    });
    let config = Config {
        cases: 12,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::default()
    };
    let with_events = AtomicUsize::new(0);
    TestRunner::new(config)
        .run(&prop::collection::vec(rule(), 1..60), |asked| {
            let found = runtime.block_on(check(&stage, &rows, &asked));
            with_events.fetch_add(found, Ordering::Relaxed);
            Ok(())
        })
        .expect("every rule");
    let with_events = with_events.into_inner();
    assert!(
        with_events > 200,
        "the rules look at next to nothing: {with_events} readings"
    );
}
