//! The rules of single values, ready to be looked at.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use uuid::Uuid;

use crate::domain::beacon::{METRIC_TYPES, Metric, text_of};
use crate::domain::enrichment::Enrichment;
use crate::domain::rule::{Dimension, Level, LevelThresholds, Rule, SingleWatch, Watch};

/// All rules of single values, by their projects.
#[derive(Debug, Default)]
pub struct TapPicture {
    projects: HashMap<String, Vec<TapRule>, RandomState>,
}

/// A rule of single values.
#[derive(Debug)]
pub(super) struct TapRule {
    id: Uuid,
    metric_type: &'static str,
    thresholds: LevelThresholds,
    watch: SingleWatch,
}

impl TapPicture {
    /// The picture of these rules; those that look at something else are left out.
    pub fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut picture = Self::default();
        for rule in rules {
            let Watch::Single(watch) = &rule.definition.watch else {
                continue;
            };
            let known = METRIC_TYPES.into_iter().find(|known| *known == watch.metric_type);
            let Some(metric_type) = known else { continue };
            let of_project = picture.projects.entry(rule.project_id.as_str().to_owned());
            of_project.or_default().push(TapRule {
                id: rule.id,
                metric_type,
                thresholds: rule.definition.thresholds,
                watch: watch.clone(),
            });
        }
        picture
    }

    /// The rules of a project of which a measurement crosses a threshold, whatever their filters say.
    pub(super) fn crossed<'p>(
        &'p self,
        project_id: &str,
        metric: &'p Metric<'_>,
    ) -> impl Iterator<Item = &'p TapRule> {
        let rules = self.projects.get(project_id).map_or(&[][..], Vec::as_slice);
        rules.iter().filter(|rule| rule.is_crossed(metric))
    }
}

impl TapRule {
    pub(super) const fn id(&self) -> Uuid {
        self.id
    }

    fn is_crossed(&self, metric: &Metric<'_>) -> bool {
        let is_type = self.metric_type == metric.metric_type;
        is_type
            && self
                .thresholds
                .level_of(metric.value)
                .is_some_and(|level| level >= Level::Info)
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
