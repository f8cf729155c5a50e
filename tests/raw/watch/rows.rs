//! Random rows of two projects, in all raw tables.

use std::collections::BTreeMap;

use fresnel::domain::rule::Dimension;
use fresnel::domain::table::Table;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::super::stage::{Stage, time};
use super::NOW;

/// Two projects whose names sort apart.
pub(crate) const PROJECTS: [&str; 2] = ["default", "another"];

/// What rows are told apart by, and their values.
pub(crate) const DIMENSIONS: [(Dimension, &[&str]); 6] = [
    (Dimension::Page, &["", "/a", "/b", "/it's \\ a \"page\"\n"]),
    (Dimension::ApiEndpoint, &["/api/x", "/api/y"]),
    (Dimension::Browser, &["Firefox", "Chrome"]),
    (Dimension::Region, &["eu", "us"]),
    (Dimension::Environment, &["production", "staging", ""]),
    (Dimension::Method, &["GET", "POST"]),
];

const DAY_MS: i64 = 86_400_000;

/// A row of one of the tables.
#[derive(Clone, Debug)]
pub(crate) struct Beat {
    pub(crate) project: &'static str,
    pub(crate) table: Table,
    pub(crate) ts_ms: i64,
    pub(crate) received_ms: i64,
    /// Type of metric, type of event, step or severity.
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) is_error: bool,
    pub(crate) weight: u32,
    pub(crate) dimensions: BTreeMap<Dimension, &'static str>,
}

pub(crate) fn beats(seed: u64, count: usize) -> Vec<Beat> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count).map(|_| beat(&mut rng)).collect()
}

fn beat(rng: &mut StdRng) -> Beat {
    let table = match rng.random_range(0..10) {
        0 => Table::UserEvents,
        1 => Table::FunnelSteps,
        2 => Table::ClientAlerts,
        _ => Table::PerformanceMetrics,
    };
    let is_metric = table == Table::PerformanceMetrics;
    let kinds: &[&str] = match table {
        Table::PerformanceMetrics => &["page_load_time", "api_response_time", "core_web_vitals"],
        Table::ClientAlerts => &["warning", "critical"],
        _ => &["one", "two", "three"],
    };
    let kind = kinds[rng.random_range(0..kinds.len())];
    let name = if kind == "core_web_vitals" {
        ["LCP", "CLS", ""][rng.random_range(0..3)]
    } else {
        ""
    };
    let back_ms = match rng.random_range(0..3) {
        0 => rng.random_range(0..20 * 60_000),
        1 => rng.random_range(0..2 * 3_600_000),
        // Some lie before the longest window.
        _ => rng.random_range(0..DAY_MS + 3_600_000),
    };
    // Some clocks are ahead.
    let ts_ms = NOW.as_millis() - back_ms + if rng.random_range(0..50) == 0 { 90_000 } else { 0 };
    let late_ms = if rng.random_range(0..4) == 0 {
        rng.random_range(0..3_600_000)
    } else {
        50
    };
    let tail: f64 = rng.random_range(0.0_f64..1.0).powi(3);
    let dimensions =
        DIMENSIONS.map(|(dimension, values)| (dimension, values[rng.random_range(0..values.len())]));
    Beat {
        project: PROJECTS[usize::from(rng.random_range(0..3) == 0)],
        table,
        ts_ms,
        received_ms: ts_ms + late_ms,
        kind,
        name,
        value: (tail * 60.0).round() * 100.0,
        is_error: is_metric && rng.random_range(0..8) == 0,
        weight: if is_metric {
            [1, 1, 1, 3][rng.random_range(0..4)]
        } else {
            1
        },
        dimensions: dimensions.into_iter().collect(),
    }
}

impl Beat {
    fn json(&self) -> Value {
        let mut row = json!({
            "project_id": self.project,
            "ts": time(self.ts_ms),
            "received_at": time(self.received_ms),
            "session_id": "session",
        });
        let mut object = json!({});
        let is_metric = self.table == Table::PerformanceMetrics;
        for (dimension, value) in &self.dimensions {
            let name = dimension.as_str();
            match (self.table, dimension) {
                (Table::ClientAlerts, Dimension::Browser) => row["browser_family"] = json!(value),
                (_, Dimension::Browser) => row["browser"] = json!(value),
                _ if is_metric => row[name] = json!(value),
                // A key that is not there is the empty text.
                _ if value.is_empty() => {}
                _ => object[name] = json!(value),
            }
        }
        match self.table {
            Table::PerformanceMetrics => {
                row["type"] = json!(self.kind);
                row["name"] = json!(self.name);
                row["value"] = json!(self.value);
                row["sample_weight"] = json!(self.weight);
                let is_status = self.ts_ms % 2 == 0;
                row["status"] = json!(if self.is_error && is_status { 503 } else { 200 });
                row["error_context"] = json!(if self.is_error && !is_status { "lost" } else { "" });
            }
            Table::FunnelSteps => {
                row["step"] = json!(self.kind);
                row["metadata"] = object;
            }
            Table::UserEvents => {
                row["event_type"] = json!(self.kind);
                row["event_data"] = object;
            }
            Table::ClientAlerts => {
                row["severity"] = json!(self.kind);
                row["metric"] = json!("m");
                row["user_context"] = object;
            }
            Table::VendorCalls | Table::Recall | Table::Ledger => {}
        }
        row
    }
}

pub(crate) async fn insert(stage: &Stage, beats: &[Beat]) {
    let tables = [
        Table::PerformanceMetrics,
        Table::FunnelSteps,
        Table::UserEvents,
        Table::ClientAlerts,
    ];
    for table in tables {
        let of_table = beats.iter().filter(|beat| beat.table == table);
        let rows: Vec<Value> = of_table.map(Beat::json).collect();
        if !rows.is_empty() {
            stage.insert(table.name(), &rows).await;
        }
    }
}
