//! Answers in memory, within a limit of bytes.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use moka::sync::Cache as Moka;
use serde::Serialize;

use super::entry::Entry;
use super::key::Key;
use super::kind::Kind;
use crate::clock::UnixMicros;

type Kept = Moka<Key, Arc<Entry>>;

/// The answers.
pub(super) struct Store {
    /// Another one takes its place when the limit changes: a cache of this kind keeps the limit that it was made with.
    kept: ArcSwap<Kept>,
    bytes_max: u64,
    last_good: Duration,
}

/// An answer, as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = KeptAnswer)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// What it is about.
    pub kind: Kind,
    /// Memory that it takes.
    pub bytes: usize,
    /// Milliseconds since it was calculated.
    pub age_ms: u64,
    /// How often it was given.
    pub hits: u64,
    /// Milliseconds for which it is still fresh; 0 when it is not.
    pub expires_ms: u64,
}

impl Store {
    pub(super) fn new(bytes_max: u64, last_good: Duration) -> Self {
        Self {
            kept: ArcSwap::from_pointee(made(bytes_max, last_good)),
            bytes_max,
            last_good,
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.kept.load().get(key)
    }

    pub(super) fn insert(&self, entry: &Arc<Entry>) {
        self.kept.load().insert(entry.key().clone(), Arc::clone(entry));
    }

    pub(super) fn remove(&self, key: &Key) {
        self.kept.load().invalidate(key);
    }

    pub(super) fn forget(&self, prefix: &str) -> u64 {
        let kept = self.kept.load_full();
        let doomed = kept.iter().filter(|(key, _)| key.starts_with(prefix));
        doomed.map(|(key, _)| kept.invalidate(&*key)).count() as u64
    }

    pub(super) fn list(&self, prefix: &str, now: UnixMicros) -> Vec<Listed> {
        let kept = self.kept.load_full();
        let wanted = kept.iter().filter(|(key, _)| key.starts_with(prefix));
        let mut list: Vec<Listed> = wanted.map(|(_, entry)| listed(&entry, now)).collect();
        list.sort_by(|one, other| one.key.cmp(&other.key));
        list
    }

    /// Answers and bytes, now.
    pub(super) fn size(&self) -> (u64, u64) {
        let kept = self.kept.load();
        kept.run_pending_tasks();
        (kept.entry_count(), kept.weighted_size())
    }

    /// Keeps half of what it may, or all of it again. What was given most often stays.
    pub(super) fn resize(&self, is_halved: bool) {
        let bytes_max = if is_halved {
            self.bytes_max / 2
        } else {
            self.bytes_max
        };
        let before = self.kept.load_full();
        if before.policy().max_capacity() == Some(bytes_max) {
            return;
        }
        let after = made(bytes_max, self.last_good);
        let mut entries: Vec<Arc<Entry>> = before.iter().map(|(_, entry)| entry).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.hits()));
        let mut bytes = 0;
        for entry in entries {
            bytes += entry.bytes() as u64;
            if bytes > bytes_max {
                break;
            }
            after.insert(entry.key().clone(), entry);
        }
        self.kept.store(Arc::new(after));
    }
}

fn made(bytes_max: u64, last_good: Duration) -> Kept {
    Moka::builder()
        .max_capacity(bytes_max)
        .weigher(|_: &Key, entry: &Arc<Entry>| u32::try_from(entry.bytes()).unwrap_or(u32::MAX))
        .time_to_live(last_good)
        .build()
}

fn listed(entry: &Entry, now: UnixMicros) -> Listed {
    let whole_ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Listed {
        key: entry.key().as_str().to_owned(),
        kind: entry.kind(),
        bytes: entry.bytes(),
        age_ms: whole_ms(entry.age(now)),
        hits: entry.hits(),
        expires_ms: whole_ms(entry.fresh_for(now)),
    }
}
