use std::net::TcpListener;
use std::path::PathBuf;

use super::{Finding, Verdict, folder, machine, print, service, size};
use crate::config::Config;

fn verdict_on(findings: &[Finding], subject: &str) -> Verdict {
    let finding = findings.iter().find(|finding| finding.subject == subject);
    finding
        .unwrap_or_else(|| panic!("nothing on {subject} in {findings:?}"))
        .verdict
}

fn config_on(data_dir: PathBuf) -> Config {
    Config {
        data_dir,
        ..Config::default()
    }
}

#[test]
fn a_good_folder_is_good_and_left_as_it_was() {
    let parent = tempfile::tempdir().unwrap();
    let findings = folder::check(&config_on(parent.path().to_owned()));
    assert_eq!(verdict_on(&findings, "data folder"), Verdict::Good);
    assert_eq!(
        std::fs::read_dir(parent.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_bad_and_ends_the_looking() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let findings = folder::check(&config_on(file.path().join("data")));
    assert_eq!(verdict_on(&findings, "data folder"), Verdict::Bad);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].advice.is_some());
}

#[test]
fn a_disk_that_is_smaller_than_the_log_may_grow_is_worth_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config_on(folder.path().to_owned());
    config.wal.max_bytes = u64::MAX;
    assert_eq!(verdict_on(&folder::check(&config), "disk"), Verdict::Warning);
    config.wal.segment_max_bytes = u64::MAX / 4;
    assert_eq!(verdict_on(&folder::check(&config), "disk"), Verdict::Bad);
}

#[test]
fn a_clock_before_2026_or_after_2099_is_bad() {
    for (now_ms, verdict) in [
        (0, Verdict::Bad),
        (1_767_225_599_999, Verdict::Bad),
        (1_767_225_600_000, Verdict::Good),
        (4_102_444_800_000, Verdict::Bad),
    ] {
        assert_eq!(machine::time(now_ms).verdict, verdict, "{now_ms}");
    }
}

#[tokio::test]
async fn a_free_port_is_good_and_one_of_another_program_is_bad() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::default();
    config.server.listen = listener.local_addr().unwrap();
    // This one accepts and never answers.
    let (is_running, findings) = service::check(&config).await;
    assert_eq!((is_running, verdict_on(&findings, "port")), (false, Verdict::Bad));
    drop(listener);
    let (is_running, findings) = service::check(&config).await;
    assert_eq!(
        (is_running, verdict_on(&findings, "port")),
        (false, Verdict::Good)
    );
}

#[tokio::test]
async fn a_service_that_does_not_run_is_bad_for_who_asks_for_it_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::default();
    config.server.listen = listener.local_addr().unwrap();
    drop(listener);
    let findings = service::check_running(&config).await;
    assert_eq!(verdict_on(&findings, "service"), Verdict::Bad);
}

#[test]
fn findings_are_printed_with_mark_and_advice_and_summed_up() {
    let text = |findings: &[Finding]| {
        let mut out = Vec::new();
        print(findings, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let good = Finding::good("port", "is free");
    let warning = Finding::warning("disk", "1 GiB free").advice("make room");
    let bad = Finding::bad("clock", "stands still");
    assert_eq!(
        text(std::slice::from_ref(&good)),
        "✔ port         is free\nNothing to do.\n"
    );
    assert_eq!(
        text(&[good, warning, bad]),
        "✔ port         is free\n! disk         1 GiB free\n               → make room\n\
         ✘ clock        stands still\nTo be repaired: 1.\n"
    );
}

#[test]
fn sizes_are_shown_in_the_largest_unit_below_them() {
    assert_eq!(size(0), "0.0 KiB");
    assert_eq!(size(1_536), "1.5 KiB");
    assert_eq!(size(2 << 30), "2.0 GiB");
    assert_eq!(size(u64::MAX), "16777215.9 TiB");
}
