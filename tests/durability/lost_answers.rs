//! Answers lost between the service and its warehouse after the insert took place.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::harness::engine::Engine;
use crate::harness::load::{Load, Pace};
use crate::harness::process::say;
use crate::harness::proxy::{Network, Proxy};
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, ledger, settings};

/// Answers that must have been lost before the test has shown anything.
const SWALLOWED_MIN: u64 = 10;

#[test]
fn lost_answers_lead_to_no_duplicates_and_no_gaps() {
    let seed = settings::seed("lost answers");
    let engine = Engine::start();
    let proxy = Proxy::start(engine.address(), seed, Duration::from_millis(3_000));
    let server = Fresnel::start(behind(&engine, &proxy));
    let pace = Pace {
        connections: 4,
        per_second: 800,
    };
    let load = Load::start(&server.target(), seed, pace);
    wait_for_rows(&engine);
    proxy.set(Network::Faulty);
    wait::until("answers lost", PATIENCE * 2, || {
        (proxy.faults().swallowed.load(Ordering::Relaxed) >= SWALLOWED_MIN).then_some(())
    });
    let sent = load.stop();
    proxy.set(Network::Whole);
    say(&format!("    {:?}", proxy.faults()));
    assert!(sent.doubtful.is_empty(), "clients noticed: {:?}", sent.answers);
    ledger::check(&sent, &engine.warehouse(), PATIENCE);
}

#[test]
fn lost_answers_and_refusals_of_halves_lead_to_no_duplicates_and_no_dead_letters() {
    let seed = settings::seed("refusals of halves");
    let engine = Engine::start();
    let proxy = Proxy::start(engine.address(), seed, Duration::from_millis(500));
    let server = Fresnel::start(behind(&engine, &proxy));
    let pace = Pace {
        connections: 4,
        per_second: 400,
    };
    let load = Load::start(&server.target(), seed, pace);
    wait_for_rows(&engine);
    proxy.set(Network::Lying);
    wait::until("halves answered", PATIENCE * 2, || {
        (proxy.faults().halves_answered.load(Ordering::Relaxed) >= 2 * SWALLOWED_MIN).then_some(())
    });
    let sent = load.stop();
    proxy.set(Network::Whole);
    say(&format!("    {:?}", proxy.faults()));
    ledger::check(&sent, &engine.warehouse(), PATIENCE);
    let letters = std::fs::read_dir(server.data_dir().join("dead-letters")).map_or(0, Iterator::count);
    assert_eq!(letters, 0, "good rows went to the dead letters");
}

#[test]
fn lost_answers_and_kills_of_the_service_together_lead_to_no_duplicates() {
    let seed = settings::seed("lost answers and kills");
    let engine = Engine::start();
    let proxy = Proxy::start(engine.address(), seed, Duration::from_millis(1_500));
    let mut server = Fresnel::start(behind(&engine, &proxy));
    let pace = Pace {
        connections: 4,
        per_second: 800,
    };
    let load = Load::start(&server.target(), seed, pace);
    for _ in 0..settings::chaos_rounds().div_ceil(5) {
        wait_for_rows(&engine);
        proxy.set(Network::Faulty);
        load.wait_for_acknowledged(900);
        server.kill_service();
        // Migrations need a whole network; the log's tail meets the faulty one again.
        proxy.set(Network::Whole);
        server.restart();
    }
    let sent = load.stop();
    say(&format!("    {:?}", proxy.faults()));
    ledger::check(&sent, &engine.warehouse(), PATIENCE);
}

#[test]
fn a_service_whose_warehouse_is_away_starts_accepts_and_delivers_later() {
    let engine = Engine::start();
    let proxy = Proxy::start(engine.address(), 0, Duration::ZERO);
    proxy.set(Network::Gone);
    let server = Fresnel::start_unready(behind(&engine, &proxy));
    let pace = Pace {
        connections: 2,
        per_second: 200,
    };
    let load = Load::start(&server.target(), settings::seed("warehouse away"), pace);
    load.wait_for_acknowledged(100);
    let sent = load.stop();
    assert!(sent.doubtful.is_empty(), "{:?}", sent.answers);
    proxy.set(Network::Whole);
    ledger::check(&sent, &engine.warehouse(), PATIENCE);
}

/// Waits until more rows arrive: the schema is there, and the flush is under way.
fn wait_for_rows(engine: &Engine) {
    let warehouse = engine.warehouse();
    let before = ledger::rows_stored(&warehouse).unwrap_or_default();
    wait::until("rows in ClickHouse", PATIENCE, || {
        (ledger::rows_stored(&warehouse).ok()? > before).then_some(())
    });
}

/// Settings of a service whose warehouse is `engine`, seen through `proxy`.
fn behind(engine: &Engine, proxy: &Proxy) -> Options {
    let access = engine.access();
    Options::new()
        .set("FRESNEL_WAREHOUSE__URL", proxy.url())
        .set("FRESNEL_WAREHOUSE__USER", access.user)
        .set("FRESNEL_WAREHOUSE__PASSWORD", access.password)
        .set("FRESNEL_WAREHOUSE__DATABASE", access.database)
        .set("FRESNEL_FLUSH__MAX_WAIT_MS", 100)
        .set("FRESNEL_FLUSH__INSERT_TIMEOUT_MS", 1_000)
        .set("FRESNEL_FLUSH__RETRY_MAX_MS", 200)
}
