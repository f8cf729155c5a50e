//! What a body says of a project's settings.

use super::super::body::Fields;
use crate::domain::account::{
    FunnelDefinition, GroupingRule, Name, ProjectSettings, ScrubRule, ShareThreshold, Statistic, Threshold,
    Thresholds,
};
use crate::domain::field_error::FieldError;

/// What a body may say of settings; what it leaves out stays, and a list takes the place of the whole list.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `SettingsChanges` reads it")]
pub(super) struct SettingsFields {
    /// Names of funnel steps that are valid beside the nine standard ones.
    funnel_steps: Option<Vec<String>>,
    /// Types of events that are valid beside the seven standard ones.
    event_types: Option<Vec<String>>,
    grouping_rules: Option<Vec<GroupingRule>>,
    scrub_rules: Option<Vec<ScrubRule>>,
    /// At most 50.
    funnels: Option<Vec<FunnelDefinition>>,
    thresholds: Option<ThresholdFields>,
}

/// Each threshold that is named is named as a whole, the others stay.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `ThresholdChanges` reads it")]
struct ThresholdFields {
    page_load_time: Option<Threshold>,
    api_response_time: Option<Threshold>,
    effect_processing_time: Option<Threshold>,
    error_share: Option<ShareThreshold>,
}

/// What a body says; what it leaves out stays.
#[derive(Default)]
pub(super) struct SettingsChanges {
    funnel_steps: Option<Vec<String>>,
    event_types: Option<Vec<String>>,
    grouping_rules: Option<Vec<GroupingRule>>,
    scrub_rules: Option<Vec<ScrubRule>>,
    funnels: Option<Vec<FunnelDefinition>>,
    thresholds: ThresholdChanges,
}

/// Each threshold that is named is named as a whole.
#[derive(Default)]
struct ThresholdChanges {
    page_load_time: Option<Threshold>,
    api_response_time: Option<Threshold>,
    effect_processing_time: Option<Threshold>,
    error_share: Option<ShareThreshold>,
}

impl SettingsChanges {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            funnel_steps: fields.list("funnel_steps", any),
            event_types: fields.list("event_types", any),
            grouping_rules: fields.typed("grouping_rules"),
            scrub_rules: fields.typed("scrub_rules"),
            funnels: fields.objects("funnels", read_funnel),
            thresholds: fields
                .object("thresholds", ThresholdChanges::read)
                .unwrap_or_default(),
        }
    }

    pub(super) fn applied_to(self, known: ProjectSettings) -> ProjectSettings {
        ProjectSettings {
            funnel_steps: self.funnel_steps.unwrap_or(known.funnel_steps),
            event_types: self.event_types.unwrap_or(known.event_types),
            grouping_rules: self.grouping_rules.unwrap_or(known.grouping_rules),
            scrub_rules: self.scrub_rules.unwrap_or(known.scrub_rules),
            overflow: known.overflow,
            funnels: self.funnels.unwrap_or(known.funnels),
            thresholds: self.thresholds.applied_to(known.thresholds),
        }
    }
}

impl ThresholdChanges {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            page_load_time: fields.object("page_load_time", read_threshold).flatten(),
            api_response_time: fields.object("api_response_time", read_threshold).flatten(),
            effect_processing_time: fields.object("effect_processing_time", read_threshold).flatten(),
            error_share: fields
                .object("error_share", |inner| {
                    let (warning, critical) = read_bounds(inner);
                    Some(ShareThreshold {
                        warning: warning?,
                        critical: critical?,
                    })
                })
                .flatten(),
        }
    }

    fn applied_to(self, known: Thresholds) -> Thresholds {
        Thresholds {
            page_load_time: self.page_load_time.unwrap_or(known.page_load_time),
            api_response_time: self.api_response_time.unwrap_or(known.api_response_time),
            effect_processing_time: self
                .effect_processing_time
                .unwrap_or(known.effect_processing_time),
            error_share: self.error_share.unwrap_or(known.error_share),
        }
    }
}

fn any(_: &'static str, text: &str) -> Result<String, FieldError> {
    Ok(text.to_owned())
}

fn read_funnel(fields: &mut Fields<'_>) -> Option<FunnelDefinition> {
    let id = fields.text("id");
    let id = fields.require("id", id);
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let steps = fields.list("steps", any);
    let steps = fields.require("steps", steps);
    let window_ms = fields.whole("window_ms");
    Some(FunnelDefinition {
        id: id?.into_owned(),
        name: name?,
        steps: steps?,
        window_ms: window_ms.unwrap_or(FunnelDefinition::WINDOW_MS_DEFAULT),
    })
}

fn read_threshold(fields: &mut Fields<'_>) -> Option<Threshold> {
    let statistic = fields.named("statistic", Statistic::from_name, "p50, p75, p90, p95, p99, avg");
    let statistic = fields.require("statistic", statistic);
    let (warning, critical) = read_bounds(fields);
    Some(Threshold {
        statistic: statistic?,
        warning: warning?,
        critical: critical?,
    })
}

fn read_bounds(fields: &mut Fields<'_>) -> (Option<f64>, Option<f64>) {
    let warning = fields.number("warning");
    let warning = fields.require("warning", warning);
    let critical = fields.number("critical");
    let critical = fields.require("critical", critical);
    (warning, critical)
}
