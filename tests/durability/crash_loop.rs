//! SIGKILL at random moments, to the service, to its engine, or to both.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::harness::load::{Load, Pace, Sent};
use crate::harness::process::{engines_of, say};
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, ledger, settings};

/// What a start may take on a machine that is busy with other tests; the target is 2 s and is printed.
const READY_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn crash_loop_loses_nothing_acknowledged_and_stores_nothing_twice() {
    let seed = settings::seed("crash loop");
    let rounds = settings::chaos_rounds();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut server = Fresnel::start(Options::new());
    let mut sent = Sent::default();
    let mut ready_times = Vec::new();
    let pace = Pace {
        connections: 6,
        per_second: 1_200,
    };
    let load = Load::start(&server.target(), rng.random(), pace);
    for round in 1..=rounds {
        wait::pause(Duration::from_millis(rng.random_range(20..1_400)));
        let victim = rng.random_range(0..3);
        let name = match victim {
            0 => {
                server.kill_service();
                ready_times.push(server.restart());
                "service"
            }
            1 => {
                kill_engine(&server, rng.random_bool(0.5));
                "engine"
            }
            _ => {
                server.kill_both();
                ready_times.push(server.restart());
                "both"
            }
        };
        let ready = (victim != 1).then(|| ready_times.last()).flatten();
        say(&format!(
            "    round {round}/{rounds}: killed {name}, ready again {ready:.1?}"
        ));
    }
    // The loop must have been run under load, not against a server that answered nothing.
    load.wait_for_acknowledged(200);
    sent.merge(load.stop());
    assert_only_accepted_or_asked_to_repeat(&sent);
    ledger::check(&sent, &server.warehouse(), PATIENCE);

    // What the log still holds after the catching up must not land again.
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
    server.restart();
    server.kill_both();
    server.restart();
    load_once_more(&server, &mut sent);
    ledger::check(&sent, &server.warehouse(), PATIENCE);
    report(&mut ready_times);
}

/// Kills the engine, and perhaps its successor while that one starts.
fn kill_engine(server: &Fresnel, twice: bool) {
    let killed = wait::until("a running engine", PATIENCE, || server.kill_engine());
    if twice {
        wait::until("another engine", PATIENCE, || {
            server.engine_pid().filter(|&pid| pid != killed)?;
            server.kill_engine()
        });
    }
}

/// A few beacons more, so that the flush must pass everything that recovery found.
fn load_once_more(server: &Fresnel, sent: &mut Sent) {
    let pace = Pace {
        connections: 2,
        per_second: 400,
    };
    let load = Load::start(&server.target(), rand::random(), pace);
    load.wait_for_acknowledged(100);
    sent.merge(load.stop());
}

fn assert_only_accepted_or_asked_to_repeat(sent: &Sent) {
    assert!(
        sent.answers.keys().all(|status| [202, 503].contains(status)),
        "valid beacons got {:?}",
        sent.answers
    );
}

fn report(ready_times: &mut [Duration]) {
    ready_times.sort();
    let Some(&worst) = ready_times.last() else { return };
    let median = ready_times[ready_times.len() / 2];
    let count = ready_times.len();
    say(&format!(
        "    ready after a start: median {median:.2?}, worst {worst:.2?} of {count}"
    ));
    assert!(worst < READY_WITHIN, "ready only after {worst:?}");
}

/// The first start makes everything: credentials, the log, the engine's folder, the schema. A kill in the middle
/// of any of it must not leave a folder on which the next start fails.
#[test]
fn a_kill_at_any_moment_of_the_first_start_leaves_a_folder_that_starts() {
    let mut rng = StdRng::seed_from_u64(settings::seed("first start"));
    for _ in 0..4 {
        let made_at_the_start = Options::new().set("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", "");
        let mut server = Fresnel::prepare(made_at_the_start);
        for _ in 0..5 {
            server.spawn();
            wait::pause(Duration::from_millis(rng.random_range(0..900)));
            server.kill_both();
        }
        server.restart();
        let mut sent = Sent::default();
        load_once_more(&server, &mut sent);
        assert_only_accepted_or_asked_to_repeat(&sent);
        ledger::check(&sent, &server.warehouse(), PATIENCE);
    }
}

#[test]
fn the_engine_ends_when_its_service_is_killed() {
    let mut server = Fresnel::start(Options::new());
    let engine = server.engine_pid();
    assert!(engine.is_some(), "no engine runs");
    server.kill_service();
    wait::until("the engine's end", PATIENCE, || {
        engines_of(server.data_dir()).is_empty().then_some(())
    });
}
