use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    is_enabled: true,
    failures_max: 5,
    open_ms: 60_000,
    successes_min: 3,
    failure_share: 0.0,
    window_ms: 10_000,
    window_calls_min: 10,
};

fn call(breaker: &mut Breaker, outcome: Outcome, now_ms: u64) -> bool {
    match breaker.admit(now_ms) {
        Ok(pass) => {
            breaker.note(pass, outcome, now_ms);
            true
        }
        Err(_) => false,
    }
}

#[test]
fn five_failures_in_a_row_open_it_and_three_successes_after_a_minute_close_it() {
    let mut breaker = Breaker::new(LIMITS);
    for _ in 0..4 {
        assert!(call(&mut breaker, Outcome::Failure, 0));
    }
    assert!(call(&mut breaker, Outcome::Success, 0), "which breaks the row");
    for _ in 0..5 {
        assert_eq!(breaker.state(0), State::Closed);
        assert!(call(&mut breaker, Outcome::Failure, 0));
    }
    assert_eq!(breaker.state(59_999), State::Open);
    assert_eq!(breaker.admit(20_000), Err(Refused { retry_in_ms: 40_000 }));
    for _ in 0..3 {
        assert_eq!(breaker.state(60_000), State::HalfOpen);
        assert!(call(&mut breaker, Outcome::Success, 60_000));
    }
    assert_eq!((breaker.state(60_000), breaker.opened()), (State::Closed, 1));
}

#[test]
fn while_it_is_half_open_one_call_at_a_time_is_tried() {
    let mut breaker = Breaker::new(LIMITS);
    for _ in 0..5 {
        call(&mut breaker, Outcome::Failure, 0);
    }
    let first = breaker.admit(60_000).expect("the first");
    assert_eq!(breaker.admit(60_000), Err(Refused { retry_in_ms: 0 }));
    breaker.note(first, Outcome::Unknown, 60_000);
    let second = breaker.admit(60_000).expect("the first was given up");
    breaker.note(second, Outcome::Failure, 70_000);
    assert_eq!(breaker.admit(129_999), Err(Refused { retry_in_ms: 1 }));
}

#[test]
fn what_began_before_it_opened_does_not_change_it() {
    let mut breaker = Breaker::new(LIMITS);
    let slow = breaker.admit(0).expect("closed");
    for _ in 0..5 {
        call(&mut breaker, Outcome::Failure, 0);
    }
    breaker.note(slow, Outcome::Success, 1);
    assert_eq!(breaker.state(1), State::Open);
    let tried = breaker.admit(60_000).expect("half-open");
    breaker.note(slow, Outcome::Failure, 60_000);
    assert_eq!(breaker.state(60_000), State::HalfOpen);
    breaker.note(tried, Outcome::Success, 60_000);
}

#[test]
fn a_share_of_failures_opens_it_when_there_are_enough_calls() {
    let limits = Limits {
        failure_share: 0.5,
        ..LIMITS
    };
    let mut breaker = Breaker::new(limits);
    let outcomes = [Outcome::Success, Outcome::Failure];
    for n in 0..9 {
        call(&mut breaker, outcomes[n % 2], 0);
        assert_eq!(breaker.state(0), State::Closed, "{n}");
    }
    call(&mut breaker, Outcome::Failure, 0);
    assert_eq!(breaker.state(0), State::Open);
}

#[test]
fn failures_long_ago_have_no_share() {
    let limits = Limits {
        failure_share: 0.5,
        failures_max: 1_000,
        ..LIMITS
    };
    let mut breaker = Breaker::new(limits);
    for n in 0..100 {
        call(&mut breaker, Outcome::Failure, n * 2_000);
        assert_eq!(breaker.state(n * 2_000), State::Closed);
    }
}

#[test]
fn one_that_is_not_enabled_lets_everything_through() {
    let limits = Limits {
        is_enabled: false,
        ..LIMITS
    };
    let mut breaker = Breaker::new(limits);
    assert!((0..100).all(|_| call(&mut breaker, Outcome::Failure, 0)));
}

/// The rules, as one would write them down: the whole history is looked at each time.
#[derive(Default)]
struct Reference {
    /// Outcomes since it closed last, or since it was tried last.
    history: Vec<Outcome>,
    opened_at: Option<u64>,
}

impl Reference {
    fn call(&mut self, outcome: Outcome, now_ms: u64) -> bool {
        let trailing = |history: &[Outcome], wanted| {
            let known = history.iter().rev().filter(|one| **one != Outcome::Unknown);
            known.take_while(|one| **one == wanted).count()
        };
        match self.opened_at {
            Some(at) if now_ms < at + LIMITS.open_ms => return false,
            Some(_) => {
                self.history.push(outcome);
                if outcome == Outcome::Failure {
                    *self = Self {
                        opened_at: Some(now_ms),
                        ..Self::default()
                    };
                } else if trailing(&self.history, Outcome::Success) == LIMITS.successes_min as usize {
                    *self = Self::default();
                }
            }
            None => {
                self.history.push(outcome);
                if trailing(&self.history, Outcome::Failure) == LIMITS.failures_max as usize {
                    *self = Self {
                        opened_at: Some(now_ms),
                        ..Self::default()
                    };
                }
            }
        }
        true
    }
}

/// What parts that ended so, one after the other, come to.
fn of_parts(parts: &[Outcome]) -> Outcome {
    if parts.contains(&Outcome::Failure) {
        Outcome::Failure
    } else if parts.contains(&Outcome::Unknown) || parts.is_empty() {
        Outcome::Unknown
    } else {
        Outcome::Success
    }
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![Outcome::Success, Outcome::Failure, Outcome::Unknown])
}

proptest! {
    #[test]
    fn a_call_counts_once_however_its_parts_overlap(
        calls in prop::collection::vec(prop::collection::vec((outcomes(), 0_usize..4), 0..4), 0..30),
    ) {
        // Open for no time at all: whether a call is let through depends on the other calls alone.
        let limits = Limits { open_ms: 0, failures_max: 2, ..LIMITS };
        let circuit = Circuit::new("test", limits);
        let mut breaker = Breaker::new(limits);
        for parts in calls {
            let whole = circuit.admit().expect("no other call is under way");
            let pass = breaker.admit(0).expect("the same");
            let mut under_way: Vec<Option<Part>> = parts.iter().map(|_| Some(whole.part())).collect();
            drop(whole);
            let is_half_open = breaker.state(0) == State::HalfOpen;
            // They end in any order; until the last of them has, no other call is tried.
            let mut order: Vec<usize> = (0..parts.len()).collect();
            order.sort_by_key(|place| (parts[*place].1, *place));
            for place in order {
                prop_assert_eq!(circuit.admit().is_err(), is_half_open);
                let part = under_way[place].take().expect("each ends once");
                match parts[place].0 {
                    Outcome::Unknown => drop(part),
                    known => part.ended(known),
                }
            }
            let ended: Vec<Outcome> = parts.iter().map(|(outcome, _)| *outcome).collect();
            breaker.note(pass, of_parts(&ended), 0);
            let status = circuit.status();
            prop_assert_eq!(
                (status.state, status.failures, status.opened),
                (breaker.state(0), breaker.failures(), breaker.opened())
            );
        }
    }

    #[test]
    fn it_lets_through_what_the_rules_let_through(
        calls in prop::collection::vec((prop::sample::select(vec![
            Outcome::Success, Outcome::Failure, Outcome::Failure, Outcome::Failure, Outcome::Unknown,
        ]), 0_u64..20_000), 0..200),
    ) {
        let (mut breaker, mut reference) = (Breaker::new(LIMITS), Reference::default());
        let mut now_ms = 0;
        for (outcome, pause_ms) in calls {
            now_ms += pause_ms;
            prop_assert_eq!(call(&mut breaker, outcome, now_ms), reference.call(outcome, now_ms));
        }
    }

    #[test]
    fn of_calls_that_overlap_never_two_are_tried_at_once(
        steps in prop::collection::vec((0_usize..4, prop::bool::ANY, 0_u64..40_000), 0..200),
    ) {
        let mut breaker = Breaker::new(LIMITS);
        let mut under_way: Vec<(Pass, bool)> = Vec::new();
        let mut now_ms = 0;
        for (which, is_success, pause_ms) in steps {
            now_ms += pause_ms;
            if which == 0 || under_way.is_empty() {
                let was_half_open = breaker.state(now_ms) == State::HalfOpen;
                if let Ok(pass) = breaker.admit(now_ms) {
                    under_way.push((pass, was_half_open));
                }
            } else {
                let (pass, _) = under_way.remove(which % under_way.len());
                let outcome = if is_success { Outcome::Success } else { Outcome::Failure };
                breaker.note(pass, outcome, now_ms);
            }
            let period = breaker.period;
            let tried = under_way.iter().filter(|(pass, tried)| *tried && pass.period == period);
            if breaker.state(now_ms) == State::HalfOpen {
                prop_assert!(tried.count() <= 1);
            }
        }
    }
}

#[test]
fn a_circuit_whose_call_is_given_up_lets_the_next_one_through() {
    let limits = Limits {
        failures_max: 1,
        open_ms: 0,
        ..LIMITS
    };
    let circuit = Circuit::new("test", limits);
    circuit.admit().expect("closed").part().ended(Outcome::Failure);
    // Before it began, and in the middle of it.
    drop(circuit.admit().expect("half-open"));
    drop(circuit.admit().expect("half-open").part());
    for _ in 0..3 {
        circuit.admit().expect("half-open").part().ended(Outcome::Success);
    }
    let status = circuit.status();
    assert_eq!(
        (status.state, status.failures, status.opened),
        (State::Closed, 0, 1)
    );
}
