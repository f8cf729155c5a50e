//! Peers: what several nodes tell each other about event ids, through Redis.
//!
//! A client that gets no answer from one node may send its beacon to another. Within a node `ingest::dedup` knows what
//! has come; between nodes Redis does. It is optional (`redis.url`), and it is asked only about ids that clients send.
//!
//! # One id's journey
//! ```text
//! claim ─► nobody has it ─► commit ─► stored: known for 24 hours
//!   │                          └────► failed: released, anyone may claim it
//!   ├────► another node has claimed it: its beacon may come to be stored (503, come again)
//!   └────► it is stored (202, nothing to do)
//! ```
//!
//! # Guarantees
//! 1. Of two nodes that claim an id one gets it, while Redis is there.
//! 2. A claim whose node dies ends after [`CLAIM_S`]; a restart of that node tells before what its log holds.
//! 3. Redis slow or gone costs a request at most `redis.timeout_ms`, and then nothing for [`REST`]: each node goes on by
//!    itself, and [`PEERS_UNASKED`] counts the beacons that it did so for. These may be stored once by each node.
//! 4. What is told afterwards goes through a bounded queue; what finds no room is not told, and counted.
//!
//! Redis sees hashes of project and id, neither of the two.

mod teller;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use metrics::{Counter, counter};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock;
use crate::config::RedisConfig;
use crate::metric_definitions::PEERS_UNASKED;
use teller::Teller;

/// Seconds for which a claim holds that nobody settles.
pub const CLAIM_S: u64 = 900;
/// Seconds for which a stored id is known.
pub const STORED_S: u64 = 24 * 3_600;
/// Time for which a Redis that did not answer is left alone.
pub const REST: Duration = Duration::from_secs(1);

const CLAIMED: &[u8] = b"c";
const STORED: &[u8] = b"s";

/// An event id as the peers know it: 128 bits of SHA-256 over project and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SharedId([u8; 16]);

impl SharedId {
    /// Of a project's event.
    #[must_use]
    pub fn of(project_id: &str, event_id: Uuid) -> Self {
        let sum = Sha256::new()
            .chain_update(event_id.as_bytes())
            .chain_update(project_id)
            .finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&sum[..16]);
        Self(id)
    }

    fn key(self) -> [u8; 18] {
        let mut key = *b"fe................";
        key[2..].copy_from_slice(&self.0);
        key
    }
}

/// What the peers know of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is ours now.
    Ours,
    /// Another node is storing it.
    UnderWay,
    /// It is stored.
    Stored,
}

/// The other nodes. Clones share the connection.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    connection: ConnectionManager,
    timeout: Duration,
    /// Until then Redis is not asked.
    resting_until_ms: AtomicI64,
    unasked: Counter,
    teller: Teller,
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peers")
    }
}

impl Peers {
    /// Those behind a Redis; none when there is no such setting. Connects when first asked, and again by itself.
    ///
    /// # Errors
    /// The address is none of a Redis.
    pub fn open(config: &RedisConfig) -> Result<Option<Self>, RedisError> {
        if config.url.is_empty() {
            return Ok(None);
        }
        let timeout = Duration::from_millis(config.timeout_ms);
        let client = Client::open(config.url.reveal())?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout.max(Duration::from_secs(1))))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client, settings)?;
        Ok(Some(Self(Arc::new(Inner {
            teller: Teller::start(connection.clone()),
            connection,
            timeout,
            resting_until_ms: AtomicI64::new(0),
            unasked: counter!(PEERS_UNASKED),
        }))))
    }

    /// Claims ids; the answers stand in the same order. `None`: Redis does not answer, decide without it.
    pub async fn claim(&self, ids: &[SharedId]) -> Option<Vec<Claim>> {
        let inner = &*self.0;
        let now_ms = clock::now().as_millis();
        if ids.is_empty() {
            return Some(Vec::new());
        }
        if inner.resting_until_ms.load(Ordering::Relaxed) > now_ms {
            inner.unasked.increment(ids.len() as u64);
            return None;
        }
        let mut questions = redis::pipe();
        for id in ids {
            let key = id.key();
            // Older servers do not take NX together with GET.
            questions
                .cmd("SET")
                .arg(&key[..])
                .arg(CLAIMED)
                .arg("NX")
                .arg("EX")
                .arg(CLAIM_S);
            questions.cmd("GET").arg(&key[..]);
        }
        let mut connection = inner.connection.clone();
        let asked = questions.query_async::<Vec<Value>>(&mut connection);
        let answers = match tokio::time::timeout(inner.timeout, asked).await {
            Ok(Ok(answers)) if answers.len() == ids.len() * 2 => answers,
            failure => {
                self.rest(now_ms, ids.len(), failure.map(|answer| answer.map(drop)));
                return None;
            }
        };
        let claims = answers.chunks(2).map(|answer| match answer {
            [Value::Okay, _] => Claim::Ours,
            [_, Value::BulkString(state)] if state == STORED => Claim::Stored,
            _ => Claim::UnderWay,
        });
        Some(claims.collect())
    }

    fn rest(
        &self,
        now_ms: i64,
        ids: usize,
        failure: Result<Result<(), RedisError>, tokio::time::error::Elapsed>,
    ) {
        let inner = &*self.0;
        let until_ms = now_ms + i64::try_from(REST.as_millis()).unwrap_or(i64::MAX);
        let before = inner.resting_until_ms.swap(until_ms, Ordering::Relaxed);
        inner.unasked.increment(ids as u64);
        // The first of many that wait tells.
        if before <= now_ms {
            let error = match failure {
                Ok(Ok(())) => "an answer that was not asked for".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            tracing::warn!(
                error,
                "Redis does not answer: beacons that come to two nodes may be stored by both"
            );
        }
    }

    /// Tells that the events with these ids are durable here. Does not wait.
    pub fn tell_stored(&self, ids: Vec<SharedId>) {
        self.0.teller.tell(teller::News::Stored(ids));
    }

    /// Gives claims back: nothing was stored. Does not wait.
    pub fn release(&self, ids: Vec<SharedId>) {
        self.0.teller.tell(teller::News::Released(ids));
    }
}
