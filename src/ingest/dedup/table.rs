//! A set of 64-bit fingerprints with a byte each that says when they came: 9.14 bytes a place, and nearly every
//! place is used.
//!
//! It is a cuckoo table. A bucket is one cache line with seven places; a fingerprint stands in one of two
//! buckets, so a look-up touches two lines at most. When both are full, one that stands there moves to its
//! other bucket. The table grows by an eighth when 95 % of it is used; a small one by a half, so that the first
//! fingerprints do not move all the time.

/// Places of a bucket.
const PLACES: usize = 7;
/// Moves before the table grows instead.
const MOVES_MAX: usize = 200;
/// Share of the places that is used before the table grows, in percent.
const FULL_PERCENT: usize = 95;
/// Places that are kept when nothing is left in them.
const SPARE_PLACES: usize = 64;
/// A table with fewer buckets is a small one.
const SMALL_BUCKETS: usize = 128;

/// When a fingerprint came; 0 stands for an empty place.
pub(super) type Stamp = u8;

#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Bucket {
    ids: [u64; PLACES],
    stamps: [Stamp; PLACES],
}

const _: () = assert!(size_of::<Bucket>() == 64, "one cache line");

impl Bucket {
    fn place_of(&self, id: u64) -> Option<usize> {
        let mut places = self.ids.iter().zip(&self.stamps);
        places.position(|(there, stamp)| *there == id && *stamp != 0)
    }

    fn put(&mut self, id: u64, stamp: Stamp) -> bool {
        let Some(place) = self.stamps.iter().position(|stamp| *stamp == 0) else {
            return false;
        };
        self.ids[place] = id;
        self.stamps[place] = stamp;
        true
    }
}

/// The set.
#[derive(Debug, Default)]
pub(super) struct Table {
    buckets: Vec<Bucket>,
    used: usize,
    /// Which place the next move empties: any will do, as long as it is not always the same.
    next_place: usize,
}

impl Table {
    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) const fn bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }

    /// The stamp of a fingerprint; none when it is not there.
    pub(super) fn get(&self, id: u64) -> Option<Stamp> {
        self.homes(id).into_iter().find_map(|home| {
            let bucket = self.buckets.get(home)?;
            bucket.place_of(id).map(|place| bucket.stamps[place])
        })
    }

    /// Stamps a fingerprint anew; false when it is not there. (0 is no stamp: see [`remove`](Self::remove).)
    pub(super) fn set(&mut self, id: u64, stamp: Stamp) -> bool {
        for home in self.homes(id) {
            let Some(bucket) = self.buckets.get_mut(home) else {
                return false;
            };
            if let Some(place) = bucket.place_of(id) {
                bucket.stamps[place] = stamp;
                return true;
            }
        }
        false
    }

    /// Removes a fingerprint that is there.
    pub(super) fn remove(&mut self, id: u64) {
        if self.set(id, 0) {
            self.used -= 1;
            // After a flood the memory is given back.
            if self.buckets.len() * PLACES > SPARE_PLACES + 16 * self.used {
                self.shrink();
            }
        }
    }

    /// Adds a fingerprint that is not there. The table is never made larger than `ids_max` need, unless they are
    /// very unevenly spread.
    pub(super) fn insert(&mut self, id: u64, stamp: Stamp, ids_max: usize) {
        if self.used * 100 >= self.buckets.len() * PLACES * FULL_PERCENT {
            let largest = ids_max * 100 / (PLACES * FULL_PERCENT) + 1;
            if largest > self.buckets.len() {
                self.resize(self.larger().min(largest));
            } else {
                self.resize(self.larger());
            }
        }
        let mut left_over = self.place(id, stamp);
        // A chain of moves that does not end is rare, and does not last when the table grows.
        while let Some((id, stamp)) = left_over {
            self.grow();
            left_over = self.place(id, stamp);
        }
        self.used += 1;
    }

    /// Removes all whose stamp is not kept.
    pub(super) fn retain(&mut self, keep: impl Fn(Stamp) -> bool) {
        for bucket in &mut self.buckets {
            for stamp in &mut bucket.stamps {
                if *stamp != 0 && !keep(*stamp) {
                    *stamp = 0;
                    self.used -= 1;
                }
            }
        }
        // After a flood the memory is given back.
        if self.used * 4 < self.buckets.len() * PLACES {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        self.resize(self.used * 2 / PLACES + 1);
    }

    const fn larger(&self) -> usize {
        let buckets = self.buckets.len();
        if buckets < SMALL_BUCKETS {
            buckets + buckets / 2 + 2
        } else {
            buckets + buckets / 8 + 1
        }
    }

    fn homes(&self, id: u64) -> [usize; 2] {
        // The fingerprints are evenly spread; the shard has used the highest bits.
        [
            self.bucket(id << 16),
            self.bucket(id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)),
        ]
    }

    fn bucket(&self, spread: u64) -> usize {
        let product = u128::from(spread) * self.buckets.len() as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// Puts a fingerprint somewhere; gives back the one that had to leave, if in the end one had to.
    fn place(&mut self, id: u64, stamp: Stamp) -> Option<(u64, Stamp)> {
        let mut moving = (id, stamp);
        let mut from = usize::MAX;
        for _ in 0..MOVES_MAX {
            let homes = self.homes(moving.0);
            if homes.iter().any(|home| {
                self.buckets
                    .get_mut(*home)
                    .is_some_and(|bucket| bucket.put(moving.0, moving.1))
            }) {
                return None;
            }
            // Not back to where it has just come from.
            let home = if homes[0] == from { homes[1] } else { homes[0] };
            self.next_place = (self.next_place + 1) % PLACES;
            let place = self.next_place;
            let Some(bucket) = self.buckets.get_mut(home) else {
                return Some(moving);
            };
            let leaving = (bucket.ids[place], bucket.stamps[place]);
            (bucket.ids[place], bucket.stamps[place]) = moving;
            moving = leaving;
            from = home;
        }
        Some(moving)
    }

    fn grow(&mut self) {
        self.resize(self.larger());
    }

    fn resize(&mut self, buckets: usize) {
        let before = std::mem::replace(&mut self.buckets, vec![Bucket::default(); buckets]);
        for bucket in before {
            for (id, stamp) in bucket.ids.into_iter().zip(bucket.stamps) {
                if stamp == 0 {
                    continue;
                }
                let mut left_over = self.place(id, stamp);
                while let Some((id, stamp)) = left_over {
                    self.grow();
                    left_over = self.place(id, stamp);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> u64 {
        let mixed = (number + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb)
    }

    proptest! {
        #[test]
        fn the_table_holds_what_a_map_holds(
            steps in prop::collection::vec((0_u64..3_000, 1_u8..6, any::<prop::sample::Index>()), 1..3_000),
        ) {
            let (mut table, mut map) = (Table::default(), HashMap::new());
            for (number, stamp, sweeps) in steps {
                prop_assert_eq!(table.get(id(number)), map.get(&number).copied());
                match (map.get_mut(&number), sweeps.index(2)) {
                    (None, _) => {
                        table.insert(id(number), stamp, 3_000);
                        map.insert(number, stamp);
                    }
                    (Some(there), 0) => {
                        prop_assert!(table.set(id(number), stamp));
                        *there = stamp;
                    }
                    (Some(_), _) => {
                        table.remove(id(number));
                        map.remove(&number);
                    }
                }
                if sweeps.index(300) == 0 {
                    table.retain(|other| other != stamp);
                    map.retain(|_, other| *other != stamp);
                }
                prop_assert_eq!(table.len(), map.len());
            }
            for number in 0..3_000 {
                prop_assert_eq!(table.get(id(number)), map.get(&number).copied());
            }
        }
    }

    #[test]
    fn a_full_table_takes_less_than_eleven_bytes_an_id_at_any_size() {
        let mut table = Table::default();
        for number in 0..40_000 {
            table.insert(id(number), 1, 40_000);
            if number > 2_000 {
                let bytes = table.bytes() as f64 / table.len() as f64;
                assert!(bytes < 11.0, "{bytes} at {number}");
            }
        }
        let bytes = table.bytes() as f64 / table.len() as f64;
        assert!(bytes < 9.7, "{bytes} at its largest");
    }

    #[test]
    fn the_same_fingerprint_many_times_over_cannot_occur_and_a_hostile_one_is_held() {
        let mut table = Table::default();
        for number in [0, 1, u64::MAX, 1 << 63] {
            table.insert(number, 255, 4);
            assert_eq!(table.get(number), Some(255));
        }
        table.retain(|_| false);
        assert_eq!(table.len(), 0);
        assert_eq!(table.get(0), None);
    }

    #[test]
    fn a_flood_that_is_taken_back_leaves_no_memory_behind() {
        let mut table = Table::default();
        for number in 0..20_000 {
            table.insert(id(number), 1, 40_000);
        }
        for number in 0..20_000 {
            table.remove(id(number));
        }
        assert_eq!(table.len(), 0);
        assert!(table.bytes() < 1_024, "{}", table.bytes());
    }
}
