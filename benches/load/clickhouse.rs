//! ClickHouse as any client sees it: through the file in which `serve` says where its engine is.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::Url;
use serde::Deserialize;

const POLL: Duration = Duration::from_millis(20);

/// The raw tables.
pub(crate) const TABLES: [&str; 4] = [
    "performance_metrics",
    "funnel_steps",
    "user_events",
    "client_alerts",
];

/// An engine's address and credentials.
#[derive(Deserialize)]
pub(crate) struct ClickHouse {
    url: String,
    user: String,
    password: String,
    database: String,
    #[serde(skip, default = "client")]
    client: reqwest::Client,
}

/// A client that goes to loopback addresses itself, also where the environment names a proxy.
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap_or_default()
}

impl ClickHouse {
    /// Waits until the engine of a data folder answers and has its tables.
    pub(crate) async fn of_folder(data_dir: &Path, timeout: Duration) -> anyhow::Result<Self> {
        let file = data_dir.join("engine/connection.json");
        let deadline = Instant::now() + timeout;
        loop {
            let found = std::fs::read(&file)
                .ok()
                .and_then(|text| serde_json::from_slice::<Self>(&text).ok());
            if let Some(found) = found
                && found.rows().await.is_ok()
            {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!(
                    "the engine of {} was not ready within {timeout:?}",
                    data_dir.display()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs a query and gives its answer as it came.
    pub(crate) async fn query(&self, sql: &str) -> anyhow::Result<Vec<u8>> {
        // In the body: ClickHouse does not like a POST without one.
        self.send("", sql.as_bytes().to_vec()).await
    }

    /// Inserts one batch of RowBinary in one block.
    pub(crate) async fn insert(&self, table: &str, rows: Vec<u8>) -> anyhow::Result<()> {
        self.send(&format!("INSERT INTO {table} FORMAT RowBinary"), rows)
            .await
            .map(drop)
    }

    async fn send(&self, sql: &str, body: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let url = Url::parse_with_params(
            &self.url,
            [
                ("query", sql),
                ("database", &self.database),
                ("wait_end_of_query", "1"),
                ("async_insert", "0"),
                ("input_format_binary_read_json_as_string", "1"),
                ("output_format_binary_write_json_as_string", "1"),
            ],
        )?;
        let answer = self
            .client
            .post(url)
            .header("X-ClickHouse-User", &self.user)
            .header("X-ClickHouse-Key", &self.password)
            .body(body)
            .send()
            .await?;
        let is_good = answer.status().is_success();
        let bytes = answer.bytes().await?;
        if !is_good {
            bail!("{}", String::from_utf8_lossy(&bytes));
        }
        Ok(bytes.into())
    }

    /// A query's answer that is one number.
    pub(crate) async fn number(&self, sql: &str) -> anyhow::Result<u64> {
        let answer = String::from_utf8(self.query(sql).await?)?;
        answer
            .trim()
            .parse()
            .with_context(|| format!("`{answer}` to `{sql}`"))
    }

    /// Rows in all raw tables.
    pub(crate) async fn rows(&self) -> anyhow::Result<u64> {
        let counts = TABLES
            .map(|table| format!("(SELECT count() FROM {table})"))
            .join(" + ");
        self.number(&format!("SELECT {counts}")).await
    }
}
