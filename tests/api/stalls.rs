//! Clients that stall get a 408, and cost nothing meanwhile.

use std::time::{Duration, Instant};

use crate::harness::beacons::Kind;
use crate::harness::http::Connection;
use crate::harness::prometheus::{self, Sample};
use crate::harness::server::INGEST_KEY;
use crate::harness::wait::PATIENCE;
use crate::harness::{Fresnel, Options, wait};

const BODY_TIMEOUT: Duration = Duration::from_millis(500);
/// Honest heads on a busy machine must arrive within it.
const HEADER_TIMEOUT: Duration = Duration::from_secs(3);

fn start() -> Fresnel {
    start_with_timeouts(HEADER_TIMEOUT, BODY_TIMEOUT)
}

fn start_with_timeouts(header: Duration, body: Duration) -> Fresnel {
    Fresnel::start(
        Options::new()
            .set("FRESNEL_SERVER__HEADER_TIMEOUT_MS", header.as_millis())
            .set("FRESNEL_SERVER__BODY_TIMEOUT_MS", body.as_millis()),
    )
}

fn head(framing: &str) -> String {
    format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nx-api-key: {INGEST_KEY}\r\n{framing}\r\n\r\n",
        Kind::Event.path()
    )
}

#[track_caller]
fn assert_408(connection: &mut Connection) {
    let answer = connection.read_answer().expect("an answer");
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert!(connection.is_closed_by_server(), "the connection stays open");
}

#[test]
fn stalled_headers_are_answered_408() {
    let server = start();
    for sent in [
        "P",
        "POST /api/analytics/events HTTP/1.1\r\n",
        "POST /api/analytics/events HTTP/1.1\r\nhost: x\r\n",
    ] {
        let mut connection = server.connect();
        connection.write(sent.as_bytes()).expect("to write");
        assert_408(&mut connection);
    }
}

#[test]
fn stalled_bodies_are_answered_408_in_every_framing() {
    let server = start();
    for sent in [
        head("content-length: 100"),
        format!("{}{{\"event_type\"", head("content-length: 100")),
        head("transfer-encoding: chunked"),
        format!("{}5\r\n{{\"eve", head("transfer-encoding: chunked")),
        format!("{}2\r\n{{}}\r\n", head("transfer-encoding: chunked")),
    ] {
        let mut connection = server.connect();
        connection.write(sent.as_bytes()).expect("to write");
        assert_408(&mut connection);
    }
}

#[test]
fn a_refusal_before_the_body_was_read_ends_the_connection_of_a_stalled_client() {
    let server = start();
    let chunked = "transfer-encoding: chunked\r\n\r\n5\r\n{\"eve";
    let events = Kind::Event.path();
    for (request_line, status) in [
        ("POST /nothing", 404),
        ("POST /livez", 405),
        (&format!("POST {events}"), 401),
    ] {
        let mut connection = server.connect();
        let wire = format!("{request_line} HTTP/1.1\r\nhost: x\r\n{chunked}");
        connection.write(wire.as_bytes()).expect("to write");
        assert_eq!(connection.read_answer().expect("an answer").status, status);
        assert!(
            connection.is_closed_by_server(),
            "{request_line}: the connection stays open"
        );
    }
}

#[test]
fn a_body_that_drips_does_not_win_time_with_each_drop() {
    let server = start();
    let mut connection = server.connect();
    connection
        .write(head("content-length: 60000").as_bytes())
        .expect("to write");
    let start = Instant::now();
    let outcome = wait::within(PATIENCE, || {
        wait::pause(Duration::from_millis(40));
        connection
            .write(b" ")
            .is_err()
            .then_some(())
            .or_else(|| (start.elapsed() > BODY_TIMEOUT * 40).then_some(()))
    });
    assert!(outcome.is_some());
    let answer = connection.read_answer();
    // The answer may have been lost with the connection when the server reset it.
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 408));
    assert!(connection.is_closed_by_server());
}

#[test]
fn stalled_clients_do_not_keep_others_from_being_served() {
    // Long enough for honest clients on a busy machine, and for the stalled ones to be there all the while.
    let server = start_with_timeouts(PATIENCE, PATIENCE);
    let stalled: Vec<Connection> = (0..300)
        .map(|_| {
            let mut connection = server.connect();
            connection
                .write(head("content-length: 100").as_bytes())
                .expect("to write");
            connection
        })
        .collect();
    for kind in Kind::ALL {
        server
            .post(kind.path(), kind.sample().to_string())
            .expect_status(202);
    }
    drop(stalled);
}

#[test]
fn refusals_of_stalled_bodies_are_counted() {
    let server = start();
    let mut connection = server.connect();
    connection
        .write(head("content-length: 100").as_bytes())
        .expect("to write");
    assert_408(&mut connection);
    let count = counted(&server, |sample| {
        sample.name == "fresnel_beacons_rejected_total" && sample.labels["reason"] == "body_timeout"
    });
    assert!((count - 1.0).abs() < f64::EPSILON, "{count}");
}

#[test]
fn heads_that_stall_flood_or_are_malformed_are_counted() {
    let server = start();
    let without_request = || {
        counted(&server, |sample| {
            sample.name == "fresnel_http_connections_without_request_total"
        })
    };
    // Reading metrics is a request: its own connection does not count.
    let before = without_request();
    for (sent, status) in [
        ("POST /api/analytics/events HTTP/1.1\r\n".to_owned(), 408),
        ("no HTTP at all\r\n\r\n".to_owned(), 400),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "x-flood: y\r\n".repeat(2_000)),
            431,
        ),
    ] {
        let mut connection = server.connect();
        connection.write(sent.as_bytes()).expect("to write");
        let answer = connection.read_answer().expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    wait::until("three connections without a request", PATIENCE, || {
        (without_request() - before >= 3.0).then_some(())
    });
}

fn counted(server: &Fresnel, is_meant: impl Fn(&Sample) -> bool) -> f64 {
    let page = server.get("/metrics").text();
    let samples = prometheus::parse(&page).expect("metrics");
    samples
        .iter()
        .filter(|sample| is_meant(sample))
        .map(|sample| sample.value)
        .sum()
}
