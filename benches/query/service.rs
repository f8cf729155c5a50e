//! The service on a loaded folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::clickhouse::ClickHouse;
use crate::client::Client;
use crate::process::Server;

pub(crate) const ADMIN_TOKEN: &str = "admin-token-of-the-query-benchmark-0123456789";
/// An engine with thousands of parts and a cold page cache takes its time.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// How long merges are waited for.
const MERGES_TIMEOUT: Duration = Duration::from_secs(1_200);
const POLL: Duration = Duration::from_millis(500);
/// Looks in a row without a merge that end the waiting.
const QUIET_LOOKS: u32 = 6;

/// Whether answers are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cache {
    Off,
    On,
}

/// A running service with its engine.
pub(crate) struct Service {
    server: Server,
    pub(crate) engine: ClickHouse,
}

impl Service {
    /// Starts it and waits until its engine answers and merges have ended.
    pub(crate) async fn start(binary: &Path, data_dir: &Path, cache: &Cache) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command
            .arg("serve")
            .env("FRESNEL_DATA_DIR", data_dir)
            .env("FRESNEL_SERVER__LISTEN", "127.0.0.1:0")
            .env("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", ADMIN_TOKEN)
            .env("FRESNEL_QUOTA__API_PER_MINUTE", "0")
            .env("FRESNEL_LOG__FILTER", "warn");
        if *cache == Cache::Off {
            command.env("FRESNEL_CACHE__ENABLED", "false");
        }
        let log = PathBuf::from(format!("{}.log", data_dir.display()));
        let server = Server::start(&mut command, &log)?;
        let engine = ClickHouse::of_folder(data_dir, READY_TIMEOUT).await?;
        let service = Self { server, engine };
        service.until_healthy().await?;
        service.until_merged().await?;
        Ok(service)
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.server.address)
    }

    /// What the service says of itself.
    pub(crate) fn health(&self) -> anyhow::Result<Value> {
        let answer = self.client()?.get("/api/health")?;
        let body: Value = serde_json::from_slice(&answer.body).context("health is JSON")?;
        Ok(body["data"].clone())
    }

    async fn until_healthy(&self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + READY_TIMEOUT;
        while self.health()?["status"] != "ok" {
            anyhow::ensure!(
                tokio::time::Instant::now() < deadline,
                "not healthy: {}",
                self.health()?
            );
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Merges share the cores with questions, and change what questions read.
    async fn until_merged(&self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + MERGES_TIMEOUT;
        let mut quiet = 0;
        while quiet < QUIET_LOOKS {
            let merges = self.engine.number("SELECT count() FROM system.merges").await?;
            quiet = if merges == 0 { quiet + 1 } else { 0 };
            if tokio::time::Instant::now() > deadline {
                eprintln!("merges go on; measuring beside them");
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        Ok(self.server.memory()?.resident)
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.server.stop().await
    }
}
