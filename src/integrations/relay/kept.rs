//! Answers that are given again: of calls that carry a key by which the vendor knows them again, and of paths whose answers hold for a
//! time. Whoever asks for one that is under way waits for it.
//!
//! They are in memory, of this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use moka::Expiry;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::domain::integration::AnswerCaching;

/// How long an answer is known by its key.
const KEY_HOLDS: Duration = Duration::from_secs(24 * 3_600);
/// How long it holds how far a task has come.
const DONE_HOLDS: Duration = Duration::from_secs(3_600);
const PROCESSING_HOLDS: Duration = Duration::from_secs(10);
const PENDING_HOLDS: Duration = Duration::from_secs(20);
/// What an answer takes beside its body.
const OVERHEAD_BYTES: usize = 2_048;
/// Calls whose answers others wait for.
const UNDER_WAY_MAX: u64 = 10_000;

/// What an answer is kept under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    integration: Uuid,
    sum: [u8; 32],
}

impl Key {
    /// Of a call that the vendor knows again by `key`.
    pub(super) fn of_call(integration: Uuid, key: &[u8]) -> Self {
        Self::new(integration, b"call", &[key])
    }

    /// Of what is asked, with the headers by which answers differ.
    pub(super) fn of_question(integration: Uuid, path: &str, query: &str, headers: &HeaderMap) -> Self {
        let of = |name: &str| headers.get(name).map_or(&b""[..], |value| value.as_bytes());
        let parts = [
            path.as_bytes(),
            query.as_bytes(),
            of("accept"),
            of("accept-language"),
            of("accept-encoding"),
        ];
        Self::new(integration, b"question", &parts)
    }

    fn new(integration: Uuid, kind: &[u8], parts: &[&[u8]]) -> Self {
        let mut sum = Sha256::new();
        for part in std::iter::once(&kind).chain(parts) {
            sum.update(part.len().to_le_bytes());
            sum.update(part);
        }
        Self {
            integration,
            sum: sum.finalize().into(),
        }
    }
}

/// An answer that is kept.
#[derive(Clone, Debug)]
pub(super) struct KeptAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Sum of the call that it answers: under the same key nothing else may be asked.
    pub(super) call_sum: [u8; 32],
    holds: Duration,
}

impl KeptAnswer {
    /// One that holds for so long.
    pub(super) fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        call_sum: [u8; 32],
        holds: Duration,
    ) -> Self {
        Self {
            status,
            headers,
            body,
            call_sum,
            holds,
        }
    }
}

struct Holds;

impl Expiry<Key, Arc<KeptAnswer>> for Holds {
    fn expire_after_create(&self, _: &Key, answer: &Arc<KeptAnswer>, _: Instant) -> Option<Duration> {
        Some(answer.holds)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        answer: &Arc<KeptAnswer>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.holds)
    }
}

/// The answers.
pub(super) struct Kept {
    answers: Cache<Key, Arc<KeptAnswer>>,
    under_way: Cache<Key, Arc<Mutex<()>>>,
}

impl Kept {
    /// None yet, and later up to so many bytes.
    pub(super) fn new(bytes_max: u64) -> Self {
        let bytes = |_: &Key, answer: &Arc<KeptAnswer>| {
            u32::try_from(answer.body.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        Self {
            answers: Cache::builder()
                .max_capacity(bytes_max)
                .weigher(bytes)
                .expire_after(Holds)
                .support_invalidation_closures()
                .build(),
            under_way: Cache::builder()
                .max_capacity(UNDER_WAY_MAX)
                .time_to_idle(Duration::from_secs(120))
                .build(),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<KeptAnswer>> {
        self.answers.get(key)
    }

    pub(super) fn put(&self, key: Key, answer: KeptAnswer) {
        self.answers.insert(key, Arc::new(answer));
    }

    /// Waits until nobody else asks for this, and keeps others waiting for as long as what it gives is there.
    pub(super) async fn alone(&self, key: &Key) -> OwnedMutexGuard<()> {
        let lock = self.under_way.get_with(key.clone(), Arc::default);
        lock.lock_owned().await
    }

    /// Forgets what is kept of an integration.
    pub(super) fn forget(&self, integration: Uuid) {
        // Closures are supported, as the builder says.
        let _registered = self
            .answers
            .invalidate_entries_if(move |key, _| key.integration == integration);
    }
}

/// How long an answer to `GET` of a path holds; none: it is not kept. `is_asked` says that its body need not be known.
pub(super) fn holds(caching: &AnswerCaching, path: &str, body: &[u8]) -> Option<Duration> {
    let known = caching.paths.iter().find(|known| is_like(&known.path, path));
    if let Some(known) = known {
        return Some(Duration::from_secs(known.seconds.into()));
    }
    let task = caching.tasks.iter().find(|task| is_like(&task.path, path))?;
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let state = answer.get(&task.member)?.as_str()?;
    let is_among = |states: &[String]| states.iter().any(|one| one == state);
    if is_among(&task.done) {
        Some(DONE_HOLDS)
    } else if is_among(&task.processing) {
        Some(PROCESSING_HOLDS)
    } else if is_among(&task.pending) {
        Some(PENDING_HOLDS)
    } else {
        None
    }
}

/// Whether answers of a path may be kept at all.
pub(super) fn may_hold(caching: &AnswerCaching, path: &str) -> bool {
    let paths = caching.paths.iter().map(|known| &known.path);
    let tasks = caching.tasks.iter().map(|task| &task.path);
    paths.chain(tasks).any(|pattern| is_like(pattern, path))
}

/// How long an answer is known by its key.
pub(super) const fn key_holds() -> Duration {
    KEY_HOLDS
}

/// Whether a path is like a pattern, in which `*` stands for one part.
pub(super) fn is_like(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some("*"), Some(part)) if !part.is_empty() => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::integration::{CachedPath, TaskCaching};

    #[test]
    fn a_star_is_one_part_of_a_path() {
        for (pattern, path, expected) in [
            ("/models", "/models", true),
            ("/models", "/models/", false),
            ("/t/*", "/t/1", true),
            ("/t/*", "/t/", false),
            ("/t/*", "/t/1/2", false),
            ("/t/*/x", "/t/1/x", true),
        ] {
            assert_eq!(is_like(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn answers_hold_as_long_as_the_catalogue_says_and_tasks_by_how_far_they_are() {
        let list = |text: &str| vec![text.to_owned()];
        let caching = AnswerCaching {
            paths: vec![CachedPath {
                path: "/models".into(),
                seconds: 60,
            }],
            tasks: vec![TaskCaching {
                path: "/t/*".into(),
                member: "status".into(),
                done: list("completed"),
                processing: list("processing"),
                pending: list("queued"),
            }],
        };
        for (path, body, seconds) in [
            ("/models", "", Some(60)),
            ("/other", "{}", None),
            ("/t/1", r#"{"status":"completed"}"#, Some(3_600)),
            ("/t/1", r#"{"status":"processing"}"#, Some(10)),
            ("/t/1", r#"{"status":"queued"}"#, Some(20)),
            ("/t/1", r#"{"status":"new"}"#, None),
            ("/t/1", "no json", None),
            ("/t/1", "{}", None),
        ] {
            assert_eq!(
                holds(&caching, path, body.as_bytes()),
                seconds.map(Duration::from_secs),
                "{path} {body}"
            );
        }
        assert!(may_hold(&caching, "/t/2") && !may_hold(&caching, "/x"));
    }

    #[test]
    fn keys_of_calls_are_of_their_integration_and_never_those_of_questions() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let keys = [
            Key::of_call(one, b"k"),
            Key::of_call(other, b"k"),
            Key::of_call(one, b"l"),
            Key::of_question(one, "k", "", &HeaderMap::new()),
            Key::of_question(one, "", "k", &HeaderMap::new()),
        ];
        for (place, key) in keys.iter().enumerate() {
            assert!(keys[..place].iter().all(|before| before != key), "{place}");
        }
    }
}
