//! What answers mean, and that nothing that a receiver does holds Fresnel up.

use std::time::Duration;

use fresnel::alerts::channels::{Sender, Sent, Verdict};
use fresnel::clock;
use fresnel::config::{OutboundConfig, SmtpConfig};
use fresnel::domain::alert::{NoticeEvent, SecretText, Target};
use fresnel::outbound::Outbound;

use super::notices::{notice, send, sender, sender_with};
use super::receiver::{Answer, Receiver};

const HOUR_MS: i64 = 3_600_000;

fn target(receiver: &Receiver) -> Target {
    Target::Slack {
        url: SecretText::new(receiver.url("/services/secret")),
    }
}

async fn told(sender: &Sender, receiver: &Receiver) -> Sent {
    send(sender, target(receiver), &[notice(NoticeEvent::Firing)]).await
}

async fn answered(answer: Answer) -> Sent {
    told(&sender(), &Receiver::answering(answer)).await
}

#[tokio::test]
async fn success_is_delivered_faults_of_the_moment_are_tried_again_and_all_else_is_refused() {
    for (status, expected) in [
        (200, "delivered"),
        (202, "delivered"),
        (204, "delivered"),
        (301, "refused"),
        (400, "refused"),
        (401, "refused"),
        (404, "refused"),
        (408, "retry"),
        (410, "gone"),
        (425, "retry"),
        (429, "retry"),
        (500, "retry"),
        (503, "retry"),
    ] {
        let sent = answered(Answer::Whole(status, "x-request-id: 7\r\n", "why".to_owned())).await;
        let found = match &sent.verdict {
            Verdict::Delivered => "delivered",
            Verdict::Retry { .. } => "retry",
            Verdict::Refused { .. } => "refused",
            Verdict::Gone => "gone",
        };
        assert_eq!(found, expected, "{status}");
        assert_eq!(sent.status, Some(u32::from(status)));
        assert_eq!(sent.error.is_none(), expected == "delivered", "{status}");
        assert_eq!(sent.response_body, if status == 204 { "" } else { "why" });
        assert!(sent.response_headers.contains("x-request-id: 7"));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::of_status(200);
    let head: &'static str = format!("location: {}\r\n", elsewhere.url("/")).leak();
    let sent = answered(Answer::Whole(302, head, String::new())).await;
    assert!(matches!(sent.verdict, Verdict::Refused { .. }), "{sent:?}");
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn a_receiver_may_ask_for_time_in_seconds_or_by_a_date_but_not_for_ever() {
    let asked = |head: &'static str| async move {
        match answered(Answer::Whole(429, head, String::new())).await.verdict {
            Verdict::Retry { after_ms, .. } => after_ms,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asked("retry-after: 90\r\n").await, Some(90_000));
    assert_eq!(asked("retry-after: 999999999\r\n").await, Some(6 * HOUR_MS));
    assert_eq!(asked("retry-after: later\r\n").await, None);
    assert_eq!(asked("").await, None);

    let date = jiff::Timestamp::from_millisecond(clock::now().as_millis() + HOUR_MS).unwrap();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&date)
        .unwrap();
    let head: &'static str = format!("retry-after: {date}\r\n").leak();
    let after_ms = asked(head).await.unwrap();
    assert!((1..=HOUR_MS).contains(&after_ms), "{after_ms}");
}

/// On several threads: the receiver ends when the connection is closed, which a task of the client does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_end_is_cut_and_its_status_counts() {
    let sent = answered(Answer::Endless).await;
    assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    assert_eq!(sent.response_body.len(), 4 * 1_024);
    let long = "y".repeat(200_000);
    let sent = answered(Answer::Whole(200, "", long.clone())).await;
    assert_eq!(sent.verdict, Verdict::Delivered);
    let sent = answered(Answer::Whole(500, "", long)).await;
    assert!(matches!(sent.verdict, Verdict::Retry { .. }));
    assert_eq!(sent.response_body.len(), 4 * 1_024);
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left_and_tried_again() {
    let receiver = Receiver::answering(Answer::Hang);
    let sender = sender_with(&SmtpConfig::default(), Duration::from_millis(50));
    let sent = told(&sender, &receiver).await;
    assert!(matches!(sent.verdict, Verdict::Retry { .. }), "{sent:?}");
    assert_eq!(sent.status, None);
    assert!(sent.error.unwrap().contains("within"));
}

#[tokio::test]
async fn a_receiver_that_is_away_is_tried_again() {
    let target = target(&Receiver::of_status(200));
    let sent = send(&sender(), target, &[notice(NoticeEvent::Firing)]).await;
    assert!(matches!(sent.verdict, Verdict::Retry { .. }), "{sent:?}");
}

#[tokio::test]
async fn addresses_of_this_house_are_refused_and_not_connected_to() {
    let receiver = Receiver::of_status(200);
    let outbound = Outbound::new(&OutboundConfig::default()).unwrap();
    let sender = Sender::new(&SmtpConfig::default(), outbound).unwrap();
    let sent = told(&sender, &receiver).await;
    assert!(matches!(sent.verdict, Verdict::Refused { .. }), "{sent:?}");
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn what_the_log_keeps_of_a_body_is_bounded_whatever_letters_it_is_cut_in() {
    let receiver = Receiver::answering(Answer::Whole(500, "", "ä€😀\0".repeat(2_000)));
    let mut long = notice(NoticeEvent::Firing);
    long.title = "ä€😀".repeat(3_000);
    let sent = send(&sender(), target(&receiver), &[long]).await;
    assert!(sent.request_body.len() <= 16 * 1_024);
    assert!(sent.response_body.len() <= 4 * 1_024);
    assert!(!sent.response_body.contains('\0'));
}
