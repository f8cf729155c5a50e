//! `fresnel keys`.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::wait::pause;
use crate::harness::{Fresnel, Options};

fn run(server: &Fresnel, arguments: &[&str]) -> (bool, String) {
    let mut command: Command = server.command("keys");
    let Output {
        status,
        stdout,
        stderr,
    } = command.args(arguments).output().expect("fresnel");
    let text = if status.success() { stdout } else { stderr };
    (
        status.success(),
        String::from_utf8_lossy(&text).trim_end().to_owned(),
    )
}

#[track_caller]
fn answer(server: &Fresnel, arguments: &[&str]) -> String {
    let (is_good, text) = run(server, arguments);
    assert!(is_good, "{text}");
    text
}

#[track_caller]
fn json(server: &Fresnel, arguments: &[&str]) -> Value {
    serde_json::from_str(&answer(server, arguments)).expect("JSON")
}

#[test]
fn a_key_is_made_listed_and_revoked() {
    let server = Fresnel::prepare(Options::new());
    let made = json(
        &server,
        &[
            "create", "--kind", "server", "--name", "CI «1»", "--scope", "read", "--json",
        ],
    );
    let secret = made["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("fs_"));
    assert_eq!(made["key"]["scopes"], serde_json::json!(["read"]));
    let id = made["key"]["id"].as_str().expect("an id");

    let text = answer(&server, &["create", "--kind", "browser", "--name", "Shop"]);
    let shown = text.lines().next().expect("a line");
    assert!(shown.starts_with("fk_") && text.contains("once"), "{text}");

    let table = answer(&server, &["list"]);
    assert!(table.contains("CI «1»") && table.contains("Shop"), "{table}");
    assert!(!table.contains(secret) && !table.contains(shown), "{table}");

    assert!(answer(&server, &["revoke", id]).contains("revoked"));
    let keys = json(&server, &["list", "--json"]);
    let revoked = keys
        .as_array()
        .expect("a list")
        .iter()
        .find(|key| key["id"] == id)
        .expect("it");
    assert!(revoked["revoked_at_ms"].is_i64(), "{revoked}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let server = Fresnel::prepare(Options::new());
    for (arguments, part) in [
        (vec!["list"], "control.db is not there"),
        (
            vec!["create", "--kind", "master", "--name", "x"],
            "must be browser",
        ),
        (
            vec!["create", "--kind", "read", "--name", "x", "--project", "a b"],
            "characters",
        ),
        (
            vec!["create", "--kind", "read", "--name", "x", "--project", "nowhere"],
            "no such project",
        ),
        (
            vec!["create", "--kind", "read", "--name", "x", "--scope", "manage"],
            "read key only read",
        ),
        (vec!["list", "--project", "nowhere"], "no such project"),
        (
            vec!["revoke", "00000000-0000-0000-0000-000000000000"],
            "no such key",
        ),
    ] {
        let (is_good, text) = run(&server, &arguments);
        assert!(!is_good && text.contains(part), "{arguments:?}: {text}");
    }
}

#[test]
fn a_process_that_is_killed_leaves_no_key_without_its_entry_and_loses_none_that_it_showed() {
    let server = Fresnel::prepare(Options::new());
    answer(&server, &["create", "--kind", "read", "--name", "first"]);
    let mut shown = 1;
    for round in 0..40 {
        let mut command = server.command("keys");
        command.args(["create", "--kind", "read", "--name", "x"]);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("fresnel");
        pause(Duration::from_millis(round));
        process.kill().expect("it is ours");
        let output = process.wait_with_output().expect("it ends");
        shown += u32::from(output.stdout.starts_with(b"fr_"));
    }
    let file = rusqlite::Connection::open(server.data_dir().join("control.db")).expect("the store");
    let count = |sql: &str| -> u32 { file.query_row(sql, [], |row| row.get(0)).expect("a number") };
    let kept = count("SELECT count(*) FROM api_keys");
    assert_eq!(
        count("SELECT count(*) FROM audit WHERE action = 'key.create'"),
        kept
    );
    // The default project is the change before them.
    assert_eq!(count("SELECT revision FROM control_state"), 2 + kept);
    assert!(kept >= shown, "{shown} were shown, {kept} are there");
    let check: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a text");
    assert_eq!(check, "ok");
}
