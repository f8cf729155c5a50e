//! What files say of a project's settings: read, checked, and laid over what is there.

use super::fault::{At, Given, Notes};
use super::parts::Fields;
use super::section::{Section, any};
use super::wanted::{WantedSettings, WantedThresholds};
use crate::domain::account::{
    FunnelDefinition, GroupingRule, Name, Origin, OverflowMode, Project, ProjectId, ProjectSettings,
    ScrubRule, ShareThreshold, Statistic, Threshold, Thresholds,
};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::ingest::rule_faults;

/// Reads what a file says of a project's settings.
pub(super) fn read_settings(mut section: Section<'_>) -> WantedSettings {
    let settings = WantedSettings {
        funnel_steps: section.texts("funnel_steps", any),
        event_types: section.texts("event_types", any),
        grouping_rules: rules(&mut section, "grouping_rules", "name").map(|rules| Given {
            value: rules
                .value
                .into_iter()
                .map(|(pattern, name)| GroupingRule { pattern, name })
                .collect(),
            at: rules.at,
        }),
        scrub_rules: rules(&mut section, "scrub_rules", "replacement").map(|rules| Given {
            value: rules
                .value
                .into_iter()
                .map(|(pattern, replacement)| ScrubRule { pattern, replacement })
                .collect(),
            at: rules.at,
        }),
        overflow: section.parsed("overflow", |field, text| match text {
            "refuse" => Ok(OverflowMode::Refuse),
            "sample" => Ok(OverflowMode::Sample),
            _ => Err(FieldError::new(
                field,
                FieldFault::UnknownValue,
                "must be refuse or sample",
            )),
        }),
        funnels: read_funnels(&mut section),
        thresholds: section
            .section("thresholds")
            .map(read_thresholds)
            .unwrap_or_default(),
    };
    section.finish();
    settings
}

/// A list of tables of two texts each: `pattern`, and what becomes of what fits.
fn rules(
    section: &mut Section<'_>,
    name: &'static str,
    result: &'static str,
) -> Option<Given<Vec<(String, String)>>> {
    let Given { value: rules, at } = section.sections(name)?;
    let rules = rules.into_iter().filter_map(|mut rule| {
        let (pattern, result) = (rule.required("pattern", any), rule.required(result, any));
        rule.finish();
        Some((pattern?.value, result?.value))
    });
    Some(Given {
        value: rules.collect(),
        at,
    })
}

fn read_funnels(section: &mut Section<'_>) -> Option<Given<Vec<FunnelDefinition>>> {
    let Given { value: funnels, at } = section.sections("funnels")?;
    let funnels = funnels.into_iter().filter_map(|mut funnel| {
        let (id, name) = (funnel.required("id", any), funnel.required("name", Name::parse));
        let was_there = funnel.has("steps");
        let steps = funnel.texts("steps", any);
        let steps = funnel.require("steps", was_there, steps);
        let window_ms = funnel.whole("window_ms");
        funnel.finish();
        Some(FunnelDefinition {
            id: id?.value,
            name: name?.value,
            steps: steps?.value,
            window_ms: window_ms.map_or(FunnelDefinition::WINDOW_MS_DEFAULT, |window| window.value),
        })
    });
    Some(Given {
        value: funnels.collect(),
        at,
    })
}

fn read_thresholds(mut section: Section<'_>) -> WantedThresholds {
    fn of_values(section: &mut Section<'_>, name: &'static str) -> Option<Given<Threshold>> {
        let mut section = section.section(name)?;
        let at = section.at().clone();
        let statistic = section.required("statistic", |field, text| {
            Statistic::from_name(text).ok_or_else(|| {
                let message = "must be p50, p75, p90, p95, p99 or avg";
                FieldError::new(field, FieldFault::UnknownValue, message)
            })
        });
        let (warning, critical) = bounds(section);
        let value = Threshold {
            statistic: statistic?.value,
            warning: warning?,
            critical: critical?,
        };
        Some(Given { value, at })
    }
    fn bounds(mut section: Section<'_>) -> (Option<f64>, Option<f64>) {
        let warning = section.required_number("warning");
        let critical = section.required_number("critical");
        section.finish();
        (
            warning.map(|given| given.value),
            critical.map(|given| given.value),
        )
    }
    let wanted = WantedThresholds {
        page_load_time: of_values(&mut section, "page_load_time"),
        api_response_time: of_values(&mut section, "api_response_time"),
        effect_processing_time: of_values(&mut section, "effect_processing_time"),
        error_share: section.section("error_share").and_then(|section| {
            let at = section.at().clone();
            let (warning, critical) = bounds(section);
            let value = ShareThreshold {
                warning: warning?,
                critical: critical?,
            };
            Some(Given { value, at })
        }),
    };
    section.finish();
    wanted
}

/// The settings that are known, with what is said of them.
pub(super) fn applied(wanted: &WantedSettings, known: ProjectSettings) -> ProjectSettings {
    fn value<T: Clone>(given: Option<&Given<T>>, otherwise: T) -> T {
        given.map_or(otherwise, |given| given.value.clone())
    }
    let (thresholds, before) = (&wanted.thresholds, known.thresholds);
    ProjectSettings {
        funnel_steps: value(wanted.funnel_steps.as_ref(), known.funnel_steps),
        event_types: value(wanted.event_types.as_ref(), known.event_types),
        grouping_rules: value(wanted.grouping_rules.as_ref(), known.grouping_rules),
        scrub_rules: value(wanted.scrub_rules.as_ref(), known.scrub_rules),
        overflow: value(wanted.overflow.as_ref(), known.overflow),
        funnels: value(wanted.funnels.as_ref(), known.funnels),
        thresholds: Thresholds {
            page_load_time: value(thresholds.page_load_time.as_ref(), before.page_load_time),
            api_response_time: value(thresholds.api_response_time.as_ref(), before.api_response_time),
            effect_processing_time: value(
                thresholds.effect_processing_time.as_ref(),
                before.effect_processing_time,
            ),
            error_share: value(thresholds.error_share.as_ref(), before.error_share),
        },
    }
}

/// Which settings differ.
pub(super) fn changes(fields: &mut Fields, old: &ProjectSettings, new: &ProjectSettings) {
    fields.changed("settings.funnel_steps", &old.funnel_steps, &new.funnel_steps);
    fields.changed("settings.event_types", &old.event_types, &new.event_types);
    fields.changed(
        "settings.grouping_rules",
        &old.grouping_rules,
        &new.grouping_rules,
    );
    fields.changed("settings.scrub_rules", &old.scrub_rules, &new.scrub_rules);
    fields.changed("settings.overflow", &old.overflow, &new.overflow);
    fields.changed("settings.funnels", &old.funnels, &new.funnels);
    fields.changed("settings.thresholds", &old.thresholds, &new.thresholds);
}

/// Whether a project could have these settings.
pub(super) fn check_settings(
    at: &At,
    id: &ProjectId,
    origins: Option<&Given<Vec<Origin>>>,
    wanted: &WantedSettings,
    notes: &Notes,
) {
    let Ok(name) = Name::parse("name", id.as_str()) else {
        return;
    };
    let project = Project {
        allowed_origins: origins.map(|list| list.value.clone()).unwrap_or_default(),
        settings: applied(wanted, ProjectSettings::default()),
        ..Project::new(id.clone(), name, 0)
    };
    let mut faults = project.faults();
    // Rules beyond their limits are not even tried.
    if faults.is_empty() {
        faults = rule_faults(&project.settings);
    }
    fn line<T>(given: Option<&Given<T>>) -> Option<usize> {
        given.map(|given| given.at.line)
    }
    let thresholds = &wanted.thresholds;
    let lines = [
        ("allowed_origins", line(origins)),
        ("settings.funnel_steps", line(wanted.funnel_steps.as_ref())),
        ("settings.event_types", line(wanted.event_types.as_ref())),
        ("settings.grouping_rules", line(wanted.grouping_rules.as_ref())),
        ("settings.scrub_rules", line(wanted.scrub_rules.as_ref())),
        ("settings.funnels", line(wanted.funnels.as_ref())),
        (
            "settings.thresholds.page_load_time",
            line(thresholds.page_load_time.as_ref()),
        ),
        (
            "settings.thresholds.api_response_time",
            line(thresholds.api_response_time.as_ref()),
        ),
        (
            "settings.thresholds.effect_processing_time",
            line(thresholds.effect_processing_time.as_ref()),
        ),
        (
            "settings.thresholds.error_share",
            line(thresholds.error_share.as_ref()),
        ),
    ];
    for fault in faults {
        let line = lines
            .iter()
            .find_map(|(field, line)| line.filter(|_| fault.field.starts_with(field)));
        let at = At {
            line: line.unwrap_or(at.line),
            ..at.under(&fault.field)
        };
        notes.note(&at, fault.message);
    }
}
