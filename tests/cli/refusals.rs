//! `fresnel serve` stops before it starts when something is wrong, and says what.

use std::process::{Command, Output};

use crate::harness::options::{FRESNEL, temporary_folder};
use crate::harness::{Fresnel, Options};

#[track_caller]
fn fails(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("fresnel");
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert!(!status.success(), "it ended well: {text}");
    assert!(
        status.code().is_some_and(|code| code != 101),
        "it panicked: {text}"
    );
    text
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn an_unknown_setting_is_named_with_its_line() {
    let settings = "[server]\nlisten = \"127.0.0.1:0\"\n\n[wal]\ndurabilty = \"os\"\n";
    for verb in ["serve", "check-config"] {
        let server = Fresnel::prepare(Options::new().settings_file(settings));
        assert_says(
            &fails(&mut server.command(verb)),
            &["durabilty", "line 5", "fresnel.toml"],
        );
    }
}

#[test]
fn a_setting_of_a_wrong_type_is_named_with_its_line() {
    let settings = "[flush]\nmax_rows = \"many\"\n";
    let server = Fresnel::prepare(Options::new().settings_file(settings));
    assert_says(&fails(&mut server.command("serve")), &["max_rows", "line 2"]);
}

#[test]
fn a_bad_variable_is_named() {
    for (variable, value, parts) in [
        (
            "FRESNEL_WAL__DURABILTY",
            "os",
            ["FRESNEL_WAL__DURABILTY", "wal.durabilty"],
        ),
        (
            "FRESNEL_WAL__DURABILITY",
            "perhaps",
            ["FRESNEL_WAL__DURABILITY", "perhaps"],
        ),
        (
            "FRESNEL_FLUSH__MAX_ROWS",
            "many",
            ["FRESNEL_FLUSH__MAX_ROWS", "many"],
        ),
        ("FRESNEL_FLUSH__MAX_WAIT_MS", "0", ["flush.max_wait_ms", "10"]),
        (
            "FRESNEL_SERVER__LISTEN",
            "nowhere",
            ["FRESNEL_SERVER__LISTEN", "address"],
        ),
    ] {
        let server = Fresnel::prepare(Options::new().set(variable, value));
        assert_says(&fails(&mut server.command("serve")), &parts);
    }
}

#[test]
fn a_secret_that_is_too_short_is_refused_and_not_repeated() {
    let server = Fresnel::prepare(Options::new().set("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", "hunter2"));
    let text = fails(&mut server.command("serve"));
    assert_says(&text, &["bootstrap.admin_token", "16"]);
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_settings_file_that_is_missing_is_named() {
    let mut command = Command::new(FRESNEL);
    command.args(["serve", "--config", "/nowhere/fresnel.toml"]);
    assert_says(&fails(&mut command), &["/nowhere/fresnel.toml"]);
}

#[test]
fn a_second_process_on_the_same_folder_refuses_to_start_and_the_first_goes_on() {
    let server = Fresnel::start(Options::new());
    let mut second = server.command("serve");
    let text = fails(&mut second);
    assert_says(&text, &[&server.data_dir().display().to_string()]);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn an_address_in_use_is_named() {
    let server = Fresnel::shared();
    let address = server.address().to_string();
    let second = Fresnel::prepare(Options::new().set("FRESNEL_SERVER__LISTEN", &address));
    assert_says(&fails(&mut second.command("serve")), &[&address]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = temporary_folder();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "in the way").expect("a file");
    let server = Fresnel::prepare(Options::new().data_dir(&file.join("data")));
    assert_says(&fails(&mut server.command("serve")), &["a-file"]);
}

#[test]
fn a_library_that_is_missing_is_named_with_what_to_do() {
    let server = Fresnel::prepare(Options::new().set("FRESNEL_ENGINE__LIBRARY", "/nowhere/libchdb.so"));
    assert_says(&fails(&mut server.command("serve")), &["/nowhere/libchdb.so"]);
}

#[test]
fn an_unknown_command_or_flag_is_refused_with_the_usage() {
    for arguments in [vec!["surve"], vec!["serve", "--prot", "80"], vec![]] {
        let text = fails(Command::new(FRESNEL).args(arguments));
        assert_says(&text, &["Usage"]);
    }
}
