//! No space for the log: beacons are refused with 503 and `Retry-After`, nothing acknowledged is dropped, and
//! when there is space again all goes on by itself.

use std::time::Duration;

use serde_json::json;

use crate::harness::beacons::Kind;
use crate::harness::engine::Engine;
use crate::harness::load::{Load, Pace, Sent};
use crate::harness::proxy::{Network, Proxy};
use crate::harness::tmpfs::SmallDisk;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, ledger, settings};

const SEGMENT_BYTES: u64 = 1 << 20;

const PACE: Pace = Pace {
    connections: 4,
    per_second: 600,
};

#[test]
fn full_disk_refuses_beacons_and_recovers_when_space_returns() {
    let Some(disk) = SmallDisk::mount(48) else { return };
    let engine = Engine::start();
    let proxy = Proxy::start(engine.address(), 0, Duration::ZERO);
    let options = options(&engine, &proxy).data_dir(&disk.path().join("data"));
    let mut server = Fresnel::start(options);
    let mut sent = load_until_acknowledged(&server, 300);

    proxy.set(Network::Gone);
    disk.fill();
    sent.merge(load_until_refused(&server));
    assert_refusal_is_honest(&server, &mut sent);

    // A restart on a full disk must neither fail for good nor lose what stands there.
    server.kill_service();
    server.spawn();
    server.wait_until_live();
    disk.empty();
    wait::until("a beacon accepted again", PATIENCE, || {
        try_beacon(&server, &mut sent).then_some(())
    });
    proxy.set(Network::Whole);
    sent.merge(load_until_acknowledged(&server, 300));
    ledger::check(&sent, &engine.warehouse(), PATIENCE);
}

#[test]
fn a_log_at_its_cap_refuses_beacons_and_recovers_when_the_warehouse_is_back() {
    let engine = Engine::start();
    let proxy = Proxy::start(engine.address(), 0, Duration::ZERO);
    let options = options(&engine, &proxy).set("FRESNEL_WAL__MAX_BYTES", 4 * SEGMENT_BYTES);
    let server = Fresnel::start(options);
    let mut sent = load_until_acknowledged(&server, 300);

    proxy.set(Network::Gone);
    sent.merge(load_until_refused(&server));
    assert_refusal_is_honest(&server, &mut sent);

    proxy.set(Network::Whole);
    wait::until("a beacon accepted again", PATIENCE, || {
        try_beacon(&server, &mut sent).then_some(())
    });
    sent.merge(load_until_acknowledged(&server, 300));
    ledger::check(&sent, &engine.warehouse(), PATIENCE);
}

fn options(engine: &Engine, proxy: &Proxy) -> Options {
    let access = engine.access();
    Options::new()
        .set("FRESNEL_WAREHOUSE__URL", proxy.url())
        .set("FRESNEL_WAREHOUSE__USER", access.user)
        .set("FRESNEL_WAREHOUSE__PASSWORD", access.password)
        .set("FRESNEL_WAREHOUSE__DATABASE", access.database)
        .set("FRESNEL_WAL__SEGMENT_MAX_BYTES", SEGMENT_BYTES)
        .set("FRESNEL_WAL__GRACE_MS", 100)
        .set("FRESNEL_FLUSH__MAX_WAIT_MS", 200)
        .set("FRESNEL_FLUSH__RETRY_MAX_MS", 500)
}

fn load_until_acknowledged(server: &Fresnel, count: u64) -> Sent {
    let load = Load::start(&server.target(), settings::seed("full disk"), PACE);
    load.wait_for_acknowledged(count);
    load.stop()
}

fn load_until_refused(server: &Fresnel) -> Sent {
    let pace = Pace {
        connections: 8,
        per_second: 20_000,
    };
    let load = Load::start(&server.target(), settings::seed("full disk"), pace);
    wait::until("a refusal", PATIENCE * 2, || {
        load.others()
            .get(&503)
            .is_some_and(|&count| count >= 20)
            .then_some(())
    });
    let sent = load.stop();
    assert!(
        sent.answers.keys().all(|status| [202, 503].contains(status)),
        "{:?}",
        sent.answers
    );
    sent
}

/// Looks at one refusal in full. The service must be as alive as before.
fn assert_refusal_is_honest(server: &Fresnel, sent: &mut Sent) {
    let id = uuid::Uuid::new_v4();
    let mut beacon = Kind::Event.sample();
    beacon["event_id"] = json!(id);
    beacon["event_data"] = json!({"padding": "p".repeat(40_000)});
    let answer = wait::until("a refusal", PATIENCE, || {
        let answer = server.post(Kind::Event.path(), beacon.to_string());
        (answer.status == 503).then_some(answer)
    });
    sent.doubtful.insert(id, Kind::Event);
    let seconds: u64 = answer
        .header("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!((1..=300).contains(&seconds), "{seconds}");
    let body = answer.json();
    assert_eq!(body["success"], false);
    assert_eq!(body["meta"]["retry_suggested"], true, "{body}");
    assert_eq!(server.get("/livez").status, 200);
}

fn try_beacon(server: &Fresnel, sent: &mut Sent) -> bool {
    let id = uuid::Uuid::new_v4();
    let mut beacon = Kind::Metric.sample();
    beacon["event_id"] = json!(id);
    let answer = server.post(Kind::Metric.path(), beacon.to_string());
    let is_accepted = answer.status == 202;
    assert!(
        is_accepted || answer.status == 503,
        "{}: {}",
        answer.status,
        answer.text()
    );
    if is_accepted {
        sent.acknowledged.insert(id, Kind::Metric);
    } else {
        sent.doubtful.insert(id, Kind::Metric);
    }
    is_accepted
}
