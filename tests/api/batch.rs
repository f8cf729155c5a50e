//! `POST /api/analytics/batch`, and `?validate=1` on every address.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::beacons::Kind;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

const PATH: &str = "/api/analytics/batch";

fn item(kind: Kind, name: &str, event_id: Uuid) -> Value {
    let mut item = kind.sample();
    item["kind"] = name.into();
    item["event_id"] = event_id.to_string().into();
    item
}

#[test]
fn valid_items_are_stored_each_in_its_table_and_the_others_are_named() {
    let server = Fresnel::shared();
    let ids: Vec<Uuid> = (0..4).map(|_| Uuid::new_v4()).collect();
    let body = json!({"items": [
        item(Kind::Metric, "metric", ids[0]),
        {"kind": "metric", "value": "fast"},
        item(Kind::Alert, "alert", ids[1]),
        item(Kind::Funnel, "funnel", ids[2]),
        {"kind": "span"},
        item(Kind::Event, "event", ids[3]),
    ]});
    let answer = server.post(PATH, body.to_string()).expect_status(202).json();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["data"]["accepted"], 4);
    let rejected = answer["data"]["rejected"].as_array().expect("a list");
    let places: Vec<_> = rejected
        .iter()
        .map(|item| {
            (
                item["index"].as_u64(),
                item["field"].as_str(),
                item["code"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            (Some(1), Some("type"), Some("missing")),
            (Some(4), Some("kind"), Some("unknown_value")),
        ]
    );
    assert!(rejected[0]["message"].is_string());
    let warehouse = server.warehouse();
    for (table, id) in [
        ("performance_metrics", ids[0]),
        ("client_alerts", ids[1]),
        ("funnel_steps", ids[2]),
        ("user_events", ids[3]),
    ] {
        wait::until("the item in ClickHouse", PATIENCE, || {
            (warehouse.count(table, &id.to_string()) == 1).then_some(())
        });
    }
}

#[test]
fn a_batch_of_which_nothing_is_valid_is_refused_with_every_fault() {
    let server = Fresnel::shared();
    let body = json!({"items": [{"kind": "funnel"}, 7]});
    let answer = server.post(PATH, body.to_string()).expect_status(400);
    assert_eq!(answer.code(), "INVALID");
    let fields: Vec<String> = answer.details().into_iter().map(|(field, _)| field).collect();
    for field in ["items.0.step", "items.0.session_id", "items.1.item"] {
        assert!(fields.iter().any(|named| named == field), "{field} in {fields:?}");
    }
}

#[test]
fn a_batch_has_1_to_500_items() {
    let server = Fresnel::shared();
    let batch = |items: usize| {
        let item = json!({"kind": "funnel", "step": "effect_viewed", "session_id": "s"});
        json!({"items": vec![item; items]}).to_string()
    };
    let answer = server.post(PATH, batch(500)).expect_status(202).json();
    assert_eq!(answer["data"], json!({"accepted": 500, "rejected": []}));
    for items in [0, 501] {
        let details = server.post(PATH, batch(items)).expect_status(400).details();
        assert_eq!(details[0].0, "items", "{items}");
    }
}

#[test]
fn a_batch_needs_the_key_and_the_method() {
    let server = Fresnel::shared();
    let body = json!({"items": [{"kind": "funnel", "step": "effect_viewed", "session_id": "s"}]});
    let without_key = crate::harness::http::Request::post(PATH, body.to_string());
    assert_eq!(server.send(&without_key).status, 401);
    let answer = server.get(PATH).expect_status(405);
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[test]
fn validate_looks_at_beacons_and_stores_nothing() {
    let server = Fresnel::start(Options::new());
    for kind in Kind::ALL {
        let path = format!("{}?validate=1", kind.path());
        let answer = server
            .post(&path, kind.sample().to_string())
            .expect_status(200)
            .json();
        assert_eq!(answer["data"], json!({"valid": true}));
        let refused = server.post(&path, "{}").expect_status(400);
        assert_eq!(refused.code(), "INVALID");
    }
    let batch = json!({"items": [item(Kind::Event, "event", Uuid::new_v4()), {}]});
    let answer = server
        .post(&format!("{PATH}?validate=1"), batch.to_string())
        .expect_status(200)
        .json();
    assert_eq!(answer["data"]["accepted"], 1);
    assert_eq!(answer["data"]["rejected"][0]["field"], "kind");
    // What is posted after it passes the same log: when that is stored, so would the others be.
    let last = Uuid::new_v4();
    let batch = json!({"items": [item(Kind::Alert, "alert", last)]});
    server.post(PATH, batch.to_string()).expect_status(202);
    let warehouse = server.warehouse();
    wait::until("the last beacon", PATIENCE, || {
        (warehouse.count("client_alerts", &last.to_string()) == 1).then_some(())
    });
    for table in ["performance_metrics", "funnel_steps", "user_events"] {
        assert_eq!(
            warehouse.number(&format!("SELECT count() AS n FROM {table}")),
            0,
            "{table}"
        );
    }
}
