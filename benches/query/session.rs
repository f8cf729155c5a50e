//! How often the cache has the answer, while several people use a dashboard.
//!
//! `session.txt` is what they do: who opens which page at what time of the session, and with which range. A page asks all of its
//! questions at once, asks the live ones again every ten seconds while it is open, and asks all of them again when it is
//! reloaded. It takes the half hour that it is about: buckets end when they do in life, and answers get as old.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::report::Times;
use crate::service::{Cache, Service};
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

const LIST: &str = include_str!("session.txt");
/// Open pages ask their live questions this often.
const LIVE_EVERY_S: u32 = 10;
/// Share of hits that is wanted.
const HIT_RATE_MIN: f64 = 0.85;

#[derive(Args)]
pub(crate) struct SessionArgs {
    /// Folder that `fresnel demo --events` has filled.
    #[arg(long)]
    data_dir: PathBuf,
    /// Binary to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_fresnel"))]
    binary: PathBuf,
}

/// A request that is due at a time of the session.
struct Due {
    at_s: u32,
    template: &'static str,
    range: &'static str,
}

struct Ask {
    is_live: bool,
    template: &'static str,
}

/// What the list says, in the order of time.
fn requests() -> anyhow::Result<Vec<Due>> {
    let mut pages: BTreeMap<&str, Vec<Ask>> = BTreeMap::new();
    let mut visits: BTreeMap<&str, Vec<(u32, &str, &'static str)>> = BTreeMap::new();
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
                visits.entry(who).or_default().push((at_s, page, range));
            }
            _ => bail!("`{line}` is not understood"),
        }
    }
    let mut due = Vec::new();
    for visit in visits.into_values() {
        for (place, (at_s, page, range)) in visit.iter().enumerate() {
            // A page is open until its reader opens another one; `away` is none.
            let until_s = visit.get(place + 1).map_or(*at_s, |next| next.0);
            for ask in pages.get(page).into_iter().flatten() {
                let step = if ask.is_live { LIVE_EVERY_S } else { u32::MAX };
                let mut next = Some(*at_s);
                while let Some(at_s) = next.filter(|next| *next < until_s) {
                    due.push(Due {
                        at_s,
                        template: ask.template,
                        range,
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
    let service = Service::start(&args.binary, &args.data_dir, &Cache::On).await?;
    let mut client = service.client()?;
    let before = service.health()?["cache"].clone();
    let (mut took, mut failed) = (Vec::new(), BTreeMap::<String, u32>::new());
    let mut asked: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let started = tokio::time::Instant::now();
    for request in &due {
        tokio::time::sleep_until(started + Duration::from_secs(request.at_s.into())).await;
        let address = request
            .template
            .replace("{range}", request.range)
            .replace("{days}", &days(request.range)?.to_string());
        let answer = client.get(&address)?;
        if answer.is_good() {
            let (times, kept) = asked.entry(request.template).or_default();
            *times += 1;
            *kept += u32::from(answer.was_kept());
            took.push(answer.took);
        } else {
            let path = address.split('?').next().unwrap_or_default();
            *failed.entry(format!("{path} {}", answer.status)).or_default() += 1;
        }
    }
    let cache = service.health()?["cache"].clone();
    service.stop().await?;

    let times = Times::of(took);
    println!(
        "{} requests of {} minutes: p50 {:.2} ms, p95 {:.1} ms, p99 {:.1} ms",
        due.len(),
        due.last().map_or(0, |last| last.at_s / 60),
        times.p50_ms,
        times.p95_ms,
        times.p99_ms
    );
    for (template, (times, kept)) in asked {
        println!("{kept} of {times} kept: {template}");
    }
    for (what, times) in failed {
        println!("failed: {what}, {times} times");
    }
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

/// Whole days of a range's name, at least one.
fn days(range: &str) -> anyhow::Result<u32> {
    Ok(match range {
        "1h" | "24h" => 1,
        "7d" => 7,
        "30d" => 30,
        _ => bail!("`{range}` is no range"),
    })
}
