//! SIGTERM: unready, finish requests, sync, leave within ten seconds, keep the data.

use std::time::Duration;

use rustix::process::Signal;

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::load::{Load, Pace};
use crate::harness::process::{self, say};
use crate::harness::server::INGEST_KEY;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, ledger, settings};

/// The promise is ten seconds; a busy machine may need some to notice the end.
const STOP_WITHIN: Duration = Duration::from_secs(15);

#[test]
fn a_stop_under_load_answers_what_was_accepted_and_keeps_it() {
    let mut server = Fresnel::start(Options::new());
    let pace = Pace {
        connections: 6,
        per_second: 1_000,
    };
    let load = Load::start(&server.target(), settings::seed("stop"), pace);
    load.wait_for_acknowledged(500);
    let (status, took) = server.stop();
    let sent = load.stop();
    assert!(status.success(), "{status}");
    assert!(took < STOP_WITHIN, "{took:?}");
    say(&format!("    stopped under load in {took:.2?}"));
    assert!(
        sent.answers.keys().all(|status| [202, 503].contains(status)),
        "{:?}",
        sent.answers
    );
    assert!(
        process::engines_of(server.data_dir()).is_empty(),
        "the engine is left behind"
    );
    server.restart();
    ledger::check(&sent, &server.warehouse(), PATIENCE);
}

#[test]
fn an_interrupt_from_the_keyboard_is_a_stop_too() {
    let mut server = Fresnel::start(Options::new());
    server.signal(Signal::INT);
    let status = wait::until("the end", STOP_WITHIN, || server.exit_status());
    assert!(status.success(), "{status}");
}

#[test]
fn a_request_under_way_is_answered_and_its_beacon_is_kept() {
    let mut server = Fresnel::start(Options::new());
    let body = Kind::Event.sample().to_string();
    let wire = Request::post(Kind::Event.path(), body)
        .header("x-api-key", INGEST_KEY)
        .encode();
    let (first, rest) = wire.split_at(wire.len() - 10);
    let mut connection = server.connect();
    connection.write(first).expect("to write");
    // The server has begun to read this request once it answers one that came later.
    server.get("/livez").expect_status(200);
    server.signal(Signal::TERM);
    wait::until("no new connections", PATIENCE, || {
        let refused = crate::harness::http::send(server.address(), &Request::get("/readyz"));
        (!refused.is_ok_and(|answer| answer.status == 200)).then_some(())
    });
    connection.write(rest).expect("to write");
    let answer = connection.read_answer().expect("an answer");
    let status = wait::until("the end", STOP_WITHIN, || server.exit_status());
    assert!(status.success(), "{status}");
    // A stop may refuse it, but not silently, and not after it said yes.
    assert!([202, 503].contains(&answer.status), "{}", answer.text());
    if answer.status == 202 {
        let id = answer.json()["data"]["event_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let mut server = restarted(server);
        server.wait_until_ready();
        server.warehouse().row(Kind::Event.table(), &id);
    }
}

/// Starts a server that has ended by itself.
fn restarted(mut server: Fresnel) -> Fresnel {
    server.forget_ended();
    server.spawn();
    server
}

#[test]
fn a_stop_with_stalled_clients_and_a_stopped_engine_still_ends_in_time() {
    let mut server = Fresnel::start(Options::new());
    let stalled: Vec<_> = (0..20)
        .map(|_| {
            let mut connection = server.connect();
            let head = format!(
                "POST {} HTTP/1.1\r\nhost: x\r\nx-api-key: {INGEST_KEY}\r\ncontent-length: 50\r\n\r\n",
                Kind::Event.path()
            );
            connection.write(head.as_bytes()).expect("to write");
            connection
        })
        .collect();
    let engine = server.engine_pid().expect("a running engine");
    process::signal(engine, Signal::STOP);
    let answer = server
        .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
        .expect_status(202);
    let id = answer.json()["data"]["event_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (status, took) = server.stop();
    assert!(took < STOP_WITHIN, "{took:?}");
    assert!(status.success(), "{status}");
    drop(stalled);
    server.restart();
    server.warehouse().row(Kind::Metric.table(), &id);
}

#[test]
fn a_server_stops_while_its_engine_is_still_starting() {
    let mut server = Fresnel::prepare(Options::new());
    server.spawn();
    wait::until("a starting engine", PATIENCE, || server.engine_pid());
    let (status, took) = server.stop();
    assert!(took < STOP_WITHIN, "{took:?}");
    assert!(status.success(), "{status}");
    assert!(
        process::engines_of(server.data_dir()).is_empty(),
        "the engine is left behind"
    );
}
