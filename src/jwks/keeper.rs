//! The background task that fetches: when, and how much at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::fetch::{FetchError, Fetched, fetch};
use super::kept::{self, Kept};
use super::source::Source;
use super::{SOURCES_MAX, Shared};
use crate::config::JwksConfig;
use crate::control::{Control, Directory};
use crate::domain::account::JwtKeys;
use crate::outbound::Outbound;
use crate::task;

/// Fetches under way at once.
const FETCHES_MAX: usize = 8;
/// How often it is looked for changes that nobody has told of, and for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When a source is fetched.
#[derive(Debug)]
struct Plan {
    source: Arc<Source>,
    is_under_way: bool,
    /// Not before, even if it is wanted.
    earliest: Instant,
    /// Then, even if it is not.
    due: Instant,
    failures: u32,
}

struct Done {
    id: Uuid,
    source: Arc<Source>,
    started: Instant,
    outcome: Result<Fetched, FetchError>,
}

pub(super) struct Keeper {
    control: Control,
    outbound: Outbound,
    refresh_min: Duration,
    refresh_max: Duration,
    file: PathBuf,
    kept: Kept,
    revision: Option<i64>,
    plans: HashMap<Uuid, Plan>,
    under_way: FuturesUnordered<BoxFuture<'static, Done>>,
}

impl Keeper {
    pub(super) fn new(control: Control, outbound: Outbound, config: &JwksConfig, file: PathBuf) -> Self {
        Self {
            control,
            outbound,
            refresh_min: Duration::from_millis(config.refresh_min_ms),
            refresh_max: Duration::from_millis(config.refresh_max_ms.max(config.refresh_min_ms)),
            kept: Kept::read(&file),
            file,
            revision: None,
            plans: HashMap::new(),
            under_way: FuturesUnordered::new(),
        }
    }

    /// Works until nobody reads the sets any more.
    pub(super) async fn run(mut self, shared: Weak<Shared>, wake: Arc<Notify>) {
        loop {
            {
                let Some(shared) = shared.upgrade() else { return };
                self.follow(&shared);
            }
            self.begin_what_is_due();
            let done = tokio::select! {
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => Some(done),
                () = wake.notified() => None,
                () = tokio::time::sleep(LOOK_EVERY) => None,
            };
            if done.is_some_and(|done| self.end(done)) {
                let bytes = kept::bytes(self.plans.values().map(|plan| &*plan.source));
                keep(self.file.clone(), bytes).await;
            }
        }
    }

    /// Takes the issuers as the directory has them, if it has changed.
    pub(super) fn follow(&mut self, shared: &Shared) {
        let directory = self.control.directory();
        if self.revision == Some(directory.revision()) {
            return;
        }
        self.revision = Some(directory.revision());
        let mut known = std::mem::take(&mut self.plans);
        let now = Instant::now();
        for (id, url) in served_sets(&directory) {
            let plan = match known.remove(&id) {
                Some(plan) if plan.source.url() == url => plan,
                _ => Plan {
                    source: Arc::new(Source::new(id, url.to_owned(), self.kept.take(id, url))),
                    is_under_way: false,
                    earliest: now,
                    due: now,
                    failures: 0,
                },
            };
            self.plans.insert(id, plan);
        }
        let sources = self
            .plans
            .iter()
            .map(|(id, plan)| (*id, Arc::clone(&plan.source)));
        shared.sources.store(Arc::new(sources.collect()));
    }

    fn begin_what_is_due(&mut self) {
        let now = Instant::now();
        for (id, plan) in &mut self.plans {
            if self.under_way.len() >= FETCHES_MAX {
                return;
            }
            let is_due = now >= plan.due || plan.source.is_wanted() && now >= plan.earliest;
            if plan.is_under_way || !is_due {
                continue;
            }
            plan.is_under_way = true;
            plan.source.begin();
            let (id, source, outbound) = (*id, Arc::clone(&plan.source), self.outbound.clone());
            let work = async move {
                let outcome = fetch(&outbound, source.url()).await;
                Done {
                    id,
                    source,
                    started: now,
                    outcome,
                }
            };
            self.under_way.push(work.boxed());
        }
    }

    /// Takes what a fetch has brought; true when keys have changed.
    fn end(&mut self, done: Done) -> bool {
        let Done {
            id,
            source,
            started,
            outcome,
        } = done;
        // Gone, or another address meanwhile: the answer is nobody's.
        let plan = self.plans.get_mut(&id);
        let Some(plan) = plan.filter(|plan| Arc::ptr_eq(&plan.source, &source)) else {
            return false;
        };
        plan.is_under_way = false;
        plan.earliest = started + self.refresh_min;
        match outcome {
            Ok(Fetched { keys, max_age }) => {
                plan.failures = 0;
                let age = max_age.unwrap_or(self.refresh_max);
                plan.due = started + age.clamp(self.refresh_min, self.refresh_max);
                source.succeed(keys)
            }
            Err(error) => {
                let pause = self.refresh_min.saturating_mul(1 << plan.failures.min(16));
                plan.failures += 1;
                plan.due = started + pause.min(self.refresh_max);
                if source.fail(error.to_string()) {
                    tracing::warn!(issuer = %id, %error, "an issuer's keys cannot be fetched; those that are known stay");
                }
                false
            }
        }
    }
}

/// Writes the sets down for the next start.
async fn keep(file: PathBuf, bytes: Vec<u8>) {
    if let Err(error) = task::blocking(move || kept::write(&file, &bytes)).await {
        tracing::error!(%error, "the sets of keys were not written");
    }
}

/// Issuers that serve sets, the oldest first, as many as are followed.
fn served_sets(directory: &Directory) -> Vec<(Uuid, &str)> {
    let issuers = directory.projects().flat_map(|project| &project.issuers);
    let mut sets: Vec<(Uuid, &str)> = issuers
        .filter_map(|issuer| match &issuer.keys {
            JwtKeys::Jwks { url } => Some((issuer.id, url.as_str())),
            JwtKeys::Hs256 { .. } | JwtKeys::Rs256 { .. } => None,
        })
        .collect();
    sets.sort_unstable_by_key(|(id, _)| *id);
    if sets.len() > SOURCES_MAX {
        tracing::warn!(
            issuers = sets.len(),
            max = SOURCES_MAX,
            "too many issuers serve keys; the newest ones are not asked"
        );
        sets.truncate(SOURCES_MAX);
    }
    sets
}
