//! What posts of beacons look like, for the description of the API. The handlers read bodies by hand and stand at
//! addresses that a loop registers, so there is nothing here to run.

#![expect(dead_code, reason = "read by the description of the API alone")]

use std::collections::HashMap;

use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{BatchAnswer, Checked};

/// What may stand in the address of a beacon.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct BeaconParameters {
    /// `1` looks at the body and stores nothing.
    #[param(example = "1")]
    validate: Option<String>,
}

/// What every kind of beacon may carry.
#[derive(ToSchema)]
struct CommonFields {
    /// Known for a day: one that comes twice is stored once.
    event_id: Option<Uuid>,
    /// 1 to 100 characters. Decides no quota but with a secret key.
    #[schema(min_length = 1, max_length = 100)]
    user_id: Option<String>,
    /// When it happened, in ISO 8601. Required for metrics, otherwise the time of arrival is taken.
    #[schema(format = DateTime)]
    timestamp: Option<String>,
    /// The client's clock when it sends, in ISO 8601, by which a wrong clock is put right.
    #[schema(format = DateTime)]
    sent_at: Option<String>,
}

/// A measurement.
#[derive(ToSchema)]
#[schema(example = json!({"type": "page_load_time", "value": 1234.5, "timestamp": "2026-11-22T09:41:12.5Z",
    "session_id": "8c1d", "metadata": {"page": "/shop/7", "release": "2026.11.3"}}))]
#[schema(as = MetricBeacon)]
struct Metric {
    #[serde(flatten)]
    common: CommonFields,
    /// `page_load_time`, `api_response_time`, `effect_processing_time` or `core_web_vitals`.
    r#type: String,
    /// Milliseconds, or no unit for CLS.
    #[schema(minimum = 0)]
    value: f64,
    #[schema(min_length = 1, max_length = 100)]
    session_id: String,
    /// Columns of their own: `page`, `api_endpoint`, `method`, `status`, `region`, `effect_id`, `error_context`, `release`,
    /// `environment`, `name` (`LCP`, `INP`, `CLS`, `FCP` or `TTFB` for web vitals), `rating`, `navigation_type`. Further
    /// keys are kept.
    metadata: Option<HashMap<String, Value>>,
}

/// An alert that a client raised.
#[derive(ToSchema)]
#[schema(example = json!({"severity": "error", "metric": "lcp", "threshold": 2500, "actual_value": 4000,
    "user_context": {"browser": "Firefox", "device_type": "desktop"}}))]
#[schema(as = AlertBeacon)]
struct Alert {
    #[serde(flatten)]
    common: CommonFields,
    /// `warning`, `error` or `critical`.
    severity: String,
    #[schema(min_length = 1, max_length = 100)]
    metric: String,
    threshold: f64,
    actual_value: f64,
    /// `browser`, `device_type`, and further keys.
    user_context: HashMap<String, Value>,
    #[schema(min_length = 1, max_length = 100)]
    session_id: Option<String>,
}

/// A step of a funnel.
#[derive(ToSchema)]
#[schema(example = json!({"step": "effect_started", "session_id": "8c1d"}))]
#[schema(as = FunnelStepBeacon)]
struct FunnelStep {
    #[serde(flatten)]
    common: CommonFields,
    /// One of the nine standard steps, or of the settings or the project.
    #[schema(min_length = 1, max_length = 100)]
    step: String,
    #[schema(min_length = 1, max_length = 100)]
    effect_id: Option<String>,
    #[schema(min_length = 1, max_length = 100)]
    session_id: String,
    metadata: Option<HashMap<String, Value>>,
}

/// An event of a user.
#[derive(ToSchema)]
#[schema(example = json!({"event_type": "result_share", "event_data": {"to": "mail"}, "session_id": "8c1d"}))]
#[schema(as = UserEventBeacon)]
struct UserEvent {
    #[serde(flatten)]
    common: CommonFields,
    /// One of the seven standard types, or of the settings or the project.
    #[schema(min_length = 1, max_length = 100)]
    event_type: String,
    event_data: HashMap<String, Value>,
    #[schema(min_length = 1, max_length = 100)]
    session_id: String,
}

/// Beacons of any kinds.
#[derive(ToSchema)]
#[schema(example = json!({"items": [{"kind": "funnel", "step": "effect_started", "session_id": "8c1d"}]}))]
struct Batch {
    /// For items that have none of their own.
    #[schema(format = DateTime)]
    sent_at: Option<String>,
    /// Items that never came, by kind, as the client counts them.
    client_lost: Option<HashMap<String, u64>>,
    /// Each with `kind` (`metric`, `alert`, `funnel` or `event`) and the fields of its kind.
    #[schema(min_items = 1, max_items = 500)]
    items: Vec<HashMap<String, Value>>,
}

/// JSON text in a form.
#[derive(ToSchema)]
struct InForm {
    data: String,
}

/// The id of a beacon that is on disk.
#[derive(ToSchema)]
#[schema(as = TakenBeacon)]
struct Taken {
    event_id: Uuid,
}

/// Takes a measurement. 202 once it is on disk.
#[utoipa::path(
    post,
    path = "/api/analytics/performance/metrics",
    tag = "beacons",
    params(BeaconParameters),
    request_body(content((Metric = "application/json"), (String = "text/plain"), (InForm = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = Taken), (status = 200, description = "With `validate=1`", body = Checked))
)]
fn metric() {}

/// Takes an alert that a client raised. 202 once it is on disk.
#[utoipa::path(
    post,
    path = "/api/analytics/performance/alerts",
    tag = "beacons",
    params(BeaconParameters),
    request_body(content((Alert = "application/json"), (String = "text/plain"), (InForm = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = Taken), (status = 200, description = "With `validate=1`", body = Checked))
)]
fn alert() {}

/// Takes a step of a funnel. 202 once it is on disk.
#[utoipa::path(
    post,
    path = "/api/analytics/funnel",
    tag = "beacons",
    params(BeaconParameters),
    request_body(content((FunnelStep = "application/json"), (String = "text/plain"), (InForm = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = Taken), (status = 200, description = "With `validate=1`", body = Checked))
)]
fn funnel_step() {}

/// Takes an event of a user. 202 once it is on disk.
#[utoipa::path(
    post,
    path = "/api/analytics/events",
    tag = "beacons",
    params(BeaconParameters),
    request_body(content((UserEvent = "application/json"), (String = "text/plain"), (InForm = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = Taken), (status = 200, description = "With `validate=1`", body = Checked))
)]
fn user_event() {}

/// Takes 1 to 500 beacons. Valid ones are stored also when others are bad: 202 once they are on disk.
#[utoipa::path(
    post,
    path = "/api/analytics/batch",
    tag = "beacons",
    params(BeaconParameters),
    request_body(content((Batch = "application/json"), (String = "text/plain"), (InForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 202, body = BatchAnswer<'static>),
        (status = 200, description = "With `validate=1`", body = BatchAnswer<'static>)
    )
)]
fn batch() {}
