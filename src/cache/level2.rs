//! Answers in Redis, where other nodes find them.
//!
//! ```text
//! key:    fresnel:cache:VERSION:project/question:SHA-256 of the whole key
//! value:  calculated at (8 bytes, µs, little-endian), took (8 bytes, µs), CRC32C of the data (4 bytes), zstd of the data
//! ```
//!
//! What cannot be read, whoever wrote it, is no answer. Values end by themselves when they are no longer given.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::entry::{Entry, Found};
use super::key::Key;
use super::status::Level2Status;
use crate::clock::{self, UnixMicros};
use crate::config::{CacheConfig, RedisConfig};
use crate::task;

/// Before all keys. Answers may look otherwise in another version of the program.
const NAMESPACE: &str = concat!("fresnel:cache:", env!("CARGO_PKG_VERSION"), ":");
/// Time for which a Redis that did not answer is left alone.
const REST_MS: i64 = 1_000;
/// Time in which something must be written, in the background.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// Answers that are written at once; what is beyond is not.
const WRITES_MAX: usize = 32;
/// Largest answer that is written, and the largest that is read.
const DATA_BYTES_MAX: usize = 16 * 1_024 * 1_024;
const COMPRESSION_LEVEL: i32 = 1;
const HEADER_BYTES: usize = 20;
/// Keys that are looked through in one step when some are forgotten, and the most steps.
const SCAN_STEP: usize = 1_000;
const SCAN_STEPS_MAX: usize = 10_000;

/// See the file's comment. Clones are the same.
#[derive(Clone)]
pub(super) struct Level2(Arc<Inner>);

struct Inner {
    connection: ConnectionManager,
    budget: Duration,
    writes: Arc<Semaphore>,
    /// Until then Redis is not asked.
    resting_until_ms: AtomicI64,
    /// How often answers were forgotten; counted by the cache.
    forgets: Arc<AtomicU64>,
    hits: AtomicU64,
    misses: AtomicU64,
    unanswered: AtomicU64,
}

impl Level2 {
    /// The one that the settings name, if they do. Connects when first asked, and again by itself.
    pub(super) fn open(
        cache: &CacheConfig,
        redis: &RedisConfig,
        forgets: Arc<AtomicU64>,
    ) -> Result<Option<Self>, RedisError> {
        if redis.url.is_empty() || !cache.redis || !cache.enabled {
            return Ok(None);
        }
        let client = Client::open(redis.url.reveal())?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(WRITE_TIMEOUT))
            .set_response_timeout(Some(WRITE_TIMEOUT))
            .set_number_of_retries(1);
        Ok(Some(Self(Arc::new(Inner {
            connection: ConnectionManager::new_lazy_with_config(client, settings)?,
            budget: Duration::from_millis(cache.redis_budget_ms),
            writes: Arc::new(Semaphore::new(WRITES_MAX)),
            resting_until_ms: AtomicI64::new(0),
            forgets,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        }))))
    }

    /// What another node has kept; none as well when Redis does not answer at once.
    pub(super) async fn get(&self, key: &Key) -> Option<Found> {
        let inner = &*self.0;
        if self.is_resting() {
            inner.unanswered.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let mut connection = inner.connection.clone();
        let name = name_of(key);
        let mut question = redis::cmd("GET");
        let asked = question
            .arg(&name)
            .query_async::<Option<Vec<u8>>>(&mut connection);
        let count = match tokio::time::timeout(inner.budget, asked).await {
            Ok(Ok(Some(value))) => match unpacked(&value) {
                Some(found) => {
                    inner.hits.fetch_add(1, Ordering::Relaxed);
                    return Some(found);
                }
                None => &inner.misses,
            },
            Ok(Ok(None)) => &inner.misses,
            Ok(Err(error)) => {
                self.rest(&error.to_string());
                &inner.unanswered
            }
            Err(_) => {
                self.rest("no answer in time");
                &inner.unanswered
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Writes an answer, in the background, if there is room for it and none were forgotten since `forgets` was read.
    pub(super) fn put(&self, entry: &Arc<Entry>, forgets: u64) {
        let lives_ms = entry.lives_for(clock::now()).as_millis();
        let is_fit = lives_ms > 0 && entry.data().len() <= DATA_BYTES_MAX;
        if !is_fit || self.is_resting() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.0.writes).try_acquire_owned() else {
            return;
        };
        let (level2, entry) = (self.clone(), Arc::clone(entry));
        let _detached = task::spawn("cache to Redis", async move {
            let _held = permit;
            let name = name_of(entry.key());
            let Ok(Some(value)) = task::blocking(move || packed(&entry)).await else {
                return;
            };
            let are_forgotten = || level2.0.forgets.load(Ordering::SeqCst) != forgets;
            if are_forgotten() {
                return;
            }
            let mut connection = level2.0.connection.clone();
            let mut command = redis::cmd("SET");
            command.arg(&name).arg(&value).arg("PX");
            command.arg(u64::try_from(lives_ms).unwrap_or(u64::MAX));
            let written = async {
                command.exec_async(&mut connection).await?;
                // Who forgot meanwhile may have looked before this was there.
                if are_forgotten() {
                    redis::cmd("UNLINK")
                        .arg(&name)
                        .exec_async(&mut connection)
                        .await?;
                }
                Ok::<_, RedisError>(())
            };
            match tokio::time::timeout(WRITE_TIMEOUT, written).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => level2.rest(&error.to_string()),
                Err(_) => level2.rest("no answer in time"),
            }
        });
    }

    /// Removes what has a key that begins so, in the background; perhaps also other answers to the same question.
    pub(super) fn forget(&self, prefix: &str) {
        let pattern = pattern_of(prefix);
        let mut connection = self.0.connection.clone();
        let _detached = task::spawn("cache in Redis", async move {
            let mut cursor = 0_u64;
            for _ in 0..SCAN_STEPS_MAX {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor)
                    .arg("MATCH")
                    .arg(&pattern)
                    .arg("COUNT")
                    .arg(SCAN_STEP);
                let found: Result<(u64, Vec<Vec<u8>>), _> = scan.query_async(&mut connection).await;
                let Ok((next, names)) = found else { return };
                if !names.is_empty() {
                    let mut unlink = redis::cmd("UNLINK");
                    let unlinked = unlink.arg(names).exec_async(&mut connection).await;
                    if unlinked.is_err() {
                        return;
                    }
                }
                cursor = next;
                if cursor == 0 {
                    return;
                }
            }
        });
    }

    /// How it does.
    pub(super) fn status(&self) -> Level2Status {
        let [hits, misses, unanswered] =
            [&self.0.hits, &self.0.misses, &self.0.unanswered].map(|count| count.load(Ordering::Relaxed));
        Level2Status {
            hits,
            misses,
            unanswered,
        }
    }

    fn is_resting(&self) -> bool {
        clock::now().as_millis() < self.0.resting_until_ms.load(Ordering::Relaxed)
    }

    fn rest(&self, error: &str) {
        let now_ms = clock::now().as_millis();
        let before = self.0.resting_until_ms.swap(now_ms + REST_MS, Ordering::Relaxed);
        // The first of many that wait tells, and of an outage that goes on only now and then.
        if before + REST_MS < now_ms {
            tracing::warn!(
                error,
                "Redis does not answer: answers of other nodes are not found"
            );
        }
    }
}

fn name_of(key: &Key) -> String {
    let sum = Sha256::digest(key.as_str());
    let digits = sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{NAMESPACE}{}:{digits}", question_of(key.as_str()))
}

/// Project and question, as far as they are there.
fn question_of(key: &str) -> &str {
    key.match_indices('/').nth(1).map_or(key, |(end, _)| &key[..end])
}

/// Matches the names of all keys that begin so.
fn pattern_of(prefix: &str) -> String {
    let mut pattern = NAMESPACE.to_owned();
    for letter in question_of(prefix).chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('*');
    pattern
}

fn packed(entry: &Entry) -> Option<Vec<u8>> {
    let compressed = zstd::bulk::compress(entry.data(), COMPRESSION_LEVEL).ok()?;
    let mut value = Vec::with_capacity(HEADER_BYTES + compressed.len());
    value.extend_from_slice(&entry.calculated_at().0.to_le_bytes());
    let took_us = u64::try_from(entry.took().as_micros()).unwrap_or(u64::MAX);
    value.extend_from_slice(&took_us.to_le_bytes());
    value.extend_from_slice(&crc32c::crc32c(entry.data()).to_le_bytes());
    value.extend_from_slice(&compressed);
    Some(value)
}

fn unpacked(value: &[u8]) -> Option<Found> {
    let (calculated_at, rest) = value.split_first_chunk()?;
    let (took_us, rest) = rest.split_first_chunk()?;
    let (sum, compressed) = rest.split_first_chunk()?;
    let data_bytes = zstd::zstd_safe::get_frame_content_size(compressed).ok()??;
    let data_bytes = usize::try_from(data_bytes)
        .ok()
        .filter(|bytes| *bytes <= DATA_BYTES_MAX)?;
    let data = zstd::bulk::decompress(compressed, data_bytes).ok()?;
    let calculated_at = UnixMicros(i64::from_le_bytes(*calculated_at));
    let is_whole = crc32c::crc32c(&data) == u32::from_le_bytes(*sum);
    // A clock of another node may be ahead of ours, but not so that its answers never age.
    let is_of_now = calculated_at.0 <= clock::now().0 + REST_MS * 1_000;
    (is_whole && is_of_now).then(|| Found {
        data: Bytes::from(data),
        calculated_at,
        took: Duration::from_micros(u64::from_le_bytes(*took_us)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::kind::{Kind, Ttl};
    use super::*;

    fn entry(key: Key, data: &[u8]) -> Entry {
        let ttl = Ttl {
            fresh: Duration::from_secs(1),
            stale: Duration::ZERO,
        };
        Entry::new(key, Bytes::copy_from_slice(data), Kind::Live, ttl, clock::now())
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_the_same(data in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let entry = entry(Key::new("shop", 1, "test", "{}"), &data);
            let found = unpacked(&packed(&entry).unwrap()).unwrap();
            prop_assert_eq!(found.data, entry.data());
            prop_assert_eq!(found.calculated_at, entry.calculated_at());
        }

        #[test]
        fn no_damage_is_taken_for_an_answer(
            data in prop::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>(), bit in 0..8_u32,
            cut in any::<prop::sample::Index>(),
        ) {
            let entry = entry(Key::new("shop", 1, "test", "{}"), &data);
            let whole = packed(&entry).unwrap();
            prop_assert_eq!(unpacked(&whole[..cut.index(whole.len())]), None);
            let mut damaged = whole.clone();
            let place = HEADER_BYTES + place.index(whole.len() - HEADER_BYTES);
            damaged[place] ^= 1 << bit;
            if let Some(found) = unpacked(&damaged) {
                prop_assert_eq!(found.data, entry.data(), "a bit that says nothing");
            }
        }

        #[test]
        fn what_is_no_value_of_ours_is_no_answer(value in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(unpacked(&value), None);
        }
    }

    #[test]
    fn names_begin_with_project_and_question_and_patterns_with_no_more() {
        let name = name_of(&Key::new("shop", 1, "test", "{\"a\":\"b/c\"}"));
        assert!(name.starts_with(&format!("{NAMESPACE}shop/test:")), "{name}");
        for (prefix, expected) in [
            ("", "*"),
            ("sho", "sho*"),
            ("shop/", "shop/*"),
            ("shop/test", "shop/test*"),
            ("shop/test/{\"a\":[1]}", "shop/test*"),
            ("s*/t?", "s\\*/t\\?*"),
        ] {
            assert_eq!(pattern_of(prefix), format!("{NAMESPACE}{expected}"));
        }
    }
}
