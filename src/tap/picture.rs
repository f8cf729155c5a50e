//! The rules of single values, ready to be looked at.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use uuid::Uuid;

use crate::domain::beacon::{METRIC_TYPES, Metric, text_of};
use crate::domain::enrichment::Enrichment;
use crate::domain::rule::{Dimension, Direction, Level, Rule, SingleWatch, Watch};

/// All rules of single values, by their projects.
#[derive(Debug, Default)]
pub struct TapPicture {
    projects: HashMap<String, Vec<RulesOfType>, RandomState>,
}

/// A project's rules about a type of metric. Those that a value crosses stand first: who crosses none looks at one.
#[derive(Debug)]
struct RulesOfType {
    metric_type: &'static str,
    /// Values above are bad; the lowest reach first.
    above: Vec<TapRule>,
    /// Values below are bad; the highest reach first.
    below: Vec<TapRule>,
}

/// A rule of single values.
#[derive(Debug)]
pub(super) struct TapRule {
    id: Uuid,
    /// The threshold that is crossed before all others of the rule.
    reach: f64,
    watch: SingleWatch,
}

impl TapPicture {
    /// The picture of these rules; those that look at something else are left out.
    pub fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut picture = Self::default();
        for rule in rules {
            picture.add(rule);
        }
        for rules in picture.projects.values_mut().flatten() {
            rules.above.sort_by(|a, b| a.reach.total_cmp(&b.reach));
            rules.below.sort_by(|a, b| b.reach.total_cmp(&a.reach));
        }
        picture
    }

    fn add(&mut self, rule: &Rule) {
        let Watch::Single(watch) = &rule.definition.watch else {
            return;
        };
        let known = METRIC_TYPES.into_iter().find(|known| *known == watch.metric_type);
        let thresholds = &rule.definition.thresholds;
        let set = Level::ALL.into_iter().filter_map(|level| thresholds.of(level));
        let reach = match thresholds.direction {
            Direction::Above => set.reduce(f64::min),
            Direction::Below => set.reduce(f64::max),
        };
        let (Some(metric_type), Some(reach)) = (known, reach) else {
            return;
        };
        let of_project = self.projects.entry(rule.project_id.as_str().to_owned());
        let of_project = of_project.or_default();
        let there = of_project
            .iter()
            .position(|rules| rules.metric_type == metric_type);
        let place = there.unwrap_or_else(|| {
            of_project.push(RulesOfType {
                metric_type,
                above: Vec::new(),
                below: Vec::new(),
            });
            of_project.len() - 1
        });
        let of_type = &mut of_project[place];
        let side = match thresholds.direction {
            Direction::Above => &mut of_type.above,
            Direction::Below => &mut of_type.below,
        };
        side.push(TapRule {
            id: rule.id,
            reach,
            watch: watch.clone(),
        });
    }

    /// The rules of a project of which a measurement crosses a threshold, whatever their filters say.
    pub(super) fn crossed<'p>(
        &'p self,
        project_id: &str,
        metric_type: &'static str,
        value: f64,
    ) -> impl Iterator<Item = &'p TapRule> + use<'p> {
        let of_project = self.projects.get(project_id).map_or(&[][..], Vec::as_slice);
        let of_type = of_project.iter().find(|rules| rules.metric_type == metric_type);
        of_type.into_iter().flat_map(move |rules| {
            let above = rules.above.iter().take_while(move |rule| value > rule.reach);
            above.chain(rules.below.iter().take_while(move |rule| value < rule.reach))
        })
    }
}

impl TapRule {
    pub(super) const fn id(&self) -> Uuid {
        self.id
    }

    /// The values by which the rule tells the measurement's group; none when its filters let it not pass.
    pub(super) fn group_of(&self, metric: &Metric<'_>, enrichment: &Enrichment) -> Option<Vec<String>> {
        let name = text_of(metric.name.as_ref());
        if self.watch.name.as_deref().is_some_and(|wanted| wanted != name) {
            return None;
        }
        let passes = self.watch.filters.0.iter().all(|(dimension, values)| {
            let value = value_of(*dimension, metric, enrichment);
            values.iter().any(|wanted| *wanted == *value)
        });
        let group = self.watch.group_by.iter();
        passes.then(|| {
            group
                .map(|dimension| value_of(*dimension, metric, enrichment).into_owned())
                .collect()
        })
    }
}

fn value_of<'v>(dimension: Dimension, metric: &'v Metric<'_>, enrichment: &'v Enrichment) -> Cow<'v, str> {
    Cow::Borrowed(match dimension {
        Dimension::Page => &metric.page,
        Dimension::ApiEndpoint => &metric.api_endpoint,
        Dimension::Method => text_of(metric.method.as_ref()),
        Dimension::EffectId => text_of(metric.effect_id.as_ref()),
        Dimension::Region => text_of(metric.region.as_ref()),
        Dimension::Release => text_of(metric.release.as_ref()),
        Dimension::Environment => text_of(metric.environment.as_ref()),
        Dimension::Browser => &enrichment.client.browser,
        Dimension::Os => &enrichment.client.os,
        Dimension::Device => enrichment.client.device.as_str(),
        Dimension::Country => enrichment.country.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::account::ProjectId;
    use crate::domain::rule::LevelThresholds;

    fn rule(metric_type: &str, thresholds: LevelThresholds) -> Rule {
        Rule {
            id: Uuid::now_v7(),
            project_id: ProjectId::parse("project_id", "default").unwrap(),
            definition: serde_json::from_value(json!({
                "name": "x", "watch": {"kind": "single", "type": metric_type}, "thresholds": thresholds,
            }))
            .unwrap(),
            created_at_ms: 0,
            updated_at_ms: 0,
            revision: 1,
        }
    }

    fn thresholds() -> impl Strategy<Value = LevelThresholds> {
        let one = || proptest::option::of((0..20_u8).prop_map(f64::from));
        (any::<bool>(), one(), one(), one(), one()).prop_map(|(is_above, info, warning, error, critical)| {
            LevelThresholds {
                direction: if is_above {
                    Direction::Above
                } else {
                    Direction::Below
                },
                info,
                warning,
                error,
                critical,
            }
        })
    }

    proptest! {
        #[test]
        fn the_rules_that_are_crossed_are_those_of_the_type_that_reach_a_level(
            rules in proptest::collection::vec((0..2_usize, thresholds()), 0..12),
            value in (0..20_u8).prop_map(f64::from),
        ) {
            let rules: Vec<Rule> = rules.iter().map(|(of, thresholds)| rule(METRIC_TYPES[*of], *thresholds)).collect();
            let picture = TapPicture::new(&rules);
            for metric_type in [METRIC_TYPES[0], METRIC_TYPES[1]] {
                let mut found: Vec<Uuid> =
                    picture.crossed("default", metric_type, value).map(TapRule::id).collect();
                let mut wanted: Vec<Uuid> = rules
                    .iter()
                    .filter(|rule| matches!(&rule.definition.watch, Watch::Single(watch) if watch.metric_type == metric_type))
                    .filter(|rule| rule.definition.thresholds.level_of(value).is_some())
                    .map(|rule| rule.id)
                    .collect();
                found.sort_unstable();
                wanted.sort_unstable();
                prop_assert_eq!(found, wanted);
                prop_assert_eq!(picture.crossed("other", metric_type, value).count(), 0);
            }
        }
    }
}
