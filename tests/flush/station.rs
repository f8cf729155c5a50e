//! A log, a warehouse on a real engine, and the flush between them.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fresnel::config::{Durability, FlushConfig};
use fresnel::domain::connection::Connection;
use fresnel::domain::table::Table;
use fresnel::flush::{Flush, FlushStatus, Kept};
use fresnel::wal::{FileSystem, SystemFiles, Wal, WalError, WalOptions};
use fresnel::warehouse::{Retention, Statement, Warehouse};
use tokio::task::LocalSet;

use crate::harness::Engine;
use crate::network::rollups::counts_sql;
use crate::rows::Metric;

/// Far above anything that a working flush needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

const RETENTION: Retention = Retention {
    raw_days: 20_000,
    minute_days: 20_000,
    hour_days: 20_000,
};

/// An engine with its tables, and a folder for logs.
pub(crate) struct Station {
    pub(crate) engine: Engine,
    pub(crate) warehouse: Warehouse,
    folder: tempfile::TempDir,
}

impl Station {
    pub(crate) async fn build() -> Self {
        let engine = Engine::start().await;
        let connection = engine.connection().expect("a running engine");
        let warehouse = Warehouse::new(Some(connection), Duration::from_secs(20));
        warehouse.migrate(&RETENTION).await.expect("migrate");
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            engine,
            warehouse,
            folder,
        }
    }

    pub(crate) fn dead_letters(&self) -> PathBuf {
        self.folder.path().join("dead-letters")
    }

    /// Opens the log as a process after a start would; waits until the tasks of an earlier one let it go.
    pub(crate) fn open_log(&self, files: Arc<dyn FileSystem>) -> Wal {
        let start = Instant::now();
        loop {
            match Wal::open(log_options(self.folder.path()), Arc::clone(&files)) {
                Ok((wal, _recovery)) => return wal,
                Err(WalError::Locked(_)) => assert!(start.elapsed() < PATIENCE, "the log stays locked"),
                Err(error) => panic!("{error}"),
            }
            std::thread::yield_now();
        }
    }

    pub(crate) fn log(&self) -> Wal {
        self.open_log(Arc::new(SystemFiles))
    }

    pub(crate) fn flush(&self, wal: &Wal) -> Flush {
        self.flush_to(wal, &self.warehouse)
    }

    pub(crate) fn flush_to(&self, wal: &Wal, warehouse: &Warehouse) -> Flush {
        let config = FlushConfig {
            insert_timeout_ms: 20_000,
            retry_max_ms: 200,
            suspect_after_ms: 300,
            ..FlushConfig::default()
        };
        Flush::start(
            wal.clone(),
            warehouse.clone(),
            &config,
            self.dead_letters(),
            Kept::default(),
        )
    }

    /// Count of the raw table, and the least and the greatest of the rollups.
    pub(crate) async fn counts(&self) -> [u64; 3] {
        let statement = Statement::new(counts_sql());
        let rows: Vec<Vec<u64>> = self.warehouse.select(&statement).await.expect("counts");
        rows[0].as_slice().try_into().expect("three counts")
    }

    pub(crate) async fn count(&self, table: Table) -> u64 {
        let statement = Statement::new(format!("SELECT count() FROM fresnel.{}", table.name()));
        let rows: Vec<u64> = self.warehouse.select(&statement).await.expect("count");
        rows[0]
    }

    /// Folders of all parts of the tables whose names begin so.
    pub(crate) async fn part_folders(&self, prefix: &str) -> Vec<PathBuf> {
        let sql = format!("SELECT path FROM system.parts WHERE startsWith(table, '{prefix}') AND active");
        let found: Vec<String> = self.engine.client().query(&sql).fetch_all().await.expect("parts");
        found.into_iter().map(PathBuf::from).collect()
    }

    /// Runs a statement that no part of the product would run.
    pub(crate) async fn meddle(&self, sql: &str) {
        self.engine
            .client()
            .query_raw(sql)
            .execute()
            .await
            .expect("meddling");
    }

    /// The dead letters, as JSON.
    pub(crate) fn letters(&self) -> Vec<serde_json::Value> {
        let Ok(files) = std::fs::read_dir(self.dead_letters()) else {
            return Vec::new();
        };
        files
            .flat_map(|file| {
                let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .map(|line| serde_json::from_str(&line).expect("a line of JSON"))
            .collect()
    }
}

/// Segments only when asked for, by closing the log or by an append with priority.
fn log_options(folder: &Path) -> WalOptions {
    WalOptions {
        dir: folder.join("wal"),
        durability: Durability::Fsync,
        max_bytes: 1 << 30,
        segment_max_bytes: 4 << 20,
        pending_max_bytes: 16 << 20,
        commit_interval: Duration::ZERO,
        seal_after: Duration::from_millis(20),
        priority_seal_after: Duration::from_millis(20),
        rows_max: 1_000_000,
        grace: Duration::ZERO,
    }
}

/// Appends these rows in one commit.
pub(crate) async fn append(wal: &Wal, metrics: &[Metric]) {
    let append = async {
        let lane = wal.lane();
        lane.append(false, |sink| {
            for metric in metrics {
                sink.row(Table::PerformanceMetrics, |row| metric.encode(row));
            }
        })
        .expect("room in the log")
        .await
        .expect("a commit");
    };
    LocalSet::new().run_until(append).await;
}

/// Rows over some minutes, hours, pages, and two months: an insert makes several parts.
pub(crate) fn some_rows(count: i64) -> Vec<Metric> {
    (0..count)
        .map(|n| Metric {
            ts_ms: crate::rows::NOON_MS + (n % 3) * 60_000 + (n % 2) * 3_600_000
                - (n % 5 / 4) * 31 * 86_400_000,
            page: format!("/page/{}", n % 7),
            value: n as f64,
            ..Metric::default()
        })
        .collect()
}

/// Follows the engine's connections, as the composition root does.
pub(crate) async fn follow_engine(engine: &Engine, warehouse: &Warehouse, old: &Connection) {
    let start = Instant::now();
    loop {
        match engine.connection() {
            Some(connection) if connection != *old => {
                warehouse.connect(connection);
                return;
            }
            _ => assert!(start.elapsed() < PATIENCE, "no new connection"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the flush's status is as wanted.
pub(crate) async fn until(flush: &Flush, what: &str, wanted: impl Fn(&FlushStatus) -> bool) {
    eventually(
        what,
        || std::future::ready(wanted(&flush.status()).then_some(())),
        || format!("{:?}", flush.status()),
    )
    .await;
}

async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    look: impl Fn() -> F,
    state: impl Fn() -> String,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: {}", state());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
