//! Quotas against a model that keeps every admission, and under many threads.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;

const START_MS: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

fn config() -> QuotaConfig {
    QuotaConfig::default()
}

fn quotas() -> Quotas {
    Quotas::new(&config(), SubjectKeys::in_memory())
}

fn nobody_else(number: u64) -> Subject {
    Subject {
        user: Pair::fixed(number),
        network: None,
    }
}

fn in_network(number: u64, network: u64) -> Subject {
    Subject {
        user: Pair::fixed(number),
        network: Some(Pair::fixed(network)),
    }
}

fn ask(subject: Subject, limit: u32, items: u32) -> Ask {
    Ask {
        subject,
        class: Class::Metrics,
        limit,
        network_limit: 0,
        items,
    }
}

/// Every admission there ever was: real time, user, items.
#[derive(Debug, Default)]
struct Model(Vec<(i64, usize, u32)>);

impl Model {
    /// Items admitted in `(at - span, at]`, of one user or of all.
    fn sum(&self, user: Option<usize>, at_ms: i64, span_ms: i64) -> u32 {
        self.0
            .iter()
            .filter(|(when, whose, _)| {
                *when > at_ms - span_ms && *when <= at_ms && user.is_none_or(|user| user == *whose)
            })
            .map(|(_, _, items)| items)
            .sum()
    }
}

fn any_pause_ms() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..2_000_i64,
        3 => 0..3 * MINUTE_MS,
        2 => Just(MINUTE_MS),
        2 => 0..HOUR_MS,
        1 => HOUR_MS - 2 * MINUTE_MS..HOUR_MS + 2 * MINUTE_MS,
    ]
}

proptest! {
    // Keys change every 64 minutes, so these histories run over many of them.
    #[test]
    fn no_rolling_hour_is_above_the_limit_and_nothing_is_refused_that_counts_a_slot_too_long(
        steps in prop::collection::vec((any_pause_ms(), 0_usize..3, 1_u32..9), 1..120),
        limit in 1_u32..20,
        network_limit in prop_oneof![Just(0_u32), 1_u32..40],
    ) {
        let (quotas, mut model, mut now_ms) = (quotas(), Model::default(), START_MS);
        for (pause_ms, user, items) in steps {
            now_ms += pause_ms;
            let user_agent = [b"A".as_slice(), b"B", b"C"][user];
            let who = Who::Anonymous { address: [192, 0, 2, 1].into(), user_agent };
            let ask = Ask { network_limit, ..ask(quotas.subject("p", who, now_ms), limit, items) };
            let expected = quotas.peek(&ask, now_ms);
            let decision = quotas.admit(&ask, now_ms);
            prop_assert_eq!(expected.admitted, decision.admitted);
            model.0.push((now_ms, user, decision.admitted));
            let mut least = items.min(limit.saturating_sub(model.sum(Some(user), now_ms, HOUR_MS + MINUTE_MS) - decision.admitted));
            prop_assert!(model.sum(Some(user), now_ms, HOUR_MS) <= limit);
            if network_limit > 0 {
                prop_assert!(model.sum(None, now_ms, HOUR_MS) <= network_limit);
                least = least.min(network_limit.saturating_sub(model.sum(None, now_ms, HOUR_MS + MINUTE_MS) - decision.admitted));
            }
            prop_assert!(decision.admitted >= least, "admitted {}, at least {least}", decision.admitted);
            prop_assert_eq!(decision.retry_after_s.is_some(), decision.admitted < items);
            if let Some(wait_s) = decision.retry_after_s {
                let later_ms = now_ms + i64::from(wait_s) * 1_000;
                prop_assert!(wait_s <= 3_660);
                let later = Ask { subject: quotas.subject("p", who, later_ms), items: 1, ..ask };
                // Looking ahead would make time go on: another process does it, which remembers the same.
                let other = Quotas::new(&config(), SubjectKeys::in_memory());
                for (when, whose, items) in &model.0 {
                    let subject = in_network(*whose as u64 + 1, 9);
                    let past = Ask { subject, items: *items, limit: 1_000_000, network_limit: 1_000_000, ..later };
                    let _spent = other.admit(&past, *when);
                }
                let later = Ask { subject: in_network(user as u64 + 1, 9), ..later };
                prop_assert_eq!(other.admit(&later, later_ms).admitted, 1);
                now_ms = later_ms;
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_forgives_nothing(
        steps in prop::collection::vec(
            (0..10 * MINUTE_MS, prop_oneof![5 => Just(0), 1 => 0..3 * MINUTE_MS, 1 => 0..100 * HOUR_MS], 1_u32..9),
            1..100,
        ),
        limit in 1_u32..20,
    ) {
        let (quotas, mut model) = (quotas(), Model::default());
        let (mut real_ms, mut clock_ms) = (START_MS, START_MS);
        for (pause_ms, back_ms, items) in steps {
            real_ms += pause_ms;
            clock_ms += pause_ms - back_ms;
            let decision = quotas.admit(&ask(nobody_else(1), limit, items), clock_ms);
            model.0.push((real_ms, 0, decision.admitted));
            prop_assert!(model.sum(None, real_ms, HOUR_MS) <= limit);
        }
        // Nor does it lock anybody out: time stands for less than a minute at each step.
        let _seen = quotas.peek(&ask(nobody_else(1), limit, 1), clock_ms);
        let later_ms = clock_ms + HOUR_MS + 2 * MINUTE_MS;
        prop_assert_eq!(quotas.admit(&ask(nobody_else(1), limit, limit), later_ms).admitted, limit);
    }

    #[test]
    fn what_is_restored_counts_as_if_the_process_had_lived_on(
        steps in prop::collection::vec((0..20 * MINUTE_MS, 1_u32..9), 1..60),
        limit in 1_u32..20,
    ) {
        let (before, mut counts, mut now_ms) = (quotas(), Vec::new(), START_MS);
        let subject = in_network(7, 8);
        for (pause_ms, items) in steps {
            now_ms += pause_ms;
            let ask = Ask { network_limit: 2 * limit, ..ask(subject, limit, items) };
            counts.extend(before.admit(&ask, now_ms).count());
        }
        let after = quotas();
        counts.reverse();
        counts.iter().for_each(|count| after.restore(count, now_ms));
        let ask = Ask { network_limit: 2 * limit, ..ask(subject, limit, 1_000) };
        prop_assert_eq!(after.admit(&ask, now_ms).admitted, before.admit(&ask, now_ms).admitted);
    }
}

#[test]
fn many_threads_at_one_quota_admit_exactly_the_limit() {
    for round in 0..100 {
        let (quotas, admitted, start) = (quotas(), AtomicU32::new(0), Barrier::new(64));
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..20 {
                        let decision = quotas.admit(&ask(nobody_else(round), 1_000, 1), START_MS);
                        admitted.fetch_add(decision.admitted, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1_000);
    }
}

#[test]
fn many_threads_of_many_users_in_one_network_admit_exactly_its_limit() {
    let (quotas, admitted) = (quotas(), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for user in 1..=16 {
            let (quotas, admitted) = (&quotas, &admitted);
            scope.spawn(move || {
                for _ in 0..200 {
                    let ask = Ask {
                        network_limit: 1_000,
                        ..ask(in_network(user, 99), 100, 1)
                    };
                    admitted.fetch_add(quotas.admit(&ask, START_MS).admitted, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 1_000);
}

#[test]
fn a_million_invented_subjects_take_bounded_memory_and_evict_nobody() {
    let quotas = Quotas::new(
        &QuotaConfig {
            subjects_max: 100_000,
            ..config()
        },
        SubjectKeys::in_memory(),
    );
    let ask_of = |user, network| Ask {
        network_limit: 100,
        ..ask(in_network(user, network), 5, 1)
    };
    let spent = quotas.admit(
        &Ask {
            items: 5,
            ..ask_of(1, 1)
        },
        START_MS,
    );
    assert_eq!(spent.admitted, 5);
    let mut refused = 0;
    for user in 2..1_000_000_u64 {
        let now_ms = START_MS + i64::try_from(user / 1_000).unwrap();
        refused += 1 - quotas
            .admit(&ask_of(user, 1_000_000 + user / 100), now_ms)
            .admitted;
    }
    let usage = quotas.usage();
    assert!(usage.windows <= 100_000 + 4_096, "{usage:?}");
    assert!(usage.bytes <= 100_000 * 160, "{usage:?}");
    assert!(refused > 0, "in a crowd many share a quota");
    assert_eq!(
        quotas.admit(&ask_of(1, 1), START_MS + 1_000).admitted,
        0,
        "not evicted"
    );
    // When they are over, they make room.
    quotas.maintain(START_MS + 2 * HOUR_MS).unwrap();
    let usage = quotas.usage();
    assert_eq!(usage.windows, 0);
    assert!(usage.bytes < 100_000, "{usage:?}");
}

#[test]
fn windows_that_are_over_are_swept_by_whoever_comes() {
    let quotas = quotas();
    for user in 1..50_000 {
        let _spent = quotas.admit(&ask(nobody_else(user), 5, 1), START_MS);
    }
    for user in 0..5_000 {
        let later_ms = START_MS + 2 * HOUR_MS;
        let _spent = quotas.admit(&ask(nobody_else(100_000 + user), 5, 1), later_ms);
    }
    assert_eq!(quotas.usage().windows, 5_000);
}

#[test]
fn the_first_items_of_a_batch_are_admitted_and_the_rest_costs_nothing() {
    let quotas = quotas();
    let first = quotas.admit(&ask(nobody_else(1), 500, 300), START_MS);
    assert_eq!(
        (first.admitted, first.remaining, first.retry_after_s),
        (300, 200, None)
    );
    let second = quotas.admit(&ask(nobody_else(1), 500, 300), START_MS + 5 * MINUTE_MS);
    assert_eq!((second.admitted, second.remaining), (200, 0));
    // The window of START_MS begins at 22:13:20; its slot ends with the minute.
    assert_eq!(second.retry_after_s, Some(61 * 60 - 20 - 5 * 60));
    assert_eq!(second.reset_s, 61 * 60 - 20);
    let third = quotas.admit(&ask(nobody_else(1), 500, 1), START_MS + 5 * MINUTE_MS);
    assert_eq!((third.admitted, third.limit), (0, 500));
}

#[test]
fn what_was_not_stored_can_be_given_back() {
    let quotas = quotas();
    let ask = Ask {
        network_limit: 12,
        ..ask(in_network(1, 2), 10, 10)
    };
    let decision = quotas.admit(&ask, START_MS);
    quotas.undo(&decision, 4);
    let again = quotas.admit(&ask, START_MS + 2 * MINUTE_MS);
    assert_eq!(again.admitted, 4);
    quotas.undo(&decision, 6);
    quotas.undo(&again, 4);
    assert_eq!(quotas.peek(&ask, START_MS + 2 * MINUTE_MS).remaining, 10);
}

#[test]
fn classes_are_counted_apart_and_without_a_limit_nothing_is_counted() {
    let quotas = quotas();
    for class in Class::ALL {
        let ask = Ask {
            class,
            ..ask(nobody_else(1), 3, 5)
        };
        assert_eq!(quotas.admit(&ask, START_MS).admitted, 3);
        let over_ms = START_MS + i64::from(class.window_s() + class.window_s() / 60) * 1_000;
        assert_eq!(quotas.admit(&ask, over_ms).admitted, 3);
    }
    let before = quotas.usage();
    let free = quotas.admit(&ask(nobody_else(2), 0, 1_000_000), START_MS);
    assert_eq!((free.admitted, free.limit, free.count()), (1_000_000, 0, None));
    assert_eq!(quotas.usage(), before);
}

#[test]
fn a_limit_that_is_lowered_holds_at_once() {
    let quotas = quotas();
    for minute in 0..10 {
        let _spent = quotas.admit(&ask(nobody_else(1), 100, 10), START_MS + minute * MINUTE_MS);
    }
    let now_ms = START_MS + 10 * MINUTE_MS;
    let lowered = quotas.admit(&ask(nobody_else(1), 15, 1), now_ms);
    assert_eq!(lowered.admitted, 0);
    let wait_ms = i64::from(lowered.retry_after_s.unwrap()) * 1_000;
    let just_before = quotas.admit(&ask(nobody_else(1), 15, 1), now_ms + wait_ms - 1_000);
    assert_eq!(just_before.admitted, 0);
    let then = quotas.admit(&ask(nobody_else(1), 15, 1), now_ms + wait_ms);
    assert_eq!(then.admitted, 1);
}
