//! Short ways to say what these tests say often.

use std::time::Duration;

use fresnel::control::{AlertWrite, Control, Lease, NewChannel, StoredChannel};
use fresnel::domain::account::ProjectId;
use fresnel::domain::alert::{
    Alert, AlertChange, AlertEvent, AlertSource, ChannelDefinition, ChannelKind, Labels, Matcher, Matching,
    Notice, NoticeEvent,
};
use fresnel::domain::rule::{Level, RuleDefinition};
use serde_json::json;
use uuid::Uuid;

use crate::control::words::{NOW_MS, by, id, name};

pub(super) fn rule(title: &str) -> RuleDefinition {
    serde_json::from_value(json!({
        "name": title,
        "watch": {"kind": "metric", "type": "page_load_time", "group_by": ["page"]},
        "thresholds": {"warning": 1_000.5, "critical": 2_000},
        "keep_firing_for_ms": 60_000,
    }))
    .unwrap()
}

pub(super) fn matcher(label: &str, value: &str) -> Matcher {
    Matcher(vec![Matching {
        label: label.to_owned(),
        values: vec![value.to_owned()],
        is_not: false,
    }])
}

pub(super) fn definition(title: &str) -> ChannelDefinition {
    ChannelDefinition {
        name: name(title),
        is_enabled: true,
        level_min: Level::Warning,
        matcher: matcher("page", "/checkout"),
        group_wait_ms: 0,
        remind_after_ms: Some(3_600_000),
        escalate_after_ms: None,
        weekly_report: true,
    }
}

pub(super) async fn channel(control: &Control, project_id: &ProjectId, title: &str) -> StoredChannel {
    let new = NewChannel {
        id: Uuid::now_v7(),
        kind: ChannelKind::Slack,
        definition: definition(title),
        sealed_target: vec![0, 1, 0xff],
    };
    control.create_channel(&by(), project_id, new).await.unwrap()
}

/// The right to evaluate, held.
pub(super) async fn lease(control: &Control) -> Lease {
    let lease = Lease {
        name: "alerts",
        holder: "a".to_owned(),
    };
    assert!(
        control
            .hold(&lease, NOW_MS, Duration::from_secs(60))
            .await
            .unwrap()
    );
    lease
}

pub(super) fn alert(started_at_ms: i64) -> Alert {
    Alert {
        id: Uuid::now_v7(),
        project_id: id("default"),
        source: AlertSource::Rule,
        rule_id: Some(Uuid::from_u128(7)),
        title: "Slow".to_owned(),
        level: Level::Warning,
        labels: Labels::from([("page".to_owned(), "/größe".to_owned())]),
        value: Some(1_234.5),
        threshold: Some(1_000.0),
        count: 1,
        sessions: 0,
        started_at_ms,
        updated_at_ms: started_at_ms,
        resolved_at_ms: None,
        resolution: None,
        acknowledged: None,
    }
}

pub(super) fn event(alert: &Alert, event: AlertChange, at_ms: i64) -> AlertEvent {
    AlertEvent {
        id: Uuid::now_v7(),
        alert_id: alert.id,
        project_id: alert.project_id.clone(),
        at_ms,
        event,
        level: alert.level,
        value: alert.value,
        actor_name: None,
    }
}

pub(super) fn open(alert: &Alert) -> AlertWrite {
    AlertWrite::Open {
        alert: Box::new(alert.clone()),
        subject: alert.id.simple().to_string(),
    }
}

pub(super) fn notice(alert: &Alert, event: NoticeEvent, at_ms: i64) -> Notice {
    Notice {
        event,
        at_ms,
        alert_id: alert.id,
        project_id: alert.project_id.as_str().to_owned(),
        source: alert.source,
        title: alert.title.clone(),
        level: alert.level,
        previous_level: None,
        labels: alert.labels.clone(),
        value: alert.value,
        threshold: alert.threshold,
        count: alert.count,
        started_at_ms: alert.started_at_ms,
        resolved_at_ms: None,
        resolution: None,
        rule: None,
        url: None,
        report: None,
    }
}

/// A notice for the outbox, due at its time; gives its id.
pub(super) fn deliver(channel_id: Uuid, notice: Notice) -> (Uuid, AlertWrite) {
    let id = Uuid::now_v7();
    let write = AlertWrite::Deliver {
        id,
        channel_id,
        next_at_ms: notice.at_ms,
        notice: Box::new(notice),
    };
    (id, write)
}
