//! The machine against a model that looks at the whole past at each step.

use proptest::prelude::*;

use super::*;

/// Whether a level fires at the end of a history, told from runs: it begins where a run of reached values lasted long enough, and
/// ends where a run of good ones did. `None` is an evaluation that says nothing.
fn fires(history: &[(i64, Option<bool>)], timing: Timing) -> bool {
    let said: Vec<(i64, bool)> = history
        .iter()
        .filter_map(|(ms, reached)| Some((*ms, (*reached)?)))
        .collect();
    let lasts = |end: usize, wanted: bool, enough_ms: i64| {
        let begin = (0..=end)
            .rev()
            .take_while(|index| said[*index].1 == wanted)
            .last();
        begin.is_some_and(|begin| said[end].0 - said[begin].0 >= enough_ms)
    };
    let mut fires = false;
    for end in 0..said.len() {
        fires = if fires {
            !lasts(end, false, timing.keep_firing_for_ms)
        } else {
            lasts(end, true, timing.for_ms)
        };
    }
    fires
}

fn observations() -> impl Strategy<Value = Vec<(i64, Observation)>> {
    let level = prop::sample::select(&Level::ALL[..]);
    let observation = prop_oneof![
        6 => prop::option::of(level).prop_map(Observation::Value),
        1 => Just(Observation::NoData),
    ];
    prop::collection::vec(
        (
            prop::sample::select(&[1_000_i64, 15_000, 60_000][..]),
            observation,
        ),
        1..60,
    )
}

fn written_down(status: Status) -> Status {
    let text = serde_json::to_string(&status).expect("as text");
    serde_json::from_str(&text).expect("from text")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_rule_fires_and_ends_as_the_whole_past_says_through_any_restarts(
        series in observations(),
        restarts in prop::collection::vec(any::<bool>(), 60),
        for_ms in prop::sample::select(&[0_i64, 15_000, 60_000][..]),
        keep_firing_for_ms in prop::sample::select(&[0_i64, 15_000, 120_000][..]),
        no_data in prop::sample::select(&[NoData::Keep, NoData::Ok, NoData::Fire][..]),
        highest in prop::sample::select(&Level::ALL[..]),
    ) {
        let timing = Timing { for_ms, keep_firing_for_ms };
        let mut status = Status::default();
        let mut histories: [Vec<(i64, Option<bool>)>; 4] = Default::default();
        let (mut now_ms, mut told) = (1_700_000_000_000, None);
        for ((later_ms, observation), restarts) in series.into_iter().zip(restarts) {
            now_ms += later_ms;
            for (level, history) in Level::ALL.into_iter().zip(&mut histories) {
                history.push((now_ms, match (observation, no_data) {
                    (Observation::Value(reached), _) => Some(reached >= Some(level)),
                    (Observation::NoData, NoData::Ok) => Some(false),
                    (Observation::NoData, NoData::Fire) => Some(highest >= level),
                    (Observation::NoData, NoData::Keep) => None,
                }));
            }
            let transition = status.step(observation, now_ms, timing, no_data, highest);
            let fired = Level::ALL.into_iter().zip(&histories).rev().find(|(_, history)| fires(history, timing));
            prop_assert_eq!(status.level(), fired.map(|(level, _)| level));
            // What was told before and what is told now are all that anybody needs to know.
            let known = match transition {
                None => told,
                Some(Transition::Fired(level)) => { prop_assert_eq!(told, None); Some(level) }
                Some(Transition::Changed { from, to }) => { prop_assert_eq!(told, Some(from)); Some(to) }
                Some(Transition::Resolved(level)) => { prop_assert_eq!(told, Some(level)); None }
            };
            prop_assert_eq!(known, status.level());
            told = known;
            if restarts {
                status = written_down(status);
            }
        }
    }

    #[test]
    fn a_level_is_reached_when_its_threshold_is_passed_and_no_higher_one_is(
        values in prop::collection::vec(-100.0..100.0_f64, 4), value in -120.0..120.0_f64, is_above: bool, without in 0..4_usize,
    ) {
        let mut ordered = values;
        ordered.sort_by(f64::total_cmp);
        if !is_above {
            ordered.reverse();
        }
        let threshold = |index: usize| (index != without).then(|| ordered[index]);
        let thresholds = LevelThresholds {
            direction: if is_above { Direction::Above } else { Direction::Below },
            info: threshold(0),
            warning: threshold(1),
            error: threshold(2),
            critical: threshold(3),
        };
        prop_assert!(thresholds.faults().is_empty());
        let passed = |level: &Level| thresholds.of(*level).is_some_and(|threshold| {
            if is_above { value > threshold } else { value < threshold }
        });
        prop_assert_eq!(thresholds.level_of(value), Level::ALL.into_iter().filter(passed).max());
    }
}

#[test]
fn a_threshold_itself_is_good_and_no_number_reaches_nothing() {
    let thresholds = LevelThresholds {
        warning: Some(3_000.0),
        critical: Some(5_000.0),
        ..LevelThresholds::default()
    };
    assert_eq!(thresholds.level_of(3_000.0), None);
    assert_eq!(thresholds.level_of(3_000.1), Some(Level::Warning));
    assert_eq!(thresholds.level_of(f64::INFINITY), Some(Level::Critical));
    assert_eq!(thresholds.level_of(f64::NAN), None);
}

#[test]
fn thresholds_that_are_missing_endless_or_out_of_order_are_told_by_their_fields() {
    let fields = |thresholds: LevelThresholds| -> Vec<String> {
        let faults = thresholds.faults().into_iter();
        faults.map(|fault| fault.field.into_owned()).collect()
    };
    assert_eq!(fields(LevelThresholds::default()), ["thresholds"]);
    let falling = LevelThresholds {
        warning: Some(5.0),
        critical: Some(4.0),
        ..LevelThresholds::default()
    };
    assert_eq!(fields(falling), ["thresholds.critical"]);
    let below = LevelThresholds {
        direction: Direction::Below,
        ..falling
    };
    assert!(fields(below).is_empty());
    let endless = LevelThresholds {
        error: Some(f64::NAN),
        ..LevelThresholds::default()
    };
    assert_eq!(fields(endless), ["thresholds.error"]);
}

#[test]
fn a_clock_that_goes_backwards_makes_nothing_fire_and_nothing_end() {
    let timing = Timing {
        for_ms: 10,
        keep_firing_for_ms: 10,
    };
    let mut status = Status::default();
    let mut step = |reached, now_ms| {
        status.step(
            Observation::Value(reached),
            now_ms,
            timing,
            NoData::Keep,
            Level::Info,
        )
    };
    assert_eq!(step(Some(Level::Info), 1_000), None);
    assert_eq!(step(Some(Level::Info), 0), None);
    assert_eq!(
        step(Some(Level::Info), 1_010),
        Some(Transition::Fired(Level::Info))
    );
    assert_eq!(step(None, 1_020), None);
    assert_eq!(step(None, 5), None);
    assert_eq!(step(None, 1_030), Some(Transition::Resolved(Level::Info)));
}

#[test]
fn nothing_to_measure_is_a_phase_of_its_own_unless_it_fires() {
    let mut status = Status::default();
    let timing = Timing::default();
    status.step(Observation::NoData, 0, timing, NoData::Keep, Level::Info);
    assert_eq!(status.phase(), Phase::NoData);
    status.step(
        Observation::Value(Some(Level::Info)),
        0,
        timing,
        NoData::Keep,
        Level::Info,
    );
    status.step(Observation::NoData, 0, timing, NoData::Keep, Level::Info);
    assert_eq!(status.phase(), Phase::Firing);
}
