//! What the weaker modes of durability still promise.

use crate::harness::load::{Load, Pace};
use crate::harness::wait::PATIENCE;
use crate::harness::{Fresnel, Options, ledger, settings};

const PACE: Pace = Pace {
    connections: 4,
    per_second: 1_000,
};

#[test]
fn durability_os_survives_the_death_of_the_process() {
    let mut server = Fresnel::start(Options::new().set("FRESNEL_WAL__DURABILITY", "os"));
    let load = Load::start(&server.target(), settings::seed("durability os"), PACE);
    for _ in 0..3 {
        load.wait_for_acknowledged(400);
        server.kill_both();
        server.restart();
    }
    let sent = load.stop();
    ledger::check(&sent, &server.warehouse(), PATIENCE);
}

#[test]
fn durability_memory_stores_nothing_twice_and_keeps_all_over_a_graceful_stop() {
    let mut server = Fresnel::start(Options::new().set("FRESNEL_WAL__DURABILITY", "memory"));
    let load = Load::start(&server.target(), settings::seed("durability memory"), PACE);
    load.wait_for_acknowledged(400);
    let sent = load.stop();
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
    server.restart();
    ledger::check(&sent, &server.warehouse(), PATIENCE);
}
