//! What questions cost: each of them through the service, uncached and cached, and beside it the same question put to
//! the raw tables. `docs/benchmarks.md` tells how to read the figures.
//!
//! ```text
//! cargo bench --bench query -- run --data-dir DIR                  every question of questions.txt
//! cargo bench --bench query -- run --data-dir DIR --only funnel    those with this in their names
//! cargo bench --bench query -- session --data-dir DIR              the cache under a dashboard's traffic
//! cargo bench --bench query -- rules --data-dir DIR                evaluations of 100, 1,000 and 10,000 alert rules
//! cargo bench --bench query -- export --data-dir DIR --into DIR    the rows, for other databases
//! ```
//!
//! The folder was filled by `fresnel demo --events N`, and no service runs on it. Without a command, as in
//! `cargo bench`, nothing is measured: there is no such folder.

#![expect(
    clippy::print_stdout,
    reason = "a program for the terminal: its output is its result"
)]

#[path = "../load/clickhouse.rs"]
#[expect(dead_code, reason = "shared with the load comparison, which uses all of it")]
mod clickhouse;
mod client;
mod export;
#[path = "../load/process.rs"]
#[expect(dead_code, reason = "shared with the load comparison, which uses all of it")]
mod process;
mod questions;
mod report;
mod rules;
mod run;
mod service;
mod session;
mod storage;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "query", about = "Measures what questions cost.")]
struct Cli {
    /// Given by `cargo bench` to every benchmark; means nothing here.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Ask every question, uncached and cached, and the raw tables beside.
    Run(run::RunArgs),
    /// Replay a dashboard's traffic and read how often the cache had the answer.
    Session(session::SessionArgs),
    /// Evaluate a mix of alert rules, as many as are asked for.
    Rules(rules::RulesArgs),
    /// Write the rows to Parquet files.
    Export(export::ExportArgs),
}

fn main() -> anyhow::Result<()> {
    let Some(command) = Cli::parse().command else {
        println!("query: needs a loaded data folder; see docs/benchmarks.md");
        return Ok(());
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            match command {
                Command::Run(args) => run::run(&args).await,
                Command::Session(args) => session::replay(&args).await,
                Command::Rules(args) => rules::run(&args).await,
                Command::Export(args) => export::export(&args).await,
            }
        })
}
