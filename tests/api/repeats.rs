//! Beacons that come again: acknowledged each time, stored once, also over `kill -9`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::INGEST_KEY;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

fn with_id(kind: Kind, id: Uuid) -> Value {
    let mut beacon = kind.sample();
    beacon["event_id"] = id.to_string().into();
    beacon
}

/// Posts one more beacon and waits for its row: what was posted before it is stored then, if it ever is.
fn wait_for_the_log(server: &Fresnel) {
    let last = Uuid::new_v4();
    server
        .post(Kind::Alert.path(), with_id(Kind::Alert, last).to_string())
        .expect_status(202);
    server.warehouse().row("client_alerts", &last.to_string());
}

#[test]
fn a_beacon_that_comes_again_is_acknowledged_and_stored_once_also_after_a_kill() {
    let mut server = Fresnel::start(Options::new());
    let ids: Vec<Uuid> = (0..20).map(|_| Uuid::new_v4()).collect();
    let post_all = |server: &Fresnel| {
        for id in &ids {
            let answer = server.post(Kind::Funnel.path(), with_id(Kind::Funnel, *id).to_string());
            assert_eq!(
                answer.expect_status(202).json()["data"]["event_id"],
                id.to_string()
            );
        }
    };
    post_all(&server);
    post_all(&server);
    server.kill_both();
    server.restart();
    post_all(&server);
    wait_for_the_log(&server);
    // The segment is gone by now: this kill leaves the journals alone to remember.
    server.kill_service();
    server.restart();
    post_all(&server);
    wait_for_the_log(&server);
    let warehouse = server.warehouse();
    assert_eq!(warehouse.number("SELECT count() AS n FROM funnel_steps"), 20);
    assert_eq!(
        warehouse.number("SELECT uniqExact(event_id) AS n FROM funnel_steps"),
        20
    );
}

#[test]
fn of_a_batch_each_id_is_stored_once_and_repeats_count_as_accepted() {
    let server = Fresnel::start(Options::new());
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let item = |id: Uuid| {
        let mut item = with_id(Kind::Event, id);
        item["kind"] = "event".into();
        item
    };
    let post = |ids: &[Uuid]| {
        let items: Vec<Value> = ids.iter().map(|id| item(*id)).collect();
        let answer = server.post("/api/analytics/batch", json!({ "items": items }).to_string());
        answer.expect_status(202).json()["data"].clone()
    };
    assert_eq!(post(&[first, first]), json!({"accepted": 2, "rejected": []}));
    assert_eq!(
        post(&[first, second, first]),
        json!({"accepted": 3, "rejected": []})
    );
    assert_eq!(post(&[first]), json!({"accepted": 1, "rejected": []}));
    wait_for_the_log(&server);
    let count = || server.warehouse().number("SELECT count() AS n FROM user_events");
    wait::until("both events", PATIENCE, || (count() == 2).then_some(()));
}

#[test]
fn what_a_quota_refused_may_come_again_with_its_id() {
    let server = Fresnel::start(Options::new().set("FRESNEL_QUOTA__EVENTS_PER_HOUR", 1));
    let id = Uuid::new_v4();
    let post = |id: Uuid, browser: &str| {
        let request = Request::post(Kind::Event.path(), with_id(Kind::Event, id).to_string());
        server.send(
            &request
                .header("x-api-key", INGEST_KEY)
                .header("user-agent", browser),
        )
    };
    post(Uuid::new_v4(), "a").expect_status(202);
    post(id, "a").expect_status(429);
    post(id, "b").expect_status(202);
    server.warehouse().row("user_events", &id.to_string());
}

#[test]
fn a_quota_that_is_spent_stays_so_over_a_kill() {
    let mut server = Fresnel::start(
        Options::new()
            .set("FRESNEL_QUOTA__METRICS_PER_HOUR", 30)
            .set("FRESNEL_QUOTA__EVENTS_PER_HOUR", 0),
    );
    let post = |server: &Fresnel| {
        server
            .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
            .status
    };
    let mut accepted = 0;
    for round in 0..4 {
        for _ in 0..7 {
            assert_eq!(post(&server), 202);
            accepted += 1;
        }
        if round == 1 {
            wait_for_the_log(&server);
        }
        server.kill_both();
        server.restart();
    }
    while post(&server) == 202 {
        accepted += 1;
        assert!(accepted <= 30, "more than the quota");
    }
    assert_eq!(accepted, 30);
}
