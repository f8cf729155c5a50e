//! The cache: answers to questions, kept for those who ask the same soon, and for the time when the warehouse has none.
//!
//! # Words
//! - An **answer** is the text that a question came to, JSON, with the time at which it was calculated. It is kept as the
//!   bytes that are sent.
//! - A **[`Key`]** says whose answer it is and to what: the project, the question's name, the normalised question with its
//!   aligned times, and a revision. It begins with the project, so that no prefix of one project reaches another; the
//!   revision is that of the project's control data, so that an answer by old settings is never found again.
//! - A **panel** is a question as it was put, before `now` was set in: "the last 24 hours". Its key moves with the time;
//!   the panel knows under which one it was answered last, and how to ask again ([`Job`]).
//! - A **flight** is a question under way. There is one for each key, whoever asks; it goes on when they hang up.
//!
//! # An answer's life
//! ```text
//! calculated ──► fresh ──► stale ──► old ──► forgotten
//!                given     given, and one    given only when the warehouse has no answer in `degrade_after`,
//!                          flight brings     or none at all: degraded
//!                          the next one
//! ```
//! How long it is fresh depends on its [`Kind`]. What is asked often is answered anew before it is stale (the keeper).
//!
//! # Where answers are
//! In memory, and, where there is a Redis, there too for the other nodes (`level2`). A flight looks there first. Redis slow or
//! gone costs a flight a few milliseconds once a second, and its hits.
//!
//! # Guarantees
//! 1. Nobody waits longer for the warehouse than `degrade_after` while there is an older answer.
//! 2. However many ask the same, the warehouse is asked once; all of them get the same outcome, also a failure.
//! 3. Background flights are bounded, and a panel whose flight fails is left alone for longer each time.
//! 4. Memory is bounded by the bytes of keys and answers, and halves while memory is short.
//!
//! The room knows neither questions nor what is asked: callers hand in [`Job`]s, and say by [`Outage`] which failures pass.

mod entry;
mod flights;
mod keeper;
mod key;
mod kind;
mod level2;
mod panel;
mod status;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use redis::RedisError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{self, UnixMicros};
use crate::config::{CacheConfig, RedisConfig};
use crate::memory::Pressure;

pub use entry::Entry;
pub use key::Key;
pub use kind::Kind;
pub use status::CacheStatus;
pub use store::Listed;

use flights::{Flight, Flights};
use kind::Ttls;
use level2::Level2;
use panel::{Panel, Panels};
use status::Counts;
use store::Store;

/// A failure, as the cache has to know it.
pub trait Outage: Clone + Send + Sync + 'static {
    /// True when the failure lies with whoever was asked, and will pass: an older answer may stand in.
    fn is_outage(&self) -> bool;
    /// The failure of a flight that ended without an outcome.
    fn lost() -> Self;
    /// The failure of too many flights at once.
    fn busy() -> Self;
}

/// A question at a time, ready to be asked.
pub struct Prepared<E> {
    /// Where its answer is kept.
    pub key: Key,
    /// How long its answer is fresh.
    pub kind: Kind,
    /// Asks.
    pub work: BoxFuture<'static, Result<Bytes, E>>,
}

/// Puts a question for a time.
pub type Job<E> = Arc<dyn Fn(UnixMicros) -> Result<Prepared<E>, E> + Send + Sync>;

/// What whoever asks takes for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A kept one will do.
    Any,
    /// One that is no older than that. Who asks so asks all the time, like whoever keeps a panel up to date: he is
    /// counted neither among the look-ups, of which hardly any could be a hit, nor as a use.
    NotOlderThan(Duration),
    /// A new one, or none.
    New,
}

impl Wish {
    /// Whether a kept answer will do without one that is newer.
    fn takes(self, entry: &Entry, now: UnixMicros) -> bool {
        match self {
            Self::Any => entry.is_fresh(now),
            Self::NotOlderThan(age) => entry.is_fresh(now) && entry.age(now) <= age,
            Self::New => false,
        }
    }

    const fn is_counted(self) -> bool {
        !matches!(self, Self::NotOlderThan(_))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it says.
    pub entry: Arc<Entry>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Calculated for whoever asks, or for others who ask at the same time.
    New,
    /// Kept, and fresh, or stale and about to be replaced.
    Kept,
    /// Kept, and given because there is no better one now.
    Degraded,
}

/// No answer.
#[derive(Clone, Debug)]
pub struct Failure<E> {
    /// Why.
    pub error: E,
    /// An older answer, if whoever asks did not want it.
    pub kept: Option<Arc<Entry>>,
}

/// The answers that are kept; clones are the same cache.
pub struct Cache<E>(Arc<Inner<E>>);

impl<E> Clone for Cache<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<E> {
    is_enabled: bool,
    ttls: Ttls,
    degrade_after: Duration,
    warm_requests_per_minute: u32,
    store: Store,
    panels: Panels<E>,
    flights: Flights<E>,
    refreshes: Arc<Semaphore>,
    counts: Counts,
    /// How often answers were forgotten. A flight that began before is not kept.
    forgets: Arc<AtomicU64>,
    level2: Option<Level2>,
}

impl<E: Outage> Cache<E> {
    /// An empty one, which looks after itself from now on.
    ///
    /// # Errors
    /// The address of Redis is none.
    pub fn start(config: &CacheConfig, redis: &RedisConfig, pressure: &Pressure) -> Result<Self, RedisError> {
        let last_good = Duration::from_millis(config.last_good_ms);
        let forgets = Arc::new(AtomicU64::new(0));
        let cache = Self(Arc::new(Inner {
            is_enabled: config.enabled,
            ttls: Ttls::new(config),
            degrade_after: Duration::from_millis(config.degrade_after_ms),
            warm_requests_per_minute: config.warm_requests_per_minute,
            store: Store::new(config.max_bytes, last_good),
            panels: Panels::new(config.max_bytes, last_good),
            flights: Flights::default(),
            refreshes: Arc::new(Semaphore::new(config.refreshes_max)),
            counts: Counts::default(),
            level2: Level2::open(config, redis, Arc::clone(&forgets))?,
            forgets,
        }));
        if config.enabled {
            keeper::start(&cache, pressure);
        }
        Ok(cache)
    }

    /// Answers a question. `panel` is the question as it was put; `job` puts it for a time.
    ///
    /// # Errors
    /// The question cannot be put, or has no answer.
    pub async fn answer(&self, panel: &Key, job: &Job<E>, wish: Wish) -> Result<Answer, Failure<E>> {
        let inner = &*self.0;
        let now = clock::now();
        if !inner.is_enabled {
            return self.answer_anew(job, now).await;
        }
        let known = inner.panels.get(panel);
        let mut kept = known.as_ref().and_then(|known| {
            if wish.is_counted() {
                known.uses().count(now.as_millis());
            }
            inner.store.get(&known.key())
        });
        // What was asked just now is known to be a good question, and need not be read again.
        if let Some(entry) = kept.as_ref().filter(|entry| wish.takes(entry, now)) {
            return Ok(self.given(entry, Origin::Kept, wish));
        }
        let prepared = job(now).map_err(|error| Failure { error, kept: None })?;
        kept = newer(kept, inner.store.get(&prepared.key));
        let panel = known.unwrap_or_else(|| Arc::new(Panel::new(Arc::clone(job), panel.clone(), now)));
        if wish == Wish::Any
            && let Some(entry) = kept.as_ref().filter(|entry| entry.is_stale_at_most(now))
        {
            let entry = Arc::clone(entry);
            if !entry.is_fresh(now) {
                self.refresh_soon(&panel, prepared, now, entry.calculated_at());
            }
            self.note_answered(&panel, &entry);
            return Ok(self.given(&entry, Origin::Kept, wish));
        }
        if let Some(entry) = kept.as_ref().filter(|entry| wish.takes(entry, now)) {
            self.note_answered(&panel, entry);
            return Ok(self.given(entry, Origin::Kept, wish));
        }
        let newer_than = match wish {
            Wish::Any => kept.as_ref().map_or(UnixMicros(0), |kept| kept.calculated_at()),
            Wish::NotOlderThan(age) => UnixMicros(now.0 - i64::try_from(age.as_micros()).unwrap_or(now.0)),
            Wish::New => now,
        };
        let flight = self.fly(prepared, now, newer_than, None);
        match self.outcome(flight, wish != Wish::New && kept.is_some()).await {
            Some(Ok((entry, origin))) => {
                self.note_answered(&panel, &entry);
                Ok(self.given(&entry, origin, wish))
            }
            Some(Err(error)) if wish == Wish::New || kept.is_none() || !error.is_outage() => {
                if wish.is_counted() {
                    inner.counts.count_failure();
                }
                let kept = kept.filter(|_| error.is_outage());
                Err(Failure { error, kept })
            }
            Some(Err(_)) | None => {
                let entry = kept.ok_or_else(|| Failure {
                    error: E::lost(),
                    kept: None,
                })?;
                panel.want();
                self.note_answered(&panel, &entry);
                Ok(self.given(&entry, Origin::Degraded, wish))
            }
        }
    }

    /// Removes all that is kept of a project in memory: its control data has changed, or it is deleted. What is kept
    /// elsewhere has a key of the revision before.
    pub fn forget_project(&self, project_id: &str) {
        let prefix = format!("{project_id}/");
        self.0.panels.forget(&prefix);
        self.0.store.forget(&prefix);
    }

    /// Removes what has a key that begins so; tells how many answers that were. What is being calculated, to whatever
    /// question, is given to those who wait for it and is not kept.
    pub fn forget(&self, prefix: &str) -> u64 {
        self.0.forgets.fetch_add(1, Ordering::SeqCst);
        self.0.panels.forget(prefix);
        if let Some(level2) = &self.0.level2 {
            level2.forget(prefix);
        }
        self.0.store.forget(prefix)
    }

    /// The kept answers whose keys begin so, by key.
    #[must_use]
    pub fn list(&self, prefix: &str) -> Vec<Listed> {
        self.0.store.list(prefix, clock::now())
    }

    /// How the cache does.
    #[must_use]
    pub fn status(&self) -> CacheStatus {
        CacheStatus {
            redis: self.0.level2.as_ref().map(Level2::status),
            ..self.0.counts.status(&self.0.store, self.0.is_enabled)
        }
    }

    async fn answer_anew(&self, job: &Job<E>, now: UnixMicros) -> Result<Answer, Failure<E>> {
        let failure = |error| Failure { error, kept: None };
        let Prepared { key, kind, work } = job(now).map_err(failure)?;
        let data = work.await.map_err(failure)?;
        let entry = Entry::new(key, data, kind, self.0.ttls.of(kind), now);
        Ok(Answer {
            entry: Arc::new(entry),
            origin: Origin::New,
        })
    }

    /// Starts a flight, or joins the one under way. Another node's answer will do when it is newer than that.
    fn fly(
        &self,
        prepared: Prepared<E>,
        now: UnixMicros,
        newer_than: UnixMicros,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Flight<E>, E> {
        let Prepared { key, kind, work } = prepared;
        let cache = self.clone();
        let place = key.clone();
        let forgets = self.0.forgets.load(Ordering::SeqCst);
        self.0.flights.join_or_start(key, async move {
            let _held = permit;
            let ttl = cache.0.ttls.of(kind);
            if let Some(level2) = &cache.0.level2
                && let Some(found) = level2.get(&place).await
                && found.calculated_at > newer_than
            {
                let entry = Arc::new(Entry::found(place.clone(), found, kind, ttl));
                if entry.is_fresh(now) {
                    cache.keep(&entry, forgets);
                    return Ok((entry, Origin::Kept));
                }
            }
            let data = work.await?;
            let entry = Arc::new(Entry::new(place, data, kind, ttl, now));
            cache.keep(&entry, forgets);
            if let Some(level2) = &cache.0.level2 {
                level2.put(&entry, forgets);
            }
            Ok((entry, Origin::New))
        })
    }

    /// Keeps an answer in memory unless some were forgotten since `forgets` was read.
    fn keep(&self, entry: &Arc<Entry>, forgets: u64) {
        self.0.store.insert(entry);
        // Looked at afterwards: whoever forgets counts first, and so finds the answer or is seen here.
        if self.0.forgets.load(Ordering::SeqCst) != forgets {
            self.0.store.remove(entry.key());
        }
    }

    /// What a flight comes to; none when there is an older answer and it takes too long.
    async fn outcome(&self, flight: Result<Flight<E>, E>, has_kept: bool) -> Option<flights::Outcome<E>> {
        let flight = match flight {
            Ok(flight) => flight,
            Err(error) => return Some(Err(error)),
        };
        if has_kept {
            // Who comes late to a flight that takes long waits no longer than the one who started it.
            let deadline = flight.started() + self.0.degrade_after;
            tokio::time::timeout_at(deadline.into(), flight.outcome())
                .await
                .ok()
        } else {
            Some(flight.outcome().await)
        }
    }

    /// Starts a flight in the background, if there is room for one; otherwise the keeper will.
    fn refresh_soon(&self, panel: &Panel<E>, prepared: Prepared<E>, now: UnixMicros, newer_than: UnixMicros) {
        let is_resting = panel.is_resting(now.as_millis());
        let permit = (!is_resting).then(|| Arc::clone(&self.0.refreshes).try_acquire_owned());
        match permit {
            Some(Ok(permit)) => drop(self.fly(prepared, now, newer_than, Some(permit))),
            Some(Err(_)) | None => panel.want(),
        }
    }

    /// Notes where a panel's answer is. Where it was before nobody looks any more.
    fn note_answered(&self, panel: &Arc<Panel<E>>, entry: &Arc<Entry>) {
        if let Some(before) = panel.move_to(entry.key())
            && entry.kind() != Kind::Closed
        {
            self.0.store.remove(&before);
        }
        self.0.panels.keep(panel);
    }

    fn given(&self, entry: &Arc<Entry>, origin: Origin, wish: Wish) -> Answer {
        if wish.is_counted() {
            self.0.counts.count(origin);
            if origin != Origin::New {
                entry.count_hit();
            }
        }
        Answer {
            entry: Arc::clone(entry),
            origin,
        }
    }
}

/// The one that was calculated later.
fn newer(one: Option<Arc<Entry>>, other: Option<Arc<Entry>>) -> Option<Arc<Entry>> {
    match (one, other) {
        (Some(one), Some(other)) if one.calculated_at() >= other.calculated_at() => Some(one),
        (_, Some(other)) => Some(other),
        (one, None) => one,
    }
}
