//! Keeps the warehouse connected: brings each new connection's schema up to date, and only then lets the rest
//! of Fresnel use it. So no insert ever meets a table that is not there.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::AppError;
use crate::config::{Config, WarehouseConfig};
use crate::domain::connection::Connection;
use crate::engine::supervisor::Supervisor;
use crate::task;
use crate::warehouse::{Retention, Warehouse};

/// Pauses between tries to reach a warehouse and to bring its schema up to date.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// The task that keeps the warehouse connected.
pub(super) struct WarehouseLink {
    task: JoinHandle<()>,
}

impl WarehouseLink {
    /// Follows the engine's connections, or uses the one that the settings name.
    pub(super) fn start(config: &WarehouseConfig, warehouse: Warehouse, engine: Option<&Supervisor>) -> Self {
        let connections = connections(config, engine);
        let retention = retention(config);
        let query_timeout = Duration::from_millis(config.query_timeout_ms);
        let task = task::spawn(
            "warehouse-link",
            follow(connections, warehouse, retention, query_timeout),
        );
        Self { task }
    }

    /// Stops following.
    pub(super) fn stop(&self) {
        self.task.abort();
    }
}

/// Brings the schema up to date, once.
pub(super) async fn migrate_once(
    config: &Config,
    engine: Option<&Supervisor>,
) -> Result<Vec<&'static str>, AppError> {
    let mut connections = connections(&config.warehouse, engine);
    let start_timeout = Duration::from_millis(config.engine.start_timeout_ms);
    let connection = match tokio::time::timeout(start_timeout, connections.wait_for(Option::is_some)).await {
        Ok(Ok(connection)) => connection.clone(),
        Ok(Err(_)) | Err(_) => {
            let reason = engine
                .and_then(|engine| engine.status().last_error)
                .unwrap_or_default();
            return Err(AppError::EngineNotReady(reason));
        }
    };
    let query_timeout = Duration::from_millis(config.warehouse.query_timeout_ms);
    let migrated = Warehouse::new(connection, query_timeout)
        .migrate(&retention(&config.warehouse))
        .await?;
    Ok(migrated.applied)
}

/// The warehouse before its first connection.
pub(super) fn unconnected(config: &Config) -> Warehouse {
    let query_timeout = Duration::from_millis(config.warehouse.query_timeout_ms);
    Warehouse::new(None, query_timeout).with_limits(config.warehouse.queries_max, &config.breaker)
}

/// How long the tables keep what.
pub(super) fn retention(config: &WarehouseConfig) -> Retention {
    Retention {
        raw_days: config.raw_retention_days,
        minute_days: config.minute_retention_days,
        hour_days: config.hour_retention_days,
    }
}

fn connections(config: &WarehouseConfig, engine: Option<&Supervisor>) -> watch::Receiver<Option<Connection>> {
    match engine {
        Some(engine) => engine.connection(),
        None => {
            // A receiver without its sender keeps its value, and never changes.
            let connection = Connection::new(
                config.url.clone(),
                config.user.clone(),
                config.password.clone(),
                config.database.clone(),
            )
            .with_ca_file(config.ca_file.clone());
            watch::channel(Some(connection)).1
        }
    }
}

async fn follow(
    mut connections: watch::Receiver<Option<Connection>>,
    warehouse: Warehouse,
    retention: Retention,
    query_timeout: Duration,
) {
    loop {
        let connection = connections.borrow_and_update().clone();
        match connection {
            None => warehouse.disconnect(),
            Some(connection) => {
                tokio::select! {
                    () = prepare(&connection, &retention, query_timeout) => warehouse.connect(connection),
                    // The engine went away meanwhile: start over with what comes.
                    Ok(()) = connections.changed() => continue,
                }
            }
        }
        if connections.changed().await.is_err() {
            // The settings' own connection never changes.
            return;
        }
    }
}

/// Tries until the schema is up to date.
async fn prepare(connection: &Connection, retention: &Retention, query_timeout: Duration) {
    let mut pause = RETRY_FIRST;
    let candidate = Warehouse::new(Some(connection.clone()), query_timeout);
    loop {
        match candidate.migrate(retention).await {
            Ok(migrated) => {
                tracing::info!(applied = ?migrated.applied, "the warehouse is ready");
                return;
            }
            Err(error) => {
                tracing::error!(%error, retry_in_ms = pause.as_millis(), "the schema could not be brought up to date");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            }
        }
    }
}
