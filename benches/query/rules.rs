//! What an evaluation of rules costs: a mix of them, as many as are asked for, put to the engine as Fresnel puts them.
//!
//! "Now" is the time of the last stored measurement, so the folder may be older. Rules beside the first project's look at
//! projects without rows: their statements and their matching cost the same, their rows nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use fresnel::clock::UnixMicros;
use fresnel::domain::connection::Connection;
use fresnel::domain::rule::{
    Aggregate, Dimension, EventsWatch, LevelThresholds, MetricWatch, SingleWatch, Watch, WatchFilters,
};
use fresnel::ledger::Ledger;
use fresnel::query::watch::{VendorFacts, Watched, evaluate, statements};
use fresnel::warehouse::Warehouse;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::clickhouse::ClickHouse;
use crate::report::Times;
use crate::service::{Cache, Service};

const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
/// Windows in minutes.
const WINDOWS: [i64; 5] = [1, 5, 15, 30, 60];
const MINUTE_MS: i64 = 60_000;

#[derive(Args)]
pub(crate) struct RulesArgs {
    /// Folder that `fresnel demo --events` has filled.
    #[arg(long)]
    data_dir: PathBuf,
    /// How many rules; may be given several times.
    #[arg(long, default_values_t = [100, 1_000, 10_000])]
    rules: Vec<usize>,
    /// Projects among which they are spread; the first one has the rows.
    #[arg(long, default_value_t = 1)]
    projects: usize,
    /// Evaluations of each number of rules.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Binary that keeps the engine.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_fresnel"))]
    binary: PathBuf,
}

/// Values that rows have.
struct Names {
    pages: Vec<String>,
    endpoints: Vec<String>,
    browsers: Vec<String>,
    environments: Vec<String>,
}

impl Names {
    async fn read(engine: &ClickHouse) -> anyhow::Result<Self> {
        Ok(Self {
            pages: names(engine, "page").await?,
            endpoints: names(engine, "api_endpoint").await?,
            browsers: names(engine, "browser").await?,
            environments: names(engine, "environment").await?,
        })
    }
}

async fn names(engine: &ClickHouse, column: &str) -> anyhow::Result<Vec<String>> {
    let sql = format!(
        "SELECT {column} FROM performance_metrics WHERE {column} != '' GROUP BY {column} ORDER BY count() DESC LIMIT 200 FORMAT TSVRaw"
    );
    let answer = String::from_utf8(engine.query(&sql).await?)?;
    let names: Vec<String> = answer.lines().map(str::to_owned).collect();
    anyhow::ensure!(!names.is_empty(), "no row has a {column}");
    Ok(names)
}

/// A mix of rules: seven of ten about one page or endpoint, the others about browsers, events and single values; half of them in one
/// environment, and each tenth told apart by browser.
fn rule(number: usize, names: &Names) -> Watch {
    let mut random = StdRng::seed_from_u64(number as u64);
    let mut pick = |values: &[String]| vec![values[random.random_range(0..values.len())].clone()];
    let mut filters = WatchFilters::default();
    match number % 10 {
        0..4 => {
            filters.0.insert(Dimension::Page, pick(&names.pages));
        }
        4..7 => {
            filters.0.insert(Dimension::ApiEndpoint, pick(&names.endpoints));
        }
        7 => {
            filters.0.insert(Dimension::Page, pick(&names.pages));
            filters.0.insert(Dimension::Browser, pick(&names.browsers));
        }
        _ => {}
    }
    let environment = pick(&names.environments);
    if random.random_bool(0.5) {
        filters.0.insert(Dimension::Environment, environment);
    }
    let window_ms = WINDOWS[random.random_range(0..WINDOWS.len())] * MINUTE_MS;
    let group_by = if random.random_bool(0.1) {
        vec![Dimension::Browser]
    } else {
        Vec::new()
    };
    match number % 10 {
        8 => Watch::Events(EventsWatch {
            filters,
            group_by,
            window_ms,
            ..EventsWatch::default()
        }),
        9 => Watch::Single(SingleWatch {
            metric_type: "api_response_time".to_owned(),
            filters,
            group_by: vec![Dimension::ApiEndpoint],
            ..SingleWatch::default()
        }),
        kind => Watch::Metric(MetricWatch {
            metric_type: Some(
                if kind < 4 {
                    "page_load_time"
                } else {
                    "api_response_time"
                }
                .to_owned(),
            ),
            aggregate: [Aggregate::P95, Aggregate::Count, Aggregate::ErrorShare][random.random_range(0..3)],
            filters,
            group_by,
            window_ms,
            ..MetricWatch::default()
        }),
    }
}

pub(crate) async fn run(args: &RulesArgs) -> anyhow::Result<()> {
    let service = Service::start(&args.binary, &args.data_dir, &Cache::Off).await?;
    let file = args.data_dir.join("engine/connection.json");
    let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
    let connection: Connection = serde_json::from_slice(&text)?;
    let warehouse = Warehouse::new(Some(connection), QUERY_TIMEOUT);
    let names = Names::read(&service.engine).await?;
    let last_ms = service
        .engine
        .number("SELECT toUnixTimestamp64Milli(max(ts)) FROM performance_metrics")
        .await?;
    let now = UnixMicros::from_millis(i64::try_from(last_ms)?);
    println!(
        "{:>8} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "rules", "statements", "p50 ms", "p95 ms", "max ms", "readings", "failures"
    );
    for number in &args.rules {
        measure(&warehouse, &names, now, *number, args).await;
    }
    service.stop().await
}

async fn measure(warehouse: &Warehouse, names: &Names, now: UnixMicros, number: usize, args: &RulesArgs) {
    let projects: Vec<String> = (0..args.projects.max(1))
        .map(|project| match project {
            0 => "default".to_owned(),
            _ => format!("project-{project}"),
        })
        .collect();
    let watches: Vec<Watch> = (0..number).map(|number| rule(number, names)).collect();
    let thresholds = LevelThresholds {
        warning: Some(3_000.0),
        critical: Some(5_000.0),
        ..LevelThresholds::default()
    };
    let rules: Vec<Watched<'_>> = watches
        .iter()
        .enumerate()
        .map(|(number, watch)| Watched {
            project_id: &projects[number * projects.len() / watches.len()],
            watch,
            direction: thresholds.direction,
            thresholds: &thresholds,
            seen_from_ms: now.as_millis() - 2 * MINUTE_MS,
        })
        .collect();
    let ledger = Ledger::default();
    let mut took = Vec::new();
    let (mut readings, mut failures) = (0, 0);
    // The first one reads what is not in memory yet.
    for round in 0..=args.rounds {
        let started = Instant::now();
        let answers = evaluate(warehouse, &ledger, &VendorFacts::default(), &rules, now).await;
        if round > 0 {
            took.push(started.elapsed());
        }
        readings = answers.iter().flatten().map(Vec::len).sum();
        failures = answers.iter().filter(|answer| answer.is_err()).count();
        if let Some(Err(error)) = answers.iter().find(|answer| answer.is_err()) {
            println!("{error}");
        }
    }
    let times = Times::of(took);
    println!(
        "{number:>8} {:>10} {:>9.1} {:>9.1} {:>9.1} {readings:>9} {failures:>9}",
        statements(&rules, now),
        times.p50_ms,
        times.p95_ms,
        times.max_ms,
    );
}
