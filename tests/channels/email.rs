//! Mails, as a mail server gets them.

use fresnel::alerts::channels::{Sent, Verdict};
use fresnel::config::{Secret, SmtpConfig, SmtpTls};
use fresnel::domain::account::Email;
use fresnel::domain::alert::{Notice, NoticeEvent, Target};

use super::mail_server::MailServer;
use super::notices::{notice, send, sender, sender_with};
use crate::authority::Authority;
use crate::harness::wait::PATIENCE;

fn to(recipients: &[&str]) -> Target {
    let recipients = recipients.iter();
    Target::Email {
        recipients: recipients
            .map(|text| Email::parse("email", text).unwrap())
            .collect(),
    }
}

async fn mailed(settings: &SmtpConfig, recipients: &[&str], notices: &[Notice]) -> Sent {
    send(&sender_with(settings, PATIENCE), to(recipients), notices).await
}

fn is_retried(sent: &Sent) -> bool {
    matches!(sent.verdict, Verdict::Retry { .. })
}

fn is_refused(sent: &Sent) -> bool {
    matches!(sent.verdict, Verdict::Refused { .. })
}

#[tokio::test]
async fn a_mail_has_a_subject_and_both_parts_in_any_letters() {
    let mut server = MailServer::start(&[]);
    let mut firing = notice(NoticeEvent::Firing);
    firing.title = "Zahlung hängt — 決済 🐌".to_owned();
    let recipients = ["ada@shop.example", "bob@shop.example"];
    let sent = mailed(&server.settings(), &recipients, std::slice::from_ref(&firing)).await;
    assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    assert_eq!(sent.status, Some(250));
    assert!(sent.response_body.contains("taken"));
    let mail = server.took();
    assert_eq!(mail["to"], serde_json::json!(recipients));
    assert_eq!(mail["from"], "alerts@fresnel.example");
    assert_eq!(mail["helo"], "fresnel.example");
    let headers = &mail["headers"];
    assert_eq!(
        headers["subject"],
        "[shop] Critical: Zahlung hängt — 決済 🐌 · page /checkout"
    );
    assert_eq!(headers["auto-submitted"], "auto-generated");
    for part in ["plain", "html"] {
        let text = mail[part].as_str().unwrap();
        assert!(text.contains("Critical: Zahlung hängt — 決済 🐌"), "{text}");
        assert!(text.contains("p95 of LCP: 5,200 ms is above 5,000 ms"), "{text}");
    }
    let html = mail["html"].as_str().unwrap();
    assert!(
        html.contains("Buyers wait for &lt;the button&gt; &amp; leave"),
        "{html}"
    );
    assert!(
        html.contains("href=\"https://wiki.example/slow?a=1&amp;b=2\""),
        "{html}"
    );
    assert_eq!(mail["is_ascii"], true, "any server takes it");
}

#[tokio::test]
async fn mails_about_one_alert_are_one_thread_and_each_has_the_messages_id() {
    let mut server = MailServer::start(&[]);
    let firing = notice(NoticeEvent::Firing);
    let mut resolved = notice(NoticeEvent::Resolved);
    resolved.alert_id = firing.alert_id;
    let mut threads = Vec::new();
    let mut ids = Vec::new();
    for notice in [firing, resolved] {
        let sent = mailed(&server.settings(), &["ada@shop.example"], &[notice]).await;
        let headers = server.took()["headers"].clone();
        assert_eq!(headers["references"], headers["in-reply-to"]);
        let id = headers["message-id"].as_str().unwrap().to_owned();
        assert!(
            id.ends_with("@fresnel.example>") && sent.request_headers.contains(&id),
            "{id}"
        );
        threads.push(headers["references"].clone());
        ids.push(id);
    }
    assert_eq!(threads[0], threads[1]);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn several_alerts_are_one_mail() {
    let mut server = MailServer::start(&[]);
    let many: Vec<Notice> = (0..120).map(|_| notice(NoticeEvent::Firing)).collect();
    mailed(&server.settings(), &["ada@shop.example"], &many).await;
    let mail = server.took();
    let subject = mail["headers"]["subject"].as_str().unwrap();
    assert!(
        subject.starts_with("[shop] 120 alerts: Critical: Slow checkout"),
        "{subject}"
    );
    for part in ["plain", "html"] {
        assert!(mail[part].as_str().unwrap().contains("and 20 more"));
    }
    assert_eq!(server.end().len(), 0);
}

#[tokio::test]
async fn a_name_that_a_client_gave_adds_no_header() {
    let mut server = MailServer::start(&[]);
    let mut posted = notice(NoticeEvent::Firing);
    posted.title = "x\r\nBcc: eve@evil.example\r\n\r\nbody".to_owned();
    let sent = mailed(&server.settings(), &["ada@shop.example"], &[posted]).await;
    assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    let mail = server.took();
    assert_eq!(mail["to"], serde_json::json!(["ada@shop.example"]));
    assert!(mail["headers"].get("bcc").is_none());
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again_and_what_is_refused_for_now_is() {
    let server = MailServer::start(&[]);
    let settings = server.settings();
    let firing = [notice(NoticeEvent::Firing)];
    let sent = mailed(&settings, &["refused@shop.example"], &firing).await;
    assert!(is_refused(&sent), "{sent:?}");
    assert!(sent.error.unwrap().contains("no such mailbox"));
    let sent = mailed(&settings, &["later@shop.example"], &firing).await;
    assert!(is_retried(&sent), "{sent:?}");
    let mut full = notice(NoticeEvent::Firing);
    full.title = "full".to_owned();
    let sent = mailed(&settings, &["ada@shop.example"], &[full]).await;
    assert!(is_retried(&sent), "{sent:?}");
    assert_eq!(sent.status, Some(452));
    assert_eq!(server.end().len(), 0);
}

#[tokio::test]
async fn one_recipient_who_is_not_taken_keeps_nothing_from_the_others() {
    let mut server = MailServer::start(&[]);
    let firing = [notice(NoticeEvent::Firing)];
    let gone = ["refused@shop.example", "ada@shop.example"];
    let sent = mailed(&server.settings(), &gone, &firing).await;
    assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    assert!(sent.error.unwrap().contains("refused@shop.example"));
    assert_eq!(server.took()["to"], serde_json::json!(["ada@shop.example"]));

    let busy = ["later@shop.example", "ada@shop.example"];
    let sent = mailed(&server.settings(), &busy, &firing).await;
    assert!(is_retried(&sent), "{sent:?}");
    assert_eq!(server.took()["to"], serde_json::json!(["ada@shop.example"]));
}

#[tokio::test]
async fn addresses_in_any_letters_are_told_where_the_server_takes_them() {
    let recipients = ["jürgen@shop.example", "ada@shop.example"];
    let firing = [notice(NoticeEvent::Firing)];
    let mut server = MailServer::start(&[]);
    let sent = mailed(&server.settings(), &recipients, &firing).await;
    assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    assert_eq!(server.took()["to"], serde_json::json!(recipients));

    let mut server = MailServer::start(&["--only-ascii"]);
    let sent = mailed(&server.settings(), &recipients, &firing).await;
    assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    assert!(sent.error.unwrap().contains("jürgen@shop.example"));
    assert_eq!(server.took()["to"], serde_json::json!(["ada@shop.example"]));
    let sent = mailed(&server.settings(), &recipients[..1], &firing).await;
    assert!(is_refused(&sent), "{sent:?}");
}

#[tokio::test]
async fn a_server_that_hangs_or_is_away_is_tried_again() {
    let server = MailServer::start(&[]);
    let settings = SmtpConfig {
        timeout_ms: 300,
        ..server.settings()
    };
    let firing = [notice(NoticeEvent::Firing)];
    let sent = mailed(&settings, &["hangs@shop.example"], &firing).await;
    assert!(is_retried(&sent), "{sent:?}");
    let settings = server.settings();
    drop(server);
    let sent = mailed(&settings, &["ada@shop.example"], &firing).await;
    assert!(is_retried(&sent), "{sent:?}");
}

#[tokio::test]
async fn the_way_is_encrypted_and_the_certificate_is_checked() {
    let authority = Authority::new();
    let files = authority.certify_as_files("127.0.0.1");
    let [certificate, key] = files.each_ref().map(|path| path.to_str().unwrap());
    for (name, tls) in [("starttls", SmtpTls::Starttls), ("implicit", SmtpTls::Implicit)] {
        let arguments = [
            "--tls",
            name,
            "--certificate",
            certificate,
            "--key",
            key,
            "--login",
        ];
        let mut server = MailServer::start(&arguments);
        let believing = SmtpConfig {
            tls,
            ca_file: authority.file(),
            username: "fresnel".to_owned(),
            password: Secret::new("pass word".to_owned()),
            ..server.settings()
        };
        let firing = [notice(NoticeEvent::Firing)];
        let sent = mailed(&believing, &["ada@shop.example"], &firing).await;
        assert_eq!(sent.verdict, Verdict::Delivered, "{name}: {sent:?}");
        let mail = server.took();
        assert_eq!(mail["is_encrypted"], true);
        assert_eq!(mail["login"], "fresnel");

        let strange = SmtpConfig {
            ca_file: std::path::PathBuf::new(),
            ..believing.clone()
        };
        let sent = mailed(&strange, &["ada@shop.example"], &firing).await;
        assert!(is_retried(&sent), "{name}: {sent:?}");
        let wrong = SmtpConfig {
            password: Secret::new("wrong-pass".to_owned()),
            ..believing
        };
        let sent = mailed(&wrong, &["ada@shop.example"], &firing).await;
        assert!(is_refused(&sent), "{name}: {sent:?}");
        assert!(!format!("{sent:?}").contains("wrong-pass"));
        assert_eq!(server.end().len(), 0);
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_mail_nor_password() {
    let server = MailServer::start(&[]);
    let settings = SmtpConfig {
        tls: SmtpTls::Starttls,
        ..server.settings()
    };
    let sent = mailed(&settings, &["ada@shop.example"], &[notice(NoticeEvent::Firing)]).await;
    assert!(is_retried(&sent), "{sent:?}");
    assert!(sent.error.unwrap().contains("STARTTLS"));
    assert_eq!(server.end().len(), 0);
}

#[tokio::test]
async fn without_a_server_in_the_settings_mails_are_refused_and_said_to_be_impossible() {
    let sender = sender();
    assert!(!sender.can_mail());
    let sent = send(&sender, to(&["ada@shop.example"]), &[notice(NoticeEvent::Firing)]).await;
    assert!(is_refused(&sent), "{sent:?}");
    assert!(sent.error.unwrap().contains("smtp.host"));
}

#[test]
fn settings_of_mail_that_make_no_sense_are_named() {
    let outbound = fresnel::outbound::Outbound::new(&fresnel::config::OutboundConfig::default()).unwrap();
    let new = |settings: SmtpConfig| {
        let error = fresnel::alerts::channels::Sender::new(&settings, outbound.clone()).unwrap_err();
        error.to_string()
    };
    let settings = SmtpConfig {
        host: "mail.example".to_owned(),
        ..SmtpConfig::default()
    };
    let from = SmtpConfig {
        from: "nobody".to_owned(),
        ..settings.clone()
    };
    assert!(new(from).contains("smtp.from"));
    let ca_file = SmtpConfig {
        ca_file: "/nowhere/ca.pem".into(),
        ..settings
    };
    assert!(new(ca_file).contains("smtp.ca_file"));
}
