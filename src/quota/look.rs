//! One ask, with the windows that it concerns under lock: looking and counting are one step.

use std::iter::Peekable;

use super::class::Class;
use super::shards::{Held, Making};
use super::window::{Slot, Window};
use super::{Ask, Charge, Decision, Level};

/// The windows of one ask, locked.
pub(super) struct Look<'a> {
    class: Class,
    levels: &'a [Option<Level>; 2],
    held: Held<'a>,
    /// The current slot.
    now: u32,
    at_ms: i64,
    /// What the windows of each level say.
    said: [Said; 2],
}

/// What the windows of one level say: each is looked up once, as it stands far off in memory.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    /// Items that count now.
    live: u64,
    /// The latest slot that counts now.
    newest: Option<u32>,
    /// Whether there is a window under the key that is counted under, and under the other one.
    is_there: [bool; 2],
}

impl<'a> Look<'a> {
    /// Looks at what is held, at the slot of a clock.
    pub(super) fn new(
        class: Class,
        levels: &'a [Option<Level>; 2],
        held: Held<'a>,
        clock: u32,
        at_ms: i64,
    ) -> Self {
        let mut look = Self {
            class,
            levels,
            held,
            now: clock,
            at_ms,
            said: [Said::default(); 2],
        };
        // Another thread, whose clock was read a moment later, may have come first.
        if let Some(newest) = look.see().filter(|newest| *newest > clock) {
            look.now = newest;
            look.see();
        }
        look
    }

    /// Reads the windows; tells the latest slot of all.
    fn see(&mut self) -> Option<u32> {
        let mut newest = None;
        for (said, level) in self.said.iter_mut().zip(self.levels) {
            *said = Said::default();
            let Some(Level { pair, .. }) = level else {
                continue;
            };
            for (key, is_there) in [Some(pair.charged), pair.other()]
                .into_iter()
                .zip(&mut said.is_there)
            {
                let Some(window) = key.and_then(|key| self.held.peek(key)) else {
                    continue;
                };
                *is_there = true;
                newest = newest.max(window.newest());
                for slot in window.live_slots(self.now) {
                    said.live += u64::from(slot.count);
                    said.newest = said.newest.max(Some(slot.at));
                }
            }
        }
        newest
    }

    fn windows(&self, level: &Level) -> impl Iterator<Item = &Window> {
        [Some(level.pair.charged), level.pair.other()]
            .into_iter()
            .flatten()
            .filter_map(|key| self.held.peek(key))
    }

    fn levels(&self) -> impl Iterator<Item = (&Level, &Said)> {
        let levels = self.levels.iter().zip(&self.said);
        levels.filter_map(|(level, said)| Some((level.as_ref()?, said)))
    }

    pub(super) fn admits(&self, items: u32) -> u32 {
        self.levels()
            .map(|(level, said)| left(level, said))
            .fold(items, u32::min)
    }

    /// Counts items at every level; or counts nothing and tells the level that there is no room for.
    pub(super) fn count(&mut self, items: u32) -> Option<usize> {
        // A refused ask leaves nothing behind.
        if items == 0 {
            return None;
        }
        for (index, level) in self.levels.iter().enumerate() {
            let Some(Level { pair, is_crowd, .. }) = level else {
                continue;
            };
            let [is_there, has_other] = self.said[index].is_there;
            let making = if *is_crowd {
                Making::Always
            } else if has_other {
                Making::Continuing
            } else {
                Making::Ordinary
            };
            if !is_there && !self.held.make(pair.charged, making, self.now) {
                return Some(index);
            }
        }
        for (level, said) in self.levels.iter().zip(&mut self.said) {
            if let Some(Level { pair, .. }) = level {
                self.held.add(pair.charged, self.now, items, self.now);
                said.live += u64::from(items);
                said.newest = Some(self.now);
            }
        }
        None
    }

    pub(super) fn charge(&self) -> Charge {
        let [subject, network] = self.levels;
        Charge {
            class: self.class,
            slot: self.now,
            subject: subject.map(|level| level.pair.charged),
            network: network.map(|level| level.pair.charged),
        }
    }

    pub(super) fn decide(&self, ask: &Ask, admitted: u32) -> Decision {
        let tightest = self
            .levels()
            .map(|(level, said)| (left(level, said), said))
            .min_by_key(|(left, _)| *left);
        let waits = || {
            let levels = self.levels.iter().flatten();
            levels.filter_map(|level| self.wait_s(level)).max()
        };
        Decision {
            admitted,
            limit: if ask.limit > 0 {
                ask.limit
            } else {
                ask.network_limit
            },
            remaining: tightest.map_or(0, |(left, _)| left),
            reset_s: tightest.map_or(0, |(_, said)| self.reset_s(said)),
            retry_after_s: (admitted < ask.items).then(waits).flatten(),
            charge: self.charge(),
        }
    }

    /// Seconds until this level admits one more; `None` when it does now.
    fn wait_s(&self, level: &Level) -> Option<u32> {
        let live: u64 = self.windows(level).map(|window| window.live(self.now)).sum();
        let mut surplus = (live + 1)
            .checked_sub(u64::from(level.limit))
            .filter(|more| *more > 0)?;
        let mut windows = self
            .windows(level)
            .map(|window| window.live_slots(self.now).peekable());
        let (mut first, mut second) = (windows.next(), windows.next());
        loop {
            let head = |slots: &mut Option<Peekable<_>>| peek_slot(slots.as_mut());
            let slot = match (head(&mut first), head(&mut second)) {
                (Some(a), Some(b)) if b.at < a.at => second.as_mut()?.next()?,
                (Some(_), _) => first.as_mut()?.next()?,
                (None, _) => second.as_mut()?.next()?,
            };
            surplus = surplus.saturating_sub(u64::from(slot.count));
            if surplus == 0 {
                return Some(self.class.seconds_until_over(slot.at, self.at_ms));
            }
        }
    }

    fn reset_s(&self, said: &Said) -> u32 {
        said.newest
            .map_or(0, |slot| self.class.seconds_until_over(slot, self.at_ms))
    }
}

fn left(level: &Level, said: &Said) -> u32 {
    level
        .limit
        .saturating_sub(u32::try_from(said.live).unwrap_or(u32::MAX))
}

fn peek_slot(slots: Option<&mut Peekable<impl Iterator<Item = Slot>>>) -> Option<Slot> {
    slots?.peek().copied()
}
