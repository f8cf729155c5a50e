//! Questions about measurements, asked of a real engine and recounted from the rows that were sent.

#[allow(dead_code, reason = "shared with the engine's own tests, which use all of it")]
#[path = "engine/harness.rs"]
mod harness;
#[path = "questions/random.rs"]
mod random;
#[path = "questions/recount.rs"]
mod recount;
#[allow(dead_code, reason = "shared with the warehouse's tests, which use all of it")]
#[path = "warehouse/rows.rs"]
mod rows;

use std::borrow::Cow;
use std::time::Duration;

use fresnel::clock::{self, UnixMicros};
use fresnel::domain::table::Table;
use fresnel::query::timeseries::{Grain, Timeseries, TimeseriesRequest, timeseries};
use fresnel::warehouse::{Insert, Retention, Warehouse};
use harness::Engine;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use recount::Recount;
use rows::{Metric, columns, encode};

const RETENTION: Retention = Retention {
    raw_days: 20_000,
    minute_days: 20_000,
    hour_days: 20_000,
};

/// An engine with some rows in it.
struct Stage {
    warehouse: Warehouse,
    _engine: Engine,
    inserts: u32,
}

impl Stage {
    async fn set() -> Self {
        let engine = Engine::start().await;
        let connection = engine.connection().expect("a running engine");
        let warehouse = Warehouse::new(Some(connection), Duration::from_secs(20));
        warehouse.migrate(&RETENTION).await.expect("migrate");
        Self {
            warehouse,
            _engine: engine,
            inserts: 0,
        }
    }

    async fn insert(&mut self, metrics: &[Metric]) {
        self.inserts += 1;
        let token = format!("t:{}", self.inserts);
        let insert = Insert {
            table: "performance_metrics",
            columns: &columns(Table::PerformanceMetrics),
            token: &token,
            query_id: &token,
            timeout: Duration::from_secs(20),
        };
        self.warehouse
            .insert(insert, &[encode(metrics)])
            .await
            .expect("insert");
    }

    async fn ask(&self, query: &str) -> Timeseries {
        self.ask_with(query, &RETENTION, clock::now()).await
    }

    async fn ask_with(&self, query: &str, retention: &Retention, now: UnixMicros) -> Timeseries {
        let pairs = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').expect("name=value");
            (Cow::from(name), Cow::from(value))
        });
        let request = TimeseriesRequest::parse(pairs, "UTC", now).expect("a good question");
        timeseries(&self.warehouse, retention, "default", &request, Vec::new(), now)
            .await
            .expect("an answer")
    }
}

/// A week of measurements with a long tail, in batches whose times overlap (rows come late).
fn week(seed: u64) -> Vec<Vec<Metric>> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..8)
        .map(|_| {
            (0..2_500)
                .map(|_| {
                    let kind =
                        ["page_load_time", "api_response_time", "core_web_vitals"][rng.random_range(0..3)];
                    let name = if kind == "core_web_vitals" {
                        ["LCP", "CLS"][rng.random_range(0..2)]
                    } else {
                        ""
                    };
                    let tail: f64 = rng.random_range(0.0_f64..1.0).powi(4);
                    Metric {
                        ts_ms: rows::NOON_MS - rng.random_range(0..7 * 86_400_000),
                        kind,
                        name,
                        value: if name == "CLS" {
                            tail.floor()
                        } else {
                            (tail * 5_000.0).round() / 10.0
                        },
                        page: format!("/page/{}", rng.random_range(0..4) * rng.random_range(0..4)),
                        api_endpoint: format!("/api/{}", rng.random_range(0..2)),
                        status: if rng.random_range(0..20) == 0 { 503 } else { 200 },
                        error_context: if rng.random_range(0..50) == 0 { "lost" } else { "" },
                        region: ["eu", "us"][rng.random_range(0..2)],
                        weight: [1, 1, 1, 2, 7][rng.random_range(0..5)],
                        ..Metric::default()
                    }
                })
                .collect()
        })
        .collect()
}

const WEEK: &str = "from=2026-06-24T12:00:00Z&to=2026-07-01T12:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn every_source_answers_as_a_recount_of_the_rows_does() {
    let mut stage = Stage::set().await;
    let batches = week(1);
    for batch in &batches {
        stage.insert(batch).await;
    }
    let all: Vec<_> = batches.into_iter().flatten().collect();
    let recount = Recount::new(&all);
    for (query, source) in [
        ("type=page_load_time&interval=1h", Grain::Hour),
        (
            "type=page_load_time&type=api_response_time&interval=6h&page=/page/0",
            Grain::SixHours,
        ),
        ("type=api_response_time&interval=15m", Grain::Quarter),
        ("type=core_web_vitals&interval=1d&group_by=page", Grain::Day),
        (
            "type=core_web_vitals&interval=1d&timezone=Asia/Kolkata&group_by=page",
            Grain::Quarter,
        ),
        ("type=api_response_time&interval=6h&region=eu", Grain::SixHours),
        (
            "type=api_response_time&interval=1d&region=us&group_by=api_endpoint",
            Grain::Raw,
        ),
        (
            "type=api_response_time&interval=6h&status=503&group_by=api_endpoint",
            Grain::Raw,
        ),
    ] {
        let answer = stage.ask(&format!("{query}&{WEEK}&groups_max=20")).await;
        assert_eq!(answer.source, source, "{query}");
        recount.check(query, &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_late_are_in_the_buckets_of_their_own_time() {
    let mut stage = Stage::set().await;
    let at = |minutes: i64| Metric {
        ts_ms: rows::NOON_MS + minutes * 60_000,
        ..Metric::default()
    };
    let query = "type=api_response_time&interval=1h&from=2026-07-01T12:00:00Z&to=2026-07-01T15:00:00Z";
    stage.insert(&[at(0), at(125)]).await;
    let counts = |answer: &Timeseries| {
        answer.series[0]
            .points
            .iter()
            .map(|point| point.stats.count)
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(&stage.ask(query).await), [1, 0, 1]);
    stage.insert(&[at(61), at(1)]).await;
    assert_eq!(counts(&stage.ask(query).await), [2, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_in_the_last_millisecond_of_the_range_counts_in_every_source() {
    let mut stage = Stage::set().await;
    // Alone in its part, so that ClickHouse's index analysis decides over it.
    stage
        .insert(&[Metric {
            ts_ms: rows::NOON_MS + 3_600_000 - 1,
            ..Metric::default()
        }])
        .await;
    for filter in ["interval=1h", "interval=5m", "interval=1h&region=eu"] {
        let range = "from=2026-07-01T12:00:00Z&to=2026-07-01T13:00:00Z";
        let answer = stage
            .ask(&format!("type=api_response_time&{filter}&{range}"))
            .await;
        let last = answer.series[0].points.last().expect("a point");
        assert_eq!(last.stats.count, 1, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_a_zone_follow_its_clocks() {
    let mut stage = Stage::set().await;
    // 2026-03-29 in Berlin begins at 23:00 UTC and has 23 hours.
    let midnight_ms = 1_774_738_800_000;
    let at = |ms: i64| Metric {
        ts_ms: midnight_ms + ms,
        ..Metric::default()
    };
    let day_ms = 23 * 3_600_000;
    stage
        .insert(&[at(-1), at(0), at(day_ms - 1), at(day_ms), at(day_ms + 1)])
        .await;
    let answer = stage
        .ask("type=api_response_time&interval=1d&timezone=Europe/Berlin&from=2026-03-28&to=2026-03-31")
        .await;
    assert_eq!(answer.source, Grain::Hour);
    let counts: Vec<_> = answer.series[0]
        .points
        .iter()
        .map(|point| point.stats.count)
        .collect();
    assert_eq!(counts, [1, 2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_events_are_no_statistics_and_a_zero_is_one() {
    let mut stage = Stage::set().await;
    stage
        .insert(&[Metric {
            kind: "core_web_vitals",
            name: "CLS",
            value: 0.0,
            ..Metric::default()
        }])
        .await;
    let range = "interval=1h&from=2026-07-01T11:00:00Z&to=2026-07-01T13:00:00Z";
    let vitals = stage.ask(&format!("type=core_web_vitals&{range}")).await;
    assert_eq!(vitals.series.len(), 1);
    assert_eq!(vitals.series[0].name.as_deref(), Some("CLS"));
    let [empty, zero] = vitals.series[0].points.as_slice() else {
        panic!("two points")
    };
    assert_eq!(
        (
            empty.stats.count,
            empty.stats.p75,
            empty.stats.avg,
            empty.stats.error_share
        ),
        (0, None, None, None)
    );
    assert_eq!(
        (
            zero.stats.count,
            zero.stats.p75,
            zero.stats.avg,
            zero.stats.error_share
        ),
        (1, Some(0.0), Some(0.0), Some(0.0))
    );

    let nothing = stage.ask(&format!("type=page_load_time&{range}")).await;
    assert_eq!(nothing.series.len(), 1);
    assert!(
        nothing.series[0]
            .points
            .iter()
            .all(|point| point.stats.count == 0 && point.stats.max.is_none())
    );

    let json = serde_json::to_value(&vitals).expect("json");
    assert_eq!(json["from"], "2026-07-01T11:00:00Z");
    assert_eq!(json["source"], "hour");
    assert_eq!(json["interval_ms"], 3_600_000);
    assert_eq!(json["series"][0]["points"][0]["ts"], "2026-07-01T11:00:00Z");
    assert!(json["series"][0]["points"][0]["p75"].is_null());
    assert!(json["series"][0]["group"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_beyond_the_limit_are_one_and_nothing_is_lost() {
    let mut stage = Stage::set().await;
    let mut rows = Vec::new();
    for (page, count) in [("/a", 5), ("/b", 4), ("/c", 3), ("/d", 2), ("", 1)] {
        for _ in 0..count {
            rows.push(Metric {
                page: page.to_owned(),
                ..Metric::default()
            });
        }
    }
    stage.insert(&rows).await;
    let answer = stage
        .ask("type=api_response_time&interval=1h&group_by=page&groups_max=2&from=2026-07-01T12:00:00Z&to=2026-07-01T13:00:00Z")
        .await;
    let groups: Vec<_> = answer
        .series
        .iter()
        .map(|series| {
            (
                series.group.as_deref().expect("a group"),
                series.points[0].stats.count,
            )
        })
        .collect();
    assert_eq!(groups, [("/a", 5), ("/b", 4), ("__other__", 6)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_filters_are_never_part_of_the_statement() {
    let mut stage = Stage::set().await;
    let evil = "/x') OR 1=1 -- \\ \t\n{page:String} \u{0} ü";
    stage
        .insert(&[
            Metric {
                page: evil.to_owned(),
                ..Metric::default()
            },
            Metric::default(),
        ])
        .await;
    let range = "type=api_response_time&interval=1h&from=2026-07-01T12:00:00Z&to=2026-07-01T13:00:00Z";
    let found = stage.ask(&format!("{range}&page={evil}")).await;
    assert_eq!(found.series[0].points[0].stats.count, 1);
    for other in ["' OR '1'='1", "\\'", "[]", "']) OR page IN (['/home"] {
        let none = stage
            .ask(&format!("{range}&page={other}&session_id=session-1"))
            .await;
        assert_eq!(none.series[0].points[0].stats.count, 0, "{other}");
    }
}
