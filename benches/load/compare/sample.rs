//! One mode, measured once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::mode::{Build, INGEST_KEY, Layout, Mode};
use crate::beacons::KindShares;
use crate::clickhouse::ClickHouse;
use crate::generator::{self, Plan};
use crate::process::{Server, pin_self, unpin_self};
use crate::report::Report;

/// Time for the engine's first start and the schema.
const ENGINE_START_TIMEOUT: Duration = Duration::from_secs(60);
/// Time between start and the reading of idle memory.
const SETTLE: Duration = Duration::from_millis(300);
const BLOCK_BYTES: usize = 4_096;
/// Blocks that are synced one by one to know the disk.
const SYNC_BLOCKS: usize = 500;

/// What all measurements share.
pub(super) struct Stage<'args> {
    pub(super) layout: Layout,
    pub(super) spin: bool,
    pub(super) build: Build<'args>,
    pub(super) dir: &'args Path,
    pub(super) connections: usize,
    pub(super) warmup: Duration,
    pub(super) duration: Duration,
    pub(super) kinds: KindShares,
}

/// One measurement.
#[derive(Debug, Serialize)]
pub(super) struct Sample {
    pub(super) layout: Layout,
    pub(super) mode: Mode,
    pub(super) round: u32,
    /// Throughput as a share of the bare handler's in the same round.
    pub(super) ratio: Option<f64>,
    /// True for what the product is compared with.
    pub(super) is_other: bool,
    /// Throughput as a share of that one's in the same round.
    pub(super) of_other: Option<f64>,
    pub(super) load: Report,
    /// Processor time of the server a request, by the names of its threads, in microseconds.
    pub(super) cpu_us: BTreeMap<String, f64>,
    pub(super) resident_idle_bytes: u64,
    pub(super) resident_peak_bytes: u64,
    /// Rows in ClickHouse when the load ended, as a share of the accepted ones.
    pub(super) stored: Option<f64>,
}

impl Sample {
    /// Tells that the measurement is done, for the one who waits.
    pub(super) fn note(self) -> Self {
        let ratio = self
            .ratio
            .map_or_else(String::new, |ratio| format!("  {ratio:.2} of bare"));
        let of_other = self
            .of_other
            .map_or_else(String::new, |ratio| format!("  {ratio:.2} of other"));
        eprintln!(
            "{} round {} {:<19} {:>8.0}/s  p99 {:>7.3} ms{ratio}{of_other}",
            self.layout,
            self.round + 1,
            self.name(),
            self.load.accepted_per_second,
            self.load.latency_ms.p99
        );
        if !self.load.is_clean() {
            eprintln!("  not clean: {:?} {:?}", self.load.statuses, self.load.errors);
        }
        self
    }

    /// What was measured: the mode, and whether it is what the product is compared with.
    pub(super) fn name(&self) -> String {
        let mode = self.mode;
        if self.is_other {
            format!("{mode}, other")
        } else {
            mode.to_string()
        }
    }

    pub(super) fn cpu_us_sum(&self) -> f64 {
        self.cpu_us.values().sum()
    }
}

impl Stage<'_> {
    pub(super) fn plan(&self, server: &Server, rate: Option<f64>) -> Plan {
        Plan {
            address: server.address,
            key: INGEST_KEY.to_owned(),
            connections: self.connections,
            rate,
            warmup: self.warmup,
            duration: self.duration,
            requests_max: u64::MAX,
            kinds: self.kinds,
            spin: self.spin,
            acknowledged: None,
        }
    }

    /// Starts a server in a fresh folder, and waits until it does all that its mode asks for.
    pub(super) async fn start(&self, mode: Mode) -> anyhow::Result<(Server, Option<ClickHouse>)> {
        super::empty(self.dir).await?;
        self.start_again(mode).await
    }

    /// Starts a server in the folder of the one before.
    pub(super) async fn start_again(&self, mode: Mode) -> anyhow::Result<(Server, Option<ClickHouse>)> {
        unpin_self()?;
        let data_dir = self.dir.join("data");
        let mut command = mode.command(self.build, &data_dir, self.layout)?;
        let server = Server::start(&mut command, &self.dir.join("serve.log"))?;
        let engine = match mode.has_flush() {
            true => Some(ClickHouse::of_folder(&data_dir, ENGINE_START_TIMEOUT).await?),
            false => None,
        };
        if self.layout == Layout::Pinned {
            server.pin(Layout::SERVER_CORE)?;
            pin_self(Layout::GENERATOR_CORE)?;
        }
        Ok((server, engine))
    }
}

/// Measures a mode: a fresh server, its load, its end.
pub(super) async fn take(
    stage: &Stage<'_>,
    mode: Mode,
    round: u32,
    rate: Option<f64>,
) -> anyhow::Result<Sample> {
    let (server, engine) = stage.start(mode).await?;
    tokio::time::sleep(SETTLE).await;
    let idle = server.memory()?;
    let cpu_before = server.cpu()?;
    let load = generator::run(&stage.plan(&server, rate))?;
    let cpu_after = server.cpu()?;
    let peak = server.memory()?;
    let stored = match &engine {
        Some(engine) => Some(engine.rows().await? as f64 / load.accepted_with_warmup.max(1) as f64),
        None => None,
    };
    let requests = load.accepted_with_warmup.max(1) as f64;
    let cpu_us = cpu_after
        .into_iter()
        .map(|(name, after)| {
            let spent = after.saturating_sub(cpu_before.get(&name).copied().unwrap_or_default());
            (name, spent.as_secs_f64() * 1e6 / requests)
        })
        .collect();
    // A log that nobody empties need not be drained; a killed engine's data are thrown away.
    drop(server);
    Ok(Sample {
        layout: stage.layout,
        mode,
        round,
        ratio: None,
        is_other: stage.build.is_other,
        of_other: None,
        load,
        cpu_us,
        resident_idle_bytes: idle.resident,
        resident_peak_bytes: peak.resident_peak,
        stored,
    })
}

/// How long the disk alone takes for a sync.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct DiskSync {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl DiskSync {
    /// Writes blocks into a file that has been written before, and syncs each: what the log does at best.
    pub(super) fn measure(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("sync");
        let file = File::create(&path)?;
        file.write_all_at(&vec![0; SYNC_BLOCKS * BLOCK_BYTES], 0)?;
        file.sync_all()?;
        let mut taken_ms = Vec::with_capacity(SYNC_BLOCKS);
        for place in 0..SYNC_BLOCKS as u64 {
            let started = Instant::now();
            file.write_all_at(&[1; BLOCK_BYTES], place * BLOCK_BYTES as u64)?;
            file.sync_data()?;
            taken_ms.push(started.elapsed().as_secs_f64() * 1e3);
        }
        fs::remove_file(&path)?;
        taken_ms.sort_by(f64::total_cmp);
        Ok(Self {
            p50_ms: taken_ms[SYNC_BLOCKS / 2],
            p99_ms: taken_ms[SYNC_BLOCKS * 99 / 100],
        })
    }
}
