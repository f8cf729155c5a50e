//! Calls of low priority wait a moment for others, where the catalogue says that the vendor takes many things in one call.
//!
//! A call of higher priority does not wait, and takes those along that do. What waits is sent when it is full, or when its first call
//! has waited long enough; it is sent whether or not those who asked are still there. When the vendor refuses what was put together,
//! each call goes alone, so that nobody is refused for what others asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{HeaderValue, Method};
use tokio::sync::oneshot;

use super::batch::{self, Asked, BatchKey};
use super::message::{Origin, Priority, RelayAnswer, RelayBody, RelayCall};
use super::upload::{CallBody, Place};
use super::{Relay, RelayError, headers, kept};
use crate::config::RelayConfig;
use crate::domain::integration::{BatchedPath, Effective, Integration};
use crate::outbound::CallError;
use crate::task;

/// Longest answer that is taken apart.
const ANSWER_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Calls that wait are of so many kinds at once; further ones go alone.
const KINDS_MAX: usize = 1_000;

type Answered = Result<RelayAnswer, RelayError>;

/// What waits.
#[derive(Debug)]
pub(super) struct Together {
    // Held for a few instructions.
    line: Mutex<Line>,
    items_max: usize,
    wait: Duration,
}

#[derive(Debug, Default)]
struct Line {
    batches: HashMap<BatchKey, Batch>,
    last_number: u64,
}

/// Calls that go together.
#[derive(Debug)]
struct Batch {
    /// So that what waits for it knows it again.
    number: u64,
    calls: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    call: RelayCall,
    asked: Asked,
    tell: oneshot::Sender<Answered>,
}

impl Batch {
    fn len(&self) -> usize {
        self.calls.iter().map(|waiting| waiting.asked.len()).sum()
    }
}

/// What becomes of a call that has joined the line.
#[derive(Debug, Default)]
struct Joined {
    /// What is sent now.
    to_send: Vec<Batch>,
    /// What is sent after a time, by its number, unless it was sent before.
    begun: Option<u64>,
}

impl Line {
    /// Adds a call. It is given back when there is nothing to go with, and no time to wait.
    fn join(&mut self, key: &BatchKey, waiting: Waiting, items_max: usize) -> Result<Joined, Box<Waiting>> {
        let is_patient = waiting.call.priority == Priority::Low;
        let is_room = self.batches.len() < KINDS_MAX;
        let mut joined = Joined::default();
        let known = self.batches.remove(key);
        let mut batch = match known {
            Some(batch) if batch.len() + waiting.asked.len() <= items_max => batch,
            known => {
                joined.to_send.extend(known);
                if !is_patient || !is_room {
                    // What was full goes all the same.
                    if joined.to_send.is_empty() {
                        return Err(Box::new(waiting));
                    }
                    self.last_number += 1;
                    let alone = Batch {
                        number: self.last_number,
                        calls: vec![waiting],
                    };
                    joined.to_send.push(alone);
                    return Ok(joined);
                }
                self.last_number += 1;
                joined.begun = Some(self.last_number);
                Batch {
                    number: self.last_number,
                    calls: Vec::new(),
                }
            }
        };
        batch.calls.push(waiting);
        if !is_patient || batch.len() >= items_max {
            joined.to_send.push(batch);
        } else {
            self.batches.insert(key.clone(), batch);
        }
        Ok(joined)
    }

    /// The batch of this number, if it still waits.
    fn leave(&mut self, key: &BatchKey, number: u64) -> Option<Batch> {
        let is_this = self.batches.get(key).is_some_and(|batch| batch.number == number);
        is_this.then(|| self.batches.remove(key)).flatten()
    }
}

impl Together {
    pub(super) fn new(config: &RelayConfig) -> Self {
        Self {
            line: Mutex::default(),
            items_max: config.batch_items_max as usize,
            wait: Duration::from_millis(config.batch_wait_ms),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a call asks for, if it may go together with others: its path, and what it asks for.
    pub(super) fn read<'e>(
        &self,
        effective: &'e Effective,
        call: &RelayCall,
    ) -> Option<(&'e BatchedPath, Asked)> {
        if call.method != Method::POST || self.items_max < 2 {
            return None;
        }
        // Who does not wait himself, and where nobody waits, goes alone whatever he asks for.
        if call.priority != Priority::Low && self.line().batches.is_empty() {
            return None;
        }
        let mut known = effective.batches.iter();
        let batched = known.find(|known| kept::is_like(&known.path, &call.path))?;
        let asked = Asked::read(batched, call.body.held()?)?;
        (1..self.items_max)
            .contains(&asked.len())
            .then_some((batched, asked))
    }
}

impl Relay {
    /// Makes a call together with others, or gives it back to be made alone.
    pub(super) async fn call_together(
        &self,
        integration: &Arc<Integration>,
        effective: &Effective,
        call: RelayCall,
    ) -> Result<Answered, RelayCall> {
        let together = &self.0.together;
        let Some((batched, asked)) = together.read(effective, &call) else {
            return Err(call);
        };
        let headers = headers::to_vendor(&call.headers);
        let key = asked.key(integration.id, &call.path, &call.query, &headers);
        let (tell, told) = oneshot::channel();
        let waiting = Waiting { call, asked, tell };
        let joined = together.line().join(&key, waiting, together.items_max);
        let joined = joined.map_err(|waiting| waiting.call)?;
        for batch in joined.to_send {
            self.start(integration, batched, async move { Some(batch) });
        }
        if let Some(number) = joined.begun {
            let relay = self.clone();
            self.start(integration, batched, async move {
                tokio::time::sleep(relay.0.together.wait).await;
                relay.0.together.line().leave(&key, number)
            });
        }
        // Who sends tells; had it panicked, nobody would know what the vendor has done.
        Ok(told.await.unwrap_or(Err(RelayError::NotTakenApart)))
    }

    /// Sends a batch, once it is given, whoever leaves meanwhile.
    fn start(
        &self,
        integration: &Arc<Integration>,
        batched: &BatchedPath,
        batch: impl Future<Output = Option<Batch>> + Send + 'static,
    ) {
        let (relay, integration, batched) = (self.clone(), Arc::clone(integration), batched.clone());
        let _detached = task::spawn("relay batch", async move {
            if let Some(batch) = batch.await {
                relay.send(&integration, &batched, batch).await;
            }
        });
    }

    /// Sends what has waited, and tells each call its part of the answer.
    async fn send(&self, integration: &Integration, batched: &BatchedPath, batch: Batch) {
        let calls = batch.calls;
        let effective = self.0.integrations.effective(integration);
        let body = batch::together(batched, calls.iter().map(|waiting| &waiting.asked));
        let (Some(body), [first, _, ..]) = (body, &calls[..]) else {
            return self.send_alone(integration, &effective, calls).await;
        };
        let priorities = calls.iter().map(|waiting| waiting.call.priority);
        let mut headers = first.call.headers.clone();
        // What is taken apart must not be compressed.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let whole = RelayCall {
            method: first.call.method.clone(),
            path: first.call.path.clone(),
            query: first.call.query.clone(),
            headers,
            body: CallBody::Held(body, Place::default()),
            priority: priorities.min().unwrap_or_default(),
        };
        let deadline = Instant::now() + self.0.deadline;
        let answered = match self.ask(integration, &effective, whole, deadline).await {
            Ok(answer) => self.read(answer, ANSWER_BYTES_MAX, deadline).await,
            Err(error) => Err(error),
        };
        let answered = answered.and_then(|(answer, body)| {
            let too_long = || answer.report.exhausted(CallError::TooLarge(ANSWER_BYTES_MAX));
            let body = body.ok_or_else(too_long)?;
            Ok((answer, body))
        });
        let (answer, body) = match answered {
            Ok(answered) => answered,
            Err(error) => return calls.into_iter().for_each(|waiting| tell(waiting, Err(error))),
        };
        // What is refused for its content: nobody is refused for what others asked.
        if matches!(answer.status.as_u16(), 400 | 413 | 422) {
            return self.send_alone(integration, &effective, calls).await;
        }
        let lens: Vec<usize> = calls.iter().map(|waiting| waiting.asked.len()).collect();
        let parts = match answer.status.is_success() {
            true => batch::apart(batched, &body, &lens),
            // The vendor has failed for all alike.
            false => Some(vec![body; calls.len()]),
        };
        let mut parts = parts.into_iter().flatten();
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        for (place, waiting) in calls.into_iter().enumerate() {
            let part = parts.next().ok_or(RelayError::NotTakenApart);
            tell(waiting, part.map(|part| part_of(&answer, part, place, count)));
        }
    }

    async fn send_alone(&self, integration: &Integration, effective: &Effective, calls: Vec<Waiting>) {
        let alone = calls.into_iter().map(|waiting| async move {
            let Waiting { call, tell, .. } = waiting;
            let deadline = Instant::now() + self.0.deadline;
            let answered = self.ask(integration, effective, call, deadline).await;
            // Who asked may have left.
            let _ = tell.send(answered);
        });
        futures_util::future::join_all(alone).await;
    }
}

fn tell(waiting: Waiting, answered: Answered) {
    // Who asked may have left.
    let _ = waiting.tell.send(answered);
}

/// What the call at this place is answered. The vendor was called once, and that is the first one's.
fn part_of(answer: &RelayAnswer, body: Bytes, place: usize, count: u32) -> RelayAnswer {
    let mut report = answer.report;
    report.together = Some(count);
    if place > 0 {
        report.tries = 0;
        report.origin = Origin::Together;
    }
    RelayAnswer {
        status: answer.status,
        headers: answer.headers.clone(),
        body: RelayBody::Whole(body),
        report,
    }
}
