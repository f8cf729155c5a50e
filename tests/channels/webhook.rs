//! Webhooks, checked by those who know nothing of Fresnel.

use std::process::Command;

use fresnel::alerts::channels::{Message, check_webhook_secret, new_webhook_secret};
use fresnel::clock;
use fresnel::domain::alert::{NoticeEvent, SecretText, Target, WebhookSecrets};
use serde_json::{Value, json};
use uuid::Uuid;

use super::notices::{BEGAN_MS, channel, notice, send, send_at, sender};
use super::programs::{in_tests, python, run};
use super::receiver::{Received, Receiver};

fn target(receiver: &Receiver, secrets: WebhookSecrets) -> Target {
    Target::Webhook {
        url: SecretText::new(receiver.url("/hooks/path-with-a-secret")),
        secrets,
    }
}

fn signed_by(secret: &str) -> WebhookSecrets {
    WebhookSecrets {
        current: SecretText::new(secret),
        previous: None,
        previous_until_ms: None,
    }
}

fn is_valid(secret: &str, received: &Received) -> bool {
    let input = json!({ "secret": secret, "headers": received.headers, "body": received.body });
    let mut command = Command::new("node");
    command.arg(in_tests("verify_webhook.mjs"));
    let said = run(command, &input.to_string());
    assert!(
        said == "valid" || said.starts_with("invalid: No matching signature"),
        "{said}"
    );
    said == "valid"
}

#[tokio::test]
async fn the_public_verifier_takes_what_is_sent_and_nothing_that_was_changed() {
    let receiver = Receiver::of_status(204);
    let secret = new_webhook_secret();
    assert_eq!(check_webhook_secret(&secret), Ok(()));
    let now_ms = clock::now().as_millis();
    let notices = [notice(NoticeEvent::Firing)];
    send_at(&sender(), target(&receiver, signed_by(&secret)), &notices, now_ms).await;
    let received = receiver.only();
    assert!(is_valid(&secret, &received));
    assert!(!is_valid(&new_webhook_secret(), &received));

    let mut tampered = received.clone();
    tampered.body = received.body.replace("critical", "info");
    assert_ne!(tampered.body, received.body);
    assert!(!is_valid(&secret, &tampered));
    let mut replayed = received;
    replayed
        .headers
        .insert("webhook-id".to_owned(), "another".to_owned());
    assert!(!is_valid(&secret, &replayed));
}

#[tokio::test]
async fn both_secrets_are_good_while_they_are_changed_and_only_the_new_one_afterwards() {
    let receiver = Receiver::of_status(200);
    let (new, old) = (new_webhook_secret(), new_webhook_secret());
    let now_ms = clock::now().as_millis();
    let notices = [notice(NoticeEvent::Firing)];
    for (until_ms, is_old_good) in [(now_ms + 60_000, true), (now_ms, false)] {
        let secrets = WebhookSecrets {
            previous: Some(SecretText::new(old.as_str())),
            previous_until_ms: Some(until_ms),
            ..signed_by(&new)
        };
        send_at(&sender(), target(&receiver, secrets), &notices, now_ms).await;
        let received = receiver.received().pop().unwrap();
        assert!(is_valid(&new, &received));
        assert_eq!(is_valid(&old, &received), is_old_good);
    }
}

#[tokio::test]
async fn each_try_has_the_same_id_and_body_and_its_own_time() {
    let receiver = Receiver::of_status(500);
    let channel = channel(target(&receiver, signed_by(&new_webhook_secret())));
    let notices = [notice(NoticeEvent::Firing)];
    let id = Uuid::now_v7();
    for at_ms in [BEGAN_MS + 1_000, BEGAN_MS + 31_000] {
        let message = Message {
            id,
            channel: &channel,
            notices: &notices,
            at_ms,
        };
        sender().send(&message).await;
    }
    let received = receiver.received();
    let [first, second] = &received[..] else {
        panic!("{received:?}");
    };
    assert_eq!(first.headers["webhook-id"], id.to_string());
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_eq!(first.body, second.body);
    assert_eq!(
        first.headers["webhook-timestamp"],
        (BEGAN_MS / 1_000 + 1).to_string()
    );
    assert_eq!(
        second.headers["webhook-timestamp"],
        (BEGAN_MS / 1_000 + 31).to_string()
    );
}

#[tokio::test]
async fn a_body_names_what_has_happened_and_holds_the_notices() {
    let receiver = Receiver::of_status(200);
    let target = target(&receiver, signed_by(&new_webhook_secret()));
    for event in [
        NoticeEvent::Firing,
        NoticeEvent::Changed,
        NoticeEvent::Reminder,
        NoticeEvent::Resolved,
        NoticeEvent::Test,
    ] {
        let one = notice(event);
        send(&sender(), target.clone(), std::slice::from_ref(&one)).await;
        let body = receiver.received().pop().unwrap().json();
        assert_eq!(body["type"], format!("alert.{}", event.as_str()));
        assert_eq!(body["data"]["notices"], json!([one]));
    }
    let both = [notice(NoticeEvent::Firing), notice(NoticeEvent::Resolved)];
    send(&sender(), target, &both).await;
    let received = receiver.received().pop().unwrap();
    assert_eq!(received.headers["content-type"], "application/json");
    let body = received.json();
    assert_eq!(body["type"], "alert.group");
    assert_eq!(
        body["timestamp"], "2026-11-23T05:12:00Z",
        "that of the latest notice"
    );
    assert_eq!(body["data"]["notices"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_log_of_a_try_holds_no_secret() {
    let receiver = Receiver::of_status(200);
    let secret = new_webhook_secret();
    let notices = [notice(NoticeEvent::Firing)];
    let sent = send(&sender(), target(&receiver, signed_by(&secret)), &notices).await;
    let shown = format!("{sent:?}");
    assert_eq!(sent.request_line, format!("POST {}", receiver.url("/…")));
    assert!(
        !shown.contains("path-with-a-secret") && !shown.contains(&secret),
        "{shown}"
    );
    let signature = &receiver.only().headers["webhook-signature"];
    assert!(!shown.contains(signature), "{shown}");
    assert!(sent.request_headers.contains("webhook-id: "), "{shown}");
    assert_eq!(sent.request_body, receiver.only().body);
}

/// The first block of code of this language on the page of alerts.
fn of_page(language: &str) -> String {
    let page = include_str!("../../docs/alerts.md");
    let block = page.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

#[tokio::test]
async fn the_lines_of_the_page_tell_what_is_sent_from_what_was_changed() {
    let receiver = Receiver::of_status(200);
    let secret = new_webhook_secret();
    let now_ms = clock::now().as_millis();
    let notices = [notice(NoticeEvent::Firing)];
    send_at(&sender(), target(&receiver, signed_by(&secret)), &notices, now_ms).await;
    let received = receiver.only();
    let mut late = received.clone();
    late.headers
        .insert("webhook-timestamp".to_owned(), "1700000000".to_owned());
    let mut tampered = received.clone();
    tampered.body.push(' ');
    for (received, is_good) in [(received, true), (tampered, false), (late, false)] {
        let input = json!({ "secret": secret, "headers": received.headers, "body": received.body });
        let javascript = format!(
            "import {{ readFileSync }} from 'node:fs'\n{}\n\
             const given = JSON.parse(readFileSync(0, 'utf8'))\n\
             console.log(isOfFresnel(given.secret, given.headers, given.body))",
            of_page("js")
        );
        let python_lines = format!(
            "{}\nimport json, sys\ngiven = json.load(sys.stdin)\n\
             print(json.dumps(is_of_fresnel(given['secret'], given['headers'], given['body'].encode())))",
            of_page("python")
        );
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", &javascript]);
        let mut snake = Command::new(python());
        snake.args(["-c", &python_lines]);
        for command in [node, snake] {
            let said: Value = serde_json::from_str(&run(command, &input.to_string())).unwrap();
            assert_eq!(said, is_good);
        }
    }
}
