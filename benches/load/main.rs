//! Load on a running Fresnel, and comparisons with the bare HTTP stack. `docs/benchmarks.md` tells how to
//! read the figures.
//!
//! ```text
//! cargo bench --bench load                                                  the comparison, with its defaults
//! cargo bench --bench load -- compare --rounds 5 --layouts pinned           parts of it, or more of it
//! cargo bench --bench load -- alerts                                        from a beacon to a webhook
//! cargo bench --bench load -- run --url http://127.0.0.1:8080 --key KEY     load what runs already
//! cargo bench --bench load -- bare --listen 127.0.0.1:8081                  the handler to compare with
//! ```

#![expect(
    clippy::print_stdout,
    reason = "a program for the terminal: its output is its result"
)]

mod alerts;
mod bare;
mod beacons;
mod clickhouse;
mod compare;
mod connection;
mod generator;
mod process;
mod report;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use mimalloc::MiMalloc;

use crate::alerts::{AlertsArgs, alerts};
use crate::beacons::KindShares;
use crate::compare::{CompareArgs, compare};
use crate::generator::Plan;

/// The product's own: the bare handler is compared with it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Parser)]
#[command(
    name = "load",
    about = "Loads a Fresnel on this machine and reports what it took."
)]
struct Cli {
    /// Given by `cargo bench` to every benchmark; means nothing here.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    /// Without one: `compare` with its defaults.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the product and the bare handler by turns and compare them.
    Compare(CompareArgs),
    /// How soon a webhook hears of a beacon, also beside receivers that are broken.
    Alerts(AlertsArgs),
    /// Load a server that runs already.
    Run(RunArgs),
    /// Serve the bare handler that the product is compared with.
    Bare(BareArgs),
}

#[derive(Args)]
struct RunArgs {
    /// Where the server is; only loopback addresses are taken.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Ingest key.
    #[arg(long, default_value = "no-key-was-given")]
    key: String,
    /// Connections, each with at most one request on its way.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    connections: u32,
    /// Requests a second, due at fixed times (open loop); without it each connection sends as fast as it
    /// is answered (closed loop).
    #[arg(long)]
    rate: Option<f64>,
    /// Measured time.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    duration_ms: u64,
    /// Time before it that is not measured.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=600_000))]
    warmup_ms: u64,
    /// Most requests, those of the warm-up included.
    #[arg(long, default_value_t = 1_000_000_000)]
    requests_max: u64,
    /// Shares of the kinds.
    #[arg(long, default_value = "metric=70,funnel=15,event=14,alert=1")]
    kinds: KindShares,
    /// Never sleep, so that the server need not wake the generator; takes a whole core.
    #[arg(long)]
    spin: bool,
    /// File for the event ids that were acknowledged, one a line.
    #[arg(long)]
    acknowledged: Option<PathBuf>,
    /// File for the result as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct BareArgs {
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Worker threads; 0 means one a core.
    #[arg(long, default_value_t = 0)]
    workers: usize,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Some(Command::Run(args)) => run(args),
        Some(Command::Bare(args)) => bare::serve(args.listen, args.workers),
        Some(Command::Compare(args)) => on_one_thread(compare(&args)),
        Some(Command::Alerts(args)) => on_one_thread(alerts(&args)),
        None => on_one_thread(compare(&Defaults::parse_from(["load"]).compare)),
    }
}

/// The comparison's arguments when none is given.
#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    compare: CompareArgs,
}

/// Everything but the servers runs on one thread: the generator is to have a core for itself.
fn on_one_thread(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

fn run(args: RunArgs) -> anyhow::Result<()> {
    let plan = Plan {
        address: address(&args.url)?,
        key: args.key,
        connections: args.connections as usize,
        rate: args.rate.filter(|rate| *rate > 0.0),
        warmup: Duration::from_millis(args.warmup_ms),
        duration: Duration::from_millis(args.duration_ms),
        requests_max: args.requests_max,
        kinds: args.kinds,
        spin: args.spin,
        acknowledged: args.acknowledged,
    };
    let report = generator::run(&plan)?;
    print!("{}", report.table());
    if let Some(path) = args.out {
        std::fs::write(&path, serde_json::to_string_pretty(&report)?)
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The address of `http://HOST:PORT`.
fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let authority = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    authority
        .to_socket_addrs()
        .with_context(|| format!("`{url}` is not http://HOST:PORT"))?
        .next()
        .with_context(|| format!("`{url}` has no address"))
}
