//! Quotas and ids of events over real deaths: `kill -9` at any moment, then everything is read back.
//!
//! The warehouse is a small HTTP server in the test's own process, so that it outlives the one that is killed. It takes
//! each token once, as ClickHouse does.

#[path = "recall/warehouse.rs"]
mod warehouse;
#[path = "recall/worker.rs"]
mod worker;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use fresnel::domain::table::Table;
use fresnel::ingest::dedup::Seen;
use fresnel::wal::Wal;
use uuid::Uuid;

use warehouse::StandIn;
use worker::{LIMIT, PROJECT, Parts, USERS};

const LIVES: usize = 25;

/// Where the process is told what to do; a test binary takes no other arguments.
const FOLDER: &str = "RECALL_TEST_FOLDER";
const URL: &str = "RECALL_TEST_URL";

#[expect(clippy::disallowed_methods, reason = "the test's own variables, not settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Not a test: the process that is killed.
#[test]
#[ignore = "run by the test below, as a process of its own"]
fn worker_process() {
    let (Some(folder), Some(url)) = (variable(FOLDER), variable(URL)) else {
        return;
    };
    worker::work(Path::new(&folder), url);
}

#[test]
fn after_a_kill_at_any_moment_quotas_are_what_was_committed_and_no_id_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let warehouse = StandIn::start();
    let mut acknowledged = Vec::new();
    for life in 0..LIVES {
        // From a death before the first commit to one after some checkpoints.
        let lines = (life * life * 3) % 700;
        acknowledged.extend(live(folder.path(), &warehouse, lines));
        check(folder.path(), &warehouse, &acknowledged);
    }
    assert!(
        acknowledged.len() > 1_000,
        "the lives were long enough: {}",
        acknowledged.len()
    );
    assert!(
        warehouse.tokens() > LIVES,
        "segments were released: {}",
        warehouse.tokens()
    );
}

/// Lets a process work until it has acknowledged so many beacons, and kills it.
fn live(folder: &Path, warehouse: &StandIn, lines: usize) -> Vec<Uuid> {
    let mut process = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--ignored", "--exact", "worker_process", "--nocapture"])
        .env(FOLDER, folder)
        .env(URL, warehouse.url())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let stdout = process.stdout.take().expect("its output");
    let mut output = BufReader::new(stdout).lines();
    let mut acknowledged = Vec::new();
    let mut note = |line: String| {
        if let Some(id) = line.strip_prefix("stored ") {
            acknowledged.push(id.parse().expect("an id"));
        }
        acknowledged.len()
    };
    for line in output.by_ref() {
        if note(line.expect("a line")) >= lines {
            break;
        }
    }
    process.kill().expect("kill -9");
    process.wait().expect("it is dead");
    // What it had said before it died.
    for line in output {
        note(line.expect("a line"));
    }
    acknowledged
}

/// Starts as the next process would, and looks.
fn check(folder: &Path, warehouse: &StandIn, acknowledged: &[Uuid]) {
    let (parts, wal, _) = Parts::open(folder);
    let committed = committed(&wal, warehouse);
    let mut by_user = BTreeMap::<u64, u32>::new();
    for row in committed.values() {
        *by_user.entry(row.user).or_default() += 1;
    }
    for user in 0..USERS {
        let left = parts.quotas.peek(&parts.ask(user), worker::now_ms()).remaining;
        let expected = LIMIT - by_user.get(&user).copied().unwrap_or(0);
        assert_eq!(left, expected, "user {user}");
    }
    for id in acknowledged.iter().chain(committed.keys()) {
        assert!(committed.contains_key(id), "{id} was acknowledged and is lost");
        let seen = parts.dedup.reserve(PROJECT, *id, worker::now_ms());
        assert!(matches!(seen, Seen::Stored), "{id} is {seen:?}");
    }
    wal.close();
}

/// Every row that the warehouse has or will have.
fn committed(wal: &Wal, warehouse: &StandIn) -> BTreeMap<Uuid, worker::Row> {
    let mut rows = warehouse.rows();
    for segment in wal.waiting() {
        let read = wal.read(&segment).expect("a segment");
        for table in read
            .tables
            .iter()
            .filter(|table| table.table == Table::UserEvents.name())
        {
            if !warehouse.has(&segment.token(&table.table)) {
                rows.extend(table.rows().map(<[u8]>::to_vec));
            }
        }
    }
    let count = rows.len();
    let by_id: BTreeMap<Uuid, worker::Row> = rows
        .iter()
        .map(|row| worker::Row::decode(row))
        .map(|row| (row.id, row))
        .collect();
    assert_eq!(by_id.len(), count, "an id was stored twice");
    by_id
}
