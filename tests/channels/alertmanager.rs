//! Prometheus' own Alertmanager takes what it is told.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use fresnel::alerts::channels::Verdict;
use fresnel::clock;
use fresnel::domain::alert::{Notice, NoticeEvent, SecretText, Target};
use fresnel::domain::rule::Level;
use serde_json::Value;
use tempfile::TempDir;

use super::notices::{notice, send_at, sender};
use super::receiver::Receiver;
use crate::harness::Request;
use crate::harness::http::send as ask;
use crate::harness::options::temporary_folder;
use crate::harness::process::{self, Watchdog};
use crate::harness::wait::{self, PATIENCE};

const SETTINGS: &str = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";

/// A running Alertmanager, which ends with the test.
struct Alertmanager {
    child: Child,
    address: std::net::SocketAddr,
    _folder: TempDir,
    _watchdog: Watchdog,
}

impl Alertmanager {
    fn start() -> Self {
        let folder = temporary_folder();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("settings.yml"), SETTINGS).unwrap();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", path("settings.yml").display()))
            .arg(format!("--storage.path={}", path("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(path("log")).unwrap())
            .process_group(0)
            .spawn()
            .expect("prometheus-alertmanager; scripts/install-test-packages installs it");
        let watchdog = Watchdog::guard(child.id(), folder.path());
        let address = wait::until("Alertmanager", PATIENCE, || {
            let log = std::fs::read_to_string(path("log")).ok()?;
            let rest = log.split("address=127.0.0.1:").nth(1)?;
            let port = rest.split_whitespace().next()?;
            format!("127.0.0.1:{port}").parse().ok()
        });
        Self {
            child,
            address,
            _folder: folder,
            _watchdog: watchdog,
        }
    }

    fn target(&self) -> Target {
        Target::Alertmanager {
            url: SecretText::new(format!("http://{}/", self.address)),
            authorization: None,
        }
    }

    /// What it takes for firing, once it is as wished.
    #[track_caller]
    fn until(&self, what: &str, is_wished: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        wait::until(what, PATIENCE, || {
            let answer = ask(self.address, &Request::get("/api/v2/alerts")).ok()?;
            let alerts: Vec<Value> = serde_json::from_slice(&answer.body).ok()?;
            is_wished(&alerts).then_some(alerts)
        })
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        process::kill(self.child.id());
        let _ended = self.child.wait();
    }
}

/// A notice of this moment.
fn notice_of(event: NoticeEvent, now_ms: i64) -> Notice {
    Notice {
        at_ms: now_ms,
        started_at_ms: now_ms - 60_000,
        resolved_at_ms: (event == NoticeEvent::Resolved).then_some(now_ms),
        ..notice(event)
    }
}

fn is_active(alerts: &[Value], severity: &str) -> bool {
    alerts.len() == 1
        && alerts[0]["status"]["state"] == "active"
        && alerts[0]["labels"]["severity"] == severity
}

#[tokio::test]
async fn an_alertmanager_lists_what_fires_at_its_level_until_it_is_over() {
    let alertmanager = Alertmanager::start();
    let tell = async |notice: Notice| {
        let at_ms = notice.at_ms;
        let sent = send_at(&sender(), alertmanager.target(), &[notice], at_ms).await;
        assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    };
    let now_ms = clock::now().as_millis();
    let mut firing = notice_of(NoticeEvent::Firing, now_ms);
    firing.level = Level::Warning;
    firing.labels.insert("9-of.ten".to_owned(), "odd name".to_owned());
    tell(firing.clone()).await;
    let listed = alertmanager.until("a warning", |alerts| is_active(alerts, "warning"));
    let labels = &listed[0]["labels"];
    assert_eq!(labels["alertname"], "Slow checkout");
    assert_eq!(labels["page"], "/checkout");
    assert_eq!(labels["project"], "shop");
    assert_eq!(labels["_9_of_ten"], "odd name");
    let annotations = &listed[0]["annotations"];
    assert_eq!(annotations["measured"], "p95 of LCP: 5,200 ms is above 5,000 ms");
    assert_eq!(annotations["runbook_url"], "https://wiki.example/slow?a=1&b=2");
    assert_eq!(listed[0]["generatorURL"], "https://fresnel.example/alerts/1");

    let mut worse = Notice {
        event: NoticeEvent::Changed,
        level: Level::Critical,
        previous_level: Some(Level::Warning),
        ..firing.clone()
    };
    tell(worse.clone()).await;
    alertmanager.until("one alert, critical", |alerts| is_active(alerts, "critical"));

    // A reminder is the same alert.
    worse.event = NoticeEvent::Reminder;
    worse.previous_level = None;
    tell(worse.clone()).await;
    alertmanager.until("still one alert", |alerts| is_active(alerts, "critical"));

    worse.event = NoticeEvent::Resolved;
    worse.resolved_at_ms = Some(now_ms);
    tell(worse).await;
    alertmanager.until("nothing", <[Value]>::is_empty);
}

#[tokio::test]
async fn several_alerts_go_in_one_request_and_each_is_listed() {
    let alertmanager = Alertmanager::start();
    let now_ms = clock::now().as_millis();
    let notices: Vec<Notice> = (0..30)
        .map(|number| {
            let mut one = notice_of(NoticeEvent::Firing, now_ms);
            one.labels.insert("page".to_owned(), format!("/{number}"));
            one
        })
        .collect();
    let sent = send_at(&sender(), alertmanager.target(), &notices, now_ms).await;
    assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    alertmanager.until("thirty alerts", |alerts| alerts.len() == 30);
}

#[tokio::test]
async fn the_authorization_is_sent_and_not_shown() {
    let receiver = Receiver::of_status(200);
    let target = Target::Alertmanager {
        url: SecretText::new(receiver.url("/prometheus")),
        authorization: Some(SecretText::new("Bearer of-a-secret")),
    };
    let now_ms = clock::now().as_millis();
    let sent = send_at(
        &sender(),
        target,
        &[notice_of(NoticeEvent::Firing, now_ms)],
        now_ms,
    )
    .await;
    let received = receiver.only();
    assert_eq!(received.line, "POST /prometheus/api/v2/alerts");
    assert_eq!(received.headers["authorization"], "Bearer of-a-secret");
    assert!(!format!("{sent:?}").contains("of-a-secret"));
    assert!(sent.request_headers.contains("authorization: …"));
}
