//! `/api/live`

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::managing::{admin, call, key, project};
use crate::harness::beacons::Kind;
use crate::harness::engine::Engine;
use crate::harness::events::{Event, EventStream};
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, process};

const STATS: &str = "/api/dashboard/stats";
/// A question of thirty days, whose answer is kept for minutes by those who do not listen.
const MONTH: &str = "/api/analytics/performance/dashboard?from=now-30d";

fn listen(server: &Fresnel, project: &str, asks: &[&str], max_age_ms: u32) -> EventStream {
    let asks = asks.iter().map(|ask| {
        let quoted = ask.replace('?', "%3F").replace('&', "%26").replace('=', "%3D");
        format!("&ask={quoted}")
    });
    let path = format!(
        "/api/live?project={project}&max_age_ms={max_age_ms}{}",
        asks.collect::<String>()
    );
    EventStream::open(server, &path, &[])
}

/// A new project, once it has been given its rules: a change of its control data makes its answers be forgotten.
fn settled_project(server: &Fresnel, name: &str) -> String {
    let id = project(server, name);
    wait::until("the first rules", PATIENCE, || {
        let rules = admin(server, "GET", &format!("/api/rules?project={id}"), &Value::Null);
        (rules["total"] != 0).then_some(())
    });
    id
}

/// Listens on until an answer is as wanted; nothing else may be told.
fn until(stream: &mut EventStream, is_wanted: impl Fn(&Event) -> bool) -> Event {
    loop {
        let event = stream.event();
        assert!(matches!(&*event.name, "answer" | "unchanged"), "{}", event.name);
        if is_wanted(&event) {
            return event;
        }
    }
}

fn counted(event: &Event) -> Option<u64> {
    let data = &event.data["answer"]["data"];
    match event.data["ask"].as_str()? {
        STATS => data["events_last_day"].as_u64(),
        MONTH => data["metrics"].as_array()?.first()?["count"].as_u64(),
        _ => None,
    }
}

#[test]
fn an_answer_comes_again_when_what_it_says_has_changed_although_it_is_kept_for_others() {
    let server = Fresnel::start(Options::new().set("FRESNEL_CACHE__ENABLED", true));
    let id = settled_project(&server, "live");
    let (_, secret) = key(&server, &id, &json!({"kind": "server", "name": "page"}));
    let mut stream = listen(&server, &id, &[STATS, MONTH], 1_000);
    let (one, other) = (stream.event(), stream.event());
    for event in [&one, &other] {
        assert_eq!(event.name, "answer");
        assert_eq!(event.data["answer"]["success"], true);
        assert!(event.data["answer"]["meta"]["calculated_at"].is_string());
    }
    assert_eq!([&one.data["ask"], &other.data["ask"]], [STATS, MONTH]);
    assert_eq!(counted(&one), Some(0));
    let again = until(&mut stream, |event| event.name == "unchanged");
    assert!(again.data["meta"]["calculated_at"].is_string() && again.data["answer"].is_null());

    let beacon = Request::post(Kind::Metric.path(), Kind::Metric.sample().to_string());
    server
        .send(&beacon.header("x-api-key", &secret))
        .expect_status(202);
    let mut missing = vec![STATS, MONTH];
    while !missing.is_empty() {
        let event = until(&mut stream, |event| counted(event) == Some(1));
        missing.retain(|ask| event.data["ask"] != *ask);
    }
    // Nobody who asks and is told of kept answers is counted with those who listen.
    let health = server.get("/api/health").json();
    assert_eq!(health["data"]["cache"]["lookups"], 0, "{health}");
}

#[test]
fn who_listens_to_the_same_shares_the_answers() {
    let server = Fresnel::start(Options::new().set("FRESNEL_CACHE__ENABLED", true));
    let id = settled_project(&server, "shared");
    let mut one = listen(&server, &id, &[STATS], 60_000);
    let mut other = listen(&server, &id, &[STATS], 60_000);
    let calculated = |event: &Event| event.data["answer"]["meta"]["calculated_at"].clone();
    assert_eq!(calculated(&one.event()), calculated(&other.event()));
}

#[test]
fn what_is_no_question_or_not_of_the_project_is_refused_by_its_name() {
    let server = Fresnel::shared();
    let id = project(&server, "refused");
    for (query, field) in [
        ("", "ask"),
        ("&ask=/api/keys", "ask"),
        ("&ask=/api/dashboard/stats%3Fproject%3Ddefault", "ask"),
        ("&ask=/api/dashboard/stats&max_age_ms=1", "max_age_ms"),
    ] {
        let path = format!("/api/live?project={id}{query}");
        let answer = call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null).expect_status(400);
        let fields: Vec<_> = answer.details().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [field], "{query}");
    }
    let path = "/api/live?project=nobody&ask=/api/dashboard/stats";
    call(&server, ADMIN_TOKEN, "GET", path, &Value::Null).expect_status(404);
}

#[test]
fn a_question_that_fails_is_left_to_the_listener_and_the_others_go_on() {
    let server = Fresnel::shared();
    let id = project(&server, "faulty");
    let faulty = "/api/analytics/performance/dashboard?from=yesterday";
    let mut stream = listen(&server, &id, &[faulty, STATS], 1_000);
    let (one, other) = (stream.event(), stream.event());
    assert_eq!((&*one.name, &one.data), ("failed", &json!({"ask": faulty})));
    assert_eq!((&*other.name, &other.data["ask"]), ("answer", &json!(STATS)));
}

#[test]
fn during_an_outage_the_last_answer_is_told_as_degraded_and_behind_it_a_new_one() {
    let engine = Engine::start();
    let access = engine.access();
    let server = Fresnel::start(
        Options::new()
            .set("FRESNEL_CACHE__ENABLED", true)
            .set("FRESNEL_BREAKER__OPEN_MS", 1_000)
            .set("FRESNEL_WAREHOUSE__URL", &access.url)
            .set("FRESNEL_WAREHOUSE__USER", &access.user)
            .set("FRESNEL_WAREHOUSE__PASSWORD", &access.password),
    );
    let id = settled_project(&server, "outage");
    let mut stream = listen(&server, &id, &[STATS], 1_000);
    assert_eq!(stream.event().name, "answer");
    assert!(process::signal(engine.pid(), Signal::STOP));
    let is_degraded = |event: &Event| event.data["answer"]["meta"]["degraded"] == true;
    until(&mut stream, |event| is_degraded(event));
    assert!(process::signal(engine.pid(), Signal::CONT));
    until(&mut stream, |event| event.name == "answer" && !is_degraded(event));
}

#[test]
fn streams_end_when_their_project_is_deleted_and_when_the_service_stops() {
    let mut server = Fresnel::start(Options::new());
    let (id, other) = (project(&server, "deleted"), project(&server, "stopped"));
    let mut of_deleted = listen(&server, &id, &[STATS], 1_000);
    admin(&server, "DELETE", &format!("/api/projects/{id}"), &Value::Null);
    while of_deleted.message().is_some() {}
    let mut of_stopped = listen(&server, &other, &[STATS], 1_000);
    let (status, took) = server.stop();
    assert!(status.success());
    assert!(took < Duration::from_secs(8), "{took:?}");
    while of_stopped.message().is_some() {}
}

#[test]
fn so_many_listen_and_no_more_until_one_goes() {
    let server = Fresnel::start(Options::new());
    let id = project(&server, "crowd");
    let mut crowd: Vec<_> = (0..500).map(|_| listen(&server, &id, &[STATS], 60_000)).collect();
    let path = format!("/api/live?project={id}&ask={STATS}");
    let refused = call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null).expect_status(503);
    assert_eq!(refused.code(), "TOO_MANY_LISTENERS");
    crowd.pop();
    // It is noticed when something is to be sent.
    wait::until("a place", PATIENCE, || {
        let answer = call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null);
        (answer.status == 200).then_some(())
    });
}
