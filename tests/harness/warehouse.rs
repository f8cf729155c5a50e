//! A view into ClickHouse over its HTTP interface, for looking at what was stored.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::http::{self, Request};
use super::wait::{self, PATIENCE};

/// Names of the raw tables.
pub(crate) const RAW_TABLES: [&str; 4] = [
    "performance_metrics",
    "funnel_steps",
    "user_events",
    "client_alerts",
];

/// Where a ClickHouse server is, and who asks.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
}

impl Access {
    /// Reads the `connection.json` of an engine's data folder, if it is there and whole.
    pub(crate) fn of_engine(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read(connection_file(data_dir)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Address of the HTTP interface.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.url
            .strip_prefix("http://")?
            .trim_end_matches('/')
            .parse()
            .ok()
    }
}

/// Where an engine writes how it can be reached.
pub(crate) fn connection_file(data_dir: &Path) -> PathBuf {
    data_dir.join("engine").join("connection.json")
}

/// A ClickHouse server; an embedded one is found anew for each query, since its port changes with each start.
#[derive(Clone, Debug)]
pub(crate) struct Warehouse {
    data_dir: PathBuf,
}

impl Warehouse {
    /// The engine of a data folder.
    pub(crate) fn embedded(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
        }
    }

    /// Asks once. Rows come as JSON objects.
    pub(crate) fn try_query(&self, sql: &str) -> io::Result<Vec<Value>> {
        let access = Access::of_engine(&self.data_dir).ok_or(io::ErrorKind::NotFound)?;
        let address = access.address().ok_or(io::ErrorKind::InvalidData)?;
        let path = format!(
            "/?database={}&default_format=JSONEachRow&wait_end_of_query=1&output_format_json_quote_64bit_integers=0",
            access.database
        );
        let request = Request::post(&path, sql)
            .header("x-clickhouse-user", &access.user)
            .header("x-clickhouse-key", &access.password)
            .header("connection", "close");
        let answer = http::send(address, &request)?;
        if answer.status != 200 || answer.header("x-clickhouse-exception-code").is_some() {
            return Err(io::Error::other(format!("{sql}: {}", answer.text())));
        }
        answer
            .body
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).map_err(io::Error::other))
            .collect()
    }

    /// Asks until the server answers.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Vec<Value> {
        let mut last_error = String::new();
        let rows = wait::within(PATIENCE, || match self.try_query(sql) {
            Ok(rows) => Some(rows),
            Err(error) => {
                last_error = error.to_string();
                None
            }
        });
        rows.unwrap_or_else(|| panic!("{sql}: {last_error}"))
    }

    /// The single number that a query gives.
    #[track_caller]
    pub(crate) fn number(&self, sql: &str) -> u64 {
        let rows = self.query(sql);
        rows.first()
            .and_then(Value::as_object)
            .and_then(|row| row.values().next())
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("{sql}: no number in {rows:?}"))
    }

    /// Waits for the one row of an event.
    #[track_caller]
    pub(crate) fn row(&self, table: &str, event_id: &str) -> Value {
        let sql = format!("SELECT * FROM {table} WHERE event_id = '{event_id}'");
        let rows = wait::until(&format!("{event_id} in {table}"), PATIENCE, || {
            self.try_query(&sql).ok().filter(|rows| !rows.is_empty())
        });
        assert_eq!(rows.len(), 1, "{event_id} stands more than once in {table}");
        rows.into_iter().next().expect("one row")
    }

    /// Counts the rows of an event now.
    #[track_caller]
    pub(crate) fn count(&self, table: &str, event_id: &str) -> u64 {
        self.number(&format!(
            "SELECT count() FROM {table} WHERE event_id = '{event_id}'"
        ))
    }
}
