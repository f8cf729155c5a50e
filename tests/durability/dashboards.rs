//! The engine is killed, or hangs, while dashboards are read.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::http::{Connection, Request};
use crate::harness::process::{self, say};
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE, pause};
use crate::harness::{Fresnel, Options, prometheus};

/// Time in which a query must have been answered, and so every question.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(2);
const PANELS: usize = 8;
const READERS: usize = 4;
/// Together 200 a second.
const GAP: Duration = Duration::from_millis(20);

/// What readers saw in one stretch of time.
#[derive(Debug, Default)]
struct Seen {
    fresh: u64,
    degraded: u64,
    /// By status and code.
    errors: BTreeMap<(u16, String), u64>,
    slowest: Duration,
}

/// Readers of a dashboard's panels.
struct Readers<'s> {
    server: &'s Fresnel,
    seen: Mutex<Seen>,
    is_over: AtomicBool,
}

impl<'s> Readers<'s> {
    const fn new(server: &'s Fresnel) -> Self {
        Self {
            server,
            seen: Mutex::new(Seen {
                fresh: 0,
                degraded: 0,
                errors: BTreeMap::new(),
                slowest: Duration::ZERO,
            }),
            is_over: AtomicBool::new(false),
        }
    }

    /// What was seen since the last call.
    fn take(&self) -> Seen {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }

    fn read(&self, reader: usize) {
        let mut connection = self.server.connect().patience(PATIENCE);
        let mut n = reader;
        while !self.is_over.load(Ordering::Relaxed) {
            n += 1;
            let request =
                Request::get(&panel(n % PANELS)).header("authorization", format!("Bearer {ADMIN_TOKEN}"));
            let started = Instant::now();
            let answer = exchange(&mut connection, &request, self.server);
            let took = started.elapsed();
            let body = answer.json();
            let mut seen = self.seen.lock().expect("no panic");
            seen.slowest = seen.slowest.max(took);
            match (answer.status, body["meta"]["degraded"].as_bool()) {
                (200, None) => seen.fresh += 1,
                (200, Some(true)) => {
                    seen.degraded += 1;
                    assert!(
                        body["meta"]["age_ms"].is_u64() && body["meta"]["cache_hit"] == true,
                        "{body}"
                    );
                }
                _ => *seen.errors.entry((answer.status, answer.code())).or_default() += 1,
            }
            drop(seen);
            pause(GAP.saturating_sub(took));
        }
    }
}

fn exchange(
    connection: &mut Connection,
    request: &Request,
    server: &Fresnel,
) -> crate::harness::http::Answer {
    loop {
        match connection.exchange(request) {
            Ok(answer) => return answer,
            Err(_) => *connection = server.connect().patience(PATIENCE),
        }
    }
}

fn panel(n: usize) -> String {
    let types = ["page_load_time", "api_response_time"];
    format!(
        "/api/analytics/performance/timeseries?type={}&interval=1h&groups_max={}",
        types[n % 2],
        n + 1
    )
}

fn options() -> Options {
    Options::new()
        .set("FRESNEL_CACHE__ENABLED", true)
        .set("FRESNEL_CACHE__RECENT_TTL_MS", 2_000)
        .set("FRESNEL_CACHE__STALE_MS", 200)
        .set("FRESNEL_CACHE__DEGRADE_AFTER_MS", 800)
        .set("FRESNEL_WAREHOUSE__QUERY_TIMEOUT_MS", QUERY_TIMEOUT.as_millis())
        .set("FRESNEL_BREAKER__OPEN_MS", 2_000)
}

fn queries(server: &Fresnel) -> u64 {
    let page = server.get("/metrics").text();
    let samples = prometheus::parse(&page).expect("metrics");
    let of_name = samples
        .iter()
        .filter(|sample| sample.name == "fresnel_warehouse_queries_total");
    of_name.map(|sample| sample.value as u64).sum()
}

/// Reads a dashboard before, during and after an outage.
fn read_through(outage: impl FnOnce(&Fresnel), has_ended: impl FnOnce(&Fresnel)) {
    let server = Fresnel::start(options());
    for n in 0..PANELS {
        // A new engine's first answers may be slow.
        wait::until("an answer", PATIENCE, || {
            (server.get(&panel(n)).status == 200).then_some(())
        });
    }
    let readers = Readers::new(&server);
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let readers = &readers;
            scope.spawn(move || readers.read(reader));
        }
        // A panic here must not leave them reading for ever.
        let over = Over(&readers.is_over);
        pause(Duration::from_secs(2));
        let before = readers.take();
        say(&format!("    before: {before:?}"));
        assert!(before.fresh > 20 && before.errors.is_empty(), "{before:?}");

        outage(&server);
        let during = readers.take();
        say(&format!("    during: {during:?}"));
        assert!(during.errors.is_empty(), "each panel has an answer: {during:?}");
        assert!(during.degraded > 20, "{during:?}");
        assert!(during.slowest < QUERY_TIMEOUT + SLACK, "{during:?}");

        has_ended(&server);
        let asked = queries(&server);
        let recovering = Instant::now();
        wait::until("fresh answers alone", PATIENCE, || {
            pause(Duration::from_millis(500));
            let after = readers.take();
            assert!(
                after.errors.is_empty() && after.slowest < QUERY_TIMEOUT + SLACK,
                "{after:?}"
            );
            (after.degraded == 0 && after.fresh > 20).then_some(())
        });
        let asked = queries(&server) - asked;
        let took = recovering.elapsed();
        // One flight a panel and freshness, and what the keeper brings; without one flight it would be one a request.
        let rounds = took.as_millis() / 200 + 2;
        say(&format!("    recovered in {took:?} with {asked} queries"));
        assert!(
            u128::from(asked) <= PANELS as u128 * rounds + 8,
            "{asked} queries in {took:?}"
        );
        drop(over);
    });
}

struct Over<'r>(&'r AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn dashboards_are_answered_while_the_engine_dies_again_and_again() {
    read_through(
        |server| {
            let end = Instant::now() + Duration::from_secs(8);
            while Instant::now() < end {
                server.kill_engine();
                pause(Duration::from_millis(100));
            }
        },
        |server| server.wait_until_healthy(),
    );
}

#[test]
fn dashboards_are_answered_while_the_engine_hangs() {
    read_through(
        |server| {
            let engine = server.engine_pid().expect("an engine");
            assert!(process::signal(engine, Signal::STOP));
            pause(Duration::from_secs(8));
        },
        |server| {
            if let Some(engine) = server.engine_pid() {
                process::signal(engine, Signal::CONT);
            }
        },
    );
}
