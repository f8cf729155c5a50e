//! `fresnel apply`.

use std::process::Output;
use std::time::Duration;

use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::until;
use crate::harness::{Fresnel, Options};

/// The exit code, and what was shown.
fn run(server: &Fresnel, arguments: &[&str]) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = server.command("apply").args(arguments).output().expect("fresnel");
    let text = if stdout.is_empty() { stderr } else { stdout };
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    (status.code().expect("an exit code"), text)
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

const SHOP: &str = r#"
[[projects]]
id = "shop"
name = "Shop"
allowed_origins = ["https://shop.example"]
settings = { event_types = ["coupon_used"] }
[[projects.issuers]]
name = "sign-in"
algorithm = "hs256"
secret_file = "secret"
"#;

#[test]
fn a_running_service_acts_on_files_that_are_applied_beside_it() {
    let server = Fresnel::start(Options::new());
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, "secret", "the secret that shop and Fresnel share\n");
    let shop = write(&folder, "shop.toml", SHOP);
    let (code, text) = run(&server, &["--dry-run", &shop]);
    assert_eq!(code, 2, "{text}");
    assert!(text.starts_with("+ project shop\n"), "{text}");
    assert_eq!(server.get("/api/projects/shop").status, 404);

    let (code, text) = run(&server, &[&shop]);
    assert!(code == 0 && text.ends_with("All is done."), "{text}");
    let asked = || {
        let answer = server.get("/api/projects/shop");
        (answer.status == 200).then(|| answer.json()["data"].clone())
    };
    let project = until("the project is there", Duration::from_secs(30), asked);
    assert_eq!(
        project["settings"]["event_types"],
        serde_json::json!(["coupon_used"])
    );
    let entries = server.get("/api/audit?project=shop").json()["data"]["items"].clone();
    let entries = entries.as_array().expect("a list").iter();
    // The service gives a new project its default rules, when it sees it.
    let of_files: Vec<_> = entries
        .filter(|entry| entry["action"] != "rule.defaults")
        .collect();
    assert_eq!(of_files.len(), 2);
    assert!(
        of_files
            .iter()
            .all(|entry| entry["actor"]["kind"] == "command_line")
    );

    assert_eq!(run(&server, &["--dry-run", "--prune", &shop]).0, 0);
    let (code, text) = run(&server, &[&shop]);
    assert!(code == 0 && text.ends_with("Nothing was to be done."), "{text}");

    // What the service changes is what the next plan sees.
    let body = serde_json::json!({"revision": project["revision"], "name": "Other"});
    let change = Request::new("PATCH", "/api/projects/shop")
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("content-type", "application/json")
        .body(body.to_string());
    server.send(&change).expect_status(200);
    let (code, text) = run(&server, &["--dry-run", &shop]);
    assert!(
        code == 2 && text.contains("name: \"Other\" -> \"Shop\""),
        "{text}"
    );

    let (code, printed) = run(&server, &["--print"]);
    assert_eq!(code, 0, "{printed}");
    assert!(!printed.contains("the secret that shop"), "{printed}");
    let all = write(&folder, "all.toml", &printed);
    let (code, text) = run(&server, &["--dry-run", "--prune", &all]);
    assert_eq!(code, 0, "{text}\n{printed}");
}

#[test]
fn faulty_files_change_nothing_and_all_faults_are_told() {
    let server = Fresnel::prepare(Options::new());
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, "secret", "the secret that shop and Fresnel share");
    write(&folder, "a-shop.toml", SHOP);
    write(
        &folder,
        "b.json",
        "{\n \"projects\": [{\"id\": \"blog\", \"title\": \"Blog\"}],\n \"channels\": []\n}",
    );
    write(&folder, "c.toml", "[[projects]]\nid = \"Shop\"\n");
    let path = folder.path().display().to_string();
    let (code, text) = run(&server, &[&path]);
    assert_eq!(code, 1);
    for part in [
        "nothing is changed:\n",
        "b.json:2: projects.0.title: is not known here",
        "b.json:3: channels: is not known here; there are: users, projects",
        "c.toml:2: projects.0.id: must be 1 to 64",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!server.data_dir().join("control.db").exists());

    // The same for what only the store and the settings can tell.
    let served = write(
        &folder,
        "served.toml",
        "[[projects]]\nid = \"shop\"\n[[projects.issuers]]\nname = \"idp\"\nalgorithm = \"jwks\"\nurl = \"https://10.0.0.1/\"\n",
    );
    let good = write(&folder, "a-shop.toml", SHOP);
    let bad = write(&folder, "d.toml", "[[projects]]\nid = \"new\"\n");
    let (code, text) = run(&server, &[&good, &served]);
    assert!(
        code == 1 && text.contains("served.toml:3: projects.0.issuers.0.url: "),
        "{text}"
    );
    let (code, text) = run(&server, &[&good, &bad]);
    assert!(
        code == 1 && text.contains("d.toml:1: projects.0.name: is required"),
        "{text}"
    );
    let (_, printed) = run(&server, &["--print"]);
    assert!(!printed.contains("shop"), "{printed}");
}

#[test]
fn the_command_line_says_what_it_takes() {
    let server = Fresnel::prepare(Options::new());
    let (code, text) = run(&server, &["--help"]);
    assert!(
        code == 0 && text.contains("[[projects]]") && text.contains("--prune"),
        "{text}"
    );
    for arguments in [&[][..], &["--print", "x.toml"], &["--print", "--prune"]] {
        assert_eq!(run(&server, arguments).0, 2, "{arguments:?}");
    }
    let (code, text) = run(&server, &["--print"]);
    assert!(code == 1 && text.contains("control.db is not there"), "{text}");
    let (code, text) = run(&server, &["nowhere.toml"]);
    assert!(
        code == 1 && text.contains("nowhere.toml: cannot be read"),
        "{text}"
    );
}

#[test]
fn whoever_reads_the_answer_may_stop_before_its_end() {
    let server = Fresnel::prepare(Options::new());
    let folder = tempfile::tempdir().expect("a folder");
    let projects = (0..2_000).map(|number| format!("[[projects]]\nid = \"p{number}\"\nname = \"P\"\n"));
    let many = write(&folder, "many.toml", &projects.collect::<String>());
    let mut command = server.command("apply");
    let mut process = command
        .arg(&many)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("fresnel");
    drop(process.stdout.take());
    let output = process.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !text.contains("panicked"), "{text}");
}
