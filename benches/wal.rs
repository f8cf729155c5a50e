//! What the log costs: collecting a row, a frame, a commit of one row and of many, reading a segment back.
//!
//! The disk decides about `fsync`: compare runs on one machine only. `load` measures the whole service.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fresnel::config::Durability;
use fresnel::domain::table::Table;
use fresnel::wal::{Commit, FrameMeasure, Lane, SystemFiles, Wal, WalOptions};
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

/// A typical beacon's row.
const ROW_BYTES: usize = 300;
const DURABILITIES: [Durability; 3] = [Durability::Fsync, Durability::Os, Durability::Memory];

fn options(dir: &Path, durability: Durability) -> WalOptions {
    WalOptions {
        dir: dir.to_owned(),
        durability,
        max_bytes: 1 << 30,
        segment_max_bytes: 16 << 20,
        pending_max_bytes: 64 << 20,
        commit_interval: Duration::ZERO,
        seal_after: Duration::from_secs(1),
        priority_seal_after: Duration::from_millis(100),
        rows_max: 1_000_000,
        grace: Duration::ZERO,
    }
}

/// A log whose segments are released as they come, as a fast warehouse would.
fn open(options: WalOptions) -> Wal {
    let (wal, _) = Wal::open(options, Arc::new(SystemFiles)).expect("the log opens");
    let consumer = wal.clone();
    std::thread::spawn(move || {
        runtime().block_on(async {
            while let Some(segment) = consumer.next_sealed().await {
                consumer.release(segment.id).expect("the checkpoint moves");
            }
        });
    });
    wal
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
}

fn append(lane: &Lane, row: &[u8]) -> Commit {
    let write = |rows: &mut fresnel::wal::RowSink<'_>| {
        rows.row(Table::PerformanceMetrics, |bytes| bytes.extend_from_slice(row));
    };
    lane.append(false, write).expect("the log takes rows")
}

fn frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for rows in [1, 64, 1_024] {
        group.throughput(Throughput::Elements(rows));
        let rows = usize::try_from(rows).expect("it is small");
        let mut frame = FrameMeasure::new(rows, ROW_BYTES);
        group.bench_function(BenchmarkId::from_parameter(rows), |bencher| {
            bencher.iter(|| black_box(frame.encode()));
        });
    }
    group.finish();
}

/// Commits of this many rows at once, one after another.
fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append and commit");
    for durability in DURABILITIES {
        for rows in [1_usize, 64, 1_024] {
            group.throughput(Throughput::Elements(rows as u64));
            group.bench_function(BenchmarkId::new(durability.as_str(), rows), |bencher| {
                bencher.iter_custom(|rounds| time_commits(durability, rows, rounds));
            });
        }
    }
    group.finish();
}

fn time_commits(durability: Durability, rows: usize, rounds: u64) -> Duration {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let wal = open(options(dir.path(), durability));
    let row = vec![b'x'; ROW_BYTES];
    let took = LocalSet::new().block_on(&runtime(), async {
        let lane = wal.lane();
        append(&lane, &row).await.expect("the row is durable");
        let start = Instant::now();
        for _ in 0..rounds {
            let commits: Vec<_> = (0..rows).map(|_| append(&lane, &row)).collect();
            for outcome in join_all(commits).await {
                outcome.expect("the row is durable");
            }
            // In memory mode nothing else limits what waits.
            while wal.status().pending_bytes > 32 << 20 {
                tokio::task::yield_now().await;
            }
        }
        start.elapsed()
    });
    wal.close();
    took
}

/// Two workers with 128 clients each, of which each sends its next row when the one before is durable.
fn clients(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("256 clients");
    group.sample_size(10);
    for durability in [Durability::Fsync, Durability::Os] {
        for interval_us in [0, 250, 500, 1_000] {
            group.throughput(Throughput::Elements(256));
            let name = format!("{}, a commit each {interval_us} µs", durability.as_str());
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|rounds| {
                    time_clients(durability, Duration::from_micros(interval_us), rounds)
                });
            });
        }
    }
    group.finish();
}

fn time_clients(durability: Durability, commit_interval: Duration, rounds: u64) -> Duration {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let wal = open(WalOptions {
        commit_interval,
        ..options(dir.path(), durability)
    });
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                LocalSet::new().block_on(&runtime(), async {
                    let lane = wal.lane();
                    let tasks = (0..128).map(|_| {
                        let lane = lane.clone();
                        tokio::task::spawn_local(async move {
                            for _ in 0..rounds {
                                append(&lane, &[b'x'; ROW_BYTES])
                                    .await
                                    .expect("the row is durable");
                            }
                        })
                    });
                    for ended in join_all(tasks.collect::<Vec<_>>()).await {
                        ended.expect("no client panics");
                    }
                });
            });
        }
    });
    let took = start.elapsed();
    wal.close();
    took
}

fn read(criterion: &mut Criterion) {
    const ROWS: usize = 40_000;
    let dir = tempfile::tempdir().expect("a folder can be made");
    let mut options = options(dir.path(), Durability::Os);
    options.seal_after = Duration::from_secs(3_600);
    let (wal, _) = Wal::open(options, Arc::new(SystemFiles)).expect("the log opens");
    LocalSet::new().block_on(&runtime(), async {
        let lane = wal.lane();
        for _ in 0..ROWS / 200 {
            let commits: Vec<_> = (0..200).map(|_| append(&lane, &[b'x'; ROW_BYTES])).collect();
            for outcome in join_all(commits).await {
                outcome.expect("the row is durable");
            }
        }
    });
    wal.close();
    let segment = runtime().block_on(wal.next_sealed()).expect("one is sealed");
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(segment.bytes));
    group.bench_function("a segment", |bencher| {
        bencher.iter_batched(
            || (),
            |()| wal.read(&segment).expect("it can be read"),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = frame, commit, clients, read
}
criterion_main!(benches);
