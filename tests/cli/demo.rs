//! `fresnel demo --events`: what is loaded stands in the warehouse once, and the ledger knows all of it.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::warehouse::RAW_TABLES;
use crate::harness::{Fresnel, Options};

fn load(server: &Fresnel, arguments: &[&str]) -> Command {
    let mut command = server.command("demo");
    command.args(arguments);
    command
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("fresnel");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn stored(server: &Fresnel) -> u64 {
    let count = |table| server.warehouse().number(&format!("SELECT count() FROM {table}"));
    RAW_TABLES.into_iter().map(count).sum()
}

fn account(server: &Fresnel, from: &str, to: &str) -> Value {
    let path = format!("/api/ledger?from={from}&to={to}&interval=1d");
    let request = Request::get(&path).header("authorization", format!("Bearer {ADMIN_TOKEN}"));
    let answer = server.send(&request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["totals"].clone()
}

#[test]
fn what_is_loaded_is_stored_once_and_the_ledger_closes() {
    let mut server = Fresnel::prepare(Options::new());
    let until = "2026-11-20T12:00:00Z";
    let options = ["--events", "4k", "--days", "3", "--until", until];
    let (is_good, text) = run(&mut load(&server, &options));
    assert!(is_good && text.contains("Loaded 4,000 events"), "{text}");
    // The same once more is the same story, which is there; another one is not.
    let (is_good, text) = run(&mut load(&server, &options));
    assert!(is_good && text.contains("Loaded 0 events"), "{text}");
    let (is_good, text) = run(&mut load(&server, &[&options[..], &["--seed", "2"]].concat()));
    assert!(is_good && text.contains("Loaded 4,000 events"), "{text}");

    server.restart();
    server.wait_until_healthy();
    assert_eq!(stored(&server), 8_000);
    let rolled_up = "SELECT toUInt64(sum(count)) FROM metric_slices WHERE dimension = 'environment' AND grain_minutes = 1";
    let metrics = server
        .warehouse()
        .number("SELECT count() FROM performance_metrics");
    assert_eq!(server.warehouse().number(rolled_up), metrics);
    let totals = account(&server, "2026-11-17T00:00:00Z", "2026-11-21T00:00:00Z");
    for (name, items) in [
        ("received", 8_000),
        ("stored", 8_000),
        ("missing", 0),
        ("pending", 0),
        ("dropped", 0),
    ] {
        assert_eq!(totals[name], items, "{name} in {totals}");
    }
}

#[test]
fn a_load_that_was_killed_goes_on_and_ends_with_exactly_its_events() {
    let mut server = Fresnel::prepare(Options::new());
    let options = [
        "--events",
        "30k",
        "--days",
        "2",
        "--until",
        "2026-11-20T12:00:00Z",
    ];
    for table in ["performance_metrics", "funnel_steps"] {
        let mut child = load(&server, &options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("fresnel");
        // The engine is the load's own; the ledger knows nothing of these rows yet, or just so.
        let is_there = || {
            let rows = server
                .warehouse()
                .try_query(&format!("SELECT 1 FROM {table} LIMIT 1"));
            rows.is_ok_and(|rows| !rows.is_empty()).then_some(())
        };
        wait::until("the first rows", PATIENCE, is_there);
        child.kill().expect("the load is running");
        child.wait().expect("the load's end");
    }
    let (is_good, text) = run(&mut load(&server, &options));
    assert!(is_good, "{text}");
    server.restart();
    server.wait_until_healthy();
    assert_eq!(stored(&server), 30_000);
    let totals = account(&server, "2026-11-18T00:00:00Z", "2026-11-21T00:00:00Z");
    assert_eq!(totals["missing"], 0, "{totals}");
}

#[test]
fn a_folder_that_a_server_has_is_left_alone_and_the_message_says_what_to_do() {
    let server = Fresnel::start(Options::new());
    let (is_good, text) = run(&mut load(&server, &["--events", "1k"]));
    assert!(!is_good && text.contains("stop that one first"), "{text}");
}

#[test]
fn days_that_would_be_forgotten_at_once_are_refused() {
    let server = Fresnel::prepare(Options::new());
    let (is_good, text) = run(&mut load(&server, &["--events", "1k", "--days", "91"]));
    assert!(!is_good && text.contains("raw_retention_days"), "{text}");
}
