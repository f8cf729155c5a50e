//! The first start on an empty folder, and the ones after it.

use std::os::unix::fs::PermissionsExt;

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::{Fresnel, Options};

/// Settings under which the server makes its own credentials.
fn without_presets() -> Options {
    Options::new()
        .set("FRESNEL_BOOTSTRAP__INGEST_KEY", "")
        .set("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", "")
}

/// What the start tells the operator behind this name, each time that it tells it.
fn announced(server: &Fresnel, name: &str) -> Vec<String> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| line.trim().strip_prefix(name));
    lines
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn credentials_are_made_once_shown_and_stay_the_same() {
    let mut server = Fresnel::start(without_presets());
    let key = announced(&server, "ingest key").remove(0);
    let token = announced(&server, "admin token").remove(0);
    assert!(
        key.len() >= 32 && token.len() >= 32 && key != token,
        "{key} {token}"
    );
    let file = server.data_dir().join("bootstrap.json");
    let kept = std::fs::read_to_string(&file).expect("bootstrap.json");
    assert!(!kept.contains(&token), "the admin token is kept as it is");
    let check = |server: &Fresnel| {
        let beacon =
            Request::post(Kind::Event.path(), Kind::Event.sample().to_string()).header("x-api-key", &key);
        server.send(&beacon).expect_status(202);
        let health = Request::get("/api/health").header("authorization", format!("Bearer {token}"));
        let health = server.send(&health).expect_status(200).json();
        assert!(health["data"].as_object().expect("data").len() > 1, "{health}");
        // The suites' own presets are no credentials here.
        assert_eq!(server.post(Kind::Event.path(), "{}").status, 401);
    };
    check(&server);
    server.kill_both();
    server.restart();
    check(&server);
    assert_eq!(std::fs::read_to_string(&file).expect("bootstrap.json"), kept);
    assert_eq!(
        server.log().matches(&token).count(),
        1,
        "the admin token was shown again"
    );
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let server = Fresnel::start(without_presets());
    server.post(Kind::Metric.path(), Kind::Metric.sample().to_string());
    server.warehouse().query("SELECT 1 AS ready");
    let mut folders = vec![server.data_dir().to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            // The engine removes parts while this looks.
            let Ok(found) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            if found.is_symlink() {
                continue;
            }
            let mode = found.permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
            seen += 1;
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
    assert!(seen > 10, "{seen} entries");
}

#[test]
fn data_and_schema_stay_over_restarts() {
    let mut server = Fresnel::start(Options::new());
    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = server
            .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
            .expect_status(202);
        ids.push(
            answer.json()["data"]["event_id"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
        let (status, _) = server.stop();
        assert!(status.success(), "{status}");
        server.restart();
        for id in &ids {
            server.warehouse().row(Kind::Metric.table(), id);
        }
    }
}

#[test]
fn port_zero_is_announced() {
    let server = Fresnel::shared();
    assert!(
        server.log().contains(&server.address().to_string()),
        "{}",
        server.log()
    );
}
