//! How soon a receiver hears of a beacon: the product with one receiver, and with three more that are broken, by turns.
//!
//! Each beacon crosses a threshold at an endpoint of its own, so that each is an alert of its own, and is sent while
//! nothing else goes on. The time runs from before the request to the first message that names the endpoint. At the
//! end of a turn half of many requests fail: how long the rule of error rates, which looks at a window, takes to tell.

mod receivers;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use reqwest::Client;
use serde_json::{Value, json};

use crate::clickhouse::ClickHouse;
use crate::process::Server;
use receivers::{Bad, Heard, Receivers};

const INGEST_KEY: &str = "load-generators-ingest-key";
const ADMIN_TOKEN: &str = "load-generators-admin-token";
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// A message that is later than this has not come.
const HEARD_TIMEOUT: Duration = Duration::from_secs(30);
/// Above the default rule's critical threshold, 5 s.
const SLOW_MS: f64 = 6_000.0;

/// What to measure.
#[derive(Args)]
pub(crate) struct AlertsArgs {
    /// Turns of each kind.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Beacons of a turn. A project learns few hundred names of endpoints a day.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..=250))]
    beacons: u32,
    /// Time between two of them.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    gap_ms: u64,
    /// Time between two evaluations of the rules that look at windows.
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(1_000..=60_000))]
    period_ms: u64,
    /// The binary to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_fresnel"))]
    fresnel: PathBuf,
}

/// What a turn took.
struct Turn {
    /// From each beacon to its message, sorted.
    told: Vec<Duration>,
    /// From the first failed request to the message about the error rate.
    windowed: Duration,
}

/// Runs all turns and prints a line for each.
pub(crate) async fn alerts(args: &AlertsArgs) -> anyhow::Result<()> {
    println!(
        "{:<28} {:>8} {:>8} {:>8}   error rate told after",
        "receivers", "p50 ms", "p99 ms", "max ms"
    );
    for _ in 0..args.rounds {
        for (name, bad) in [
            ("one", &[][..]),
            (
                "one and three broken ones",
                &[Bad::Hangs, Bad::Fails, Bad::NeverEnds][..],
            ),
        ] {
            let turn = turn(args, bad).await?;
            let ms = |share: f64| {
                let at = ((turn.told.len() - 1) as f64 * share).round() as usize;
                turn.told[at].as_secs_f64() * 1e3
            };
            println!(
                "{name:<28} {:>8.1} {:>8.1} {:>8.1}   {:.1} s of at most {:.1}",
                ms(0.5),
                ms(0.99),
                ms(1.0),
                turn.windowed.as_secs_f64(),
                Duration::from_millis(args.period_ms + 1_000).as_secs_f64()
            );
        }
    }
    Ok(())
}

async fn turn(args: &AlertsArgs, bad: &[Bad]) -> anyhow::Result<Turn> {
    let folder = tempfile::tempdir()?;
    let mut receivers = Receivers::start(bad)?;
    let server = Server::start(
        &mut command(args, folder.path(), &receivers),
        &folder.path().join("log"),
    )?;
    ClickHouse::of_folder(&folder.path().join("data"), START_TIMEOUT).await?;
    let service = Service {
        base: format!("http://{}", server.address),
        client: Client::builder().no_proxy().build()?,
    };
    for (number, address) in receivers.bad().iter().enumerate() {
        let channel =
            json!({"name": format!("broken {number}"), "target": {"kind": "webhook", "url": address}});
        service.post("/api/channels", ADMIN_TOKEN, &channel).await?;
    }
    let told = single(args, &service, &mut receivers).await?;
    let windowed = windowed(&service, &mut receivers).await?;
    server.stop().await?;
    Ok(Turn { told, windowed })
}

fn command(args: &AlertsArgs, folder: &Path, receivers: &Receivers) -> Command {
    let mut serve = Command::new(&args.fresnel);
    serve
        .arg("serve")
        .env("FRESNEL_DATA_DIR", folder.join("data"))
        .env("FRESNEL_SERVER__LISTEN", "127.0.0.1:0")
        .env("FRESNEL_BOOTSTRAP__INGEST_KEY", INGEST_KEY)
        .env("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", ADMIN_TOKEN)
        .env("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8")
        .env("FRESNEL_ALERTS__WEBHOOK_URL", receivers.good())
        .env("FRESNEL_ALERTS__PERIOD_MS", args.period_ms.to_string())
        .env("FRESNEL_LOG__FILTER", "warn")
        .env_remove("FRESNEL_WAREHOUSE__URL");
    serve
}

/// A running product.
struct Service {
    base: String,
    client: Client,
}

impl Service {
    async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.base);
        let answer = self.client.post(url).bearer_auth(key).json(body).send().await?;
        if !answer.status().is_success() {
            bail!("{path}: {} {}", answer.status(), answer.text().await?);
        }
        Ok(())
    }

    async fn measure(&self, endpoint: &str, value_ms: f64, status: u16) -> anyhow::Result<()> {
        let beacon = json!({
            "type": "api_response_time", "value": value_ms, "timestamp": fresnel::clock::now().rfc3339(),
            "session_id": "load", "metadata": {"api_endpoint": endpoint, "status": status},
        });
        self.post("/api/analytics/performance/metrics", INGEST_KEY, &beacon)
            .await
    }
}

async fn single(
    args: &AlertsArgs,
    service: &Service,
    receivers: &mut Receivers,
) -> anyhow::Result<Vec<Duration>> {
    let mut sent = HashMap::new();
    for number in 0..args.beacons {
        // A name that is no number is kept as it is.
        let endpoint = format!("/calls/of-{number}-th");
        sent.insert(endpoint.clone(), Instant::now());
        service.measure(&endpoint, SLOW_MS, 200).await?;
        tokio::time::sleep(Duration::from_millis(args.gap_ms)).await;
    }
    let mut told = Vec::with_capacity(sent.len());
    while !sent.is_empty() {
        let heard = receivers.hear(HEARD_TIMEOUT).await;
        let Some(Heard { at, message }) = heard else {
            bail!("{} beacons were not told of within {HEARD_TIMEOUT:?}", sent.len());
        };
        for notice in firing(&message) {
            let endpoint = notice["labels"]["api_endpoint"].as_str().unwrap_or_default();
            if let Some(sent_at) = sent.remove(endpoint) {
                told.push(at - sent_at);
            }
        }
    }
    told.sort_unstable();
    ensure!(!told.is_empty(), "no beacon was sent");
    Ok(told)
}

async fn windowed(service: &Service, receivers: &mut Receivers) -> anyhow::Result<Duration> {
    let started = Instant::now();
    for _ in 0..100 {
        service.measure("/calls/that-fail", 10.0, 500).await?;
    }
    loop {
        let heard = receivers.hear(HEARD_TIMEOUT).await;
        let heard = heard.context("nobody was told of the error rate")?;
        if firing(&heard.message).any(|notice| notice["title"] == "Error rate") {
            return Ok(heard.at - started);
        }
    }
}

/// What a message tells as begun.
fn firing(message: &Value) -> impl Iterator<Item = &Value> {
    let notices = message["data"]["notices"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    notices.iter().filter(|notice| notice["event"] == "firing")
}
