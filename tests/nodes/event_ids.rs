//! An event that comes to several nodes is stored by one.
//!
//! The nodes of these tests have no warehouse: what they accept stays in their logs, and is counted.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use serde_json::json;
use uuid::Uuid;

use crate::harness::beacons::{Kind, random_id};
use crate::harness::redis::Redis;
use crate::harness::server::INGEST_KEY;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, Request, http, prometheus, settings};

/// Address at which no ClickHouse is.
const NOWHERE: &str = "http://127.0.0.1:9";

fn options(redis: &Redis) -> Options {
    Options::new()
        .set("FRESNEL_WAREHOUSE__URL", NOWHERE)
        .set("FRESNEL_REDIS__URL", redis.url())
        // A machine that is busy with other tests is no Redis that hangs.
        .set("FRESNEL_REDIS__TIMEOUT_MS", 3_000)
}

fn node(redis: &Redis) -> Fresnel {
    Fresnel::start_unready(options(redis))
}

fn beacon(id: Uuid) -> String {
    json!({"event_id": id, "step": "effect_viewed", "session_id": "s"}).to_string()
}

/// Posts until the node does not ask to come again.
fn post(node: &Fresnel, path: &str, body: &str) {
    wait::until("an answer but 503", PATIENCE, || {
        let answer = node.post(path, body);
        match answer.status {
            202 => Some(()),
            503 => None,
            _ => panic!("{}", answer.text()),
        }
    });
}

fn counted(node: &Fresnel, name: &str) -> u64 {
    let page = node.get("/metrics").text();
    let samples = prometheus::parse(&page).expect("a page of metrics");
    let of_name = samples.iter().filter(|sample| sample.name == name);
    of_name.map(|sample| sample.value as u64).sum()
}

const ACCEPTED: &str = "fresnel_beacons_accepted_total";
const REPEATED: &str = "fresnel_beacons_repeated_total";
const UNASKED: &str = "fresnel_peers_ids_unasked_total";

#[test]
fn what_one_node_has_stored_the_other_acknowledges_and_does_not_store() {
    let redis = Redis::start();
    let (one, other) = (node(&redis), node(&redis));
    let id = Uuid::now_v7();
    post(&one, Kind::Funnel.path(), &beacon(id));
    post(&other, Kind::Funnel.path(), &beacon(id));
    assert_eq!((counted(&other, ACCEPTED), counted(&other, REPEATED)), (0, 1));
    // Its own words are no other project's.
    let new = Uuid::now_v7();
    let batch = json!({"items": [
        {"kind": "funnel", "event_id": id, "step": "effect_viewed", "session_id": "s"},
        {"kind": "funnel", "event_id": new, "step": "effect_viewed", "session_id": "s"},
        {"kind": "funnel", "step": "effect_viewed", "session_id": "s"},
    ]});
    post(&other, "/api/analytics/batch", &batch.to_string());
    assert_eq!((counted(&other, ACCEPTED), counted(&other, REPEATED)), (2, 2));
    post(&one, Kind::Funnel.path(), &beacon(new));
    assert_eq!((counted(&one, ACCEPTED), counted(&one, REPEATED)), (1, 1));
    assert_eq!(counted(&one, UNASKED) + counted(&other, UNASKED), 0);
}

#[test]
fn of_nodes_that_get_an_event_at_the_same_time_one_stores_it() {
    const IDS: usize = 150;
    let redis = Redis::start();
    let nodes = [node(&redis), node(&redis)];
    let mut rng = StdRng::seed_from_u64(settings::seed("nodes"));
    let ids: Vec<Uuid> = (0..IDS).map(|_| random_id(&mut rng)).collect();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (node, ids) = (&nodes[worker % 2], &ids);
            let mut rng = StdRng::seed_from_u64(rng.random());
            scope.spawn(move || {
                let mut turn = ids.clone();
                rand::seq::SliceRandom::shuffle(&mut turn[..], &mut rng);
                // In pieces that more than one has at the same time.
                for piece in turn.chunks(3) {
                    for id in piece {
                        post(node, Kind::Funnel.path(), &beacon(*id));
                    }
                }
            });
        }
    });
    let accepted: u64 = nodes.iter().map(|node| counted(node, ACCEPTED)).sum();
    assert_eq!(accepted, IDS as u64);
}

#[test]
fn a_refused_event_may_come_again_to_any_node() {
    let redis = Redis::start();
    let (one, other) = (node(&redis), node(&redis));
    let limited = Fresnel::start_unready(options(&redis).set("FRESNEL_QUOTA__EVENTS_PER_HOUR", 1));
    post(&limited, Kind::Funnel.path(), &beacon(Uuid::now_v7()));
    let ids = [Uuid::now_v7(), Uuid::now_v7()];
    limited
        .post(Kind::Funnel.path(), beacon(ids[0]))
        .expect_status(429);
    let item = json!({"kind": "funnel", "event_id": ids[1], "step": "effect_viewed", "session_id": "s"});
    limited
        .post("/api/analytics/batch", json!({"items": [item]}).to_string())
        .expect_status(429);
    post(&one, Kind::Funnel.path(), &beacon(ids[0]));
    post(&other, Kind::Funnel.path(), &beacon(ids[1]));
    assert_eq!((counted(&one, ACCEPTED), counted(&other, ACCEPTED)), (1, 1));
}

#[test]
fn a_node_that_starts_again_tells_what_its_log_holds() {
    let redis = Redis::start();
    let (mut one, other) = (node(&redis), node(&redis));
    let id = Uuid::now_v7();
    post(&one, Kind::Funnel.path(), &beacon(id));
    one.kill_service();
    // As if it had died before it could tell.
    assert_eq!(redis.ask(&["flushall"]), "OK");
    one.restart();
    wait::until("the word of the log", PATIENCE, || {
        (redis.ask(&["dbsize"]) == "1").then_some(())
    });
    post(&other, Kind::Funnel.path(), &beacon(id));
    assert_eq!((counted(&other, ACCEPTED), counted(&other, REPEATED)), (0, 1));
}

#[test]
fn without_redis_nodes_take_beacons_by_themselves_and_say_so() {
    let redis = Redis::start();
    let node = node(&redis);
    post(&node, Kind::Funnel.path(), &beacon(Uuid::now_v7()));
    redis.signal(Signal::STOP);
    let id = Uuid::now_v7();
    for _ in 0..3 {
        let request = Request::post(Kind::Funnel.path(), beacon(id))
            .header("authorization", format!("Bearer {INGEST_KEY}"));
        http::send(node.address(), &request)
            .expect("an answer")
            .expect_status(202);
    }
    assert_eq!((counted(&node, ACCEPTED), counted(&node, REPEATED)), (2, 2));
    // Its own repetitions it knows without asking.
    assert_eq!(counted(&node, UNASKED), 1);
    redis.signal(Signal::CONT);
    // Redis is asked again after a while.
    wait::until("an id that Redis knows", PATIENCE, || {
        let before = redis.ask(&["dbsize"]).parse::<u64>().ok()?;
        post(&node, Kind::Funnel.path(), &beacon(Uuid::now_v7()));
        (redis.ask(&["dbsize"]).parse::<u64>().ok()? > before).then_some(())
    });
}
