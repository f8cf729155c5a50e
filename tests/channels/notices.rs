//! What is told, to whom, and by whom.

use std::time::Duration;

use fresnel::alerts::channels::{Message, Sender, Sent};
use fresnel::config::{OutboundConfig, SmtpConfig};
use fresnel::domain::account::{Name, ProjectId};
use fresnel::domain::alert::{
    AlertSource, Channel, ChannelDefinition, Matcher, Notice, NoticeEvent, Resolution, RuleSummary, Target,
};
use fresnel::domain::rule::{Aggregate, Level};
use fresnel::outbound::Outbound;
use uuid::Uuid;

use crate::harness::wait::PATIENCE;

/// 2026-11-23T05:00:00Z.
pub(crate) const BEGAN_MS: i64 = 1_795_410_000_000;

/// A rule's alert for one page.
pub(crate) fn notice(event: NoticeEvent) -> Notice {
    let is_over = event == NoticeEvent::Resolved;
    let labels = [
        ("alertname", "Slow checkout"),
        ("source", "rule"),
        ("metric", "LCP"),
        ("page", "/checkout"),
    ];
    Notice {
        event,
        at_ms: BEGAN_MS + if is_over { 720_000 } else { 0 },
        alert_id: Uuid::now_v7(),
        project_id: "shop".to_owned(),
        source: AlertSource::Rule,
        title: "Slow checkout".to_owned(),
        level: Level::Critical,
        previous_level: None,
        labels: labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        value: Some(5_200.0),
        threshold: Some(5_000.0),
        count: 3,
        started_at_ms: BEGAN_MS,
        resolved_at_ms: is_over.then_some(BEGAN_MS + 720_000),
        resolution: is_over.then_some(Resolution::Recovered),
        rule: Some(RuleSummary {
            id: Uuid::now_v7(),
            name: "Slow checkout".to_owned(),
            description: Some("Buyers wait for <the button> & leave".to_owned()),
            runbook_url: Some("https://wiki.example/slow?a=1&b=2".to_owned()),
            aggregate: Some(Aggregate::P95),
        }),
        url: Some("https://fresnel.example/alerts/1".to_owned()),
        report: None,
    }
}

pub(crate) fn channel(target: Target) -> Channel {
    Channel {
        id: Uuid::now_v7(),
        project_id: ProjectId::parse("id", "shop").unwrap(),
        definition: ChannelDefinition {
            name: Name::parse("name", "On call").unwrap(),
            is_enabled: true,
            level_min: Level::Info,
            matcher: Matcher::default(),
            group_wait_ms: 0,
            remind_after_ms: None,
            escalate_after_ms: None,
            weekly_report: true,
        },
        target,
        disabled_reason: None,
        created_at_ms: BEGAN_MS,
        updated_at_ms: BEGAN_MS,
        revision: 1,
    }
}

/// Loopback may be called, and nothing is in a hurry.
pub(crate) fn sender() -> Sender {
    sender_with(&SmtpConfig::default(), PATIENCE)
}

pub(crate) fn sender_with(smtp: &SmtpConfig, timeout: Duration) -> Sender {
    let outbound = OutboundConfig {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        ..OutboundConfig::default()
    };
    let outbound = Outbound::new(&outbound).unwrap();
    Sender::new(smtp, outbound).unwrap().with_timeout(timeout)
}

/// Sends one message, with an id of its own, at this time.
pub(crate) async fn send_at(sender: &Sender, target: Target, notices: &[Notice], at_ms: i64) -> Sent {
    let channel = channel(target);
    let message = Message {
        id: Uuid::now_v7(),
        channel: &channel,
        notices,
        at_ms,
    };
    sender.send(&message).await
}

/// The same soon after the alert began.
pub(crate) async fn send(sender: &Sender, target: Target, notices: &[Notice]) -> Sent {
    send_at(sender, target, notices, BEGAN_MS + 900_000).await
}
