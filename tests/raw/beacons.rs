//! Random rows of all kinds, as a test keeps them to count them again.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::{NOON_MS, Stage, time};

/// One row of any kind.
#[derive(Clone, Debug)]
pub(crate) struct Beacon {
    pub(crate) table: &'static str,
    pub(crate) id: Uuid,
    pub(crate) ts_ms: i64,
    pub(crate) session: String,
    pub(crate) user: String,
    pub(crate) visitor: u64,
    pub(crate) browser: &'static str,
    pub(crate) name: &'static str,
    pub(crate) page: &'static str,
    pub(crate) data: Value,
    pub(crate) value: f64,
    pub(crate) status: u16,
    pub(crate) error_context: String,
}

impl Beacon {
    pub(crate) fn row(&self) -> Value {
        let mut row = json!({
            "event_id": self.id.to_string(), "ts": time(self.ts_ms), "session_id": self.session, "user_id": self.user,
            "visitor_id": self.visitor, "os": "Linux", "device": "desktop", "country": "DE",
        });
        let own = match self.table {
            "performance_metrics" => json!({
                "type": self.name, "value": self.value, "page": self.page, "status": self.status,
                "error_context": self.error_context, "metadata": self.data, "release": "1.0", "browser": self.browser,
            }),
            "funnel_steps" => json!({"step": self.name, "metadata": self.data, "browser": self.browser}),
            "user_events" => {
                json!({"event_type": self.name, "event_data": self.data, "browser": self.browser})
            }
            _ => {
                json!({"metric": self.name, "severity": "error", "user_context": {}, "browser_family": self.browser,
                "actual_value": self.value})
            }
        };
        let columns = row.as_object_mut().expect("an object");
        columns.extend(own.as_object().expect("an object").clone());
        row
    }

    pub(crate) fn is_error(&self) -> bool {
        match self.table {
            "performance_metrics" => self.status >= 500 || !self.error_context.is_empty(),
            "user_events" => self.name == "error_occurrence",
            _ => false,
        }
    }

    /// The page, wherever it stands.
    pub(crate) fn page(&self) -> &str {
        match self.table {
            "performance_metrics" => self.page,
            _ => self.data["page"].as_str().unwrap_or_default(),
        }
    }
}

/// Sessions over some hours, the rows in the order in which they arrive.
pub(crate) fn beacons(seed: u64, sessions: usize) -> Vec<Beacon> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut all = Vec::new();
    for number in 0..sessions {
        let session = format!("session-{number:04}");
        let user = if rng.random_bool(0.5) {
            format!("user-{}", number % 50)
        } else {
            String::new()
        };
        let visitor = if rng.random_bool(0.8) {
            number as u64 % 100 + 1
        } else {
            0
        };
        let browser = *["Firefox", "Chrome", "Safari"].choose(&mut rng).expect("one");
        let start = NOON_MS + rng.random_range(0..8 * 3_600_000);
        for _ in 0..rng.random_range(1..15) {
            let table = *[
                "performance_metrics",
                "performance_metrics",
                "funnel_steps",
                "user_events",
                "client_alerts",
            ]
            .choose(&mut rng)
            .expect("one");
            let page = *["/", "/shop", "/help"].choose(&mut rng).expect("one");
            let (name, data) = match table {
                "performance_metrics" => ("page_load_time", json!({"plan": "pro"})),
                "funnel_steps" => ("effect_viewed", json!({"page": page})),
                "user_events" if rng.random_bool(0.3) => {
                    let id: u32 = rng.random_range(0..1_000);
                    let message = [
                        format!("order {id} failed"),
                        format!("cannot load https://cdn.example/{id}.js"),
                        format!("no such \"thing {id}\""),
                    ];
                    let message = message.choose(&mut rng).expect("one").clone();
                    (
                        "error_occurrence",
                        json!({"message": message, "release": "2.0", "page": page}),
                    )
                }
                "user_events" => {
                    let name = *["image_upload", "result_share"].choose(&mut rng).expect("one");
                    let format = *["png", "jpg"].choose(&mut rng).expect("one");
                    let size: i64 = rng.random_range(1..4);
                    (name, json!({"format": format, "size": size, "page": page}))
                }
                _ => ("api_response_time", json!({})),
            };
            all.push(Beacon {
                table,
                id: Uuid::new_v4(),
                // Coarse, so that several are of one time.
                ts_ms: start + rng.random_range(0..60) * 10_000,
                session: session.clone(),
                user: user.clone(),
                visitor,
                browser,
                name,
                page,
                data,
                value: f64::from(rng.random_range(10..5_000)),
                status: if rng.random_bool(0.05) { 503 } else { 200 },
                error_context: if rng.random_bool(0.05) {
                    format!("order {} failed", rng.random_range(0..1_000))
                } else {
                    String::new()
                },
            });
        }
    }
    all.shuffle(&mut rng);
    all
}

pub(crate) async fn insert(stage: &Stage, beacons: &[Beacon]) {
    for table in [
        "performance_metrics",
        "funnel_steps",
        "user_events",
        "client_alerts",
    ] {
        let rows: Vec<_> = beacons
            .iter()
            .filter(|beacon| beacon.table == table)
            .map(Beacon::row)
            .collect();
        for part in rows.chunks(rows.len() / 3 + 1) {
            stage.insert(table, part).await;
        }
    }
}
