//! The body of one listener's answer.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;

use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{HEARTBEAT_EVERY, STREAM_TIME};
use crate::api::alert_hub::{Missed, Seat};

/// What is sent at once, so that clients know that they listen; and how long they wait until they come again.
const FIRST: &[u8] = b": listening\nretry: 2000\n\n";
const HEARTBEAT: &[u8] = b": still here\n\n";
const MISSED: &[u8] = b"event: missed\ndata: {}\n\n";

struct Listening {
    seat: Seat,
    /// What is sent before anything that is new.
    first: VecDeque<Bytes>,
    /// Events among that, which may be in the queue too.
    is_told: HashSet<Uuid>,
    ends: Instant,
}

/// What was missed, and what happens from now on, until the time is over or the seat is taken away.
pub(super) fn stream(seat: Seat, missed: Missed) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let mut first = VecDeque::from([Bytes::from_static(FIRST)]);
    if missed.is_too_much {
        first.push_back(Bytes::from_static(MISSED));
    }
    let is_told = missed.events.iter().map(|sent| sent.id).collect();
    first.extend(missed.events.into_iter().map(|sent| sent.bytes));
    let listening = Listening {
        seat,
        first,
        is_told,
        ends: Instant::now() + STREAM_TIME,
    };
    unfold(listening, |mut listening| async move {
        let next = listening.next().await?;
        Some((Ok(next), listening))
    })
}

impl Listening {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.first.pop_front() {
            return Some(bytes);
        }
        let heartbeat = Instant::now() + HEARTBEAT_EVERY;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.ends) => return None,
                sent = self.seat.queue.recv() => {
                    let sent = sent?;
                    if !self.is_told.remove(&sent.id) {
                        return Some(sent.bytes);
                    }
                }
                () = sleep_until(heartbeat) => return Some(Bytes::from_static(HEARTBEAT)),
            }
        }
    }
}
