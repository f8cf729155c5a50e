//! The command line.

mod apply;
mod evidence;
mod keys;
mod store;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::fs::Mode;

use crate::app::{self, App};
use crate::backfill;
use crate::config::Config;
use crate::demo::{self, DemoOptions};
use crate::doctor::{self, DoctorArgs};
use crate::warehouse::Retention;
use crate::{engine, telemetry};
use apply::ApplyArgs;
use evidence::EvidenceArgs;
use keys::KeysCommand;

/// Self-hosted telemetry: beacons are durable before they are answered, and in ClickHouse a second later.
#[derive(Debug, Parser)]
#[command(name = "fresnel", version, about, propagate_version = true)]
pub struct Cli {
    /// Settings file (TOML). Environment variables `FRESNEL_<SECTION>__<FIELD>` go over it.
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of everything that Fresnel keeps on this machine (setting `data_dir`).
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take beacons, keep them, answer questions.
    Serve,
    /// Run the embedded ClickHouse engine until standard input ends (`serve` does this by itself).
    Engine,
    /// Read the settings, say what is wrong with them, and show what is in force.
    CheckConfig,
    /// Bring the warehouse's schema up to date.
    Migrate,
    /// Fill the rollups anew from the raw rows that are kept, after an upgrade that brought new ones. Nothing may be
    /// serving meanwhile, on no node.
    Backfill,
    /// List, make and revoke API keys, also beside a running service.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make projects, quotas, issuers and users what files say, also beside a running service.
    Apply(ApplyArgs),
    /// Post a realistic day of beacons to a running Fresnel, or load millions straight into the warehouse.
    Demo(DemoOptions),
    /// Look at the settings, the machine and what Fresnel depends on, and say what to do.
    Doctor(DoctorArgs),
    /// Check that evidence of how vendors kept to their targets is as it was signed.
    VerifyEvidence(EvidenceArgs),
}

/// Runs the command that the arguments ask for.
pub fn run(cli: Cli, environment: impl IntoIterator<Item = (String, String)>) -> ExitCode {
    let mut config = match Config::load(cli.config.as_deref(), environment) {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    if let Some(data_dir) = cli.data_dir {
        config.data_dir = data_dir;
    }
    if let Err(error) = telemetry::set_up_logs(&config.log) {
        return fail(&error);
    }
    // What is kept is nobody else's to read: folders 0700, files 0600. The engine inherits it.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    match cli.command {
        Command::Serve => on_runtime(serve(config, cli.config.as_deref())),
        Command::Engine => {
            engine::run_child(&config).map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
        }
        Command::CheckConfig => check_config(&config),
        Command::Migrate => on_runtime(migrate(config, cli.config.as_deref())),
        Command::Backfill => on_runtime(backfill(&config, cli.config.as_deref())),
        Command::Keys(command) => on_runtime(keys(command, &config)),
        Command::Apply(arguments) => on_runtime(apply(arguments, &config)),
        Command::Demo(options) => on_runtime(demo(&options, &config, cli.config.as_deref())),
        Command::VerifyEvidence(arguments) => {
            evidence::verify(&arguments).map_or_else(|error| fail(&error), |text| say(&text))
        }
        Command::Doctor(arguments) => doctor::run(arguments, &config, cli.config.as_deref()),
    }
}

/// Runs async work on the runtime of background tasks; HTTP workers bring their own.
fn on_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => fail(&error),
    }
}

async fn serve(config: Config, config_file: Option<&Path>) -> ExitCode {
    match App::build(config, config_file).await {
        Ok(app) => app.run().await,
        Err(error) => fail(&error),
    }
}

async fn migrate(config: Config, config_file: Option<&Path>) -> ExitCode {
    match app::migrate(config, config_file).await {
        Ok(applied) if applied.is_empty() => say("the schema is up to date"),
        Ok(applied) => say(&format!("applied: {}", applied.join(", "))),
        Err(error) => fail(&error),
    }
}

async fn backfill(config: &Config, config_file: Option<&Path>) -> ExitCode {
    let retention = Retention::from(&config.warehouse);
    let fill = async |warehouse| backfill::run(&warehouse, &retention).await;
    match app::on_warehouse(config, config_file, fill).await {
        Ok(Ok(done)) => say(&done),
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}

async fn keys(command: KeysCommand, config: &Config) -> ExitCode {
    match keys::run(command, config).await {
        Ok(answer) => say(&answer),
        Err(error) => fail(&error),
    }
}

async fn apply(arguments: ApplyArgs, config: &Config) -> ExitCode {
    match apply::run(arguments, config).await {
        Ok((answer, code)) => match say(&answer) {
            ExitCode::SUCCESS => code,
            failure => failure,
        },
        Err(error) => fail(&error),
    }
}

async fn demo(options: &DemoOptions, config: &Config, config_file: Option<&Path>) -> ExitCode {
    let outcome = match options.load_plan(config) {
        Ok(None) => demo::demo(options, config)
            .await
            .map(|summary| summary.to_string()),
        Ok(Some(plan)) => {
            let load = async |warehouse| demo::load(&plan, &warehouse, config).await;
            match app::on_warehouse(config, config_file, load).await {
                Ok(outcome) => outcome.map(|loaded| loaded.to_string()),
                Err(error) => return fail(&error),
            }
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(summary) => say(&summary),
        Err(error) => fail(&error),
    }
}

fn check_config(config: &Config) -> ExitCode {
    match toml::to_string(config) {
        Ok(text) => say(&format!(
            "# The settings are good. Secrets are not shown.\n{text}"
        )),
        Err(error) => fail(&error),
    }
}

/// Shows the answer of a command. Whoever reads it may stop before its end.
fn say(text: &str) -> ExitCode {
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&error),
        _ => ExitCode::SUCCESS,
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the failure of a command, also before logs are set up"
)]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("fresnel: {error}");
    ExitCode::FAILURE
}
