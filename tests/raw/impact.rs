//! Impact of latency, recounted.

use std::collections::{BTreeMap, BTreeSet};

use fresnel::query::impact::{Impact, ImpactRequest, Limits, impact, impact_of};

use super::beacons::{Beacon, beacons, insert};
use super::stage::{NOW, RETENTION, Stage, pairs, project};

const RANGE: &str = "from=2026-07-01T12:00:00Z&to=2026-07-01T21:00:00Z";

async fn ask(stage: &Stage, query: &str) -> Impact {
    let query = format!("{RANGE}&{query}");
    let request = ImpactRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
    impact(&stage.warehouse, &RETENTION, "default", &request, NOW)
        .await
        .expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn bands_are_those_of_a_recount_of_the_sessions() {
    let stage = Stage::set().await;
    let beacons = beacons(31, 600);
    insert(&stage, &beacons).await;
    let mut by_session: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
    let metrics = beacons
        .iter()
        .filter(|beacon| beacon.table == "performance_metrics");
    for beacon in metrics {
        by_session.entry(&beacon.session).or_default().push(beacon);
    }
    let steps = beacons.iter().filter(|beacon| beacon.table == "funnel_steps");
    let converted: BTreeSet<_> = steps.map(|beacon| beacon.session.as_str()).collect();
    let answer = ask(
        &stage,
        "page=/shop&bounds=1000,2000,100000&statistic=worst&step=effect_viewed",
    )
    .await;
    assert_eq!(answer.bands.len(), 4);
    assert_eq!(
        (answer.metric_type, answer.sampled_share),
        ("page_load_time", None)
    );
    for band in &answer.bands {
        let inside: Vec<_> = by_session
            .iter()
            .filter(|(_, rows)| {
                let worst = rows
                    .iter()
                    .filter(|row| row.page == "/shop")
                    .map(|row| row.value)
                    .max_by(f64::total_cmp);
                worst.is_some_and(|worst| {
                    band.from.is_none_or(|from| worst >= from) && band.to.is_none_or(|to| worst < to)
                })
            })
            .collect();
        assert_eq!(band.sessions, inside.len() as u64);
        let count = inside
            .iter()
            .filter(|(session, _)| converted.contains(**session))
            .count();
        assert_eq!(band.conversion.map_or(0, |share| share.count), count as u64);
        let fits = |row: &&&Beacon| row.page == "/shop" && row.is_error();
        let with_errors = inside
            .iter()
            .filter(|(_, rows)| rows.iter().any(|row| fits(&row)))
            .count();
        assert_eq!(band.errors.map_or(0, |share| share.count), with_errors as u64);
        let mut lengths: Vec<i64> = inside
            .iter()
            .map(|(_, rows)| {
                let times = rows.iter().map(|row| row.ts_ms);
                times.clone().max().expect("a row") - times.min().expect("a row")
            })
            .collect();
        lengths.sort_unstable();
        let middle = lengths.get(lengths.len() / 2).map(|length| *length as f64);
        assert_eq!(band.length_p50_ms, middle);
    }
    let slowest = &answer.bands[3];
    assert_eq!(
        (slowest.sessions, slowest.conversion, slowest.is_enough),
        (0, None, false)
    );
    assert!(answer.conversion_differs.is_some());
    assert!(answer.sessions > 200);

    let quarters = ask(&stage, "page=/shop&bands=4").await;
    assert_eq!((quarters.bands.len(), quarters.sessions), (4, answer.sessions));
    let share = quarters.sessions / 4;
    assert!(
        quarters
            .bands
            .iter()
            .all(|band| band.sessions.abs_diff(share) < share / 5)
    );
    assert!(quarters.bands.iter().all(|band| band.conversion.is_none()));
    assert_eq!(quarters.conversion_differs, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_of_no_sessions() {
    let stage = Stage::set().await;
    let answer = ask(&stage, "api_endpoint=/api/none&step=effect_viewed").await;
    assert_eq!((answer.metric_type, answer.sessions), ("api_response_time", 0));
    assert_eq!(answer.conversion_differs, None);
    assert!(
        answer
            .bands
            .iter()
            .all(|band| band.errors.is_none() && band.length_p50_ms.is_none())
    );
}

const EVERYTHING: Limits = Limits {
    measurements_max: u64::MAX,
    session_hours_max: u64::MAX,
};

async fn ask_within(stage: &Stage, request: &ImpactRequest, limits: Limits) -> Impact {
    impact_of(&stage.warehouse, &RETENTION, "default", request, NOW, limits)
        .await
        .expect("an answer")
}

fn lengths(beacons: &[Beacon], request: &ImpactRequest) -> Vec<i64> {
    let (from_ms, to_ms) = (request.period.from * 1_000, request.period.to * 1_000);
    let inside = beacons.iter().filter(|beacon| {
        beacon.table == "performance_metrics" && beacon.ts_ms >= from_ms && beacon.ts_ms < to_ms
    });
    let mut sessions: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
    for beacon in inside {
        sessions.entry(&beacon.session).or_default().push(beacon);
    }
    let shopping = sessions
        .into_values()
        .filter(|rows| rows.iter().any(|row| row.page == "/shop"));
    let mut lengths: Vec<i64> = shopping
        .map(|rows| {
            let times = rows.iter().map(|row| row.ts_ms);
            times.clone().max().expect("a row") - times.min().expect("a row")
        })
        .collect();
    lengths.sort_unstable();
    lengths
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_are_those_of_a_recount_wherever_hours_begin_and_without_the_projection_too() {
    let stage = Stage::set().await;
    let beacons = beacons(33, 400);
    insert(&stage, &beacons).await;
    // Hours within, no whole hour, one whole hour and a second on both sides, exactly an hour.
    let periods = [
        ("12:20:07", "20:10:33"),
        ("14:10:00", "14:50:00"),
        ("13:59:59", "15:00:01"),
        ("14:00:00", "15:00:00"),
    ];
    let some = Limits {
        session_hours_max: 0,
        ..EVERYTHING
    };
    for is_dropped in [false, true] {
        if is_dropped {
            let sql =
                "ALTER TABLE performance_metrics DROP PROJECTION session_hours SETTINGS mutations_sync = 1";
            let dropping = stage.engine.client().query_raw(sql).execute();
            dropping.await.expect("no projection");
        }
        for (from, to) in periods {
            let query = format!("from=2026-07-01T{from}Z&to=2026-07-01T{to}Z&page=/shop&bounds=100000");
            let request = ImpactRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
            let lengths = lengths(&beacons, &request);
            let answer = ask_within(&stage, &request, EVERYTHING).await;
            assert_eq!(
                (answer.sessions, answer.bands[0].length_p50_ms),
                (
                    lengths.len() as u64,
                    lengths.get(lengths.len() / 2).map(|length| *length as f64)
                ),
                "{query} {is_dropped}"
            );
            assert_eq!(ask_within(&stage, &request, some).await, answer, "{query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_measurements_are_sampled_by_session_and_the_answer_says_so() {
    let stage = Stage::set().await;
    insert(&stage, &beacons(35, 2_000)).await;
    let query = format!("{RANGE}&page=/shop&bounds=1000,2000");
    let request = ImpactRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
    let exact = ask_within(&stage, &request, EVERYTHING).await;
    let few = Limits {
        measurements_max: exact.sessions / 2,
        ..EVERYTHING
    };
    let sampled = ask_within(&stage, &request, few).await;
    assert_eq!(exact.sampled_share, None);
    let share = sampled.sampled_share.expect("a share");
    assert!((0.01..=0.5).contains(&share), "{share}");
    let scaled = sampled.sessions as f64 / share / exact.sessions as f64;
    assert!((0.5..1.5).contains(&scaled), "{scaled}");
}
