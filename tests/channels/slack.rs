//! What a room of Slack is told.

use fresnel::alerts::channels::Verdict;
use fresnel::domain::alert::{Notice, NoticeEvent, SecretText, Target};
use fresnel::domain::rule::{Aggregate, Level};
use serde_json::Value;

use super::notices::{notice, send, sender};
use super::receiver::Receiver;

async fn told(notices: &[Notice]) -> Value {
    let receiver = Receiver::of_status(200);
    let target = Target::Slack {
        url: SecretText::new(receiver.url("/services/T0/B0/x")),
    };
    let sent = send(&sender(), target, notices).await;
    assert_eq!(sent.verdict, Verdict::Delivered);
    let received = receiver.only();
    assert_eq!(received.line, "POST /services/T0/B0/x");
    received.json()
}

#[tokio::test]
async fn one_alert_says_how_bad_what_since_when_and_where_to_look() {
    let body = told(&[notice(NoticeEvent::Firing)]).await;
    assert_eq!(body["text"], "Critical: Slow checkout · page /checkout");
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["color"], "#b71c1c");
    assert_eq!(
        attachment["text"],
        "p95 of LCP: 5,200 ms is above 5,000 ms\n\
         Since 2026-11-23T05:00:00Z\n\
         Buyers wait for &lt;the button&gt; &amp; leave\n\
         <https://wiki.example/slow?a=1&amp;b=2|Runbook>\n\
         <https://fresnel.example/alerts/1|Dashboard>"
    );
}

#[tokio::test]
async fn what_has_changed_and_what_is_over_can_be_told_from_what_fires() {
    let mut changed = notice(NoticeEvent::Changed);
    changed.previous_level = Some(Level::Warning);
    for (notice, expected) in [
        (changed, "Critical (was Warning): Slow checkout · page /checkout"),
        (
            notice(NoticeEvent::Reminder),
            "Critical (still): Slow checkout · page /checkout",
        ),
        (
            notice(NoticeEvent::Resolved),
            "Resolved: Slow checkout · page /checkout",
        ),
        (notice(NoticeEvent::Test), "Test: Slow checkout · page /checkout"),
    ] {
        assert_eq!(told(&[notice]).await["text"], expected);
    }
    let body = told(&[notice(NoticeEvent::Resolved)]).await;
    let text = body["attachments"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("From 2026-11-23T05:00:00Z to 2026-11-23T05:12:00Z (12 min)"),
        "{text}"
    );
}

#[tokio::test]
async fn shares_and_counts_have_units_of_their_own() {
    for (aggregate, value, threshold, expected) in [
        (
            Aggregate::ErrorShare,
            0.071,
            0.05,
            "error_share of LCP: 7.1 % is above 5 %",
        ),
        (Aggregate::Count, 0.0, 10.0, "count of LCP: 0 is below 10"),
        (
            Aggregate::Rate,
            12.5,
            10.0,
            "rate of LCP: 12.5 a minute is above 10 a minute",
        ),
    ] {
        let mut one = notice(NoticeEvent::Firing);
        one.value = Some(value);
        one.threshold = Some(threshold);
        one.rule.as_mut().unwrap().aggregate = Some(aggregate);
        let body = told(&[one]).await;
        let text = body["attachments"][0]["text"].as_str().unwrap();
        assert_eq!(text.lines().next(), Some(expected));
    }
}

#[tokio::test]
async fn names_that_clients_gave_are_no_markup_and_call_nobody() {
    let mut posted = notice(NoticeEvent::Firing);
    posted.title = "<!channel> @everyone <http://evil.example|click>\nnow".to_owned();
    let body = told(&[posted]).await.to_string();
    for forbidden in ["<!channel>", "@everyone", "<http://evil", "\\nnow"] {
        assert!(!body.contains(forbidden), "{forbidden}: {body}");
    }
}

#[tokio::test]
async fn of_many_alerts_twenty_are_shown_and_the_rest_is_counted() {
    let many: Vec<Notice> = (0..25).map(|_| notice(NoticeEvent::Firing)).collect();
    let body = told(&many).await;
    assert_eq!(body["text"], "25 alerts of shop");
    let attachments = body["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), 21);
    assert_eq!(attachments[20]["text"], "and 5 more");
}
