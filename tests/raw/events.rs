//! Events, recounted.

use std::collections::{BTreeMap, BTreeSet};

use fresnel::query::RawRow;
use fresnel::query::events::{EventsRequest, PropertiesRequest, SummaryRequest, events, properties, summary};

use super::beacons::{Beacon, beacons, insert};
use super::stage::{NOON_MS, NOW, RETENTION, Stage, pairs, project};

const RANGE: &str = "from=2026-07-01T12:00:00Z&to=2026-07-01T20:30:00Z";

fn in_range(beacon: &Beacon) -> bool {
    (NOON_MS..NOON_MS + 8 * 3_600_000 + 1_800_000).contains(&beacon.ts_ms)
}

/// All pages of a list.
async fn all(stage: &Stage, query: &str) -> Vec<RawRow> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("{query}&cursor={cursor}");
        let request = EventsRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
        let page = events(&stage.warehouse, "default", &request)
            .await
            .expect("an answer");
        rows.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = next,
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_hold_each_row_once_the_newest_first() {
    let stage = Stage::set().await;
    let beacons = beacons(1, 150);
    insert(&stage, &beacons).await;
    for (kind, table) in [
        ("event", "user_events"),
        ("metric", "performance_metrics"),
        ("funnel", "funnel_steps"),
        ("alert", "client_alerts"),
    ] {
        let expected: BTreeSet<_> = beacons
            .iter()
            .filter(|beacon| beacon.table == table && in_range(beacon))
            .map(|beacon| (beacon.ts_ms, beacon.id.to_string()))
            .collect();
        for limit in [7, 1_000] {
            let found = all(&stage, &format!("kind={kind}&limit={limit}&{RANGE}")).await;
            let keys: Vec<_> = found.iter().map(|row| (row.ts, row.event_id.clone())).collect();
            assert!(
                keys.windows(2).all(|pair| pair[0].0 >= pair[1].0),
                "{kind} {limit}"
            );
            assert_eq!(keys.len(), expected.len(), "{kind} {limit}");
            assert_eq!(
                keys.into_iter().collect::<BTreeSet<_>>(),
                expected,
                "{kind} {limit}"
            );
        }
    }
    let filtered = all(
        &stage,
        &format!("limit=50&event_type=image_upload&metadata.format=png&{RANGE}"),
    )
    .await;
    let expected = beacons
        .iter()
        .filter(|beacon| in_range(beacon) && beacon.name == "image_upload" && beacon.data["format"] == "png")
        .count();
    assert!(expected > 10);
    assert_eq!(filtered.len(), expected);
    let data: serde_json::Value = serde_json::from_str(filtered[0].data.get()).expect("an object");
    assert_eq!(data["format"], "png");
    assert_eq!(filtered[0].page, data["page"].as_str().expect("a page"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_where_it_was_although_rows_arrive() {
    let stage = Stage::set().await;
    let mut old = beacons(2, 60);
    old.retain(|beacon| beacon.table == "user_events");
    insert(&stage, &old).await;
    let ask = |cursor: String| {
        let query = format!("limit=20&{RANGE}&cursor={cursor}");
        let request = EventsRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
        let warehouse = stage.warehouse.clone();
        async move { events(&warehouse, "default", &request).await.expect("an answer") }
    };
    let first = ask(String::new()).await;
    let new = beacons(3, 60);
    insert(&stage, &new).await;
    let second = ask(first.next_cursor.expect("more")).await;
    let last = first.items.last().map(|row| row.ts).expect("a row");
    assert!(second.items.iter().all(|row| row.ts <= last));
    let seen: BTreeSet<_> = first.items.iter().map(|row| &row.event_id).collect();
    assert!(second.items.iter().all(|row| !seen.contains(&row.event_id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_is_that_of_a_recount() {
    let stage = Stage::set().await;
    let beacons = beacons(4, 300);
    insert(&stage, &beacons).await;
    let query = format!("{RANGE}&interval=1h&groups_max=2&compare=previous");
    let request = SummaryRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
    let answer = summary(&stage.warehouse, &RETENTION, "default", &request, NOW)
        .await
        .expect("an answer");
    let mut types: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
    for beacon in beacons
        .iter()
        .filter(|beacon| beacon.table == "user_events" && in_range(beacon))
    {
        types.entry(beacon.name).or_default().push(beacon);
    }
    let mut by_count: Vec<_> = types.into_iter().collect();
    by_count.sort_by_key(|(name, rows)| (std::cmp::Reverse(rows.len()), *name));
    let rest = by_count.split_off(2);
    by_count.push(("__other__", rest.into_iter().flat_map(|(_, rows)| rows).collect()));
    assert_eq!(answer.types.len(), 3);
    let close = |found: u64, wanted: usize| found.abs_diff(wanted as u64) as f64 <= wanted as f64 * 0.01;
    for (name, rows) in &by_count {
        let found = answer
            .types
            .iter()
            .find(|found| found.event_type == *name)
            .expect(name);
        assert_eq!(found.totals.count, rows.len() as u64);
        let unique = |of: fn(&Beacon) -> String| {
            let values = rows
                .iter()
                .map(|row| of(row))
                .filter(|value| !value.is_empty() && value != "0");
            values.collect::<BTreeSet<_>>().len()
        };
        assert!(
            close(found.totals.sessions, unique(|row| row.session.clone())),
            "{name}"
        );
        assert!(
            close(found.totals.users, unique(|row| row.user.clone())),
            "{name}"
        );
        assert!(
            close(found.totals.visitors, unique(|row| row.visitor.to_string())),
            "{name}"
        );
        assert_eq!(found.points.len(), 9);
        for point in &found.points {
            let inside = rows
                .iter()
                .filter(|row| (row.ts_ms / 1_000 - point.ts).div_euclid(3_600) == 0);
            assert_eq!(point.count, inside.count() as u64, "{name}");
        }
    }
    let all: usize = by_count.iter().map(|(_, rows)| rows.len()).sum();
    assert_eq!(answer.total.count, all as u64);
    let previous = answer.previous.expect("the hours before");
    assert_eq!((previous.total.count, previous.total.users), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_property_are_those_of_a_recount_and_keys_are_listed() {
    let stage = Stage::set().await;
    let beacons = beacons(5, 200);
    insert(&stage, &beacons).await;
    let rows: Vec<_> = beacons
        .iter()
        .filter(|beacon| beacon.table == "user_events" && in_range(beacon))
        .collect();
    let ask = async |query: &str| {
        let query = format!("{query}&{RANGE}");
        let request = PropertiesRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
        properties(&stage.warehouse, &RETENTION, "default", &request, NOW)
            .await
            .expect("an answer")
    };
    let answer = ask("property=metadata.size&groups_max=2")
        .await
        .values
        .expect("values");
    let with: Vec<_> = rows.iter().filter(|row| row.data.get("size").is_some()).collect();
    assert_eq!(
        (answer.events, answer.events_with, answer.distinct),
        (rows.len() as u64, with.len() as u64, 3)
    );
    assert_eq!(answer.values.len(), 3);
    for value in &answer.values[..2] {
        let size: i64 = value.value.parse().expect("a number");
        let count = with.iter().filter(|row| row.data["size"] == size).count();
        assert_eq!(value.count, count as u64);
    }
    assert_eq!(answer.values[2].value, "__other__");
    assert_eq!(
        answer.values.iter().map(|value| value.count).sum::<u64>(),
        with.len() as u64
    );

    let nothing = ask("property=metadata.nothing").await.values.expect("values");
    assert_eq!((nothing.events_with, nothing.values.len()), (0, 0));
    let browsers = ask("property=browser&event_type=image_upload")
        .await
        .values
        .expect("values");
    assert_eq!(browsers.distinct, 3);

    let keys = ask("").await.properties.expect("keys");
    let names: BTreeSet<_> = keys.iter().map(|key| key.property.as_str()).collect();
    let expected = ["format", "message", "page", "release", "size"].map(|key| format!("metadata.{key}"));
    assert_eq!(names, expected.iter().map(String::as_str).collect());
    let page = keys
        .iter()
        .find(|key| key.property == "metadata.page")
        .expect("pages");
    assert!((page.share - 1.0).abs() < 1e-9);
}
