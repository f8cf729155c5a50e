//! Asks the engine whether it is there.

use std::io;
use std::path::Path;
use std::time::Duration;

use reqwest::header::HeaderName;

use super::EngineError;
use crate::domain::connection::Connection;

/// Time in which an answer must be there.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// ClickHouse's headers for credentials.
const USER: HeaderName = HeaderName::from_static("x-clickhouse-user");
const KEY: HeaderName = HeaderName::from_static("x-clickhouse-key");
/// Set on an answer that is an error, whatever its status says.
const EXCEPTION: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");

/// A small HTTP client of its own: the question must not wait behind the queries of others.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    client: reqwest::Client,
}

impl Probe {
    /// A client that ignores the environment's proxies.
    pub(crate) fn new() -> Result<Self, EngineError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_TIMEOUT)
            // ClickHouse waits for open connections when it stops.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| EngineError::io("make", Path::new("an HTTP client"))(io::Error::other(error)))?;
        Ok(Self { client })
    }

    /// Runs a query as Fresnel's own user: proves that this engine is the one that told its passwords.
    pub(crate) async fn select(&self, connection: &Connection) -> Result<(), String> {
        let answer = self
            .client
            .get(format!("{}/?query=SELECT%201", connection.url))
            .header(USER, &connection.user)
            .header(KEY, connection.password.reveal())
            .send()
            .await
            .map_err(|error| error.without_url().to_string())?;
        let is_error = answer.status() != 200 || answer.headers().contains_key(EXCEPTION);
        let text = answer
            .text()
            .await
            .map_err(|error| error.without_url().to_string())?;
        if is_error || text.trim() != "1" {
            return Err(text.chars().take(300).collect());
        }
        Ok(())
    }

    /// Asks for a sign of life, which needs no user and no free query slot.
    pub(crate) async fn ping(&self, connection: &Connection) -> Result<(), String> {
        let answer = self.client.get(format!("{}/ping", connection.url)).send();
        // Read to its end: ClickHouse logs an error for each answer that nobody takes.
        let text = async { answer.await?.error_for_status()?.bytes().await }.await;
        text.map(drop).map_err(|error| error.without_url().to_string())
    }
}
