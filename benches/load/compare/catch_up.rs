//! How fast a log that has filled up comes into ClickHouse, against what the engine can take at all.
//!
//! The log is filled while the warehouse is away; then a start with the embedded engine empties it. Afterwards
//! the same rows are read back and inserted once more, straight into the same tables (and so with the same
//! rollups) in batches of the same size: that is the engine's own rate.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use super::mode::Mode;
use super::sample::Stage;
use crate::clickhouse::{ClickHouse, TABLES};
use crate::generator::{self, Plan};

const POLL: Duration = Duration::from_millis(50);
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(300);

/// The two rates.
#[derive(Debug, Serialize)]
pub(super) struct CatchUp {
    pub(super) rows: u64,
    pub(super) segments: u64,
    /// From the start of the process until all rows were there.
    pub(super) seconds_since_start: f64,
    /// From the first rows to the last.
    pub(super) flush_rows_per_second: f64,
    pub(super) engine_rows_per_second: f64,
}

impl CatchUp {
    /// The share of the engine's own rate that the flush reaches.
    pub(super) fn share(&self) -> f64 {
        self.flush_rows_per_second / self.engine_rows_per_second
    }
}

/// Fills a log with `rows` rows, empties it, and measures the engine alone.
pub(super) async fn measure(stage: &Stage<'_>, rows: u64) -> anyhow::Result<CatchUp> {
    let accepted = fill(stage, rows).await?;
    let segments = segments(&stage.dir.join("data/wal"))?;
    ensure!(segments > 0, "the log keeps its segments under another name");
    let started = Instant::now();
    let (server, engine) = stage.start_again(Mode::FsyncFlush).await?;
    let engine = engine.context("this mode has an engine")?;
    let (first_at, first_rows, done_at) = watch(&engine, accepted).await?;
    let flush_seconds = (done_at - first_at).as_secs_f64();
    let flush_rows_per_second = (accepted - first_rows) as f64 / flush_seconds;
    eprintln!("catch-up: {accepted} rows of {segments} segments, {flush_rows_per_second:.0} rows/s");
    let engine_rows_per_second = insert_again(&engine, accepted.div_ceil(segments)).await?;
    server.stop().await?;
    Ok(CatchUp {
        rows: accepted,
        segments,
        seconds_since_start: (done_at - started).as_secs_f64(),
        flush_rows_per_second,
        engine_rows_per_second,
    })
}

async fn fill(stage: &Stage<'_>, rows: u64) -> anyhow::Result<u64> {
    let (server, _) = stage.start(Mode::Os).await?;
    let plan = Plan {
        warmup: Duration::ZERO,
        duration: CATCH_UP_TIMEOUT,
        requests_max: rows,
        ..stage.plan(&server, None)
    };
    let report = generator::run(&plan)?;
    if !report.is_clean() {
        bail!(
            "the log could not be filled: {:?} {:?}",
            report.statuses,
            report.errors
        );
    }
    server.stop().await?;
    Ok(report.accepted)
}

/// Segment files of a log, in its folder and the folders in it.
fn segments(folder: &Path) -> anyhow::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() {
            segments(&entry.path())?
        } else {
            u64::from(entry.file_name().to_string_lossy().starts_with("segment-"))
        };
    }
    Ok(count)
}

/// Waits for all rows; gives the time and the count at which the first were seen, and the time of the last.
async fn watch(engine: &ClickHouse, rows: u64) -> anyhow::Result<(Instant, u64, Instant)> {
    let deadline = Instant::now() + CATCH_UP_TIMEOUT;
    let mut first = None;
    loop {
        let (stored, now) = (engine.rows().await?, Instant::now());
        if stored > 0 && first.is_none() {
            first = Some((now, stored));
        }
        if stored >= rows
            && let Some((first_at, first_rows)) = first
        {
            return Ok((first_at, first_rows, now));
        }
        if now > deadline {
            bail!("{stored} of {rows} rows within {CATCH_UP_TIMEOUT:?}");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Inserts all rows once more, as many of each table at once as a segment holds, and gives the rate.
async fn insert_again(engine: &ClickHouse, rows_per_segment: u64) -> anyhow::Result<f64> {
    let all = engine.rows().await?;
    let (mut rows, mut spent) = (0, Duration::ZERO);
    for table in TABLES {
        let of_table = engine.number(&format!("SELECT count() FROM {table}")).await?;
        let batch_rows = (rows_per_segment * of_table / all).max(1);
        engine
            .query(&format!(
                "CREATE TABLE again_{table} ENGINE = Memory AS SELECT * FROM {table} ORDER BY received_at"
            ))
            .await?;
        for batch in 0..of_table / batch_rows {
            let select = format!(
                "SELECT * FROM again_{table} LIMIT {batch_rows} OFFSET {} SETTINGS max_threads = 1 FORMAT RowBinary",
                batch * batch_rows
            );
            let payload = engine.query(&select).await?;
            let started = Instant::now();
            engine.insert(table, payload).await?;
            spent += started.elapsed();
            rows += batch_rows;
        }
        engine.query(&format!("DROP TABLE again_{table}")).await?;
    }
    Ok(rows as f64 / spent.as_secs_f64())
}
