//! `fresnel demo`: a realistic day, posted to a running Fresnel like any client's beacons; or, with `--events`, weeks of
//! them, straight into the warehouse.
//!
//! ```text
//! Story (seed, hours, visits) ─► visits ─► journey: page views, vitals, calls, funnel steps, errors
//!                                   │
//!                                   ├─► post: some visits at once, each visit's beacons in order ─► summary
//!                                   └─► load: some blocks of visits at once, as rows ─► what was loaded
//! ```
//!
//! The story has a plot, so that there is something to find: visitors come by day more than by night, one
//! endpoint is slow, a release in the middle makes one page worse, and for a while uploads fail.
//! The same seed tells the same story.

mod beacon;
mod catalogue;
mod day;
mod journey;
mod load;
mod post;
mod progress;
mod summary;
#[cfg(test)]
mod tests;
mod visitor;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use thiserror::Error;
use uuid::Uuid;

use crate::clock;
use crate::config::Config;
use crate::control::{By, Control, ControlError, NewKey, SQLITE_FILE_NAME};
use crate::domain::account::{KeyKind, Name, ProjectId};
use crate::warehouse::{InsertError, SelectError};

use beacon::Post;
use day::Story;
use journey::Visit;
use load::LoadOptions;

pub use load::{LoadPlan, Loaded, load};
pub use summary::Summary;

/// Life of a key that the demo makes for itself; it is revoked at the end.
const KEY_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;

/// What to post, and where.
#[derive(Args, Clone, Debug)]
pub struct DemoOptions {
    /// Address of a running Fresnel [default: where this configuration listens].
    #[arg(long, conflicts_with = "events")]
    url: Option<String>,
    /// Ingest key [default: the preset one, or the one in the data folder].
    #[arg(long, conflicts_with = "events")]
    key: Option<String>,
    /// Hours before now that the visits are spread over.
    #[arg(long, conflicts_with = "events", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=160))]
    hours: u32,
    /// Visits; each posts about twenty beacons.
    #[arg(long, conflicts_with = "events", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sessions: u32,
    /// Decides everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Visits that are posted at once.
    #[arg(long, conflicts_with = "events", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    concurrency: u16,
    #[command(flatten)]
    load: LoadOptions,
}

impl DemoOptions {
    /// What to load, if the day is to be loaded and not posted.
    ///
    /// # Errors
    /// The options and the settings do not go together.
    pub fn load_plan(&self, config: &Config) -> Result<Option<LoadPlan>, DemoError> {
        self.load.plan(self.seed, config)
    }
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
    /// No key can be made.
    #[error("no key can be made for the demo: {0}; give one with --key")]
    Control(#[from] ControlError),
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
    /// Older events would be forgotten at once.
    #[error(
        "--days is {days}, and raw events are kept for {kept_days} (setting warehouse.raw_retention_days)"
    )]
    TooLong {
        /// What was asked for.
        days: u32,
        /// What the settings keep.
        kept_days: u32,
    },
    /// The warehouse does not say how far an earlier load has come.
    #[error("how far an earlier load has come cannot be read: {0}")]
    Unread(#[from] SelectError),
    /// The warehouse did not put the rollups in order, which matters to their speed alone.
    #[error("the events are loaded, but rollups could not be merged: {0}")]
    NotMerged(#[source] SelectError),
    /// The warehouse does not take rows.
    #[error("{loaded} events are loaded; the next ones could not be stored: {source}. To go on: {again}")]
    NotStored {
        /// Events that are in the warehouse and in its ledger.
        loaded: u64,
        /// What the warehouse said last.
        source: InsertError,
        /// The command that goes on.
        again: String,
    },
    /// A thread that makes rows has panicked.
    #[error("making rows failed: {0}")]
    NotMade(#[from] tokio::task::JoinError),
}

/// Posts the day and says what was posted.
///
/// # Errors
/// When the server or its key cannot be found, or the server does not take a beacon in the end.
pub async fn demo(options: &DemoOptions, config: &Config) -> Result<Summary, DemoError> {
    let url = match &options.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => own_url(config),
    };
    let key = DemoKey::get(options, config).await?;
    let summary = post_day(options, url, &key.secret).await;
    key.give_back().await?;
    summary
}

async fn post_day(options: &DemoOptions, url: String, key: &str) -> Result<Summary, DemoError> {
    let story = Story {
        seed: options.seed,
        until_ms: clock::now().as_millis(),
        hours: options.hours,
        sessions: options.sessions,
    };
    let poster = post::Poster::new(&url, key)?;
    poster.find_server().await?;
    poster.wait_for_key().await?;
    let progress = progress::Progress::of_visits(options.sessions);
    let started = Instant::now();
    let counts = stream::iter(posts(&story))
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

/// The visits in the order in which they begin, each with its beacons in theirs; made while they are taken.
fn posts(story: &Story) -> impl Iterator<Item = Vec<Post>> + Send + use<> {
    let story = story.clone();
    (0..u64::from(story.sessions)).map(move |place| {
        let visit = Visit::new(&story, place);
        let user_agent = visit.visitor.browser.user_agent;
        let beacons = visit.beacons(&story);
        beacons
            .iter()
            .map(|beacon| Post::new(beacon, user_agent))
            .collect()
    })
}

/// Where a server with these settings can be reached from its own machine.
fn own_url(config: &Config) -> String {
    format!("http://{}", reachable(config.server.listen))
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

/// What the demo posts with.
struct DemoKey {
    secret: String,
    /// The store and the key's id in it, when the demo has made it.
    made: Option<(Control, Uuid)>,
}

impl DemoKey {
    /// The key of the options, or a server key that is made for this run: the visitors of a day are many users, and
    /// only a server key can say so.
    async fn get(options: &DemoOptions, config: &Config) -> Result<Self, DemoError> {
        if let Some(key) = &options.key {
            return Ok(Self {
                secret: key.clone(),
                made: None,
            });
        }
        let path = config.data_dir.join(SQLITE_FILE_NAME);
        if config.control.url.is_empty() && !path.exists() {
            return Err(DemoError::NoKey { path });
        }
        let control = Control::open(&config.control, &config.data_dir).await?;
        let new = NewKey {
            project_id: ProjectId::default_project(),
            kind: KeyKind::Server,
            name: Name::parse("name", "Demo").map_err(|fault| ControlError::Invalid(vec![fault]))?,
            scopes: None,
            expires_at_ms: Some(clock::now().as_millis() + KEY_LIFE_MS),
        };
        let (key, secret) = control.create_key(&By::command_line(), new).await?;
        Ok(Self {
            secret: secret.reveal().to_owned(),
            made: Some((control, key.id)),
        })
    }

    async fn give_back(self) -> Result<(), DemoError> {
        if let Some((control, id)) = self.made {
            control
                .revoke_key(&By::command_line(), &ProjectId::default_project(), id)
                .await?;
        }
        Ok(())
    }
}
