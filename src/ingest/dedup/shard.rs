//! One shard: fingerprints by generations, and those whose beacons are under way.

use std::collections::{HashSet, VecDeque};

use super::table::{Stamp, Table};

/// Hours after which an id may come again.
pub(super) const HOURS: u32 = 24;
/// A shard's oldest part that is forgotten at a time when there is no room: one in so many.
pub(super) const PARTS: usize = 32;
/// Far fewer than there are stamps.
const GENERATIONS_MAX: usize = 200;

/// Fingerprints that came one after another within one hour.
#[derive(Debug)]
struct Generation {
    stamp: Stamp,
    hour: u32,
    count: usize,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    New,
    UnderWay,
    Stored,
}

#[derive(Debug, Default)]
pub(super) struct Shard {
    stored: Table,
    under_way: HashSet<u64>,
    /// Oldest first.
    generations: VecDeque<Generation>,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.stored.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.stored.bytes() + self.under_way.capacity() * 2 * size_of::<u64>()
    }

    pub(super) fn reserve(&mut self, id: u64, hour: u32, ids_max: usize) -> Known {
        self.expire(hour);
        if self.stored.holds(id) {
            return Known::Stored;
        }
        // More under way than may ever be remembered: those who come now are asked to come again.
        if self.under_way.len() >= ids_max || !self.under_way.insert(id) {
            return Known::UnderWay;
        }
        Known::New
    }

    pub(super) fn undo(&mut self, id: u64) {
        self.under_way.remove(&id);
        if self.under_way.capacity() > 64 + 16 * self.under_way.len() {
            self.under_way.shrink_to(2 * self.under_way.len());
        }
    }

    /// Remembers an id; tells how many others had to be forgotten for it before their time.
    pub(super) fn store(&mut self, id: u64, hour: u32, ids_max: usize) -> usize {
        self.undo(id);
        if self.stored.holds(id) {
            return 0;
        }
        let mut forgotten = 0;
        while self.stored.len() >= ids_max && self.stored.len() > 0 {
            forgotten += self.forget_oldest();
        }
        let stamp = self.generation(hour, ids_max);
        self.stored.insert(id, stamp, ids_max);
        forgotten
    }

    /// Forgets what has been remembered for long enough.
    pub(super) fn expire(&mut self, hour: u32) {
        let is_over = |generation: &Generation| generation.hour.saturating_add(HOURS) < hour;
        if self.generations.front().is_some_and(is_over) {
            self.generations.retain(|generation| !is_over(generation));
            self.sweep();
        }
    }

    fn forget_oldest(&mut self) -> usize {
        let before = self.stored.len();
        self.generations.pop_front();
        self.sweep();
        before - self.stored.len()
    }

    fn sweep(&mut self) {
        let mut kept = [false; Stamp::MAX as usize + 1];
        for generation in &self.generations {
            kept[usize::from(generation.stamp)] = true;
        }
        self.stored.retain(|stamp| kept[usize::from(stamp)]);
    }

    /// The stamp for an id of this hour. Ids of earlier hours, which a start reads back, or which come when the
    /// clock has been set back, go to the last generation that is not younger than theirs, so that they are
    /// remembered for long enough.
    fn generation(&mut self, hour: u32, ids_max: usize) -> Stamp {
        let part = (ids_max / PARTS).max(1);
        let is_new = match self.generations.back() {
            None => true,
            Some(last) => last.hour < hour || (last.hour == hour && last.count >= part),
        };
        if is_new {
            if self.generations.len() >= GENERATIONS_MAX {
                self.forget_oldest();
            }
            let stamp = match self.generations.back() {
                Some(last) => last.stamp.checked_add(1).unwrap_or(1),
                None => 1,
            };
            self.generations.push_back(Generation {
                stamp,
                hour,
                count: 0,
            });
        }
        let index = self
            .generations
            .partition_point(|generation| generation.hour < hour);
        // Of several generations of one hour the last one takes it.
        let same = self
            .generations
            .iter()
            .skip(index)
            .take_while(|generation| generation.hour == hour)
            .count();
        match self.generations.get_mut(index + same.saturating_sub(1)) {
            Some(generation) => {
                generation.count += 1;
                generation.stamp
            }
            None => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> u64 {
        (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    proptest! {
        #[test]
        fn an_id_is_remembered_for_a_day_unless_there_is_no_room(
            steps in prop::collection::vec((0_u64..300, 0_u32..3), 1..600),
            ids_max in 40_usize..400,
        ) {
            let (mut shard, mut hour, mut last_seen) = (Shard::default(), 100, Vec::<(u64, u32)>::new());
            for (number, later) in steps {
                hour += later;
                let known = shard.reserve(id(number), hour, ids_max);
                let seen = last_seen.iter().rev().find(|(other, _)| *other == number).map(|(_, at)| *at);
                match known {
                    Known::New => {
                        shard.store(id(number), hour, ids_max);
                        last_seen.push((number, hour));
                    }
                    Known::Stored => prop_assert!(seen.is_some_and(|at| at + HOURS >= hour)),
                    Known::UnderWay => prop_assert!(false, "none is under way"),
                }
                // The youngest that there is room for, but for the part that goes at once.
                let sure = ids_max - ids_max / PARTS - 1;
                for (number, at) in last_seen.iter().rev().take(sure) {
                    if at + HOURS >= hour {
                        prop_assert!(shard.stored.holds(id(*number)), "{number} of {at} at {hour}");
                    }
                }
                prop_assert!(shard.len() <= ids_max);
            }
        }
    }

    #[test]
    fn ids_that_are_read_back_in_any_order_are_remembered_for_long_enough() {
        let mut shard = Shard::default();
        for (number, hour) in [(1, 110), (2, 100), (3, 105), (4, 110), (5, 90)] {
            shard.store(id(number), hour, 1_000);
        }
        for (number, last) in [(5, 114), (2, 124), (3, 129), (1, 134), (4, 134)] {
            shard.expire(last);
            assert!(shard.stored.holds(id(number)), "{number} at {last}");
        }
        shard.expire(135);
        assert_eq!(shard.len(), 0);
    }
}
