//! Every question through the service, uncached and cached, and to the raw tables.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::clickhouse::ClickHouse;
use crate::client::Client;
use crate::questions::{self, Question, Stored};
use crate::report::{self, Times};
use crate::service::{Cache, Service};
use crate::storage::{self, Storage};

/// Least rounds of a question, however long they take.
const ROUNDS_MIN: u32 = 5;

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Folder that `fresnel demo --events` has filled.
    #[arg(long)]
    pub(crate) data_dir: PathBuf,
    /// Times that each question is asked uncached; fewer when they take long.
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Times that each question is asked of the cache.
    #[arg(long, default_value_t = 1_000)]
    cached_rounds: u32,
    /// Longest that the rounds of one question may take.
    #[arg(long, default_value_t = 30)]
    seconds_max: u64,
    /// Only questions with this in their names, or of this class.
    #[arg(long, default_value = "")]
    only: String,
    /// Binary to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_fresnel"))]
    binary: PathBuf,
    /// File for the result as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What one question took, in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) target_is_met: Option<bool>,
    pub(crate) uncached: Option<Times>,
    pub(crate) cached: Option<Times>,
    /// Share of the cached rounds that a kept answer was given to.
    pub(crate) cached_hits: Option<f64>,
    /// The same question put to the raw tables.
    pub(crate) raw_tables: Option<Times>,
    pub(crate) answer_bytes: usize,
    /// Why there is no figure.
    pub(crate) failure: Option<String>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Result {
    pub(crate) events: u64,
    pub(crate) lines: Vec<Line>,
    pub(crate) storage: Storage,
    /// Resident memory of `serve` after the uncached questions.
    pub(crate) resident_bytes: u64,
}

pub(crate) async fn run(args: &RunArgs) -> anyhow::Result<()> {
    let wanted: Vec<Question> = questions::all()?
        .into_iter()
        .filter(|question| question.name.contains(&args.only) || question.class.name() == args.only)
        .collect();
    let service = Service::start(&args.binary, &args.data_dir, &Cache::Off).await?;
    let stored = Stored::read(&service.engine).await?;
    let storage = storage::read(&service.engine).await?;
    let mut lines = Vec::new();
    for question in &wanted {
        eprintln!("{} …", question.name);
        // A new one for each question: the service ends those that are idle while raw tables are asked.
        let mut client = service.client()?;
        let mut line = Line::of(question);
        match uncached(&mut client, question, &stored, args) {
            Ok((times, bytes)) => {
                line.target_is_met = question.class.target().map(|target| times.meets(target));
                line.answer_bytes = bytes;
                line.uncached = Some(times);
            }
            Err(error) => line.failure = Some(format!("{error:#}")),
        }
        line.raw_tables = raw_tables(&service.engine, question, &stored, args).await?;
        lines.push(line);
    }
    let resident_bytes = service.resident_bytes()?;
    service.stop().await?;

    let service = Service::start(&args.binary, &args.data_dir, &Cache::On).await?;
    let mut client = service.client()?;
    for (question, line) in wanted.iter().zip(&mut lines) {
        if line.failure.is_none() {
            let (times, hits) = cached(&mut client, question, &stored, args)?;
            line.cached = Some(times);
            line.cached_hits = Some(hits);
        }
    }
    service.stop().await?;

    let result = Result {
        events: stored.events,
        lines,
        storage,
        resident_bytes,
    };
    print!("{}", report::table(&result));
    if let Some(path) = &args.out {
        std::fs::write(path, serde_json::to_string_pretty(&result)?)
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

impl Line {
    fn of(question: &Question) -> Self {
        Self {
            name: question.name,
            class: question.class.name(),
            target_is_met: None,
            uncached: None,
            cached: None,
            cached_hits: None,
            raw_tables: None,
            answer_bytes: 0,
            failure: None,
        }
    }
}

/// Each round asks for other times. The first one, which reads what is not in memory yet, is not counted.
fn uncached(
    client: &mut Client,
    question: &Question,
    stored: &Stored,
    args: &RunArgs,
) -> anyhow::Result<(Times, usize)> {
    let mut took = Vec::new();
    let mut bytes = 0;
    let started = Instant::now();
    for round in 0..=args.rounds {
        let answer = client.get(&question.address(stored, round)?)?;
        anyhow::ensure!(answer.is_good(), "{}: {}", answer.status, answer.begin());
        anyhow::ensure!(!answer.was_kept(), "the cache is on");
        bytes = answer.body.len();
        if round > 0 {
            took.push(answer.took);
        }
        if is_over(started, round, args) {
            break;
        }
    }
    Ok((Times::of(took), bytes))
}

fn cached(
    client: &mut Client,
    question: &Question,
    stored: &Stored,
    args: &RunArgs,
) -> anyhow::Result<(Times, f64)> {
    let address = question.address(stored, 0)?;
    let mut took = Vec::new();
    let mut hits = 0_u32;
    let started = Instant::now();
    client.get(&address)?;
    for round in 1..=args.cached_rounds {
        let answer = client.get(&address)?;
        hits += u32::from(answer.was_kept());
        took.push(answer.took);
        if is_over(started, round, args) {
            break;
        }
    }
    let share = f64::from(hits) / took.len() as f64;
    Ok((Times::of(took), share))
}

fn is_over(started: Instant, round: u32, args: &RunArgs) -> bool {
    round >= ROUNDS_MIN && started.elapsed() > Duration::from_secs(args.seconds_max)
}

/// The same question in SQL, where somebody has written it.
async fn raw_tables(
    engine: &ClickHouse,
    question: &Question,
    stored: &Stored,
    args: &RunArgs,
) -> anyhow::Result<Option<Times>> {
    let file = format!(
        "{}/benches/query/sql/{}.clickhouse.sql",
        env!("CARGO_MANIFEST_DIR"),
        question.name
    );
    let Ok(template) = std::fs::read_to_string(file) else {
        return Ok(None);
    };
    let sql = questions::fill_sql(&template, stored)?;
    let mut took = Vec::new();
    let started = Instant::now();
    for round in 0..=args.rounds.min(20) {
        let asked = Instant::now();
        engine.query(&sql).await.with_context(|| question.name)?;
        if round > 0 {
            took.push(asked.elapsed());
        }
        if is_over(started, round, args) {
            break;
        }
    }
    Ok(Some(Times::of(took)))
}
