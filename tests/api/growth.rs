//! Bad bodies, over and over: the server's memory does not grow.

use std::io;

use crate::api::bad_bodies::CASES;
use crate::harness::beacons::Kind;
use crate::harness::http::{Connection, Request};
use crate::harness::process::say;
use crate::harness::server::INGEST_KEY;
use crate::harness::{Fresnel, Options};

/// Rounds after which the allocator has what it needs.
const ROUNDS_OF_WARMING: usize = 2;
const ROUNDS: usize = 5;
/// Growth over all rounds that a leak would exceed: one round leaves out far more than this.
const GROWTH_MAX_BYTES: u64 = 12 << 20;

#[test]
fn memory_does_not_grow_with_bad_bodies_and_the_next_good_one_is_taken() {
    let server = Fresnel::start(Options::new());
    let round = || {
        for case in &*CASES {
            let answer = server.send(&case.request());
            assert!(answer.status < 500, "{}: {}", case.name, answer.text());
        }
        for broken in broken_requests() {
            let _ = send_and_leave(&server, &broken);
        }
    };
    (0..ROUNDS_OF_WARMING).for_each(|_| round());
    let before = server.resident_bytes();
    (0..ROUNDS).for_each(|_| round());
    let after = server.resident_bytes();
    let (before_mib, after_mib) = (before >> 20, after >> 20);
    say(&format!(
        "    resident memory: {before_mib} MiB before, {after_mib} MiB after {ROUNDS} rounds of {} bad bodies",
        CASES.len()
    ));
    assert!(
        after.saturating_sub(before) < GROWTH_MAX_BYTES,
        "grew from {before_mib} to {after_mib} MiB"
    );
    for kind in Kind::ALL {
        server
            .post(kind.path(), kind.sample().to_string())
            .expect_status(202);
    }
}

#[test]
fn memory_does_not_grow_with_connections_that_say_nothing_or_leave_early() {
    let server = Fresnel::start(Options::new());
    let round = || {
        let idle: Vec<Connection> = (0..200).map(|_| server.connect()).collect();
        for mut connection in idle {
            connection
                .write(b"POST /api/analytics/events HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n")
                .expect("to write");
        }
    };
    (0..ROUNDS_OF_WARMING).for_each(|_| round());
    let before = server.resident_bytes();
    (0..ROUNDS).for_each(|_| round());
    let after = server.resident_bytes();
    assert!(
        after.saturating_sub(before) < GROWTH_MAX_BYTES,
        "grew from {} to {} MiB",
        before >> 20,
        after >> 20
    );
    server
        .post(Kind::Event.path(), Kind::Event.sample().to_string())
        .expect_status(202);
}

/// Requests that break off, or that never were any.
fn broken_requests() -> Vec<Vec<u8>> {
    let whole = Request::post(Kind::Event.path(), Kind::Event.sample().to_string())
        .header("x-api-key", INGEST_KEY)
        .encode();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nx-api-key: {INGEST_KEY}\r\n",
        Kind::Event.path()
    );
    vec![
        whole[..whole.len() - 10].to_vec(),
        whole[..40].to_vec(),
        format!(
            "{head}transfer-encoding: chunked\r\n\r\nffff\r\n{}",
            "a".repeat(30_000)
        )
        .into_bytes(),
        format!("{head}{}", "x-flood: y\r\n".repeat(5_000)).into_bytes(),
        format!("{head}x-flood: {}", "y".repeat(500_000)).into_bytes(),
        vec![0xff; 100_000],
        vec![b'\n'; 100_000],
    ]
}

fn send_and_leave(server: &Fresnel, bytes: &[u8]) -> io::Result<()> {
    let mut connection = server.connect();
    connection.write(bytes)?;
    connection.close_writing()
}
