//! What the tests share: a log in a fresh folder, rows that say who they are, and deadlines.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime;
use tokio::task::LocalSet;

use crate::config::Durability;
use crate::domain::table::Table;
use crate::wal::{
    Commit, FileSystem, Lane, Recovery, SealedSegment, SegmentRows, SystemFiles, Wal, WalOptions,
};

/// Far above anything that a working log needs.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Small segments, no waiting.
pub(super) fn options(dir: &Path) -> WalOptions {
    WalOptions {
        dir: dir.to_owned(),
        durability: Durability::Fsync,
        max_bytes: 64 << 20,
        segment_max_bytes: 64 * 1024,
        pending_max_bytes: 1 << 20,
        commit_interval: Duration::ZERO,
        seal_after: Duration::from_secs(3_600),
        priority_seal_after: Duration::from_millis(100),
        rows_max: 1_000_000,
        grace: Duration::ZERO,
    }
}

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(super) fn open(options: WalOptions) -> (Wal, Recovery) {
    open_on(options, Arc::new(SystemFiles))
}

pub(super) fn open_on(options: WalOptions, files: Arc<dyn FileSystem>) -> (Wal, Recovery) {
    Wal::open(options, files).unwrap()
}

/// Runs a test's body where lanes can live, within the deadline.
pub(super) fn run<Output>(body: impl Future<Output = Output>) -> Output {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(PATIENCE, body)
            .await
            .expect("the test hangs")
    })
}

/// Appends one row whose whole content is `text`.
pub(super) fn append(lane: &Lane, table: Table, text: &str) -> Commit {
    lane.append(false, |rows| {
        rows.row(table, |bytes| bytes.extend_from_slice(text.as_bytes()));
    })
    .unwrap()
}

/// Every row of a segment, as table and text.
pub(super) fn rows(wal: &Wal, segment: &SealedSegment) -> Vec<(String, String)> {
    rows_of(wal.read(segment).unwrap())
}

/// Every row, as table and text.
pub(super) fn rows_of(read: SegmentRows) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for table in read.tables {
        let bytes = table.payload.concat();
        let mut rest = bytes.as_slice();
        for length in table.row_bytes {
            let (row, tail) = rest.split_at(usize::try_from(length).unwrap());
            found.push((table.table.clone(), String::from_utf8(row.to_vec()).unwrap()));
            rest = tail;
        }
        assert!(rest.is_empty(), "lengths and payload agree");
    }
    found
}

/// Closes the log and takes everything that it still has, releasing as it goes.
pub(super) async fn drain(wal: &Wal) -> Vec<(String, String)> {
    wal.close();
    let mut found = Vec::new();
    while let Some(segment) = wal.next_sealed().await {
        found.extend(rows(wal, &segment));
        wal.release(segment.id).unwrap();
    }
    found
}

/// The texts of rows of one table.
pub(super) fn texts(rows: &[(String, String)], table: Table) -> Vec<&str> {
    rows.iter()
        .filter(|(name, _)| name == table.name())
        .map(|(_, text)| text.as_str())
        .collect()
}
