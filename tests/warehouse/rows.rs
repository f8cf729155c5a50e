//! Rows in RowBinary, encoded by hand: an encoder of its own, so that a fault of the product's cannot hide.

use bytes::Bytes;
use fresnel::domain::table::Table;
use uuid::Uuid;

/// 2026-07-01 12:00:00 UTC, in milliseconds.
pub(crate) const NOON_MS: i64 = 1_782_907_200_000;

/// A measurement with the fields that tests look at.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) event_id: Uuid,
    pub(crate) ts_ms: i64,
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) page: String,
    pub(crate) api_endpoint: String,
    pub(crate) status: u16,
    pub(crate) error_context: &'static str,
    pub(crate) region: &'static str,
    pub(crate) metadata: &'static str,
    pub(crate) environment: &'static str,
    pub(crate) browser: &'static str,
    /// Events that it stands for.
    pub(crate) weight: u32,
}

impl Default for Metric {
    fn default() -> Self {
        Self {
            event_id: Uuid::now_v7(),
            ts_ms: NOON_MS,
            kind: "api_response_time",
            name: "",
            value: 100.0,
            page: "/home".to_owned(),
            api_endpoint: "/api/items".to_owned(),
            status: 200,
            error_context: "",
            region: "eu",
            metadata: "{}",
            environment: "production",
            browser: "Firefox",
            weight: 1,
        }
    }
}

impl Metric {
    pub(crate) fn encode(&self, row: &mut Vec<u8>) {
        head(row, self.event_id, self.ts_ms);
        text(row, self.kind);
        text(row, self.name);
        row.extend_from_slice(&self.value.to_le_bytes());
        text(row, &self.page);
        text(row, &self.api_endpoint);
        text(row, "GET");
        row.extend_from_slice(&self.status.to_le_bytes());
        text(row, self.region);
        text(row, "effect-1");
        text(row, self.error_context);
        text(row, "1.0.0");
        text(row, self.environment);
        text(row, "");
        text(row, "");
        text(row, self.metadata);
        tail(row, self.browser);
        row.extend_from_slice(&self.weight.to_le_bytes());
    }
}

/// Rows one after another.
pub(crate) fn encode<'a>(metrics: impl IntoIterator<Item = &'a Metric>) -> Bytes {
    let mut rows = Vec::new();
    for metric in metrics {
        metric.encode(&mut rows);
    }
    rows.into()
}

/// A step of a funnel.
pub(crate) fn encode_step(row: &mut Vec<u8>, event_id: Uuid, step: &str, metadata: &str) {
    head(row, event_id, NOON_MS);
    text(row, step);
    text(row, "effect-1");
    text(row, metadata);
    tail(row, "Firefox");
}

/// Names of a table's columns, as a segment's header holds them.
pub(crate) fn columns(table: Table) -> Vec<String> {
    table
        .columns()
        .iter()
        .map(|column| column.name.to_owned())
        .collect()
}

/// What every row begins with.
fn head(row: &mut Vec<u8>, event_id: Uuid, ts_ms: i64) {
    let (high, low) = event_id.as_u64_pair();
    row.extend_from_slice(&high.to_le_bytes());
    row.extend_from_slice(&low.to_le_bytes());
    text(row, "default");
    row.extend_from_slice(&ts_ms.to_le_bytes());
    row.extend_from_slice(&ts_ms.to_le_bytes());
    row.push(1); // client_ts is null
    text(row, "session-1");
    text(row, "");
    row.extend_from_slice(&0_u16.to_le_bytes());
}

/// A row as version 1 of the tables had it, without what the server adds.
pub(crate) fn encode_first_version(metric: &Metric) -> Bytes {
    let (mut row, mut added) = (Vec::new(), Vec::new());
    metric.encode(&mut row);
    tail(&mut added, metric.browser);
    row.truncate(row.len() - added.len() - size_of_val(&metric.weight));
    row.into()
}

/// What every row ends with: what the server adds.
fn tail(row: &mut Vec<u8>, browser: &str) {
    for value in [browser, "Linux", "desktop", "DE"] {
        text(row, value);
    }
    row.extend_from_slice(&4_711_u64.to_le_bytes());
}

fn text(row: &mut Vec<u8>, value: &str) {
    let mut length = value.len();
    while length >= 0x80 {
        row.push(length as u8 | 0x80);
        length >>= 7;
    }
    row.push(length as u8);
    row.extend_from_slice(value.as_bytes());
}
