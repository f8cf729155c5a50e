//! One shard: fingerprints by generations, and those whose beacons are under way.

use std::collections::VecDeque;

use super::table::{Stamp, Table};

/// Hours after which an id may come again.
pub(super) const HOURS: u32 = 24;
/// A shard's oldest part that is forgotten at a time when there is no room: one in so many.
pub(super) const PARTS: usize = 32;
/// Far fewer than there are stamps.
const GENERATIONS_MAX: usize = 200;
/// Ids under way that a full table has room for without growing.
const UNDER_WAY_EXPECTED: usize = 16;

/// Stamp of an id that is under way: it stands where it will stay, so that it is looked for only once more.
const UNDER_WAY: Stamp = Stamp::MAX;
/// Last stamp of a generation; the next one is 1 again.
const STAMP_LAST: Stamp = UNDER_WAY - 1;

/// Fingerprints that came one after another within one hour.
#[derive(Debug)]
struct Generation {
    stamp: Stamp,
    hour: u32,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    New,
    UnderWay,
    Stored,
}

/// What a request touches stands in two cache lines that come together.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Shard {
    ids: Table,
    /// How many of the ids are under way.
    under_way: usize,
    /// Oldest first, and so by hours.
    generations: VecDeque<Generation>,
    /// Hour of the first generation, if there is one.
    oldest_hour: Option<u32>,
    /// The last generation, again: nearly all ids are its.
    newest: Newest,
}

#[derive(Clone, Copy, Debug, Default)]
struct Newest {
    stamp: Stamp,
    hour: u32,
    /// How many more it takes.
    room: usize,
}

impl Shard {
    /// Ids that are remembered.
    pub(super) const fn len(&self) -> usize {
        self.ids.len() - self.under_way
    }

    pub(super) const fn bytes(&self) -> usize {
        self.ids.bytes()
    }

    pub(super) fn reserve(&mut self, id: u64, hour: u32, ids_max: usize) -> Known {
        self.expire(hour);
        match self.ids.get(id) {
            Some(UNDER_WAY) => Known::UnderWay,
            Some(_) => Known::Stored,
            // More under way than may ever be remembered: those who come now are asked to come again.
            None if self.under_way >= ids_max => Known::UnderWay,
            None => {
                self.ids.insert(id, UNDER_WAY, ids_max + UNDER_WAY_EXPECTED);
                self.under_way += 1;
                Known::New
            }
        }
    }

    /// Forgets an id that is under way.
    pub(super) fn undo(&mut self, id: u64) {
        if self.ids.get(id) == Some(UNDER_WAY) {
            self.ids.remove(id);
            self.under_way -= 1;
        }
    }

    /// Remembers an id that is under way; tells how many others had to be forgotten for it before their time.
    pub(super) fn settle(&mut self, id: u64, hour: u32, ids_max: usize) -> usize {
        let forgotten = self.make_room(ids_max);
        let stamp = self.generation(hour, ids_max);
        if self.ids.set(id, stamp) {
            self.under_way -= 1;
        }
        forgotten
    }

    /// Remembers an id that was stored before the last start; tells how many others had to be forgotten for it.
    pub(super) fn restore(&mut self, id: u64, hour: u32, ids_max: usize) -> usize {
        if self.ids.get(id).is_some() {
            return 0;
        }
        let forgotten = self.make_room(ids_max);
        let stamp = self.generation(hour, ids_max);
        self.ids.insert(id, stamp, ids_max + UNDER_WAY_EXPECTED);
        forgotten
    }

    /// Forgets what has been remembered for long enough.
    pub(super) fn expire(&mut self, hour: u32) {
        let is_over = |of: u32| of.saturating_add(HOURS) < hour;
        if self.oldest_hour.is_some_and(is_over) {
            self.generations.retain(|generation| !is_over(generation.hour));
            self.sweep();
        }
    }

    fn make_room(&mut self, ids_max: usize) -> usize {
        let mut forgotten = 0;
        while self.len() >= ids_max && self.len() > 0 {
            forgotten += self.forget_oldest();
        }
        forgotten
    }

    fn forget_oldest(&mut self) -> usize {
        let before = self.len();
        self.generations.pop_front();
        self.sweep();
        before - self.len()
    }

    /// Removes the ids of generations that are gone.
    fn sweep(&mut self) {
        self.oldest_hour = self.generations.front().map(|generation| generation.hour);
        let mut kept = [false; Stamp::MAX as usize + 1];
        kept[usize::from(UNDER_WAY)] = true;
        for generation in &self.generations {
            kept[usize::from(generation.stamp)] = true;
        }
        self.ids.retain(|stamp| kept[usize::from(stamp)]);
    }

    /// The stamp for an id of this hour. Ids of earlier hours, which a start reads back, or which come when the
    /// clock has been set back, go to the last generation that is not younger than theirs, so that they are
    /// remembered for long enough.
    fn generation(&mut self, hour: u32, ids_max: usize) -> Stamp {
        let newest = &mut self.newest;
        let is_there = self.oldest_hour.is_some();
        if is_there && newest.hour == hour && newest.room > 0 {
            newest.room -= 1;
            return newest.stamp;
        }
        if !is_there || newest.hour <= hour {
            return self.begin_generation(hour, (ids_max / PARTS).max(1));
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
        let index = index + same.saturating_sub(1);
        if index + 1 == self.generations.len() {
            self.newest.room = self.newest.room.saturating_sub(1);
        }
        self.generations
            .get(index)
            .map_or(self.newest.stamp, |generation| generation.stamp)
    }

    /// A generation that takes `room` ids, the first of them at once.
    fn begin_generation(&mut self, hour: u32, room: usize) -> Stamp {
        if self.generations.len() >= GENERATIONS_MAX {
            self.forget_oldest();
        }
        let stamp = match self.newest.stamp {
            STAMP_LAST.. => 1,
            before => before + 1,
        };
        self.generations.push_back(Generation { stamp, hour });
        self.oldest_hour = self.generations.front().map(|generation| generation.hour);
        self.newest = Newest {
            stamp,
            hour,
            room: room - 1,
        };
        stamp
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
                        shard.settle(id(number), hour, ids_max);
                        last_seen.push((number, hour));
                    }
                    Known::Stored => prop_assert!(seen.is_some_and(|at| at + HOURS >= hour)),
                    Known::UnderWay => prop_assert!(false, "none is under way"),
                }
                // The youngest that there is room for, but for the part that goes at once.
                let sure = ids_max - ids_max / PARTS - 1;
                for (number, at) in last_seen.iter().rev().take(sure) {
                    if at + HOURS >= hour {
                        prop_assert!(shard.ids.get(id(*number)).is_some(), "{number} of {at} at {hour}");
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
            shard.restore(id(number), hour, 1_000);
        }
        for (number, last) in [(5, 114), (2, 124), (3, 129), (1, 134), (4, 134)] {
            shard.expire(last);
            assert!(shard.ids.get(id(number)).is_some(), "{number} at {last}");
        }
        shard.expire(135);
        assert_eq!(shard.len(), 0);
    }

    #[test]
    fn what_is_under_way_is_known_and_not_counted_whatever_is_forgotten_meanwhile() {
        const IDS_MAX: usize = 500;
        let mut shard = Shard::default();
        for number in 0..100 {
            assert_eq!(shard.reserve(id(number), 100, IDS_MAX), Known::New);
        }
        for number in 100..5_000 {
            assert_eq!(shard.reserve(id(number), 100, IDS_MAX), Known::New);
            shard.settle(id(number), 100, IDS_MAX);
        }
        shard.expire(200);
        assert_eq!(shard.len(), 0);
        for number in 0..100 {
            assert_eq!(shard.reserve(id(number), 200, IDS_MAX), Known::UnderWay);
            if number < 50 {
                shard.settle(id(number), 200, IDS_MAX);
                assert_eq!(shard.reserve(id(number), 200, IDS_MAX), Known::Stored);
            } else {
                shard.undo(id(number));
                assert_eq!(shard.reserve(id(number), 200, IDS_MAX), Known::New);
                shard.undo(id(number));
            }
        }
        assert_eq!((shard.len(), shard.under_way), (50, 0));
    }
}
