//! What PagerDuty is told.

use fresnel::alerts::channels::Verdict;
use fresnel::domain::alert::{NoticeEvent, SecretText, Target};
use fresnel::domain::rule::Level;

use super::notices::{notice, send, sender};
use super::receiver::{Answer, Receiver};

fn target(receiver: &Receiver) -> Target {
    Target::PagerDuty {
        routing_key: SecretText::new("R0UT1NGKEY"),
        url: Some(SecretText::new(receiver.url("/v2/enqueue"))),
    }
}

#[tokio::test]
async fn an_alert_is_triggered_and_resolved_under_one_key() {
    let receiver = Receiver::of_status(202);
    let firing = notice(NoticeEvent::Firing);
    let mut resolved = notice(NoticeEvent::Resolved);
    resolved.alert_id = firing.alert_id;
    for notice in [&firing, &resolved] {
        let sent = send(&sender(), target(&receiver), std::slice::from_ref(notice)).await;
        assert_eq!(sent.verdict, Verdict::Delivered);
        assert!(
            !format!("{sent:?}").contains("R0UT1NGKEY"),
            "the key is not in the log"
        );
    }
    let events: Vec<_> = receiver
        .received()
        .iter()
        .map(|received| received.json())
        .collect();
    assert_eq!(events[0]["event_action"], "trigger");
    assert_eq!(events[1]["event_action"], "resolve");
    for event in &events {
        assert_eq!(event["routing_key"], "R0UT1NGKEY");
        assert_eq!(event["dedup_key"], firing.alert_id.to_string());
    }
    let payload = &events[0]["payload"];
    assert_eq!(
        payload["summary"],
        "Critical: Slow checkout · page /checkout — p95 of LCP: 5,200 ms is above 5,000 ms"
    );
    assert_eq!(payload["severity"], "critical");
    assert_eq!(payload["source"], "shop");
    assert_eq!(payload["custom_details"]["labels"]["page"], "/checkout");
    assert_eq!(events[0]["links"][0]["text"], "Runbook");
    assert_eq!(events[0]["client_url"], "https://fresnel.example/alerts/1");
}

#[tokio::test]
async fn a_summary_is_as_long_as_it_may_be() {
    let receiver = Receiver::of_status(202);
    let mut long = notice(NoticeEvent::Firing);
    long.title = "ä".repeat(3_000);
    long.level = Level::Info;
    send(&sender(), target(&receiver), &[long]).await;
    let payload = &receiver.only().json()["payload"];
    assert_eq!(payload["summary"].as_str().unwrap().chars().count(), 1_024);
    assert_eq!(payload["severity"], "info");
}

#[tokio::test]
async fn several_alerts_are_several_events_and_delivered_when_all_are() {
    let receiver = Receiver::of_status(202);
    let notices = [0; 3].map(|_| notice(NoticeEvent::Firing));
    receiver.say(
        [202, 429, 202]
            .map(|status| Answer::Whole(status, "", String::new()))
            .into(),
    );
    let sent = send(&sender(), target(&receiver), &notices).await;
    assert!(matches!(sent.verdict, Verdict::Retry { .. }), "{sent:?}");
    assert_eq!(
        receiver.received().len(),
        2,
        "nothing goes behind one that was not taken"
    );
    let sent = send(&sender(), target(&receiver), &notices).await;
    assert_eq!(sent.verdict, Verdict::Delivered);
    let keys: Vec<_> = receiver.received()[2..]
        .iter()
        .map(|received| received.json()["dedup_key"].clone())
        .collect();
    let expected = notices.map(|notice| notice.alert_id.to_string());
    assert_eq!(keys, expected);
}
