//! The body of one listener's answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};

use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::{HEARTBEAT_EVERY, REST_FOR_EACH, STREAM_TIME};
use crate::api::identity::Parameters;
use crate::api::query::question::Address;
use crate::api::query::{QueryState, reply};
use crate::cache::{Answer, Origin, Wish};
use crate::clock;
use crate::domain::account::ProjectId;

/// What is sent at once, so that clients know that they listen; and how long they wait until they come again.
const FIRST: &[u8] = b": listening\nretry: 2000\n\n";
const HEARTBEAT: &[u8] = b": still here\n\n";
/// An answer is asked for again no sooner than this behind the one before, whatever its age.
const REST_MIN: Duration = Duration::from_millis(100);

/// A question that is followed.
pub(super) struct Followed {
    /// As it was put.
    pub(super) ask: String,
    address: &'static Address,
    parameters: Parameters<'static>,
    due: Instant,
    /// The answer that was told last.
    told: Option<u64>,
}

impl Followed {
    pub(super) fn new(ask: &str, address: &'static Address, parameters: Parameters<'static>) -> Self {
        Self {
            ask: ask.to_owned(),
            address,
            parameters,
            due: Instant::now(),
            told: None,
        }
    }
}

/// One who listens.
pub(super) struct Listener {
    state: Arc<QueryState>,
    project_id: ProjectId,
    followed: Vec<Followed>,
    max_age: Duration,
    is_greeted: bool,
    ends: Instant,
    stopped: watch::Receiver<bool>,
    _seat: OwnedSemaphorePermit,
}

/// What a message says beside an answer.
#[derive(Serialize)]
struct Told<'a, M: Serialize> {
    ask: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<M>,
}

impl Listener {
    pub(super) fn new(
        state: Arc<QueryState>,
        project_id: ProjectId,
        followed: Vec<Followed>,
        max_age: Duration,
        seat: OwnedSemaphorePermit,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self {
            state,
            project_id,
            followed,
            max_age,
            is_greeted: false,
            ends: Instant::now() + STREAM_TIME,
            stopped,
            _seat: seat,
        }
    }

    /// Answers as they change, until the time is over, the service stops, or the project is gone.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        unfold(self, |mut listener| async move {
            let next = listener.next().await?;
            Some((Ok(next), listener))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if !self.is_greeted {
            self.is_greeted = true;
            return Some(Bytes::from_static(FIRST));
        }
        let at = (0..self.followed.len()).min_by_key(|at| self.followed[*at].due)?;
        let mut stopped = self.stopped.clone();
        let ends = self.ends;
        let heartbeat = Instant::now() + HEARTBEAT_EVERY;
        tokio::select! {
            biased;
            _ = stopped.wait_for(|is_stopped| *is_stopped) => None,
            () = sleep_until(ends) => None,
            () = sleep_until(heartbeat) => Some(Bytes::from_static(HEARTBEAT)),
            // A flight goes on without whoever waits for it: its answer is there the next time.
            told = self.tell(at) => told,
        }
    }

    /// Waits until a question is due, and tells its answer.
    async fn tell(&mut self, at: usize) -> Option<Bytes> {
        let followed = &mut self.followed[at];
        sleep_until(followed.due).await;
        // As it is by now: other settings, other answers.
        let control = self.state.identity.control();
        let project = control.directory().project(self.project_id.as_str()).cloned()?;
        let started = StdInstant::now();
        let asked = match self.state.must_have_memory() {
            Ok(()) => {
                let wish = Wish::NotOlderThan(self.max_age);
                let parameters = followed.parameters.clone();
                followed
                    .address
                    .ask(&self.state, &project, parameters, wish)
                    .await
                    .ok()
            }
            Err(_) => None,
        };
        let Some(answer) = asked else {
            followed.due = Instant::now() + self.max_age;
            followed.told = None;
            let told = Told::<()> {
                ask: &followed.ask,
                meta: None,
            };
            return Some(event("failed", &serde_json::to_vec(&told).ok()?));
        };
        followed.due = Instant::now() + rest(&answer, self.max_age);
        // What is degraded must be told as such, although it says the same.
        let tag = (answer.origin != Origin::Degraded).then(|| answer.entry.tag());
        if tag.is_some() && followed.told == tag {
            let meta = Some(reply::meta_of(&answer, started, clock::now()));
            let told = Told {
                ask: &followed.ask,
                meta,
            };
            return Some(event("unchanged", &serde_json::to_vec(&told).ok()?));
        }
        followed.told = tag;
        let ask = serde_json::to_vec(&followed.ask).ok()?;
        let text = reply::text(&answer, followed.address.tells_cache, started);
        Some(event(
            "answer",
            &[b"{\"ask\":", &*ask, b",\"answer\":", &text, b"}"].concat(),
        ))
    }
}

/// Time until an answer is old, or, where it took long, until it may be asked for again.
fn rest(answer: &Answer, max_age: Duration) -> Duration {
    let pace = max_age.max(answer.entry.took() * REST_FOR_EACH);
    // When what is given is no better than before, asking at once would bring no better one.
    match answer.origin {
        Origin::Degraded => pace,
        Origin::New | Origin::Kept => pace.saturating_sub(answer.entry.age(clock::now())).max(REST_MIN),
    }
}

/// JSON on one line: its texts have no line breaks that are not escaped.
fn event(name: &str, data: &[u8]) -> Bytes {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"]
        .concat()
        .into()
}
