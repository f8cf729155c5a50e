//! Whether a step was taken less often while a vendor did badly. Pure.
//!
//! A bucket is *bad* for a vendor when its 95th percentile was at least twice its usual one (the median of its buckets), or when many more
//! calls failed than usual. The share of sessions that go on in bad buckets is compared with that in the others.
//!
//! Time series drift, and a drop somewhere coincides with something anywhere. So the difference is held against itself: the same labels of
//! good and bad are moved around the series to each other place, and it is counted how often that gives as large a drop. (A test of
//! permutation by circular shifts, which keeps what follows what: the "toroidal shift" of spatial statistics, B. D. Ripley, *Spatial
//! Statistics*, 1981, section 8.3.) The level is divided by the number of questions asked, after Bonferroni.

/// A bucket: what sessions did in it, and what the vendor did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    /// Sessions that came to the step.
    pub(super) sessions: u64,
    /// Those of them that took the next one.
    pub(super) went_on: u64,
    /// Calls and checks of the vendor.
    pub(super) seen: u64,
    /// What of them failed.
    pub(super) failed: u64,
    /// Their 95th percentile.
    pub(super) p95_ms: Option<f64>,
}

/// What speaks against a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Slow,
    Failing,
}

/// A drop that goes with a vendor's bad time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drop {
    pub(super) fault: Fault,
    /// Share of sessions that went on in bad buckets, and in the others.
    pub(super) bad_rate: f64,
    pub(super) good_rate: f64,
    pub(super) bad_sessions: u64,
    pub(super) bad_buckets: usize,
    /// The vendor in bad buckets against its usual: by which factor its 95th percentile was higher, or its share of failures.
    pub(super) bad_value: f64,
    pub(super) usual_value: f64,
    /// How often moving the labels gives as large a drop.
    pub(super) p_value: f64,
}

/// What a look at one vendor says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// There are too few sessions, calls or buckets to say anything.
    TooLittle,
    /// It did badly at no time.
    NeverBad,
    /// It did badly, and the step was taken as often.
    NoDrop,
    Drop(Drop),
}

/// Level of a finding, of all questions together.
const LEVEL: f64 = 0.05;
/// A drop by less than this part of the rate is not worth a word.
const DROP_MIN: f64 = 0.05;
const BUCKETS_MIN: usize = 24;
const SESSIONS_MIN: u64 = 200;
const BAD_SESSIONS_MIN: u64 = 30;
/// A percentile of fewer calls says nothing.
const SEEN_MIN: u64 = 3;
/// How much slower than usual is bad, and by how much at least.
const SLOW_FACTOR: f64 = 2.0;
const SLOW_MIN_MS: f64 = 100.0;
/// How much more failures than usual are bad.
const FAILING_MORE: f64 = 0.05;
/// Labels say little when most buckets are bad.
const BAD_SHARE_MAX: f64 = 0.5;

/// Judges one vendor. `questions` are those that are asked of the same series in all.
pub(super) fn judge(buckets: &[Bucket], questions: usize) -> Verdict {
    let sessions: u64 = buckets.iter().map(|bucket| bucket.sessions).sum();
    let known = buckets.iter().filter(|bucket| bucket.seen >= SEEN_MIN).count();
    if known < BUCKETS_MIN || sessions < SESSIONS_MIN {
        return Verdict::TooLittle;
    }
    let verdicts = [Fault::Failing, Fault::Slow].map(|fault| judge_fault(buckets, fault, questions * 2));
    // The stronger one; a vendor that fails is often slow too.
    let drop = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Drop(drop) => Some(*drop),
        _ => None,
    });
    let most = drop.max_by(|a, b| (a.good_rate - a.bad_rate).total_cmp(&(b.good_rate - b.bad_rate)));
    match most {
        Some(drop) => Verdict::Drop(drop),
        None if verdicts.contains(&Verdict::NoDrop) => Verdict::NoDrop,
        None if verdicts.contains(&Verdict::TooLittle) => Verdict::TooLittle,
        None => Verdict::NeverBad,
    }
}

fn judge_fault(buckets: &[Bucket], fault: Fault, questions: usize) -> Verdict {
    let values: Vec<Option<f64>> = buckets.iter().map(|bucket| value(bucket, fault)).collect();
    let usual = median(values.iter().flatten().copied());
    let is_bad = |value: f64| match fault {
        Fault::Slow => value >= usual * SLOW_FACTOR && value >= usual + SLOW_MIN_MS,
        Fault::Failing => value >= usual + FAILING_MORE,
    };
    // Where the vendor was not seen, nothing can be said for or against it.
    let labels: Vec<Option<bool>> = values.iter().map(|value| value.map(is_bad)).collect();
    let bad_buckets = labels.iter().filter(|label| **label == Some(true)).count();
    if bad_buckets == 0 {
        return Verdict::NeverBad;
    }
    let known = labels.iter().flatten().count();
    #[expect(clippy::cast_precision_loss, reason = "numbers of buckets")]
    let bad_share = bad_buckets as f64 / known as f64;
    let Some((bad, good)) = rates(buckets, &labels, 0) else {
        return Verdict::TooLittle;
    };
    if bad_share > BAD_SHARE_MAX || bad.sessions < BAD_SESSIONS_MIN {
        return Verdict::TooLittle;
    }
    let drop = good.rate - bad.rate;
    if drop < good.rate * DROP_MIN {
        return Verdict::NoDrop;
    }
    // Moved by a little it is still the same stretch, with the same drop: what counts are other places.
    let elsewhere: Vec<f64> = (1..buckets.len())
        .filter(|shift| overlap(&labels, *shift) * 4 <= bad_buckets)
        .filter_map(|shift| rates(buckets, &labels, shift))
        .map(|(bad, good)| good.rate - bad.rate)
        .collect();
    let as_large = elsewhere.iter().filter(|other| **other >= drop).count();
    #[expect(clippy::cast_precision_loss, reason = "numbers of buckets")]
    let p_value = (as_large + 1) as f64 / (elsewhere.len() + 1) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a number of questions")]
    let level = LEVEL / questions.max(1) as f64;
    if p_value > level {
        return Verdict::NoDrop;
    }
    let bad_values = values.iter().flatten().copied().filter(|value| is_bad(*value));
    Verdict::Drop(Drop {
        fault,
        bad_rate: bad.rate,
        good_rate: good.rate,
        bad_sessions: bad.sessions,
        bad_buckets,
        bad_value: median(bad_values),
        usual_value: usual,
        p_value,
    })
}

fn value(bucket: &Bucket, fault: Fault) -> Option<f64> {
    if bucket.seen < SEEN_MIN {
        return None;
    }
    match fault {
        Fault::Slow => bucket.p95_ms,
        #[expect(clippy::cast_precision_loss, reason = "numbers of calls")]
        Fault::Failing => Some(bucket.failed as f64 / bucket.seen as f64),
    }
}

#[derive(Clone, Copy)]
struct Rate {
    rate: f64,
    sessions: u64,
}

/// Bad buckets that are bad again when the labels are moved by so many.
fn overlap(labels: &[Option<bool>], shift: usize) -> usize {
    let moved = labels.iter().cycle().skip(shift);
    let both = |(here, there): &(&Option<bool>, &Option<bool>)| **here == Some(true) && **there == Some(true);
    labels.iter().zip(moved).filter(both).count()
}

/// Shares of sessions that went on in bad and in other buckets, the labels moved by so many buckets.
fn rates(buckets: &[Bucket], labels: &[Option<bool>], shift: usize) -> Option<(Rate, Rate)> {
    let (mut bad, mut good) = ((0, 0), (0, 0));
    let moved = labels.iter().cycle().skip(shift);
    for (bucket, label) in buckets.iter().zip(moved) {
        let sums = match label {
            Some(true) => &mut bad,
            Some(false) => &mut good,
            None => continue,
        };
        sums.0 += bucket.sessions;
        sums.1 += bucket.went_on;
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of sessions")]
    let rate = |(sessions, went_on): (u64, u64)| {
        (sessions > 0).then(|| Rate {
            rate: went_on as f64 / sessions as f64,
            sessions,
        })
    };
    Some((rate(bad)?, rate(good)?))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// How both go together over the buckets, from −1 to 1: the rank correlation of C. Spearman, "The proof and measurement of association
/// between two things", American Journal of Psychology 15 (1904). None of fewer than eight buckets, or when one of both never changes.
pub(super) fn correlation(buckets: &[Bucket], fault: Fault) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = buckets
        .iter()
        .filter(|bucket| bucket.sessions > 0)
        .filter_map(|bucket| {
            #[expect(clippy::cast_precision_loss, reason = "numbers of sessions")]
            let rate = bucket.went_on as f64 / bucket.sessions as f64;
            Some((value(bucket, fault)?, rate))
        })
        .collect();
    if pairs.len() < 8 {
        return None;
    }
    let (xs, ys) = (
        ranks(pairs.iter().map(|pair| pair.0)),
        ranks(pairs.iter().map(|pair| pair.1)),
    );
    #[expect(clippy::cast_precision_loss, reason = "a number of buckets")]
    let mean = (pairs.len() as f64 - 1.0) / 2.0;
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in xs.iter().zip(&ys) {
        xy += (x - mean) * (y - mean);
        xx += (x - mean) * (x - mean);
        yy += (y - mean) * (y - mean);
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Places of values in their order, from 0 on; those that are equal share the mean of theirs.
fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<(f64, usize)> = values.enumerate().map(|(at, value)| (value, at)).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; sorted.len()];
    let mut begin = 0;
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        #[expect(clippy::cast_precision_loss, reason = "numbers of buckets")]
        let rank = begin as f64 + (same.len() as f64 - 1.0) / 2.0;
        for (_, at) in same {
            ranks[*at] = rank;
        }
        begin += same.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom as _;

    use super::*;

    /// A day in buckets of five minutes: about 40 sessions each, of which `rate` go on; within `drop` only `low` do. The vendor's
    /// percentile is about 300 ms, and three times that within `slow`.
    fn day(
        seed: u64,
        rate: f64,
        low: f64,
        drop: std::ops::Range<usize>,
        slow: std::ops::Range<usize>,
    ) -> Vec<Bucket> {
        let mut rng = StdRng::seed_from_u64(seed);
        (0..288)
            .map(|at| {
                let sessions = rng.random_range(30..50);
                let rate = if drop.contains(&at) { low } else { rate };
                let went_on = (0..sessions).filter(|_| rng.random_bool(rate)).count() as u64;
                let factor = if slow.contains(&at) { 3.0 } else { 1.0 };
                Bucket {
                    sessions,
                    went_on,
                    seen: rng.random_range(20..60),
                    failed: 0,
                    p95_ms: Some(rng.random_range(250.0..350.0) * factor),
                }
            })
            .collect()
    }

    #[test]
    fn half_an_hour_of_a_slow_vendor_with_a_drop_is_found() {
        for seed in 0..50 {
            let buckets = day(seed, 0.6, 0.42, 100..106, 100..106);
            let Verdict::Drop(drop) = judge(&buckets, 3) else {
                panic!("seed {seed}: {:?}", judge(&buckets, 3));
            };
            assert_eq!((drop.fault, drop.bad_buckets), (Fault::Slow, 6));
            assert!((0.3..=0.7).contains(&drop.bad_rate) && drop.good_rate > drop.bad_rate);
            assert!((2.0..4.0).contains(&(drop.bad_value / drop.usual_value)));
        }
    }

    #[test]
    fn of_shuffled_data_hardly_anything_is_said() {
        let mut found = 0;
        for seed in 0..200 {
            let mut buckets = day(seed, 0.6, 0.42, 100..106, 100..106);
            let mut vendors: Vec<_> = buckets
                .iter()
                .map(|one| (one.seen, one.failed, one.p95_ms))
                .collect();
            vendors.shuffle(&mut StdRng::seed_from_u64(seed + 1_000));
            for (bucket, vendor) in buckets.iter_mut().zip(vendors) {
                (bucket.seen, bucket.failed, bucket.p95_ms) = vendor;
            }
            found += usize::from(matches!(judge(&buckets, 3), Verdict::Drop(_)));
        }
        assert!(
            found <= 4,
            "{found} of 200: the level is a twentieth of all questions together"
        );
    }

    #[test]
    fn a_drop_at_another_time_is_not_blamed_on_the_vendor() {
        for seed in 0..50 {
            let buckets = day(seed, 0.6, 0.3, 200..206, 100..106);
            assert_ne!(
                std::mem::discriminant(&judge(&buckets, 3)),
                std::mem::discriminant(&Verdict::Drop(Drop {
                    fault: Fault::Slow,
                    bad_rate: 0.0,
                    good_rate: 0.0,
                    bad_sessions: 0,
                    bad_buckets: 0,
                    bad_value: 0.0,
                    usual_value: 0.0,
                    p_value: 0.0
                })),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn of_too_little_nothing_is_said() {
        let buckets = day(1, 0.6, 0.1, 3..6, 3..6);
        assert_eq!(judge(&buckets[..20], 1), Verdict::TooLittle);
        assert_eq!(judge(&[], 1), Verdict::TooLittle);
        let quiet: Vec<Bucket> = buckets
            .iter()
            .map(|one| Bucket {
                sessions: 0,
                went_on: 0,
                ..*one
            })
            .collect();
        assert_eq!(judge(&quiet, 1), Verdict::TooLittle);
        let never = day(1, 0.6, 0.1, 3..6, 0..0);
        assert_eq!(judge(&never, 1), Verdict::NeverBad);
    }

    #[test]
    fn a_vendor_that_fails_is_told_to_fail() {
        let mut buckets = day(7, 0.6, 0.3, 50..60, 0..0);
        buckets[50..60]
            .iter_mut()
            .for_each(|bucket| bucket.failed = bucket.seen / 2);
        let Verdict::Drop(drop) = judge(&buckets, 1) else {
            panic!("{:?}", judge(&buckets, 1));
        };
        assert_eq!(drop.fault, Fault::Failing);
        assert!(correlation(&buckets, Fault::Failing).unwrap() < -0.1);
    }

    proptest! {
        #[test]
        fn no_numbers_make_it_fail(
            numbers in prop::collection::vec((0..100_u64, 0..100_u64, 0..50_u64, 0..50_u64, prop::option::of(0.0..1e9_f64)), 0..80),
        ) {
            let buckets: Vec<Bucket> = numbers
                .into_iter()
                .map(|(sessions, went_on, seen, failed, p95_ms)| Bucket {
                    sessions, went_on: went_on.min(sessions), seen, failed: failed.min(seen), p95_ms,
                })
                .collect();
            let _ = judge(&buckets, 1);
            for fault in [Fault::Slow, Fault::Failing] {
                if let Some(correlation) = correlation(&buckets, fault) {
                    prop_assert!((-1.0 - 1e-9..=1.0 + 1e-9).contains(&correlation));
                }
            }
        }
    }
}
