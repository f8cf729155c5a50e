//! The product against the bare handler, in one run.
//!
//! A machine that also does other things is never as fast twice. So every round measures each mode once,
//! each with a fresh process on a fresh folder, and each mode's ratio is taken within its round, against the
//! bare handler that ran just before.

mod catch_up;
mod mode;
mod sample;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::beacons::KindShares;
use mode::{Build, Layout, Mode, Steps};
use sample::{DiskSync, Sample, Stage};

/// Magic number of tmpfs in `statfs`: nothing there is ever synced.
const TMPFS_MAGIC: i64 = 0x0102_1994;

const EMPTY_TIMEOUT: Duration = Duration::from_secs(20);
const EMPTY_POLL: Duration = Duration::from_millis(50);

/// What to compare.
#[derive(Args, Clone)]
pub(crate) struct CompareArgs {
    /// Rounds; each measures every mode once.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Measured time of each mode in each round.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=600_000))]
    duration_ms: u64,
    /// Time before it that is not measured.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    warmup_ms: u64,
    /// Connections of the closed loop.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// Where server and generator run.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "pinned,unpinned")]
    layouts: Vec<Layout>,
    /// What is measured.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "throughput,latency,catch-up"
    )]
    parts: Vec<Part>,
    /// Modes of the throughput part, beside the bare handler.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Mode::PRODUCT)]
    modes: Vec<Mode>,
    /// Requests a second of the latency part.
    #[arg(long, default_value_t = 2_000.0)]
    rate: f64,
    /// Rows of the catch-up part.
    #[arg(long, default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(10_000..=50_000_000))]
    rows: u64,
    /// Shares of the kinds.
    #[arg(long, default_value = "metric=70,funnel=15,event=14,alert=1")]
    kinds: KindShares,
    /// The binary to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_fresnel"))]
    fresnel: PathBuf,
    /// Another build of it, measured in the same rounds, in each mode of the throughput part.
    #[arg(long)]
    other: Option<PathBuf>,
    /// That build knows no quotas, and refuses their settings.
    #[arg(long, requires = "other")]
    other_is_old: bool,
    /// This build without quotas, scrubbing, grouping and robots, measured in the same rounds.
    #[arg(long, conflicts_with = "other")]
    without_steps: bool,
    /// Folder for the data of the servers, on a real disk; emptied before and after each measurement.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/load"))]
    dir: PathBuf,
    /// File for all samples as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A part of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Most requests a second, and memory.
    Throughput,
    /// Latency at a fixed rate.
    Latency,
    /// How fast a full log comes into ClickHouse.
    CatchUp,
}

/// Everything that was measured.
#[derive(Default, Serialize)]
struct Results {
    throughput: Vec<Sample>,
    latency: Vec<Sample>,
    disk_syncs: Vec<DiskSync>,
    catch_up: Option<catch_up::CatchUp>,
}

/// Runs the comparison and prints its tables.
pub(crate) async fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    fs::create_dir_all(&args.dir).with_context(|| args.dir.display().to_string())?;
    if rustix::fs::statfs(&args.dir)?.f_type == TMPFS_MAGIC {
        bail!(
            "{} lies in memory (tmpfs), where a sync costs nothing; give --dir on a disk",
            args.dir.display()
        );
    }
    let mut results = Results::default();
    for layout in &args.layouts {
        if args.parts.contains(&Part::Throughput) {
            let samples = throughput(args, *layout).await?;
            print!("{}", tables::throughput(*layout, &samples));
            results.throughput.extend(samples);
        }
        if args.parts.contains(&Part::Latency) {
            let disk = DiskSync::measure(&args.dir)?;
            let samples = latency(args, *layout).await?;
            print!("{}", tables::latency(*layout, args.rate, &samples, disk));
            results.disk_syncs.push(disk);
            results.latency.extend(samples);
        }
    }
    if args.parts.contains(&Part::CatchUp) {
        let catch_up = catch_up::measure(&args.stage(Layout::Unpinned, true), args.rows).await?;
        print!("{}", tables::catch_up(&catch_up));
        results.catch_up = Some(catch_up);
    }
    empty(&args.dir).await?;
    if let Some(path) = &args.out {
        fs::write(path, serde_json::to_string_pretty(&results)?)
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

async fn throughput(args: &CompareArgs, layout: Layout) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for round in 0..args.rounds {
        let mut bare = None;
        for (place, mode) in args.modes.iter().enumerate() {
            let stage = args.stage(layout, mode.has_flush());
            // The bare handler again from time to time: the machine's mood changes within a round too.
            let before = place.checked_sub(1).map(|before| args.modes[before].has_flush());
            if before != Some(mode.has_flush()) {
                let sample = sample::take(&stage, Mode::Bare, round, None).await?;
                bare = Some(sample.load.accepted_per_second);
                samples.push(sample.note());
            }
            let mut other = None;
            if let Some(build) = args.other_build() {
                let mut sample = sample::take(&Stage { build, ..stage }, *mode, round, None).await?;
                sample.ratio = bare.map(|bare| sample.load.accepted_per_second / bare);
                other = Some(sample.load.accepted_per_second);
                samples.push(sample.note());
            }
            let mut sample = sample::take(&stage, *mode, round, None).await?;
            sample.ratio = bare.map(|bare| sample.load.accepted_per_second / bare);
            sample.of_other = other.map(|other| sample.load.accepted_per_second / other);
            samples.push(sample.note());
        }
    }
    Ok(samples)
}

async fn latency(args: &CompareArgs, layout: Layout) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for round in 0..args.rounds {
        for mode in [Mode::Bare, Mode::Fsync, Mode::FsyncFlush] {
            samples.push(
                sample::take(&args.stage(layout, true), mode, round, Some(args.rate))
                    .await?
                    .note(),
            );
        }
    }
    Ok(samples)
}

impl CompareArgs {
    /// What the product is compared with, beside the bare handler.
    fn other_build(&self) -> Option<Build<'_>> {
        let (fresnel, steps) = match &self.other {
            Some(other) if self.other_is_old => (other, Steps::OfOldBuild),
            Some(other) => (other, Steps::All),
            None if self.without_steps => (&self.fresnel, Steps::Fewest),
            None => return None,
        };
        Some(Build {
            fresnel,
            steps,
            is_other: true,
        })
    }

    /// What the measurements of a layout share. The generator spins on its own core, unless the engine wants
    /// what it leaves of it.
    fn stage(&self, layout: Layout, has_engine: bool) -> Stage<'_> {
        Stage {
            layout,
            spin: layout == Layout::Pinned && !has_engine,
            build: Build {
                fresnel: &self.fresnel,
                steps: Steps::All,
                is_other: false,
            },
            dir: &self.dir,
            connections: self.connections as usize,
            warmup: Duration::from_millis(self.warmup_ms),
            duration: Duration::from_millis(self.duration_ms),
            kinds: self.kinds,
        }
    }
}

/// Removes what a measurement left in its folder. An engine whose server was killed still writes for a moment.
async fn empty(dir: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + EMPTY_TIMEOUT;
    while let Err(error) = try_empty(dir) {
        if Instant::now() > deadline {
            return Err(error).with_context(|| format!("{} cannot be emptied", dir.display()));
        }
        tokio::time::sleep(EMPTY_POLL).await;
    }
    Ok(())
}

fn try_empty(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
