//! SIGKILL at random moments, while alerts begin and the receiver fails: every transition is told, and each by one id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::hook::{Got, Hook, Mood};
use super::told::{call, server_telling};
use crate::harness::process::say;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, settings};

const METRICS: &str = "/api/analytics/performance/metrics";
/// Alerts that begin in each round. Of a hundred rounds they are fewer than the groups that a rule knows at most.
const OF_ROUND: usize = 9;
/// Rounds when nobody says how many.
const ROUNDS: usize = 6;

#[test]
fn kills_of_the_service_lose_no_transition_and_tell_none_by_two_ids() {
    let seed = settings::seed("kills of alerts");
    let rounds = settings::chaos_rounds_or(ROUNDS);
    let mut rng = StdRng::seed_from_u64(seed);
    let hook = Hook::start(Mood::FailsAtRandom);
    let mut server = Fresnel::start(server_telling(&hook).set("FRESNEL_ALERTS__PERIOD_MS", 1_000));
    let mut number = 0;
    // The channel is made while the server starts.
    wait::until("the first notice", PATIENCE, || {
        number += 1;
        server.post(
            METRICS,
            call(&format!("/warm/{number}x"), 6_000.0, 200).to_string(),
        );
        wait::within(Duration::from_secs(2), || {
            hook.got()
                .into_iter()
                .find(|got| got.event().1.starts_with("/warm/"))
        })
    });
    let mut acknowledged = BTreeSet::new();
    for round in 1..=rounds {
        for place in 0..OF_ROUND {
            let endpoint = format!("/round{round}x/call{place}x");
            let answer = server.post(METRICS, call(&endpoint, 6_000.0, 200).to_string());
            if answer.status == 202 {
                acknowledged.insert(endpoint);
            }
        }
        wait::pause(Duration::from_millis(rng.random_range(0..150)));
        if rng.random_bool(0.5) {
            server.kill_service();
        } else {
            server.kill_both();
        }
        server.restart();
        say(&format!(
            "    round {round}/{rounds}: {} alerts, {} messages",
            acknowledged.len(),
            hook.got().len()
        ));
    }
    assert_eq!(acknowledged.len(), rounds * OF_ROUND);
    let missing = || {
        let told = taken(&hook.got());
        let missing = acknowledged
            .iter()
            .filter(|endpoint| !told.contains_key(*endpoint));
        missing.cloned().collect::<Vec<_>>()
    };
    let told = wait::within(PATIENCE, || missing().is_empty().then_some(()));
    assert!(told.is_some(), "not told: {:?}", missing());
    let got = hook.got();
    let mut by_event: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for one in &got {
        by_event.entry(one.event()).or_default().insert(&one.id);
    }
    for ((event, endpoint), ids) in &by_event {
        // Firing happens once an endpoint: none of them is over within this test's time, unless it takes minutes.
        if event == "firing" && rounds <= 20 {
            assert_eq!(ids.len(), 1, "{event} of {endpoint}: {ids:?}");
        }
    }
    let by_id: BTreeMap<&str, BTreeSet<(String, String)>> =
        got.iter().fold(BTreeMap::new(), |mut by_id, one| {
            by_id
                .entry(one.id.as_str())
                .or_insert_with(BTreeSet::new)
                .insert(one.event());
            by_id
        });
    assert!(
        by_id.values().all(|events| events.len() == 1),
        "an id tells one thing"
    );
    let repeats = got.len() - by_id.len();
    say(&format!(
        "    {} transitions, {} ids, {repeats} repeats",
        by_event.len(),
        by_id.len()
    ));
}

/// Endpoints of which a firing was taken.
fn taken(got: &[Got]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for one in got.iter().filter(|one| one.is_taken && one.event().0 == "firing") {
        *told.entry(one.event().1).or_default() += 1;
    }
    told
}
