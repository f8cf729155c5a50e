//! `fresnel keys`.

use std::process::{Command, Output};

use serde_json::Value;

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
