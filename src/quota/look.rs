//! One ask, with the windows that it concerns under lock: looking and counting are one step.

use std::iter::Peekable;

use super::class::Class;
use super::shards::{Held, Making};
use super::window::{Slot, Window};
use super::{Ask, Charge, Decision, Level};

/// The windows of one ask, locked.
pub(super) struct Look<'a> {
    pub(super) class: Class,
    pub(super) levels: &'a [Option<Level>; 2],
    pub(super) held: Held<'a>,
    /// The current slot.
    pub(super) now: u32,
    pub(super) at_ms: i64,
}

impl Look<'_> {
    fn windows(&self, level: &Level) -> impl Iterator<Item = &Window> {
        [Some(level.pair.charged), level.pair.other()]
            .into_iter()
            .flatten()
            .filter_map(|key| self.held.peek(key))
    }

    fn left(&self, level: &Level) -> u32 {
        let live: u64 = self.windows(level).map(|window| window.live(self.now)).sum();
        level
            .limit
            .saturating_sub(u32::try_from(live).unwrap_or(u32::MAX))
    }

    pub(super) fn admits(&self, items: u32) -> u32 {
        let levels = self.levels.iter().flatten();
        levels.map(|level| self.left(level)).fold(items, u32::min)
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
            let making = if *is_crowd {
                Making::Always
            } else if pair.other().is_some_and(|other| self.held.peek(other).is_some()) {
                Making::Continuing
            } else {
                Making::Ordinary
            };
            if !self.held.make(pair.charged, making, self.now) {
                return Some(index);
            }
        }
        for level in self.levels.iter().flatten() {
            self.held.add(level.pair.charged, self.now, items, self.now);
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
            .levels
            .iter()
            .flatten()
            .map(|level| (self.left(level), level))
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
            reset_s: tightest.map_or(0, |(_, level)| self.reset_s(level)),
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

    fn reset_s(&self, level: &Level) -> u32 {
        let newest = self
            .windows(level)
            .filter_map(|window| window.live_slots(self.now).last())
            .map(|slot| slot.at)
            .max();
        newest.map_or(0, |slot| self.class.seconds_until_over(slot, self.at_ms))
    }
}

fn peek_slot(slots: Option<&mut Peekable<impl Iterator<Item = Slot>>>) -> Option<Slot> {
    slots?.peek().copied()
}
