//! Bodies that nobody thought of: whatever comes, the answer is 202 or a 4xx in the form of K2.

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::api::envelope;
use crate::harness::Fresnel;
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::INGEST_KEY;

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::ALL.to_vec())
}

/// Keys that mean something, and others.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec![
            "type", "value", "timestamp", "session_id", "metadata", "event_id", "user_id", "sent_at", "severity", "metric",
            "threshold", "actual_value", "user_context", "browser", "device_type", "step", "effect_id", "event_type",
            "event_data", "page", "status", "name",
        ]).prop_map(str::to_owned),
        1 => ".{0,12}",
        1 => "[a.]{0,6}",
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        proptest::sample::select(vec![
            "core_web_vitals",
            "CLS",
            "warning",
            "effect_viewed",
            "image_upload",
            "2026-01-01T00:00:00Z"
        ])
        .prop_map(Value::from),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((key(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A valid beacon, some of whose fields were overwritten.
fn almost_good(kind: Kind) -> impl Strategy<Value = Value> {
    proptest::collection::vec((key(), json()), 0..3).prop_map(move |changes| {
        let mut beacon = kind.sample();
        for (key, value) in changes {
            beacon[key] = value;
        }
        beacon
    })
}

fn check(server: &Fresnel, kind: Kind, body: Vec<u8>, media_type: &str) -> Result<(), TestCaseError> {
    let request = Request::post(kind.path(), body)
        .header("x-api-key", INGEST_KEY)
        .header("content-type", media_type);
    let answer = server.send(&request);
    prop_assert!(
        [202, 400, 413].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.text()
    );
    envelope::check(&answer);
    Ok(())
}

fn media_type() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_json_is_taken_or_refused((kind, body) in (kind(), json()), media_type in media_type()) {
        check(&Fresnel::shared(), kind, body.to_string().into_bytes(), media_type)?;
    }

    #[test]
    fn almost_good_beacons_are_taken_or_refused((kind, body) in kind().prop_flat_map(|kind| (Just(kind), almost_good(kind)))) {
        check(&Fresnel::shared(), kind, body.to_string().into_bytes(), "application/json")?;
    }

    #[test]
    fn random_bytes_are_refused(kind in kind(), body in proptest::collection::vec(any::<u8>(), 0..600), media_type in media_type()) {
        check(&Fresnel::shared(), kind, body, media_type)?;
    }

    #[test]
    fn a_good_beacon_with_one_byte_changed_is_taken_or_refused(kind in kind(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = kind.sample().to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        check(&Fresnel::shared(), kind, body, "application/json")?;
    }
}

/// Everything that was taken above must also be takeable by ClickHouse: a row that it refuses would end as a
/// dead letter.
#[test]
fn nothing_that_was_taken_is_refused_by_the_warehouse() {
    let server = Fresnel::start(crate::harness::Options::new());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let taken = std::cell::Cell::new(0_u64);
    let strategy = kind().prop_flat_map(|kind| (Just(kind), almost_good(kind)));
    let outcome = runner.run(&strategy, |(kind, body)| {
        let answer = server.post(kind.path(), body.to_string());
        prop_assert!(answer.status < 500);
        taken.set(taken.get() + u64::from(answer.status == 202));
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(taken.get() > 20, "only {} were taken", taken.get());
    crate::harness::wait::until("all rows in ClickHouse", crate::harness::wait::PATIENCE, || {
        let stored = crate::harness::ledger::rows_stored(&server.warehouse()).ok()?;
        (stored >= taken.get()).then_some(())
    });
    let letters = std::fs::read_dir(server.data_dir().join("dead-letters")).map_or(0, Iterator::count);
    assert_eq!(letters, 0, "there are dead letters");
}
