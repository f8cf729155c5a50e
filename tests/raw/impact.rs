//! Impact of latency, recounted.

use std::collections::{BTreeMap, BTreeSet};

use fresnel::query::impact::{Impact, ImpactRequest, impact};

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
