//! Sessions, put together again.

use std::collections::{BTreeMap, BTreeSet};

use fresnel::query::sessions::{
    SLICE_ROWS_MAX, Session, SessionsRequest, TimelineRequest, sessions_of, timeline,
};

use super::beacons::{Beacon, beacons, insert};
use super::stage::{NOW, Stage, pairs, project};

const RANGE: &str = "from=2026-07-01T12:00:00Z&to=2026-07-01T21:00:00Z";

async fn all(stage: &Stage, query: &str, slice_rows_max: u64) -> Vec<Session> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    for _ in 0..10_000 {
        let query = format!("{query}&cursor={cursor}");
        let request = SessionsRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
        let page = sessions_of(&stage.warehouse, "default", &request, slice_rows_max)
            .await
            .expect("an answer");
        found.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = next,
            None => return found,
        }
    }
    panic!("a list without an end");
}

fn check(session: &Session, rows: &[&Beacon]) {
    let times = rows.iter().map(|row| row.ts_ms);
    let (start, end) = (times.clone().min().expect("a row"), times.max().expect("a row"));
    assert_eq!(
        (session.start, session.end, session.duration_ms),
        (start, end, end - start)
    );
    let of = |table: &str| rows.iter().filter(|row| row.table == table).count() as u64;
    assert_eq!(
        (
            session.rows,
            session.metrics,
            session.steps,
            session.events,
            session.alerts
        ),
        (
            rows.len() as u64,
            of("performance_metrics"),
            of("funnel_steps"),
            of("user_events"),
            of("client_alerts")
        )
    );
    assert_eq!(
        session.errors,
        rows.iter().filter(|row| row.is_error()).count() as u64
    );
    let pages: BTreeSet<_> = rows
        .iter()
        .map(|row| row.page())
        .filter(|page| !page.is_empty())
        .collect();
    assert_eq!(session.pages, pages.len() as u64);
    assert_eq!(
        (session.user_id.as_str(), session.browser.as_str()),
        (rows[0].user.as_str(), rows[0].browser)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_session_is_listed_once_with_all_its_rows_the_latest_first() {
    let stage = Stage::set().await;
    let beacons = beacons(11, 200);
    insert(&stage, &beacons).await;
    let mut by_session: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
    for beacon in &beacons {
        by_session.entry(&beacon.session).or_default().push(beacon);
    }
    // One that has sent nothing but alerts is none.
    by_session.retain(|_, rows| rows.iter().any(|row| row.table != "client_alerts"));
    let last_of = |rows: &[&Beacon]| {
        let own = rows.iter().filter(|row| row.table != "client_alerts");
        own.map(|row| row.ts_ms).max().expect("a row")
    };
    for (limit, slice_rows_max) in [
        (200, SLICE_ROWS_MAX),
        (7, SLICE_ROWS_MAX),
        (7, 20_000),
        (3, 1_000),
    ] {
        let found = all(&stage, &format!("limit={limit}&{RANGE}"), slice_rows_max).await;
        let names: Vec<_> = found.iter().map(|session| session.session_id.as_str()).collect();
        assert_eq!(names.len(), by_session.len(), "{limit} {slice_rows_max}");
        assert_eq!(names.iter().copied().collect::<BTreeSet<_>>().len(), names.len());
        let lasts: Vec<_> = names.iter().map(|name| last_of(&by_session[name])).collect();
        assert!(
            lasts.windows(2).all(|pair| pair[0] >= pair[1]),
            "{limit} {slice_rows_max}"
        );
        for session in &found {
            check(session, &by_session[session.session_id.as_str()]);
        }
    }
    let filtered = all(
        &stage,
        &format!("limit=20&{RANGE}&browser=Firefox&page=/help"),
        SLICE_ROWS_MAX,
    )
    .await;
    let expected: BTreeSet<_> = by_session
        .iter()
        .filter(|(_, rows)| {
            let fits = |row: &&&Beacon| row.table != "client_alerts" && row.page() == "/help";
            rows[0].browser == "Firefox" && rows.iter().any(|row| fits(&row))
        })
        .map(|(session, _)| *session)
        .collect();
    assert!(expected.len() > 5);
    assert_eq!(filtered.len(), expected.len());
    for session in &filtered {
        assert!(expected.contains(session.session_id.as_str()));
        check(session, &by_session[session.session_id.as_str()]);
    }
    let with_upload = all(
        &stage,
        &format!("{RANGE}&event_type=image_upload"),
        SLICE_ROWS_MAX,
    )
    .await;
    let uploads = by_session
        .values()
        .filter(|rows| rows.iter().any(|row| row.name == "image_upload"));
    assert_eq!(with_upload.len(), uploads.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_holds_every_row_of_its_session_in_order() {
    let stage = Stage::set().await;
    let beacons = beacons(12, 80);
    insert(&stage, &beacons).await;
    let mut by_session: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
    for beacon in &beacons {
        by_session.entry(&beacon.session).or_default().push(beacon);
    }
    let (session, rows) = by_session
        .iter()
        .max_by_key(|(_, rows)| rows.len())
        .expect("a session");
    for limit in [2, 100] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = format!("session_id={session}&limit={limit}&cursor={cursor}");
            let request = TimelineRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
            let page = timeline(&stage.warehouse, "default", &request)
                .await
                .expect("an answer");
            found.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = next,
                None => break,
            }
        }
        assert!(found.windows(2).all(|pair| pair[0].ts <= pair[1].ts));
        let ids: BTreeSet<_> = found.iter().map(|row| row.event_id.clone()).collect();
        assert_eq!(ids, rows.iter().map(|row| row.id.to_string()).collect());
        assert_eq!(found.len(), rows.len());
    }
    let kinds: BTreeSet<_> = rows.iter().map(|row| row.table).collect();
    assert!(kinds.len() > 2, "the test's session has rows of too few kinds");
}
