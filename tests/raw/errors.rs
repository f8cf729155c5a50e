//! Errors in groups, recounted.

use std::collections::BTreeSet;

use fresnel::domain::account::Actor;
use fresnel::domain::dashboard::{ErrorRecord, ErrorState, Fingerprint};
use fresnel::query::errors::{ErrorGroups, ErrorsRequest, OccurrencesRequest, errors, occurrences};
use serde_json::json;

use super::beacons::{Beacon, beacons, insert};
use super::stage::{NOON_MS, NOW, RETENTION, Stage, pairs, project, time};

const RANGE: &str = "from=2026-07-01T12:00:00Z&to=2026-07-01T21:00:00Z";

async fn ask(stage: &Stage, query: &str, records: &[ErrorRecord]) -> ErrorGroups {
    let query = format!("{RANGE}&{query}");
    let request = ErrorsRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
    errors(&stage.warehouse, &RETENTION, records, "default", &request, NOW)
        .await
        .expect("an answer")
}

fn record(fingerprint: &str, state: ErrorState, changed_at_ms: i64) -> ErrorRecord {
    ErrorRecord {
        fingerprint: Fingerprint::parse("fingerprint", fingerprint).expect("a fingerprint"),
        state,
        note: None,
        changed_by: Actor::system(),
        changed_at_ms,
    }
}

fn message(beacon: &Beacon) -> &str {
    match beacon.table {
        "user_events" => beacon.data["message"].as_str().unwrap_or_default(),
        _ => &beacon.error_context,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_grouped_by_what_their_messages_have_in_common() {
    let stage = Stage::set().await;
    let beacons = beacons(21, 300);
    insert(&stage, &beacons).await;
    let answer = ask(&stage, "sort=count", &[]).await;
    let groups = &answer.groups.items;
    assert_eq!((answer.groups.total, answer.truncated), (3, false));
    for (title, beginning) in [
        ("order <n> failed", "order "),
        ("cannot load <url>", "cannot load "),
        ("no such <text>", "no such "),
    ] {
        let group = groups.iter().find(|group| group.title == title).expect(title);
        let rows: Vec<_> = beacons
            .iter()
            .filter(|beacon| beacon.table == "user_events" || beacon.table == "performance_metrics")
            .filter(|beacon| message(beacon).starts_with(beginning))
            .collect();
        assert!(rows.len() > 10, "{title}");
        assert_eq!(group.count, rows.len() as u64, "{title}");
        assert_eq!(group.points.iter().sum::<u64>(), group.count);
        let sessions: BTreeSet<_> = rows.iter().map(|row| &row.session).collect();
        assert!(
            group.sessions.abs_diff(sessions.len() as u64) * 100 <= sessions.len() as u64,
            "{title}"
        );
        let times = rows.iter().map(|row| row.ts_ms);
        assert_eq!(Some(group.first_seen), times.clone().min());
        assert_eq!(Some(group.last_seen), times.clone().max());
        let latest: BTreeSet<_> = rows
            .iter()
            .filter(|row| row.ts_ms == group.last_seen)
            .map(|row| message(row))
            .collect();
        assert!(latest.contains(group.message.as_str()));
        let is_mixed = title == "order <n> failed";
        assert_eq!(
            group.sources,
            if is_mixed {
                vec!["event", "metric"]
            } else {
                vec!["event"]
            }
        );
        assert_eq!(
            group.releases,
            if is_mixed { vec!["1.0", "2.0"] } else { vec!["2.0"] }
        );

        let query = format!("{RANGE}&limit=1000&fingerprint={}", group.fingerprint);
        let request = OccurrencesRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
        let page = occurrences(&stage.warehouse, "default", &request)
            .await
            .expect("an answer");
        let found: BTreeSet<_> = page.items.iter().map(|row| row.event_id.clone()).collect();
        assert_eq!(
            found,
            rows.iter().map(|row| row.id.to_string()).collect(),
            "{title}"
        );
    }
    let pages: Vec<_> = [
        ask(&stage, "sort=count&page_size=2", &[]).await,
        ask(&stage, "sort=count&page_size=2&page_number=2", &[]).await,
    ]
    .into_iter()
    .flat_map(|answer| answer.groups.items)
    .collect();
    assert_eq!(&pages, groups);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_resolved_and_came_again_is_open() {
    let stage = Stage::set().await;
    let at = |minutes: i64, message: &str| {
        json!({"ts": time(NOON_MS + minutes * 60_000), "session_id": "s", "event_type": "error_occurrence",
            "event_data": {"message": message}})
    };
    stage
        .insert(
            "user_events",
            &[
                at(1, "alpha 1"),
                at(2, "beta"),
                at(3, "gamma"),
                at(4, "delta"),
                at(30, "alpha 2"),
            ],
        )
        .await;
    let all = ask(&stage, "", &[]).await.groups.items;
    let print = |title: &str| {
        let group = all.iter().find(|group| group.title == title);
        group.expect(title).fingerprint.clone()
    };
    let resolved_at = NOON_MS + 10 * 60_000;
    let records = [
        record(&print("alpha <n>"), ErrorState::Resolved, resolved_at),
        record(&print("beta"), ErrorState::Resolved, resolved_at),
        record(&print("gamma"), ErrorState::Ignored, resolved_at),
    ];
    let titles = async |state: &str| {
        let answer = ask(&stage, &format!("state={state}"), &records).await;
        assert_eq!(answer.groups.total, answer.groups.items.len() as u64);
        let groups = answer.groups.items.into_iter();
        groups.map(|group| (group.title, group.state)).collect::<Vec<_>>()
    };
    let named = |title: &str, state: &'static str| (title.to_owned(), state);
    assert_eq!(
        titles("open").await,
        [named("alpha <n>", "reopened"), named("delta", "open")]
    );
    assert_eq!(titles("reopened").await, [named("alpha <n>", "reopened")]);
    assert_eq!(titles("resolved").await, [named("beta", "resolved")]);
    assert_eq!(titles("ignored").await, [named("gamma", "ignored")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_differ_by_their_words_alone() {
    let stage = Stage::set().await;
    let messages = [
        (
            "can't read property 'a' of null",
            "can't read property <text> of null",
        ),
        (
            "can't read property 'bc' of null",
            "can't read property <text> of null",
        ),
        (
            "user 0193d3a4-0000-7000-8000-000000000001 is gone",
            "user <id> is gone",
        ),
        (
            "user 8f14e45fceea167a5a36dedd4bea2543 is gone",
            "user <id> is gone",
        ),
        ("took 12.5 s\n  at line 3", "took <n> s at line <n>"),
        ("ws://a.b/c?d=1 closed", "<url> closed"),
        ("", ""),
    ];
    let rows: Vec<_> = messages
        .iter()
        .map(|(message, _)| {
            json!({"ts": time(NOON_MS), "session_id": "s", "event_type": "error_occurrence", "event_data": {"message": message}})
        })
        .collect();
    stage.insert("user_events", &rows).await;
    let found: BTreeSet<_> = ask(&stage, "", &[])
        .await
        .groups
        .items
        .into_iter()
        .map(|group| group.title)
        .collect();
    let expected: BTreeSet<_> = messages.iter().map(|(_, title)| (*title).to_owned()).collect();
    assert_eq!(found, expected);
}
