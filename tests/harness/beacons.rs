//! Bodies of beacons: one full sample of each kind, and random valid ones.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The four kinds of beacons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Metric,
    Alert,
    Funnel,
    Event,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 4] = [Self::Metric, Self::Alert, Self::Funnel, Self::Event];

    /// Where beacons of this kind are posted.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Metric => "/api/analytics/performance/metrics",
            Self::Alert => "/api/analytics/performance/alerts",
            Self::Funnel => "/api/analytics/funnel",
            Self::Event => "/api/analytics/events",
        }
    }

    /// The raw table in which they end.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Metric => "performance_metrics",
            Self::Alert => "client_alerts",
            Self::Funnel => "funnel_steps",
            Self::Event => "user_events",
        }
    }

    /// A valid beacon with every field that the kind knows, but for `event_id`; its time is now.
    pub(crate) fn sample(self) -> Value {
        let timestamp = iso(now());
        match self {
            Self::Metric => json!({
                "type": "api_response_time", "value": 123.5, "timestamp": timestamp,
                "session_id": "session-1", "user_id": "user-1",
                "metadata": {
                    "page": "/checkout", "api_endpoint": "/api/orders", "method": "POST", "status": 201,
                    "region": "eu-west", "effect_id": "glow", "error_context": "none at all",
                    "release": "1.2.3", "environment": "production", "rating": "good",
                    "navigation_type": "reload", "cart_items": 3, "note": "größer",
                },
            }),
            Self::Alert => json!({
                "severity": "warning", "metric": "memory", "threshold": 0.8, "actual_value": 0.93,
                "user_context": {"browser": "Firefox", "device_type": "desktop", "cores": 8},
                "timestamp": timestamp, "session_id": "session-2", "user_id": "user-2",
            }),
            Self::Funnel => json!({
                "step": "effect_started", "effect_id": "glow", "session_id": "session-3",
                "user_id": "user-3", "timestamp": timestamp, "metadata": {"page": "/studio", "tries": 2},
            }),
            Self::Event => json!({
                "event_type": "image_upload", "event_data": {"bytes": 1024, "format": "png", "nested": {"a": [1, 2]}},
                "session_id": "session-4", "user_id": "user-4", "timestamp": timestamp,
            }),
        }
    }

    /// A valid beacon with random content and this id, spread over the last three hours.
    pub(crate) fn random(self, rng: &mut StdRng, id: Uuid) -> Value {
        let timestamp = iso(now() - Duration::milliseconds(rng.random_range(0..3 * 3_600_000)));
        let session = format!("s-{}", rng.random_range(0..500));
        let page = format!("/page/{}", rng.random_range(0..40));
        let note = "n".repeat(rng.random_range(0..200));
        let mut beacon = match self {
            Self::Metric => {
                let metric_type = one_of(
                    rng,
                    &[
                        "page_load_time",
                        "api_response_time",
                        "effect_processing_time",
                        "core_web_vitals",
                    ],
                );
                let vital = one_of(rng, &["LCP", "INP", "CLS", "FCP", "TTFB"]);
                json!({
                    "type": metric_type, "value": rng.random_range(0.0..5_000.0), "timestamp": timestamp,
                    "session_id": session,
                    "metadata": {
                        "page": page, "api_endpoint": format!("/api/{}", rng.random_range(0..20)),
                        "status": rng.random_range(100..600), "region": one_of(rng, &["eu", "us", "ap"]),
                        "name": (metric_type == "core_web_vitals").then_some(vital), "note": note,
                    },
                })
            }
            Self::Alert => json!({
                "severity": one_of(rng, &["warning", "error", "critical"]), "metric": "latency",
                "threshold": 3_000, "actual_value": rng.random_range(3_000..9_000),
                "user_context": {"browser": "Chrome", "device_type": "mobile"}, "session_id": session,
            }),
            Self::Funnel => json!({
                "step": one_of(rng, &["effect_viewed", "effect_started", "result_shared"]),
                "session_id": session, "timestamp": timestamp, "metadata": {"page": page, "note": note},
            }),
            Self::Event => json!({
                "event_type": one_of(rng, &["image_upload", "result_share", "error_occurrence"]),
                "event_data": {"note": note, "n": rng.random_range(0..1_000)}, "session_id": session,
            }),
        };
        if let Some(metadata) = beacon.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|_, value| !value.is_null());
        }
        beacon["event_id"] = json!(id.to_string());
        beacon
    }
}

fn one_of<'a>(rng: &mut StdRng, choices: &[&'a str]) -> &'a str {
    choices[rng.random_range(0..choices.len())]
}

/// A random id, the same for the same seed.
pub(crate) fn random_id(rng: &mut StdRng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid()
}

/// The time now.
#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// ISO 8601 with milliseconds, as `Date.toISOString` writes it.
pub(crate) fn iso(time: OffsetDateTime) -> String {
    let millisecond = time.millisecond();
    time.replace_millisecond(millisecond)
        .expect("a millisecond")
        .format(&Rfc3339)
        .expect("a date")
}
