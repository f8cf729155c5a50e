//! How often the cache has the answer, while several people use a dashboard.
//!
//! `session.txt` is what they do: who opens which page at what time of the session, and with which range. A page asks all of its
//! questions at once, asks the live ones again every ten seconds while it is open, and asks all of them again when it is
//! reloaded. Thinking is sped up, and the times for which answers are kept are made shorter by the same factor, so
//! that an answer is as old as it would have been.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::questions::Stored;
use crate::report::Times;
use crate::service::{Cache, Service};

const LIST: &str = include_str!("session.txt");
/// Open pages ask their live questions this often.
const LIVE_EVERY_S: u32 = 10;
/// Share of hits that is wanted.
const HIT_RATE_MIN: f64 = 0.85;

/// Settings of the times for which answers are kept, and their defaults in milliseconds.
const KEPT_MS: [(&str, u64); 9] = [
    ("LIVE_TTL_MS", 10_000),
    ("RECENT_TTL_MS", 30_000),
    ("LIST_TTL_MS", 120_000),
    ("DETAIL_TTL_MS", 300_000),
    ("DASHBOARD_TTL_MS", 300_000),
    ("CLOSED_RANGE_TTL_MS", 600_000),
    ("SESSION_TTL_MS", 900_000),
    ("DEFAULT_TTL_MS", 30_000),
    ("STALE_MS", 60_000),
];

#[derive(Args)]
pub(crate) struct SessionArgs {
    /// Folder that `fresnel demo --events` has filled.
    #[arg(long)]
    data_dir: PathBuf,
    /// How many times faster than in life.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    speed: u32,
    /// Binary to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_fresnel"))]
    binary: PathBuf,
}

/// A request that is due at a time of the session.
struct Due {
    at_s: u32,
    template: &'static str,
    range_s: i64,
}

struct Ask {
    is_live: bool,
    template: &'static str,
}

/// What the list says, in the order of time.
fn requests() -> anyhow::Result<Vec<Due>> {
    let mut pages: BTreeMap<&str, Vec<Ask>> = BTreeMap::new();
    let mut visits: BTreeMap<&str, Vec<(u32, &str, i64)>> = BTreeMap::new();
    for line in LIST.lines().map(str::trim) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["page", page, how, template] => pages.entry(page).or_default().push(Ask {
                is_live: how == "live",
                template,
            }),
            [time, who, page, range] => {
                let (minutes, seconds) = time.split_once(':').context("a time is m:ss")?;
                let at_s = minutes.parse::<u32>()? * 60 + seconds.parse::<u32>()?;
                let range_s = match range {
                    "1h" => 3_600,
                    "24h" => 86_400,
                    "7d" => 604_800,
                    "30d" => 2_592_000,
                    _ => bail!("`{range}` is no range"),
                };
                visits.entry(who).or_default().push((at_s, page, range_s));
            }
            _ => bail!("`{line}` is not understood"),
        }
    }
    let mut due = Vec::new();
    for visit in visits.into_values() {
        for (place, (at_s, page, range_s)) in visit.iter().enumerate() {
            // A page is open until its reader opens another one; `away` is none.
            let until_s = visit.get(place + 1).map_or(*at_s, |next| next.0);
            for ask in pages.get(page).into_iter().flatten() {
                let step = if ask.is_live { LIVE_EVERY_S } else { u32::MAX };
                let mut next = Some(*at_s);
                while let Some(at_s) = next.filter(|next| *next < until_s) {
                    due.push(Due {
                        at_s,
                        template: ask.template,
                        range_s: *range_s,
                    });
                    next = at_s.checked_add(step);
                }
            }
        }
    }
    due.sort_by_key(|due| due.at_s);
    Ok(due)
}

pub(crate) async fn replay(args: &SessionArgs) -> anyhow::Result<()> {
    let due = requests()?;
    let settings = KEPT_MS.map(|(name, kept_ms)| {
        let kept_ms = kept_ms / u64::from(args.speed);
        (format!("FRESNEL_CACHE__{name}"), kept_ms.to_string())
    });
    let service = Service::start(&args.binary, &args.data_dir, &Cache::With(settings.into())).await?;
    let stored = Stored::read(&service.engine).await?;
    let mut client = service.client()?;
    let before = service.health()?["cache"].clone();
    let (mut took, mut kept, mut failed) = (Vec::new(), 0_u32, BTreeMap::<String, u32>::new());
    let started = tokio::time::Instant::now();
    for request in &due {
        let at = Duration::from_secs(request.at_s.into()) / args.speed;
        tokio::time::sleep_until(started + at).await;
        // The dashboard's clock goes on from the end of the data, as fast as everything else.
        let now_s = stored.until_s - 3_600 + i64::from(request.at_s);
        let address = request
            .template
            .replace("{from}", &iso(now_s - request.range_s)?)
            .replace("{to}", &iso(now_s)?)
            .replace("{days}", &(request.range_s / 86_400).max(1).to_string());
        let answer = client.get(&address)?;
        if answer.is_good() {
            kept += u32::from(answer.was_kept());
            took.push(answer.took);
        } else {
            let path = address.split('?').next().unwrap_or_default();
            *failed.entry(format!("{path} {}", answer.status)).or_default() += 1;
        }
    }
    let cache = service.health()?["cache"].clone();
    service.stop().await?;

    let all = took.len();
    let times = Times::of(took);
    println!(
        "{all} requests of {} minutes, {} times as fast: p50 {:.2} ms, p95 {:.1} ms, p99 {:.1} ms",
        due.last().map_or(0, |last| last.at_s / 60),
        args.speed,
        times.p50_ms,
        times.p95_ms,
        times.p99_ms
    );
    for (what, times) in failed {
        println!("failed: {what}, {times} times");
    }
    println!(
        "answers that say they were kept: {:.1} %",
        100.0 * f64::from(kept) / all.max(1) as f64
    );
    let count = |name: &str| number(&cache, name) - number(&before, name);
    let rate = count("hits") / count("lookups").max(1.0);
    let verdict = if rate >= HIT_RATE_MIN { "met" } else { "missed" };
    println!(
        "hit rate as the service reports it: {:.1} % of {} look-ups (target {:.0} %: {verdict})",
        100.0 * rate,
        count("lookups"),
        100.0 * HIT_RATE_MIN
    );
    Ok(())
}

fn number(cache: &Value, name: &str) -> f64 {
    cache[name].as_f64().unwrap_or(0.0)
}

fn iso(at_s: i64) -> anyhow::Result<String> {
    Ok(OffsetDateTime::from_unix_timestamp(at_s)?.format(&Rfc3339)?)
}
