//! Funnels, recounted.

use std::collections::BTreeMap;

use fresnel::query::funnel::{Counts, Funnel, FunnelRequest, ROWS_MAX, funnel_of};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::stage::{NOON_MS, NOW, RETENTION, Stage, pairs, project, time};

const HOUR_MS: i64 = 3_600_000;
const STEPS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
struct Event {
    session: String,
    ts_ms: i64,
    step: &'static str,
    browser: &'static str,
    plan: Option<&'static str>,
}

async fn insert(stage: &Stage, events: &[Event]) {
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            json!({
                "ts": time(event.ts_ms), "session_id": event.session, "step": event.step, "browser": event.browser,
                "metadata": event.plan.map_or(json!({}), |plan| json!({"plan": plan, "n": 1})),
            })
        })
        .collect();
    stage.insert("funnel_steps", &rows).await;
}

async fn ask(stage: &Stage, query: &str) -> Funnel {
    ask_with(stage, query, ROWS_MAX).await
}

async fn ask_with(stage: &Stage, query: &str, rows_max: u64) -> Funnel {
    let request = FunnelRequest::parse(pairs(query), &project(), NOW).expect("a good question");
    funnel_of(&stage.warehouse, &RETENTION, "default", &request, NOW, rows_max)
        .await
        .expect("an answer")
}

/// Sessions in a few hours, with repeated steps, steps out of order, equal times and entries that come too early.
fn sessions(seed: u64, count: usize) -> Vec<Event> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut events = Vec::new();
    for number in 0..count {
        let session = format!("session-{number}");
        let browser = *["Firefox", "Chrome", "Safari", "Edge"]
            .choose(&mut rng)
            .expect("one");
        let plan = *[None, Some("free"), Some("pro")].choose(&mut rng).expect("one");
        let start = NOON_MS + rng.random_range(-HOUR_MS..6 * HOUR_MS) / 1_000 * 1_000;
        for _ in 0..rng.random_range(1..12) {
            events.push(Event {
                session: session.clone(),
                // Coarse, so that many are equal.
                ts_ms: start + rng.random_range(0..40) * 60_000,
                step: ["a", "a", "b", "b", "c", "d", "x"].choose(&mut rng).expect("one"),
                browser,
                plan,
            });
        }
    }
    events.shuffle(&mut rng);
    events
}

/// The chain that counts, found by trying each entry.
fn chain(events: &[&Event], from: i64, to: i64, window_ms: i64) -> Vec<i64> {
    let mut best = Vec::new();
    let mut entries: Vec<i64> = events
        .iter()
        .filter(|event| event.step == STEPS[0] && (from..to).contains(&event.ts_ms))
        .map(|event| event.ts_ms)
        .collect();
    entries.sort_unstable();
    for entry in entries {
        let mut times = vec![entry];
        for step in &STEPS[1..] {
            let before = *times.last().expect("one");
            let next = events
                .iter()
                .filter(|event| event.step == *step)
                .map(|event| event.ts_ms)
                .filter(|ts| (before..=entry + window_ms).contains(ts))
                .min();
            let Some(next) = next else { break };
            times.push(next);
        }
        if times.len() >= best.len() {
            best = times;
        }
    }
    best
}

fn check_counts(found: &Counts, chains: &[&Vec<i64>], hint: &str) {
    for (place, step) in found.steps.iter().enumerate() {
        let reached: Vec<_> = chains.iter().filter(|chain| chain.len() > place).collect();
        assert_eq!(step.sessions, reached.len() as u64, "{hint}: {}", step.step);
        let entered = chains.len() as f64;
        let share = (!chains.is_empty()).then(|| reached.len() as f64 / entered);
        assert_eq!(step.conversion_from_start, share, "{hint}");
        if place == 0 {
            assert_eq!((step.time_from_previous, step.drop_off), (None, 0), "{hint}");
            continue;
        }
        let before = chains.iter().filter(|chain| chain.len() >= place).count();
        assert_eq!(step.drop_off, (before - reached.len()) as u64, "{hint}");
        let mut times: Vec<i64> = reached
            .iter()
            .map(|chain| chain[place] - chain[place - 1])
            .collect();
        times.sort_unstable();
        assert_eq!(step.time_from_previous.is_some(), !times.is_empty(), "{hint}");
        let Some(found) = step.time_from_previous else {
            continue;
        };
        for (rank, found) in [(0.5, found.p50_ms), (0.9, found.p90_ms)] {
            let at = |rank: f64| rank.clamp(0.0, 1.0) * (times.len() - 1) as f64;
            let (least, greatest) = (
                times[at(rank - 0.01).floor() as usize] as f64,
                times[at(rank + 0.01).ceil() as usize] as f64,
            );
            assert!(
                least <= found && found <= greatest,
                "{hint}: {found} of {} times, not {least} to {greatest}",
                times.len()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_is_that_of_a_recount_of_the_sessions() {
    let stage = Stage::set().await;
    let events = sessions(7, 3_000);
    for part in events.chunks(events.len() / 5 + 1) {
        insert(&stage, part).await;
    }
    let mut by_session: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in &events {
        by_session.entry(&event.session).or_default().push(event);
    }
    let (from, to) = (NOON_MS, NOON_MS + 4 * HOUR_MS);
    for window_ms in [60_000, 5 * 60_000, 20 * 60_000, HOUR_MS] {
        let query = format!(
            "steps=a,b,c,d&from=2026-07-01T12:00:00Z&to=2026-07-01T16:00:00Z&interval=1h&window_ms={window_ms}"
        );
        let chains: BTreeMap<&str, Vec<i64>> = by_session
            .iter()
            .map(|(session, events)| (*session, chain(events, from, to, window_ms)))
            .filter(|(_, chain)| !chain.is_empty())
            .collect();
        let answer = ask(&stage, &format!("{query}&breakdown=browser&groups_max=2")).await;
        let all: Vec<_> = chains.values().collect();
        assert!(all.len() > 500);
        check_counts(&answer.total, &all, &query);

        assert_eq!(answer.trend.len(), 4);
        for point in &answer.trend {
            let inside: Vec<_> = all
                .iter()
                .filter(|chain| (chain[0] / 1_000 - point.ts) / 3_600 == 0 && chain[0] / 1_000 >= point.ts)
                .collect();
            let converted = inside.iter().filter(|chain| chain.len() == STEPS.len()).count();
            assert_eq!(
                (point.entered, point.converted),
                (inside.len() as u64, converted as u64)
            );
        }

        let names: Vec<_> = answer.groups.iter().map(|group| group.group.as_str()).collect();
        assert_eq!(names.len(), 3);
        assert!(names.contains(&"__other__"), "{names:?}");
        for group in &answer.groups {
            let inside: Vec<_> = chains
                .iter()
                .filter(|(session, _)| {
                    let browser = by_session[**session][0].browser;
                    group.group == browser || (group.group == "__other__" && !names.contains(&browser))
                })
                .map(|(_, chain)| chain)
                .collect();
            check_counts(&group.counts, &inside, &group.group);
        }

        let pro = ask(&stage, &format!("{query}&metadata.plan=pro")).await;
        let inside: Vec<_> = chains
            .iter()
            .filter(|(session, _)| by_session[**session][0].plan == Some("pro"))
            .map(|(_, chain)| chain)
            .collect();
        check_counts(&pro.total, &inside, "metadata.plan=pro");
        let plans = ask(&stage, &format!("{query}&breakdown=metadata.plan")).await;
        let pro_group = plans
            .groups
            .iter()
            .find(|group| group.group == "pro")
            .expect("pro");
        assert_eq!(pro_group.counts, pro.total);
        assert!(plans.groups.iter().any(|group| group.group.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_are_those_of_clickhouses_own_window_funnel() {
    let stage = Stage::set().await;
    insert(&stage, &sessions(8, 2_000)).await;
    let answer = ask(
        &stage,
        "steps=a,b,c,d&from=2026-07-01T00:00:00Z&to=2026-07-02T00:00:00Z&window_ms=600000",
    )
    .await;
    let levels: Vec<u64> = stage
        .engine
        .client()
        .query(
            "SELECT countIf(level >= n) FROM (SELECT windowFunnel(600000)(toUInt64(toUnixTimestamp64Milli(ts)), \
             step = 'a', step = 'b', step = 'c', step = 'd') AS level FROM funnel_steps GROUP BY session_id) AS levels \
             CROSS JOIN (SELECT arrayJoin([1, 2, 3, 4]) AS n) AS ns GROUP BY n ORDER BY n",
        )
        .fetch_all()
        .await
        .expect("levels");
    let found: Vec<_> = answer.total.steps.iter().map(|step| step.sessions).collect();
    assert_eq!(found, levels);
}

fn event(session: &str, seconds: i64, step: &'static str) -> Event {
    Event {
        session: session.to_owned(),
        ts_ms: NOON_MS + seconds * 1_000,
        step,
        browser: "Firefox",
        plan: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_just_before_the_end_has_a_whole_window() {
    let stage = Stage::set().await;
    insert(
        &stage,
        &[
            event("late", 3_599, "a"),
            event("late", 3_659, "b"),
            event("too late", 3_600, "a"),
            event("too late", 3_601, "b"),
            event("slow", 3_599, "a"),
            event("slow", 3_660, "b"),
        ],
    )
    .await;
    let answer = ask(
        &stage,
        "steps=a,b&from=2026-07-01T12:00:00Z&to=2026-07-01T13:00:00Z&window_ms=60000",
    )
    .await;
    assert_eq!((answer.total.entered, answer.total.converted), (2, 1));
    assert_eq!(
        answer.total.steps[1].time_from_previous.map(|time| time.p50_ms),
        Some(60_000.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sessions_are_no_conversion_and_the_period_before_is_compared() {
    let stage = Stage::set().await;
    insert(
        &stage,
        &[
            event("s", -1_800, "a"),
            event("s", -1_799, "b"),
            event("t", -1, "a"),
        ],
    )
    .await;
    let answer = ask(
        &stage,
        "steps=a,b&from=2026-07-01T12:00:00Z&to=2026-07-01T13:00:00Z&compare=previous&interval=1h&breakdown=browser",
    )
    .await;
    assert_eq!((answer.total.entered, answer.total.conversion), (0, None));
    assert_eq!(answer.total.steps[1].conversion_from_previous, None);
    assert!(answer.groups.is_empty());
    assert_eq!(answer.trend.len(), 1);
    assert_eq!((answer.trend[0].entered, answer.trend[0].conversion), (0, None));
    let previous = answer.previous.expect("the hour before");
    assert_eq!(
        (previous.total.entered, previous.total.conversion),
        (2, Some(0.5))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_rows_are_sampled_by_session_and_the_answer_says_so() {
    let stage = Stage::set().await;
    let mut events = Vec::new();
    for number in 0..20_000 {
        let session = format!("s-{number}");
        events.push(event(&session, number % 3_000, "a"));
        if number % 4 == 0 {
            events.push(event(&session, number % 3_000 + 1, "b"));
        }
    }
    insert(&stage, &events).await;
    let query = "steps=a,b&from=2026-07-01T12:00:00Z&to=2026-07-01T13:00:00Z";
    let exact = ask(&stage, query).await;
    assert_eq!(
        (exact.sampled_share, exact.total.entered, exact.total.converted),
        (None, 20_000, 5_000)
    );
    let sampled = ask_with(&stage, query, 10_000).await;
    let share = sampled.sampled_share.expect("a share");
    assert!((0.1..=0.5).contains(&share), "{share}");
    // Seven standard deviations.
    assert!(
        (18_000..22_000).contains(&sampled.total.entered),
        "{}",
        sampled.total.entered
    );
    let conversion = sampled.total.conversion.expect("a share");
    assert!((0.2..0.3).contains(&conversion), "{conversion}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_projects_are_not_counted() {
    let stage = Stage::set().await;
    let row =
        json!({"project_id": "other", "ts": time(NOON_MS), "session_id": "s", "step": "a", "metadata": {}});
    stage.insert("funnel_steps", &[row]).await;
    let answer = ask(&stage, "steps=a,b&breakdown=browser").await;
    assert_eq!(answer.total.entered, 0);
    assert!(answer.groups.is_empty());
}
