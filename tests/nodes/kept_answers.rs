//! An answer that one node has is found by the others, while there is a Redis; without it each has its own.

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::engine::Engine;
use crate::harness::redis::Redis;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, Request};

const PATH: &str =
    "/api/analytics/performance/timeseries?type=page_load_time&interval=1d&from=2026-01-01&to=2026-02-01";

fn node(engine: &Engine, redis: &Redis) -> Fresnel {
    let access = engine.access();
    let options = Options::new()
        .set("FRESNEL_CACHE__ENABLED", true)
        // A machine that is busy with other tests is no Redis that is slow.
        .set("FRESNEL_CACHE__REDIS_BUDGET_MS", 1_000)
        .set("FRESNEL_REDIS__URL", redis.url())
        .set("FRESNEL_WAREHOUSE__URL", &access.url)
        .set("FRESNEL_WAREHOUSE__USER", &access.user)
        .set("FRESNEL_WAREHOUSE__PASSWORD", &access.password);
    Fresnel::start(options)
}

fn meta(node: &Fresnel, path: &str) -> Value {
    node.get(path).expect_status(200).json()["meta"].clone()
}

fn kept(redis: &Redis) -> Vec<String> {
    let names = redis.ask(&["--scan", "--pattern", "fresnel:cache:*"]);
    names
        .lines()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn of_redis(node: &Fresnel, what: &str) -> u64 {
    let health = node.get("/api/health").json();
    health["data"]["cache"]["redis"][what].as_u64().expect("a count")
}

#[test]
fn what_one_node_was_answered_the_other_finds_until_it_is_forgotten() {
    let (engine, redis) = (Engine::start(), Redis::start());
    let (one, other) = (node(&engine, &redis), node(&engine, &redis));
    let first = meta(&one, PATH);
    assert_eq!(first["cache_hit"], false);
    let names = wait::until("an answer in Redis", PATIENCE, || {
        Some(kept(&redis)).filter(|names| !names.is_empty())
    });
    assert!(names[0].contains(":default/timeseries:"), "{names:?}");
    let found = meta(&other, PATH);
    assert_eq!(found["cache_hit"], true, "{found}");
    assert_eq!(found["calculated_at"], first["calculated_at"]);
    assert_eq!(of_redis(&other, "hits"), 1);
    // It ends by itself.
    let left_ms: i64 = redis.ask(&["pttl", &names[0]]).parse().expect("a time");
    assert!((1..=1_200_000).contains(&left_ms), "{left_ms}");

    // Forgotten by one, it is in Redis no more.
    let forgotten = one.send(
        &Request::new("DELETE", "/api/cache?prefix=default/timeseries")
            .header("authorization", format!("Bearer {}", ADMIN_TOKEN)),
    );
    forgotten.expect_status(200);
    wait::until("an empty Redis", PATIENCE, || {
        kept(&redis).is_empty().then_some(())
    });
    assert_eq!(meta(&one, PATH)["cache_hit"], false);
}

#[test]
fn what_cannot_be_read_in_redis_is_no_answer() {
    let (engine, redis) = (Engine::start(), Redis::start());
    let (one, other) = (node(&engine, &redis), node(&engine, &redis));
    let first = one.get(PATH).expect_status(200).json();
    let names = wait::until("an answer in Redis", PATIENCE, || {
        Some(kept(&redis)).filter(|names| !names.is_empty())
    });
    for garbage in ["", "garbage", &"g".repeat(300)] {
        for name in &names {
            redis.ask(&["set", name, garbage]);
        }
        let answer =
            other.send(&Request::get(PATH).header("authorization", format!("Bearer {}", ADMIN_TOKEN)));
        let answer = answer.expect_status(200).json();
        assert_eq!(answer["data"], first["data"]);
        other.send(
            &Request::new("DELETE", "/api/cache").header("authorization", format!("Bearer {}", ADMIN_TOKEN)),
        );
        wait::until("an empty Redis", PATIENCE, || {
            kept(&redis).is_empty().then_some(())
        });
    }
    assert_eq!(of_redis(&other, "hits"), 0);
}

#[test]
fn a_redis_that_hangs_or_is_gone_costs_nothing_but_its_hits() {
    let (engine, redis) = (Engine::start(), Redis::start());
    let node = node(&engine, &redis);
    let asked = |n: u32| format!("{PATH}&page=/{n}");
    assert_eq!(meta(&node, &asked(0))["cache_hit"], false);
    redis.signal(Signal::STOP);
    for n in 1..20 {
        assert_eq!(meta(&node, &asked(n))["cache_hit"], false);
        assert_eq!(meta(&node, &asked(n))["cache_hit"], true, "in memory");
    }
    assert!(of_redis(&node, "unanswered") > 0);
    redis.signal(Signal::CONT);
    // It is found again by itself.
    let answered = |node: &Fresnel| of_redis(node, "misses");
    let before = answered(&node);
    let mut n = 100;
    wait::until("Redis' answers", PATIENCE, || {
        n += 1;
        meta(&node, &asked(n));
        (answered(&node) > before).then_some(())
    });
    drop(redis);
    for n in 20..40 {
        assert_eq!(meta(&node, &asked(n))["cache_hit"], false);
        assert_eq!(meta(&node, &asked(n))["cache_hit"], true, "in memory");
    }
}
