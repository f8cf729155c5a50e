//! `fresnel demo`: a realistic day, posted to a running Fresnel like any client's beacons.
//!
//! ```text
//! Story (seed, hours, visits) ─► visits ─► journey: page views, vitals, calls, funnel steps, errors
//!                                   │
//!                                   └─► post: some visits at once, each visit's beacons in order ─► summary
//! ```
//!
//! The day has a plot, so that there is something to find: visitors come by day more than by night, one
//! endpoint is slow, a release in the middle of the day makes one page worse, and for a while uploads fail.
//! The same seed tells the same story.

mod beacon;
mod catalogue;
mod day;
mod journey;
mod post;
mod progress;
mod summary;
#[cfg(test)]
mod tests;
mod visitor;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use thiserror::Error;

use crate::clock;
use crate::config::Config;

use day::Story;

pub use summary::Summary;

/// What to post, and where.
#[derive(Args, Clone, Debug)]
pub struct DemoOptions {
    /// Address of a running Fresnel [default: where this configuration listens].
    #[arg(long)]
    url: Option<String>,
    /// Ingest key [default: the preset one, or the one in the data folder].
    #[arg(long)]
    key: Option<String>,
    /// Hours before now that the visits are spread over.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=160))]
    hours: u32,
    /// Visits; each posts about thirty beacons.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sessions: u32,
    /// Decides everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Visits that are posted at once.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    concurrency: u16,
}

/// Why the demo's day was not posted, or not whole.
#[derive(Debug, Error)]
pub enum DemoError {
    /// No key was given, and none can be found.
    #[error("no ingest key: give --key, or run on the machine and with the settings of the server ({})", .path.display())]
    NoKey {
        /// Where a key was looked for.
        path: PathBuf,
    },
    /// Nothing answers.
    #[error("no Fresnel answers at {url}; is `fresnel serve` running?")]
    NoServer {
        /// Where one was looked for.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// The server does not know the key.
    #[error("{url} refuses the ingest key")]
    KeyRefused {
        /// Who refused it.
        url: String,
    },
    /// The server kept refusing or failing for the time being.
    #[error("gave up after {tries} tries of one beacon: {reason}")]
    GaveUp {
        /// How often the same beacon was posted.
        tries: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// The server calls a beacon of the demo bad; one of both is wrong.
    #[error("the server answered {status} to a beacon: {answer}")]
    Rejected {
        /// The answer's status.
        status: u16,
        /// The answer's body.
        answer: String,
    },
}

/// Posts the day and says what was posted.
///
/// # Errors
/// When the server or its key cannot be found, or the server does not take a beacon in the end.
pub async fn demo(options: &DemoOptions, config: &Config) -> Result<Summary, DemoError> {
    let url = match &options.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", reachable(config.server.listen)),
    };
    let key = match &options.key {
        Some(key) => key.clone(),
        None => known_key(config)?,
    };
    let story = Story {
        seed: options.seed,
        until_ms: clock::now().as_millis(),
        hours: options.hours,
        sessions: options.sessions,
    };
    let poster = post::Poster::new(&url, &key)?;
    poster.find_server().await?;
    let progress = progress::Progress::new(options.sessions);
    let started = Instant::now();
    let counts = stream::iter(journey::visits(&story))
        .map(|visit| poster.post_visit(visit, &progress))
        .buffer_unordered(usize::from(options.concurrency))
        .try_fold(post::Counts::default(), async |sum, visit| Ok(sum.plus(&visit)))
        .await?;
    progress.end();
    Ok(Summary {
        url,
        story,
        counts,
        elapsed: started.elapsed(),
    })
}

/// An address that a server which listens on `listen` can be reached at from its own machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        listen.ip()
    };
    SocketAddr::new(ip, listen.port())
}

/// The secrets that the first start wrote down.
#[derive(Deserialize)]
struct Bootstrap {
    ingest_key: String,
}

fn known_key(config: &Config) -> Result<String, DemoError> {
    if !config.bootstrap.ingest_key.is_empty() {
        return Ok(config.bootstrap.ingest_key.reveal().to_owned());
    }
    let path = config.data_dir.join("bootstrap.json");
    read_key(&path).ok_or(DemoError::NoKey { path })
}

fn read_key(path: &Path) -> Option<String> {
    let bootstrap: Bootstrap = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    Some(bootstrap.ingest_key)
}
