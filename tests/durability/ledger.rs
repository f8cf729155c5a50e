//! The conservation ledger after kills: what clients were told, what the ledger says and what the tables hold are
//! the same.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::beacons::{Kind, random_id};
use crate::harness::http::{self, Request};
use crate::harness::load::Sent;
use crate::harness::process::say;
use crate::harness::server::{INGEST_KEY, Target};
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, ledger, settings};

const CLIENTS: u64 = 6;
const KINDS: [&str; 5] = ["metric", "alert", "funnel", "event", "unknown"];

/// Numbers of items by kind and by what should become of them.
type Fates = BTreeMap<(&'static str, &'static str), i64>;

/// What a client knows.
#[derive(Default)]
struct Told {
    /// Of requests that were answered.
    answered: Fates,
    /// Of requests that were not: they may have come.
    unanswered: Fates,
    sent: Sent,
}

#[test]
fn crash_loop_leaves_a_ledger_that_closes() {
    let seed = settings::seed("ledger");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 150));
    let stopping = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| start_client(server.target(), rng.random(), Arc::clone(&stopping)))
        .collect();
    for _ in 0..settings::chaos_rounds().min(40) {
        wait::pause(Duration::from_millis(rng.random_range(50..1_200)));
        if rng.random_bool(0.3) {
            let _perhaps_just_starting = server.kill_engine();
        } else {
            if rng.random_bool(0.5) {
                server.kill_both();
            } else {
                server.kill_service();
            }
            server.restart();
        }
    }
    wait::pause(Duration::from_millis(500));
    stopping.store(true, Ordering::Relaxed);
    let mut told = Told::default();
    for client in clients {
        let one = client.join().expect("a client");
        add(&mut told.answered, &one.answered);
        add(&mut told.unanswered, &one.unanswered);
        told.sent.merge(one.sent);
    }
    ledger::check(&told.sent, &server.warehouse(), PATIENCE);
    let accounts = wait::until("an empty log", PATIENCE, || closed_accounts(&server));
    assert_as_told(&accounts, &told);
    for kind in Kind::ALL {
        let rows = server
            .warehouse()
            .number(&format!("SELECT count() AS n FROM {}", kind.table()));
        let stored = accounts[kind_name(kind)]["stored"].as_u64();
        assert_eq!(stored, Some(rows), "{kind:?}");
    }
}

/// The account of each kind, when nothing is pending.
fn closed_accounts(server: &Fresnel) -> Option<BTreeMap<&'static str, Value>> {
    let mut accounts = BTreeMap::new();
    for kind in KINDS {
        let answer = server.get(&format!("/api/ledger?kind={kind}"));
        let data = answer.json()["data"].clone();
        if answer.status != 200 || data["totals"]["pending"] != 0 || data["exact"] != true {
            return None;
        }
        accounts.insert(kind, data["totals"].clone());
    }
    Some(accounts)
}

fn assert_as_told(accounts: &BTreeMap<&'static str, Value>, told: &Told) {
    let empty = json!({});
    for (kind, account) in accounts {
        let number = |name: &str| account[name].as_i64().expect("a number");
        assert_eq!(number("missing"), 0, "{kind}: {account}");
        assert_eq!(
            number("received"),
            number("stored") + number("dropped"),
            "{kind}: {account}"
        );
        let reasons = account["reasons"]
            .as_object()
            .unwrap_or_else(|| empty.as_object().expect("an object"));
        let mut fates: Vec<(&str, i64)> = reasons
            .iter()
            .map(|(reason, items)| (reason.as_str(), items.as_i64().expect("a number")))
            .collect();
        fates.push(("stored", number("stored")));
        // Each that was told stands there, and nothing else but what was not answered.
        for ((_, fate), least) in told.answered.iter().filter(|((of, _), _)| of == kind) {
            let found = fates
                .iter()
                .find(|(name, _)| name == fate)
                .map_or(0, |(_, items)| *items);
            assert!(found >= *least, "{kind} {fate}: {found} of at least {least}");
        }
        for (fate, found) in fates {
            let key = (*kind, fate);
            let of = |fates: &Fates| {
                fates
                    .iter()
                    .find(|((kind, fate), _)| (*kind, *fate) == key)
                    .map_or(0, |(_, items)| *items)
            };
            let most = of(&told.answered) + of(&told.unanswered);
            assert!(found <= most, "{kind} {fate}: {found} of at most {most}");
        }
    }
    say(&format!(
        "    told {:?}, not told {:?}",
        told.answered, told.unanswered
    ));
}

fn add(to: &mut Fates, from: &Fates) {
    for (key, items) in from {
        *to.entry(*key).or_default() += items;
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Metric => "metric",
        Kind::Alert => "alert",
        Kind::Funnel => "funnel",
        Kind::Event => "event",
    }
}

fn start_client(target: Arc<Target>, seed: u64, stopping: Arc<AtomicBool>) -> JoinHandle<Told> {
    std::thread::spawn(move || {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut told = Told::default();
        let mut stored: Vec<(Kind, Uuid)> = Vec::new();
        while !stopping.load(Ordering::Relaxed) {
            let post = Post::random(&mut rng, &stored);
            let mut request = Request::post(post.path, post.body.clone())
                .header("authorization", format!("Bearer {INGEST_KEY}"));
            if let Some(user_agent) = post.user_agent {
                request = request.header("user-agent", user_agent);
            }
            match http::send(target.address(), &request) {
                Ok(answer) if answer.status == post.status => {
                    add(&mut told.answered, &post.fates);
                    for (kind, id) in &post.new {
                        told.sent.acknowledged.insert(*id, *kind);
                    }
                    stored.extend(&post.new);
                }
                // Asked to come again: it may be stored, and a reason of its own may stand in the ledger.
                Ok(answer) if answer.status == 503 => {
                    add(&mut told.unanswered, &post.fates);
                    for ((kind, _), items) in &post.fates {
                        for reason in ["unavailable", "overloaded", "log_full", "under_way"] {
                            *told.unanswered.entry((kind, reason)).or_default() += items;
                        }
                    }
                    doubt(&mut told, &post);
                }
                Ok(answer) => panic!("{} for {}: {}", answer.status, post.body, answer.text()),
                // Nobody was there: nothing was sent.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    wait::pause(Duration::from_millis(5));
                }
                Err(_) => {
                    add(&mut told.unanswered, &post.fates);
                    for ((kind, fate), items) in &post.fates {
                        if *fate == "stored" {
                            // Its connection broke before its body had come.
                            *told.unanswered.entry((kind, "body_incomplete")).or_default() += items;
                        }
                    }
                    doubt(&mut told, &post);
                }
            }
        }
        told
    })
}

fn doubt(told: &mut Told, post: &Post) {
    for (kind, id) in &post.new {
        told.sent.doubtful.insert(*id, *kind);
    }
}

/// A request, and what should come of it.
struct Post {
    path: &'static str,
    body: String,
    user_agent: Option<&'static str>,
    status: u16,
    fates: Fates,
    /// Beacons that are stored by it.
    new: Vec<(Kind, Uuid)>,
}

impl Post {
    fn random(rng: &mut StdRng, stored: &[(Kind, Uuid)]) -> Self {
        let kind = *Kind::ALL.choose(rng).expect("a kind");
        let name = kind_name(kind);
        let one = |path, body: String, status, fate| Self {
            path,
            body,
            user_agent: None,
            status,
            fates: Fates::from([((name, fate), 1)]),
            new: Vec::new(),
        };
        match rng.random_range(0..10) {
            0 => one(kind.path(), "{\"session_id\": 7}".to_owned(), 400, "invalid"),
            1 => one(kind.path(), "no JSON".to_owned(), 400, "bad_json"),
            2 => {
                let id = random_id(rng);
                Self {
                    user_agent: Some("Googlebot/2.1 (+http://www.google.com/bot.html)"),
                    ..one(kind.path(), kind.random(rng, id).to_string(), 202, "robot")
                }
            }
            3 if !stored.is_empty() => {
                let (kind, id) = *stored.choose(rng).expect("a beacon");
                Self {
                    fates: Fates::from([((kind_name(kind), "duplicate"), 1)]),
                    ..one(kind.path(), kind.random(rng, id).to_string(), 202, "duplicate")
                }
            }
            4 => Self {
                fates: Fates::from([(("unknown", "bad_json"), 1)]),
                ..one("/api/analytics/batch", "{".to_owned(), 400, "bad_json")
            },
            5 | 6 => Self::batch(rng, stored),
            _ => {
                let id = random_id(rng);
                Self {
                    new: vec![(kind, id)],
                    ..one(kind.path(), kind.random(rng, id).to_string(), 202, "stored")
                }
            }
        }
    }

    fn batch(rng: &mut StdRng, stored: &[(Kind, Uuid)]) -> Self {
        let (mut fates, mut new, mut items) = (Fates::new(), Vec::new(), Vec::new());
        let mut add = |kind, fate| *fates.entry((kind, fate)).or_default() += 1;
        for place in 0..rng.random_range(1..12) {
            let kind = *Kind::ALL.choose(rng).expect("a kind");
            let mut push = |kind: Kind, mut item: Value| {
                item["kind"] = kind_name(kind).into();
                items.push(item);
            };
            // The first is valid: there is always something to take.
            match if place == 0 { 9 } else { rng.random_range(0..6) } {
                0 => {
                    push(kind, json!({"session_id": 7}));
                    add(kind_name(kind), "invalid");
                }
                1 => {
                    items.push(json!({"kind": "trace"}));
                    add("unknown", "invalid");
                }
                2 if !stored.is_empty() => {
                    let (kind, id) = *stored.choose(rng).expect("a beacon");
                    push(kind, kind.random(rng, id));
                    add(kind_name(kind), "duplicate");
                }
                _ => {
                    let id = random_id(rng);
                    push(kind, kind.random(rng, id));
                    add(kind_name(kind), "stored");
                    new.push((kind, id));
                }
            }
        }
        Self {
            path: "/api/analytics/batch",
            body: json!({"items": items}).to_string(),
            user_agent: None,
            status: 202,
            fates,
            new,
        }
    }
}
