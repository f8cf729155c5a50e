//! How often a rule would have fired over the past.

use serde::Serialize;

use super::definition::RuleDefinition;
use super::level::{Direction, Level};
use super::status::{Observation, Status, Transition};
use super::watch::Watch;

/// What a rule would have seen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PastSample {
    /// When, in milliseconds since 1970.
    pub ts_ms: i64,
    /// The value; null when there was nothing to measure, or too little.
    pub value: Option<f64>,
    /// Events behind it.
    pub events: u64,
}

/// What a rule would have seen of one group, the earliest first.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PastSeries {
    /// Values in the order of `group_by`; empty without.
    pub group: Vec<String>,
    /// The samples.
    pub samples: Vec<PastSample>,
}

/// A time for which a rule would have fired.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Firing {
    /// Values in the order of `group_by`; empty without.
    pub group: Vec<String>,
    /// The highest level at which it fired.
    pub level: Level,
    /// When it began, in milliseconds since 1970.
    pub fired_at_ms: i64,
    /// When it was over; null: it still fires at the end.
    pub resolved_at_ms: Option<i64>,
    /// The worst value meanwhile; null when it fired for want of data.
    pub peak: Option<f64>,
}

/// How often something would have fired at each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FiringCounts {
    /// Firings that were `info` at most.
    pub info: u32,
    /// Firings that were `warning` at most.
    pub warning: u32,
    /// Firings that were `error` at most.
    pub error: u32,
    /// Firings that were `critical`.
    pub critical: u32,
}

/// What a rule would have told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Backtest {
    /// All firings, the earliest first.
    pub firings: Vec<Firing>,
    /// How many there are by their highest level.
    pub counts: FiringCounts,
}

impl FiringCounts {
    const fn add(&mut self, level: Level) {
        match level {
            Level::Info => self.info += 1,
            Level::Warning => self.warning += 1,
            Level::Error => self.error += 1,
            Level::Critical => self.critical += 1,
        }
    }
}

impl Backtest {
    /// Runs a rule over what it would have seen. It sees no more than the samples, so what begins and ends between two of them is not
    /// found.
    #[must_use]
    pub fn run(definition: &RuleDefinition, series: &[PastSeries]) -> Self {
        let mut firings: Vec<Firing> = series
            .iter()
            .flat_map(|series| of_group(definition, series))
            .collect();
        firings.sort_by(|a, b| (a.fired_at_ms, &a.group).cmp(&(b.fired_at_ms, &b.group)));
        let mut counts = FiringCounts::default();
        for firing in &firings {
            counts.add(firing.level);
        }
        Self { firings, counts }
    }
}

fn of_group(definition: &RuleDefinition, series: &PastSeries) -> Vec<Firing> {
    let Some(highest) = definition.thresholds.highest() else {
        return Vec::new();
    };
    let timing = definition.timing();
    let mut status = Status::default();
    let mut firings: Vec<Firing> = Vec::new();
    for sample in &series.samples {
        let observation = observation(definition, sample);
        let told = status.step(observation, sample.ts_ms, timing, definition.no_data, highest);
        if let Some(Transition::Fired(level)) = told {
            firings.push(Firing {
                group: series.group.clone(),
                level,
                fired_at_ms: sample.ts_ms,
                resolved_at_ms: None,
                peak: None,
            });
        }
        let Some(firing) = firings
            .last_mut()
            .filter(|firing| firing.resolved_at_ms.is_none())
        else {
            continue;
        };
        match told {
            Some(Transition::Resolved(_)) => firing.resolved_at_ms = Some(sample.ts_ms),
            Some(Transition::Changed { to, .. }) => firing.level = firing.level.max(to),
            Some(Transition::Fired(_)) | None => {}
        }
        if firing.resolved_at_ms.is_none() {
            firing.peak = worst(definition.thresholds.direction, firing.peak, sample.value);
        }
    }
    firings
}

/// A single watch with nothing to look at is well: it waits for bad values, not for values.
fn observation(definition: &RuleDefinition, sample: &PastSample) -> Observation {
    match (sample.value, &definition.watch) {
        (Some(value), _) => Observation::Value(definition.thresholds.level_of(value)),
        (None, Watch::Single(_)) => Observation::Value(None),
        (None, _) => Observation::NoData,
    }
}

fn worst(direction: Direction, a: Option<f64>, b: Option<f64>) -> Option<f64> {
    let both = a.zip(b).map(|(a, b)| match direction {
        Direction::Above => a.max(b),
        Direction::Below => a.min(b),
    });
    both.or(a).or(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::rule::{NoData, Timing};

    const STEP_MS: i64 = 60_000;

    fn definition(
        watch: serde_json::Value,
        direction: Direction,
        timing: Timing,
        no_data: NoData,
    ) -> RuleDefinition {
        let mut definition: RuleDefinition = serde_json::from_value(json!({
            "name": "Slow", "watch": watch, "thresholds": { "warning": 10.0, "critical": 20.0 },
        }))
        .unwrap();
        if direction == Direction::Below {
            definition.thresholds.direction = direction;
            definition.thresholds.critical = Some(5.0);
        }
        definition.for_ms = timing.for_ms;
        definition.keep_firing_for_ms = Some(timing.keep_firing_for_ms);
        definition.no_data = no_data;
        definition
    }

    fn series(values: &[Option<f64>]) -> PastSeries {
        let samples = (1..).zip(values).map(|(number, value)| PastSample {
            ts_ms: number * STEP_MS,
            value: *value,
            events: 1,
        });
        PastSeries {
            group: vec!["/a".to_owned()],
            samples: samples.collect(),
        }
    }

    #[test]
    fn a_firing_has_its_highest_level_its_worst_value_and_both_of_its_ends() {
        let metric = json!({ "kind": "metric" });
        let definition = definition(metric, Direction::Above, Timing::default(), NoData::Keep);
        let values = [1.0, 12.0, 25.0, 15.0, 2.0, 11.0].map(Some);
        let found = Backtest::run(&definition, &[series(&values)]);
        let firing = |level, from: i64, to: Option<i64>, peak| Firing {
            group: vec!["/a".to_owned()],
            level,
            fired_at_ms: from * STEP_MS,
            resolved_at_ms: to.map(|to| to * STEP_MS),
            peak: Some(peak),
        };
        let wanted = [
            firing(Level::Critical, 2, Some(5), 25.0),
            firing(Level::Warning, 6, None, 11.0),
        ];
        assert_eq!(found.firings, wanted);
        assert_eq!((found.counts.warning, found.counts.critical), (1, 1));
    }

    #[test]
    fn a_single_watch_without_values_is_well_and_another_one_has_no_data() {
        let fire_without_data = |watch| definition(watch, Direction::Above, Timing::default(), NoData::Fire);
        let single = fire_without_data(json!({ "kind": "single", "type": "page_load_time" }));
        assert_eq!(Backtest::run(&single, &[series(&[None])]).firings, []);
        let metric = fire_without_data(json!({ "kind": "metric" }));
        let found = Backtest::run(&metric, &[series(&[None])]).firings;
        assert_eq!(
            (found.len(), found[0].level, found[0].peak),
            (1, Level::Critical, None)
        );
    }

    proptest! {
        #[test]
        fn firings_are_the_stretches_in_which_a_rule_that_is_stepped_by_hand_is_at_a_level(
            values in prop::collection::vec(prop::option::weighted(0.9, 0.0..30.0_f64), 0..60),
            for_steps in 0..4_i64,
            keep_steps in 0..4_i64,
            is_below: bool,
            no_data in prop::sample::select(vec![NoData::Keep, NoData::Ok, NoData::Fire]),
        ) {
            let direction = if is_below { Direction::Below } else { Direction::Above };
            let timing = Timing { for_ms: for_steps * STEP_MS, keep_firing_for_ms: keep_steps * STEP_MS };
            let definition = definition(json!({ "kind": "metric" }), direction, timing, no_data);
            let series = series(&values);

            let mut status = Status::default();
            let mut levels = Vec::new();
            for sample in &series.samples {
                let observation = sample.value.map_or(Observation::NoData, |value| {
                    Observation::Value(definition.thresholds.level_of(value))
                });
                status.step(observation, sample.ts_ms, timing, no_data, Level::Critical);
                levels.push(status.level());
            }
            let mut wanted = Vec::new();
            let mut start = 0;
            for stretch in levels.chunk_by(|a, b| a.is_some() == b.is_some()) {
                let end = start + stretch.len();
                if let Some(level) = stretch.iter().copied().flatten().max() {
                    let values = series.samples[start..end].iter().filter_map(|sample| sample.value);
                    let peak = if is_below { values.reduce(f64::min) } else { values.reduce(f64::max) };
                    wanted.push(Firing {
                        group: series.group.clone(),
                        level,
                        fired_at_ms: series.samples[start].ts_ms,
                        resolved_at_ms: series.samples.get(end).map(|sample| sample.ts_ms),
                        peak,
                    });
                }
                start = end;
            }
            let found = Backtest::run(&definition, &[series]);
            let FiringCounts { info, warning, error, critical } = found.counts;
            prop_assert_eq!((info + warning + error + critical) as usize, wanted.len());
            prop_assert_eq!(found.firings, wanted);
        }
    }
}
