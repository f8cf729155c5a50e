//! The engine is away for long, in different ways, while beacons keep coming.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::load::{Load, Pace};
use crate::harness::process::{self, say};
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, ledger, settings};

const PACE: Pace = Pace {
    connections: 4,
    per_second: 600,
};

/// Bound of the service's memory while it cannot flush: the target under full load.
const MEMORY_MAX_BYTES: u64 = 150 << 20;

#[test]
fn outage_of_a_stopped_engine_is_not_noticed_by_clients() {
    let server = Fresnel::start(Options::new());
    during_outage(&server, |outage| {
        let engine = server.engine_pid().expect("a running engine");
        assert!(process::signal(engine, Signal::STOP));
        watch_memory(&server, outage);
        assert!(process::signal(engine, Signal::CONT) || !process::is_alive(engine));
    });
}

#[test]
fn outage_of_an_engine_that_dies_again_and_again_is_not_noticed_by_clients() {
    let server = Fresnel::start(Options::new());
    during_outage(&server, |outage| {
        let end = Instant::now() + outage;
        while Instant::now() < end {
            server.kill_engine();
            watch_memory(&server, Duration::from_millis(200));
        }
    });
}

/// Runs load before, during and after an outage, and checks what clients saw and what arrived.
fn during_outage(server: &Fresnel, outage: impl FnOnce(Duration)) {
    let length = settings::outage();
    let load = Load::start(&server.target(), settings::seed("outage"), PACE);
    load.wait_for_acknowledged(300);
    let before = load.acknowledged();
    outage(length);
    let during = load.acknowledged() - before;
    let others = load.others();
    load.wait_for_acknowledged(100);
    let sent = load.stop();
    say(&format!(
        "    {during} beacons acknowledged in an outage of {length:?}"
    ));
    assert!(
        others.is_empty() && sent.broken == 0,
        "clients noticed: {others:?}, {} broken",
        sent.broken
    );
    assert!(during > 50, "only {during} beacons were accepted in {length:?}");
    // The same time again is the target, and is printed; the engine, at the lowest priority, may have to wait for
    // whatever else the machine does.
    ledger::check(&sent, &server.warehouse(), length + PATIENCE);
}

fn watch_memory(server: &Fresnel, length: Duration) {
    let mut peak = 0;
    let _: Option<()> = wait::within(length, || {
        peak = peak.max(server.resident_bytes());
        None
    });
    assert!(peak < MEMORY_MAX_BYTES, "the service takes {} MiB", peak >> 20);
}
