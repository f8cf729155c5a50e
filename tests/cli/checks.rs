//! `check-config`, `migrate`, `doctor`.

use std::process::{Command, Output};

use crate::harness::{Fresnel, Options};

fn run(command: &mut Command) -> (bool, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("fresnel");
    (
        status.success(),
        String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned(),
    )
}

#[test]
fn check_config_accepts_good_settings_and_prints_no_secret() {
    let server = Fresnel::prepare(Options::new().settings_file("[wal]\ndurability = \"os\"\n"));
    let (is_good, text) = run(&mut server.command("check-config"));
    assert!(is_good, "{text}");
    for secret in [
        crate::harness::server::ADMIN_TOKEN,
        crate::harness::server::INGEST_KEY,
    ] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(
        !server.data_dir().exists(),
        "checking the settings made a data folder"
    );
}

#[test]
fn migrate_can_be_run_twice_and_before_the_first_start() {
    let mut server = Fresnel::prepare(Options::new());
    for _ in 0..2 {
        let (is_good, text) = run(&mut server.command("migrate"));
        assert!(is_good, "{text}");
    }
    server.restart();
    for table in crate::harness::warehouse::RAW_TABLES {
        assert_eq!(
            server
                .warehouse()
                .number(&format!("SELECT count() AS n FROM {table}")),
            0
        );
    }
}

#[test]
fn two_migrations_at_once_on_one_warehouse_both_end_well() {
    let engine = crate::harness::engine::Engine::start();
    let access = engine.access();
    let migrate = || {
        let server = Fresnel::prepare(
            Options::new()
                .set("FRESNEL_WAREHOUSE__URL", &access.url)
                .set("FRESNEL_WAREHOUSE__USER", &access.user)
                .set("FRESNEL_WAREHOUSE__PASSWORD", &access.password)
                .set("FRESNEL_WAREHOUSE__DATABASE", &access.database),
        );
        run(&mut server.command("migrate"))
    };
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(migrate)).collect();
        for run in runs {
            let (is_good, text) = run.join().expect("a run");
            assert!(is_good, "{text}");
        }
    });
}

#[test]
fn doctor_ends_well_on_a_healthy_machine_and_badly_without_the_library() {
    let healthy = Fresnel::prepare(Options::new());
    let (is_good, text) = run(&mut healthy.command("doctor"));
    assert!(is_good, "{text}");

    let broken = Fresnel::prepare(Options::new().set("FRESNEL_ENGINE__LIBRARY", "/nowhere/libchdb.so"));
    let (is_good, text) = run(&mut broken.command("doctor"));
    assert!(!is_good, "{text}");
    assert!(text.contains("/nowhere/libchdb.so"), "{text}");
}

#[test]
fn version_and_help_are_answered() {
    for flag in ["--version", "--help"] {
        let (is_good, text) = run(Command::new(crate::harness::options::FRESNEL).arg(flag));
        assert!(is_good && text.contains("fresnel"), "{text}");
    }
}
