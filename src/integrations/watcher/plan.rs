//! What is due when: probes and polls of all integrations. Pure: the time and chance are handed in.
//!
//! Nobody waits for anybody: what hangs holds its own place and that of its host's next calls, not more.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::integration::{PollOutcome, PollState, within};

/// Calls to one host at once.
const HOST_MAX: usize = 4;
/// Calls at once. With 10 s each at most, and one each 30 s, 700 dead vendors fit.
const ALL_MAX: usize = 256;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    Probe,
    Poll,
}

/// What is wanted of an integration.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) id: Uuid,
    pub(super) host: String,
    /// Time between two probes; none for no probes.
    pub(super) probe_every_ms: Option<i64>,
    /// Time between two polls; none for no polls.
    pub(super) poll_every_ms: Option<i64>,
}

#[derive(Debug)]
struct Entry {
    wanted: Wanted,
    next_probe_ms: i64,
    poll: Option<PollState>,
    is_probing: bool,
    is_polling: bool,
}

/// See the file's comment.
#[derive(Debug, Default)]
pub(super) struct Plan {
    entries: HashMap<Uuid, Entry>,
    of_host: HashMap<String, usize>,
    under_way: usize,
}

impl Plan {
    /// Makes the plan one for these integrations. What is known of polls is taken up where it was left.
    pub(super) fn show(
        &mut self,
        all: Vec<Wanted>,
        known: &HashMap<Uuid, PollState>,
        now_ms: i64,
        mut chance: impl FnMut() -> u64,
    ) {
        let mut before = std::mem::take(&mut self.entries);
        for wanted in all {
            let id = wanted.id;
            let mut entry = before.remove(&id).unwrap_or_else(|| Entry {
                next_probe_ms: now_ms + within(wanted.probe_every_ms.unwrap_or(1), chance()),
                wanted: wanted.clone(),
                poll: None,
                is_probing: false,
                is_polling: false,
            });
            if let Some(set_ms) = wanted.poll_every_ms
                && (entry.poll.is_none() || entry.wanted.poll_every_ms != wanted.poll_every_ms)
                && !entry.is_polling
            {
                let mut state = match entry.poll.take().or_else(|| known.get(&id).cloned()) {
                    Some(mut state) => {
                        // A shorter interval holds at once.
                        state.next_at_ms = state.next_at_ms.min(now_ms.saturating_add(set_ms));
                        state
                    }
                    None => PollState::new(set_ms, now_ms, chance()),
                };
                state.resume(now_ms, chance());
                entry.poll = Some(state);
            }
            entry.wanted = wanted;
            self.entries.insert(id, entry);
        }
        // Calls under way to those that are gone still hold the places of their hosts; they end soon.
        self.of_host = HashMap::new();
        self.under_way = 0;
        for entry in self.entries.values() {
            let calls = usize::from(entry.is_probing) + usize::from(entry.is_polling);
            self.under_way += calls;
            if calls > 0 {
                *self.of_host.entry(entry.wanted.host.clone()).or_default() += calls;
            }
        }
    }

    /// What is due, those that wait longest first; it is under way from now on.
    pub(super) fn due(&mut self, now_ms: i64) -> Vec<(Uuid, What)> {
        let mut due: Vec<(i64, Uuid, What)> = Vec::new();
        for (id, entry) in &self.entries {
            if entry.wanted.probe_every_ms.is_some() && !entry.is_probing && entry.next_probe_ms <= now_ms {
                due.push((entry.next_probe_ms, *id, What::Probe));
            }
            if let Some(state) = entry
                .poll
                .as_ref()
                .filter(|_| entry.wanted.poll_every_ms.is_some())
                && !entry.is_polling
                && state.next_at_ms <= now_ms
            {
                due.push((state.next_at_ms, *id, What::Poll));
            }
        }
        due.sort_unstable_by_key(|(at_ms, id, _)| (*at_ms, *id));
        let mut begun = Vec::new();
        for (_, id, what) in due {
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            let of_host = self.of_host.entry(entry.wanted.host.clone()).or_default();
            if self.under_way >= ALL_MAX || *of_host >= HOST_MAX {
                continue;
            }
            *of_host += 1;
            self.under_way += 1;
            match what {
                What::Probe => entry.is_probing = true,
                What::Poll => entry.is_polling = true,
            }
            begun.push((id, what));
        }
        begun
    }

    /// What is known from asking an integration.
    pub(super) fn poll_state(&self, id: Uuid) -> Option<&PollState> {
        self.entries.get(&id)?.poll.as_ref()
    }

    /// Notes that a probe is over.
    pub(super) fn probed(&mut self, id: Uuid, now_ms: i64, chance: u64) {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.is_probing) else {
            return;
        };
        entry.is_probing = false;
        let every_ms = entry.wanted.probe_every_ms.unwrap_or(1);
        // The beat is kept: a probe that took long does not put off the next one, unless that is due already.
        let next_ms = entry.next_probe_ms + every_ms;
        entry.next_probe_ms = if next_ms > now_ms {
            next_ms
        } else {
            now_ms + 1 + within(every_ms, chance)
        };
        self.left(id);
    }

    /// Notes that a poll is over, and what it said; gives the state to be kept.
    pub(super) fn polled(
        &mut self,
        id: Uuid,
        mut state: PollState,
        outcome: PollOutcome,
        now_ms: i64,
        chance: u64,
    ) -> Option<PollState> {
        let entry = self.entries.get_mut(&id).filter(|entry| entry.is_polling)?;
        entry.is_polling = false;
        let set_ms = entry.wanted.poll_every_ms.unwrap_or(state.interval_ms);
        state.asked(outcome, set_ms, now_ms, chance);
        entry.poll = Some(state.clone());
        self.left(id);
        Some(state)
    }

    fn left(&mut self, id: Uuid) {
        self.under_way = self.under_way.saturating_sub(1);
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if let Some(calls) = self.of_host.get_mut(&entry.wanted.host) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.of_host.remove(&entry.wanted.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that looks like chance and is the same each time.
    fn chances() -> impl FnMut() -> u64 {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        }
    }

    fn integrations(count: u128) -> Vec<Wanted> {
        (0..count)
            .map(|number| Wanted {
                id: Uuid::from_u128(number),
                host: format!("api.vendor{number}.example"),
                probe_every_ms: Some(30_000),
                // From 1 to 20 minutes.
                poll_every_ms: Some(60_000 * (1 + i64::try_from(number).unwrap() % 20)),
            })
            .collect()
    }

    type Calls = HashMap<(Uuid, What), Vec<i64>>;

    /// Runs a plan; calls to the first `dead` vendors take 10 seconds and fail, to the others 200 ms. Gives the times of each one's calls.
    fn simulate(
        plan: &mut Plan,
        dead: u128,
        from_ms: i64,
        length_ms: i64,
    ) -> (Calls, HashMap<Uuid, PollState>) {
        let mut chance = chances();
        let mut calls = Calls::new();
        let mut under_way: Vec<(i64, Uuid, What)> = Vec::new();
        let mut kept = HashMap::new();
        for now_ms in (from_ms..from_ms + length_ms).step_by(100) {
            let (ended, rest): (Vec<_>, Vec<_>) =
                under_way.into_iter().partition(|(end_ms, ..)| *end_ms <= now_ms);
            under_way = rest;
            for (_, id, what) in ended {
                let is_dead = id.as_u128() < dead;
                match what {
                    What::Probe => plan.probed(id, now_ms, chance()),
                    What::Poll => {
                        let state = plan.poll_state(id).unwrap().clone();
                        let outcome = if is_dead {
                            PollOutcome::Failed(None)
                        } else {
                            PollOutcome::Same
                        };
                        kept.insert(id, plan.polled(id, state, outcome, now_ms, chance()).unwrap());
                    }
                }
            }
            for (id, what) in plan.due(now_ms) {
                calls.entry((id, what)).or_default().push(now_ms);
                let length_ms = if id.as_u128() < dead { 10_000 } else { 200 };
                under_way.push((now_ms + length_ms, id, what));
            }
        }
        (calls, kept)
    }

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn two_hundred_integrations_keep_their_intervals_whatever_some_of_them_do() {
        let mut plan = Plan::default();
        plan.show(integrations(200), &HashMap::new(), 0, chances());
        let (calls, _) = simulate(&mut plan, 50, 0, HOUR_MS);
        for number in 50..200 {
            let id = Uuid::from_u128(number);
            let probes = &calls[&(id, What::Probe)];
            assert!((119..=120).contains(&probes.len()), "{number}: {}", probes.len());
            for pair in probes.windows(2) {
                assert!((pair[1] - pair[0] - 30_000).abs() <= 3_000, "{number}: {pair:?}");
            }
            let polls = &calls[&(id, What::Poll)];
            let set_ms = 60_000 * (1 + i64::try_from(number).unwrap() % 20);
            // Nothing is ever new: the interval grows by half, up to twice what was set.
            let mut expected_ms = set_ms;
            for pair in polls.windows(2) {
                expected_ms = (expected_ms * 3 / 2).min(set_ms * 2);
                let wait_ms = pair[1] - pair[0];
                assert!(
                    (wait_ms - expected_ms).abs() <= expected_ms / 10,
                    "{number}: {wait_ms} for {expected_ms}"
                );
            }
            assert!(!polls.is_empty() || set_ms * 2 > HOUR_MS, "{number}");
        }
        for number in 0..50 {
            let id = Uuid::from_u128(number);
            let probes = calls[&(id, What::Probe)].len();
            assert!(
                (119..=120).contains(&probes),
                "the dead are looked for as often: {probes}"
            );
        }
    }

    #[test]
    fn after_a_restart_there_is_no_burst_and_nobody_is_forgotten() {
        let mut plan = Plan::default();
        plan.show(integrations(200), &HashMap::new(), 0, chances());
        let (_, kept) = simulate(&mut plan, 0, 0, HOUR_MS);
        // Back after a day, when all of them are overdue.
        let back_ms = 25 * HOUR_MS;
        let mut plan = Plan::default();
        plan.show(integrations(200), &kept, back_ms, chances());
        let (calls, _) = simulate(&mut plan, 0, back_ms, HOUR_MS);
        let polls: Vec<i64> = calls
            .iter()
            .filter(|((_, what), _)| *what == What::Poll)
            .map(|(_, times)| times[0])
            .collect();
        assert_eq!(polls.len(), 200);
        for second in 0..HOUR_MS / 1_000 {
            let from_ms = back_ms + second * 1_000;
            let at_once = polls
                .iter()
                .filter(|at_ms| (from_ms..from_ms + 1_000).contains(*at_ms))
                .count();
            assert!(at_once <= 10, "{at_once} in second {second}");
        }
        assert!(polls.iter().all(|at_ms| *at_ms <= back_ms + 300_000 + 100));
    }

    #[test]
    fn a_host_with_many_integrations_is_called_four_times_at_once() {
        let mut all = integrations(50);
        all.iter_mut()
            .for_each(|wanted| wanted.host = "one.example".into());
        let mut plan = Plan::default();
        plan.show(all, &HashMap::new(), 0, || 0);
        assert_eq!(plan.due(0).len(), HOST_MAX);
        assert_eq!(plan.due(0), []);
    }

    #[test]
    fn what_is_no_longer_wanted_is_not_called_and_what_comes_again_is() {
        let mut plan = Plan::default();
        plan.show(integrations(2), &HashMap::new(), 0, || 0);
        let begun = plan.due(0);
        assert_eq!(begun.len(), 4);
        plan.show(integrations(1), &HashMap::new(), 1, || 0);
        for (id, what) in begun {
            match what {
                What::Probe => plan.probed(id, 2, 0),
                What::Poll => {
                    let state = PollState::default();
                    let _ = plan.polled(id, state, PollOutcome::Same, 2, 0);
                }
            }
        }
        assert_eq!((plan.under_way, plan.of_host.len()), (0, 0));
        assert_eq!(plan.due(i64::MAX / 2).len(), 2);
    }
}
