//! A lane for each channel: what waits for it, what is under way, and whether it is left alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use super::messages::Outgoing;
use crate::breaker::{Call, Circuit, Limits, Outcome, State};

/// Messages of one channel that are under way at the same time.
const OF_CHANNEL_MAX: usize = 4;
/// Lanes that nothing happens in are forgotten from so many on.
const LANES_MAX: usize = 1_000;

/// A breaker opens after five failures in a row, for a minute; one success closes it.
const LIMITS: Limits = Limits {
    is_enabled: true,
    failures_max: 5,
    open_ms: 60_000,
    successes_min: 1,
    failure_share: 0.0,
    window_ms: 60_000,
    window_calls_min: 1,
};

/// All lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<Uuid, Lane>,
    refused: Vec<(Vec<Uuid>, Duration)>,
}

#[derive(Debug)]
struct Lane {
    circuit: Circuit,
    queue: VecDeque<Outgoing>,
    under_way: Vec<std::sync::Arc<Call>>,
}

impl Lane {
    fn new() -> Self {
        Self {
            circuit: Circuit::new("a channel of alerts", LIMITS),
            queue: VecDeque::new(),
            under_way: Vec::new(),
        }
    }
}

impl Lanes {
    /// Puts a message into its channel's lane.
    pub(super) fn queue(&mut self, message: Outgoing) {
        if self.lanes.len() >= LANES_MAX {
            self.lanes
                .retain(|_, lane| !(lane.queue.is_empty() && lane.under_way.is_empty()));
        }
        let lane = self.lanes.entry(message.channel_id).or_insert_with(Lane::new);
        lane.queue.push_back(message);
    }

    /// Whether nothing waits in any lane.
    pub(super) fn are_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.queue.is_empty())
    }

    /// Channels for which nothing is to be claimed.
    pub(super) fn busy(&self) -> HashSet<Uuid> {
        let is_busy = |lane: &Lane| {
            let is_full = !lane.queue.is_empty() || lane.under_way.len() >= OF_CHANNEL_MAX;
            match lane.circuit.status().state {
                State::Closed => is_full,
                State::HalfOpen => is_full || !lane.under_way.is_empty(),
                State::Open => true,
            }
        };
        self.lanes
            .iter()
            .filter(|(_, lane)| is_busy(lane))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Messages that may go now, at most so many; each is under way from now on.
    pub(super) fn next(&mut self, room: usize) -> Vec<Outgoing> {
        let mut next = Vec::new();
        for lane in self.lanes.values_mut() {
            while next.len() < room && lane.under_way.len() < OF_CHANNEL_MAX && !lane.queue.is_empty() {
                match lane.circuit.admit() {
                    Ok(call) => {
                        lane.under_way.push(call);
                        next.extend(lane.queue.pop_front());
                    }
                    Err(wait) => {
                        let waiting = lane.queue.drain(..).flat_map(|message| message.ids());
                        self.refused
                            .push((waiting.collect(), wait.max(Duration::from_secs(1))));
                    }
                }
            }
        }
        next
    }

    /// Messages that must wait because their channel is left alone, and for how long.
    pub(super) fn refused(&mut self) -> Vec<(Vec<Uuid>, Duration)> {
        std::mem::take(&mut self.refused)
    }

    /// A message of a channel is settled.
    pub(super) fn done(&mut self, channel_id: Uuid, outcome: Outcome) {
        let call = self
            .lanes
            .get_mut(&channel_id)
            .and_then(|lane| lane.under_way.pop());
        if let Some(call) = call {
            call.part().ended(outcome);
        }
    }
}
