//! `/api/alerts`, `/api/alerts/stream`

use std::time::Duration;

use serde_json::{Value, json};

use super::managing::{TestUser, actions, admin, call, key, project};
use crate::harness::beacons::Kind;
use crate::harness::events::EventStream;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

/// A new project with an alert that a client has posted: ids of both.
fn with_alert(server: &Fresnel, name: &str, severity: &str) -> (String, String) {
    let id = project(server, name);
    let alert = post_alert(server, &id, severity);
    (id, alert)
}

/// Posts an alert as a client does; gives the id of what comes of it.
fn post_alert(server: &Fresnel, project: &str, severity: &str) -> String {
    let (_, browser) = key(server, project, &json!({"kind": "server", "name": "page"}));
    let mut beacon = Kind::Alert.sample();
    beacon["severity"] = json!(severity);
    let beacon = Request::post(Kind::Alert.path(), beacon.to_string()).header("x-api-key", &browser);
    server.send(&beacon).expect_status(202);
    let path = format!("/api/alerts?project={project}&source=client&level={severity}");
    wait::until("the alert", PATIENCE, || {
        let found = admin(server, "GET", &path, &Value::Null);
        found["items"][0]["id"].as_str().map(str::to_owned)
    })
}

#[test]
fn an_alert_is_found_looked_at_and_acknowledged() {
    let server = Fresnel::shared();
    let (id, alert) = with_alert(&server, "alerts", "critical");
    let path = |query: &str| format!("/api/alerts?project={id}{query}");
    for (query, total) in [
        ("&state=open", 1),
        ("&state=resolved", 0),
        ("&level=critical&source=client", 1),
        ("&source=rule", 0),
        ("&rule_id=0199e5a0-0000-7000-8000-000000000000", 0),
        ("&from=2020-01-01T00:00:00Z&to=2090-01-01T00:00:00Z", 1),
        ("&to=2020-01-01T00:00:00Z", 0),
    ] {
        let found = admin(&server, "GET", &path(query), &Value::Null);
        assert_eq!(found["total"], total, "{query}");
    }
    let wrong = path("&state=over&level=loud&source=x&rule_id=7&from=yesterday&color=red");
    let wrong = call(&server, ADMIN_TOKEN, "GET", &wrong, &Value::Null).expect_status(400);
    let fields: Vec<_> = wrong.details().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["state", "level", "source", "rule_id", "from", "color"]);

    let one = |project: &str, tail: &str| format!("/api/alerts/{alert}{tail}?project={project}");
    let shown = admin(&server, "GET", &one(&id, ""), &Value::Null);
    assert_eq!(shown["history"][0]["event"], "fired");
    assert_eq!(
        (&shown["acknowledged"], &shown["resolved_at_ms"]),
        (&Value::Null, &Value::Null)
    );
    let viewer = TestUser::new(&server);
    viewer.give_role(&server, &id, "viewer");
    viewer.get(&server, &one(&id, "")).expect_status(200);
    let refused = Request::new("POST", &one(&id, "/acknowledge"));
    server.send(&viewer.sign(refused)).expect_status(403);

    let seen = admin(&server, "POST", &one(&id, "/acknowledge"), &Value::Null);
    assert_eq!(seen["acknowledged"]["by"]["kind"], "key");
    let shown = admin(&server, "GET", &one(&id, ""), &Value::Null);
    let history = shown["history"].as_array().expect("a history");
    assert!(
        history.iter().any(|event| event["event"] == "acknowledged"),
        "{history:?}"
    );
    assert!(actions(&server, &id).contains(&"alert.acknowledge".to_owned()));

    let other = project(&server, "other");
    for (method, tail) in [("GET", ""), ("POST", "/acknowledge")] {
        call(&server, ADMIN_TOKEN, method, &one(&other, tail), &Value::Null).expect_status(404);
    }
    assert_eq!(
        admin(
            &server,
            "GET",
            &format!("/api/alerts?project={other}"),
            &Value::Null
        )["total"],
        0
    );
}

#[test]
fn trends_have_a_day_for_each_that_is_asked_for() {
    let server = Fresnel::shared();
    let (id, _) = with_alert(&server, "trends", "warning");
    let path = format!("/api/alerts/trends?project={id}");
    let trends = admin(&server, "GET", &path, &Value::Null);
    let days = trends["days"].as_array().expect("days");
    assert_eq!(days.len(), 30);
    let steps = days
        .windows(2)
        .map(|pair| pair[1]["day_ms"].as_i64().zip(pair[0]["day_ms"].as_i64()));
    assert!(steps.flatten().all(|(next, day)| next - day == 86_400_000));
    assert_eq!(
        (&trends["warning"], &trends["total"], &trends["critical"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(trends["mean_time_to_resolve_ms"], Value::Null);
    let last = admin(&server, "GET", &format!("{path}&days=2"), &Value::Null);
    assert_eq!(last["days"].as_array().map(Vec::len), Some(2));
    for query in ["days=0", "days=366", "days=x", "page=1"] {
        let answer = call(
            &server,
            ADMIN_TOKEN,
            "GET",
            &format!("{path}&{query}"),
            &Value::Null,
        );
        answer.expect_status(400);
    }
}

/// Listens to the alerts of a project.
fn listen(server: &Fresnel, project: &str, after: Option<&str>) -> EventStream {
    let path = format!("/api/alerts/stream?project={project}");
    let after = after.map(|after| ("last-event-id", after));
    EventStream::open(server, &path, after.as_slice())
}

/// The next change of an alert: its id and its data.
fn change(stream: &mut EventStream) -> (String, Value) {
    let event = stream.event();
    assert_eq!(event.name, "alert");
    (event.id, event.data)
}

#[test]
fn who_listens_is_told_at_once_and_goes_on_where_it_was() {
    let server = Fresnel::shared();
    let (id, alert) = with_alert(&server, "stream", "critical");
    let other = project(&server, "other-stream");
    let mut listener = listen(&server, &id, None);
    let mut stranger = listen(&server, &other, None);
    let acknowledge = format!("/api/alerts/{alert}/acknowledge?project={id}");
    admin(&server, "POST", &acknowledge, &Value::Null);
    let (first, data) = change(&mut listener);
    assert_eq!(data["event"]["id"], first.as_str());
    assert_eq!(data["event"]["event"], "acknowledged");
    assert_eq!(
        (&data["alert"]["id"], &data["alert"]["level"]),
        (&json!(alert), &json!("critical"))
    );
    assert!(data["alert"]["acknowledged"]["by"]["name"].is_string());
    drop(listener);

    // While it was away.
    admin(&server, "POST", &acknowledge, &Value::Null);
    let mut back = listen(&server, &id, Some(&first));
    let (second, data) = change(&mut back);
    assert!(second > first && data["event"]["event"] == "acknowledged");
    // And what is new comes once.
    admin(&server, "POST", &acknowledge, &Value::Null);
    let (third, _) = change(&mut back);
    assert!(third > second);
    admin(&server, "POST", &acknowledge, &Value::Null);
    assert!(change(&mut back).0 > third);
    // Nobody is told of another project's alerts: the next that it hears is of its own.
    let own = post_alert(&server, &other, "warning");
    assert_eq!(change(&mut stranger).1["alert"]["id"], own.as_str());

    let path = format!("/api/alerts/stream?project={id}");
    let wrong = Request::get(&path)
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("last-event-id", "yesterday");
    let wrong = server.send(&wrong).expect_status(400);
    assert_eq!(wrong.details(), [("Last-Event-ID".into(), "bad_format".into())]);
}

#[test]
fn so_many_listen_to_a_project_and_no_more_until_one_goes() {
    let server = Fresnel::start_unready(Options::new());
    let id = project(&server, "crowd");
    let mut crowd: Vec<_> = (0..100).map(|_| listen(&server, &id, None)).collect();
    let path = format!("/api/alerts/stream?project={id}");
    let refused = call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null).expect_status(503);
    assert_eq!(refused.code(), "TOO_MANY_LISTENERS");
    assert!(refused.header("retry-after").is_some());
    let other = project(&server, "calm");
    listen(&server, &other, None);
    crowd.pop();
    // It is noticed when something is to be sent.
    wait::until("a place", PATIENCE, || {
        let answer = call(&server, ADMIN_TOKEN, "GET", &path, &Value::Null);
        (answer.status == 200).then_some(())
    });
}

#[test]
fn streams_end_when_the_service_stops_and_hold_nothing_up() {
    let mut server = Fresnel::start_unready(Options::new());
    let id = project(&server, "stop");
    let mut listener = listen(&server, &id, None);
    let (status, took) = server.stop();
    assert!(status.success());
    assert!(took < Duration::from_secs(8), "{took:?}");
    while let Some(message) = listener.message() {
        assert!(message.starts_with(':'), "{message}");
    }
}
