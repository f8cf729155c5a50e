//! One beacon as a client posts it.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use crate::domain::beacon::{Beacon, ClientAlert, Detail, FunnelStep, Id, Kind, Metric, UserEvent};
use crate::domain::json::Members;

const TIMESTAMP: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Where beacons of this kind are posted to.
pub(super) const fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Metric => "/api/analytics/performance/metrics",
        Kind::Funnel => "/api/analytics/funnel",
        Kind::Event => "/api/analytics/events",
        Kind::Alert => "/api/analytics/performance/alerts",
    }
}

/// What people call several beacons of this kind.
pub(super) const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Metric => "performance metrics",
        Kind::Funnel => "funnel steps",
        Kind::Event => "user events",
        Kind::Alert => "client alerts",
    }
}

/// One beacon, ready to be posted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Post {
    /// Decides the address.
    pub(super) kind: Kind,
    /// When it happened, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// The visitor's browser, for the header.
    pub(super) user_agent: &'static str,
    /// What is posted.
    pub(super) body: Value,
}

impl Post {
    /// The beacon as its client writes it.
    pub(super) fn new(beacon: &Beacon<'_>, user_agent: &'static str) -> Self {
        let mut body = match &beacon.detail {
            Detail::Metric(metric) => metric_body(metric),
            Detail::Alert(alert) => alert_body(alert),
            Detail::Funnel(step) => step_body(step),
            Detail::Event(event) => event_body(event),
        };
        let common = &beacon.common;
        body["event_id"] = json!(common.event_id);
        body["timestamp"] = json!(iso(common.time.ts_ms));
        put_id(&mut body, "session_id", common.session_id.as_ref());
        put_id(&mut body, "user_id", common.user_id.as_ref());
        Self {
            kind: beacon.detail.kind(),
            at_ms: common.time.ts_ms,
            user_agent,
            body,
        }
    }
}

fn metric_body(metric: &Metric<'_>) -> Value {
    let mut metadata = object(&metric.metadata);
    for (key, text) in [
        ("page", &metric.page),
        ("api_endpoint", &metric.api_endpoint),
        ("error_context", &metric.error_context),
    ] {
        if !text.is_empty() {
            metadata[key] = json!(text);
        }
    }
    for (key, id) in [
        ("name", &metric.name),
        ("method", &metric.method),
        ("region", &metric.region),
        ("effect_id", &metric.effect_id),
        ("release", &metric.release),
        ("environment", &metric.environment),
        ("rating", &metric.rating),
        ("navigation_type", &metric.navigation_type),
    ] {
        put_id(&mut metadata, key, id.as_ref());
    }
    if metric.status != 0 {
        metadata["status"] = json!(metric.status);
    }
    json!({"type": metric.metric_type, "value": metric.value, "metadata": metadata})
}

fn alert_body(alert: &ClientAlert<'_>) -> Value {
    let mut context = object(&alert.user_context);
    context["browser"] = json!(alert.browser.as_str());
    context["device_type"] = json!(alert.device_type.as_str());
    json!({
        "severity": alert.severity,
        "metric": alert.metric.as_str(),
        "threshold": alert.threshold,
        "actual_value": alert.actual_value,
        "user_context": context,
    })
}

fn step_body(step: &FunnelStep<'_>) -> Value {
    let mut body = json!({"step": step.step.as_str(), "metadata": object(&step.metadata)});
    put_id(&mut body, "effect_id", step.effect_id.as_ref());
    body
}

fn event_body(event: &UserEvent<'_>) -> Value {
    json!({"event_type": event.event_type.as_str(), "event_data": object(&event.event_data)})
}

fn put_id(body: &mut Value, key: &str, id: Option<&Id<'_>>) {
    if let Some(id) = id {
        body[key] = json!(id.as_str());
    }
}

fn object(members: &Members<'_>) -> Value {
    members
        .iter()
        .map(|(key, value)| (key.to_string(), json!(value)))
        .collect()
}

/// A time as ISO 8601 in UTC, with milliseconds.
pub(super) fn iso(at_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .ok()
        .and_then(|at| at.format(TIMESTAMP).ok())
        .unwrap_or_default()
}
