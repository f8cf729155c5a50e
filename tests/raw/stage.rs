//! An engine with rows in its raw tables, and a project that asks about them.

use std::borrow::Cow;
use std::time::Duration;

use fresnel::clock::UnixMicros;
use fresnel::domain::account::{Name, Project, ProjectId};
use fresnel::warehouse::{Retention, Warehouse};
use serde_json::Value;

use crate::harness::Engine;

/// 2026-07-01 12:00:00 UTC, in milliseconds.
pub(crate) const NOON_MS: i64 = 1_782_907_200_000;
/// When the questions are asked: a day later.
pub(crate) const NOW: UnixMicros = UnixMicros((NOON_MS + 86_400_000) * 1_000);

pub(crate) const RETENTION: Retention = Retention {
    raw_days: 20_000,
    minute_days: 20_000,
    hour_days: 20_000,
};

pub(crate) struct Stage {
    pub(crate) warehouse: Warehouse,
    pub(crate) engine: Engine,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let engine = Engine::start().await;
        let connection = engine.connection().expect("a running engine");
        let warehouse = Warehouse::new(Some(connection), Duration::from_secs(20));
        warehouse.migrate(&RETENTION).await.expect("migrate");
        Self { warehouse, engine }
    }

    /// Inserts rows of the project `default`, each an object with the columns that differ from their defaults, as one
    /// part.
    pub(crate) async fn insert(&self, table: &str, rows: &[Value]) {
        let mut rows = rows.to_vec();
        for row in &mut rows {
            let columns = row.as_object_mut().expect("an object");
            for (name, value) in [
                ("project_id", Value::from("default")),
                ("event_id", Value::from(uuid::Uuid::now_v7().to_string())),
            ] {
                columns.entry(name).or_insert(value);
            }
        }
        self.insert_raw(table, &rows).await;
    }

    /// Inserts rows of any table as they are, as one part.
    pub(crate) async fn insert_raw(&self, table: &str, rows: &[Value]) {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let connection = self.engine.connection().expect("a running engine");
        let url = format!(
            "{}/?database={}&date_time_input_format=best_effort&query=INSERT+INTO+{table}+FORMAT+JSONEachRow",
            connection.url, connection.database
        );
        let answer = reqwest::Client::new()
            .post(url)
            .header("x-clickhouse-user", &connection.user)
            .header("x-clickhouse-key", connection.password.reveal())
            .body(lines)
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        assert!(status.is_success(), "{}", answer.text().await.expect("a text"));
    }
}

/// The project that asks.
pub(crate) fn project() -> Project {
    let name = Name::parse("name", "Default").expect("a name");
    Project::new(ProjectId::default_project(), name, 0)
}

/// The parameters of a query string without escapes.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').expect("name=value");
        (Cow::from(name), Cow::from(value))
    })
}

/// A time as ClickHouse reads it in JSON.
pub(crate) fn time(ms: i64) -> Value {
    Value::from(format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000)))
}
