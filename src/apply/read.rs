//! Reads one file into what is wanted.

use std::path::Path;
use std::sync::Arc;

use super::fault::At;
use super::fault::{Given, Notes};
use super::issuer::read_issuer;
use super::section::Section;
use super::tree::{self, Malformed};
use super::wanted::{Wanted, WantedProject, WantedQuota, WantedSettings, WantedUser, set};
use crate::domain::account::{
    Email, GroupingRule, Name, Origin, OverflowMode, PartialLimits, Project, ProjectId, ProjectSettings,
    QuotaTarget, Role, ScrubRule, TimeZoneName,
};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::ingest::rule_faults;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Like settings.
    Toml,
    /// Like bodies of requests.
    Json,
}

/// Reads a file's text; `folder` is where files that it names are looked for.
pub(super) fn read_text(
    wanted: &mut Wanted,
    notes: &Notes,
    file: &Arc<str>,
    folder: &Path,
    format: Format,
    text: &str,
) {
    let tree = match format {
        Format::Toml => tree::toml(text),
        Format::Json => tree::json(text),
    };
    let node = match tree {
        Ok(node) => node,
        Err(Malformed { line, reason }) => {
            let at = At {
                file: Arc::clone(file),
                line,
                field: String::new(),
            };
            return notes.note(&at, reason);
        }
    };
    let Some(mut top) = Section::top(notes, file, node) else {
        return;
    };
    for user in top.sections("users").map(|users| users.value).unwrap_or_default() {
        read_user(wanted, user);
    }
    for project in top
        .sections("projects")
        .map(|projects| projects.value)
        .unwrap_or_default()
    {
        read_project(wanted, project, folder);
    }
    top.finish();
}

fn read_user(wanted: &mut Wanted, mut section: Section<'_>) {
    let (at, notes) = (section.at().clone(), section.notes());
    let email = section.required("email", Email::parse);
    let user = WantedUser {
        at,
        name: section.parsed("name", Name::parse),
        is_instance_owner: section.flag("is_instance_owner"),
        is_disabled: section.flag("is_disabled"),
    };
    section.finish();
    let Some(Given { value: email, at }) = email else {
        return;
    };
    if let Some(known) = wanted.users.get(&email) {
        return notes.note(&at, format!("stands already in {}", known.at));
    }
    wanted.users.insert(email, user);
}

fn read_project(wanted: &mut Wanted, mut section: Section<'_>, folder: &Path) {
    let (at, notes) = (section.at().clone(), section.notes());
    let id = section.required("id", ProjectId::parse);
    let name = section.parsed("name", Name::parse);
    let time_zone = section.parsed("time_zone", TimeZoneName::parse);
    let allowed_origins = section.texts("allowed_origins", Origin::parse);
    let allow_keyless = section.flag("allow_keyless");
    let settings = section.section("settings").map(read_settings).unwrap_or_default();
    let quotas = section.sections("quotas").map(|quotas| quotas.value);
    let quotas: Vec<_> = quotas.into_iter().flatten().filter_map(read_quota).collect();
    let issuers = section.sections("issuers").map(|issuers| issuers.value);
    let issuers: Vec<_> = issuers
        .into_iter()
        .flatten()
        .filter_map(|issuer| read_issuer(issuer, folder))
        .collect();
    let members = section.sections("members").map(|members| members.value);
    let members: Vec<_> = members.into_iter().flatten().filter_map(read_member).collect();
    section.finish();

    let Some(Given { value: id, .. }) = id else { return };
    check_settings(&at, &id, allowed_origins.as_ref(), &settings, notes);
    let project = wanted
        .projects
        .entry(id)
        .or_insert_with(|| WantedProject::new(at));
    set(&mut project.name, name, notes);
    set(&mut project.time_zone, time_zone, notes);
    set(&mut project.allowed_origins, allowed_origins, notes);
    set(&mut project.allow_keyless, allow_keyless, notes);
    let known = &mut project.settings;
    set(&mut known.funnel_steps, settings.funnel_steps, notes);
    set(&mut known.event_types, settings.event_types, notes);
    set(&mut known.grouping_rules, settings.grouping_rules, notes);
    set(&mut known.scrub_rules, settings.scrub_rules, notes);
    set(&mut known.overflow, settings.overflow, notes);
    for quota in quotas {
        match project.targets.get(&quota.target) {
            Some(known) => notes.note(&quota.at, format!("this target stands already in {known}")),
            None => {
                project.targets.insert(quota.target.clone(), quota.at.clone());
                project.quotas.push(quota);
            }
        }
    }
    project.issuers.extend(issuers);
    for (email, role) in members {
        match project.members.get(&email) {
            Some(known) => notes.note(&role.at, format!("this member stands already in {}", known.at)),
            None => {
                project.members.insert(email, role);
            }
        }
    }
}

fn any(_: &'static str, text: &str) -> Result<String, FieldError> {
    Ok(text.to_owned())
}

fn read_settings(mut section: Section<'_>) -> WantedSettings {
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

/// Whether a project could have these settings.
fn check_settings(
    at: &At,
    id: &ProjectId,
    origins: Option<&Given<Vec<Origin>>>,
    wanted: &WantedSettings,
    notes: &Notes,
) {
    fn values<T: Clone>(list: Option<&Given<Vec<T>>>) -> Vec<T> {
        list.map(|list| list.value.clone()).unwrap_or_default()
    }
    let Ok(name) = Name::parse("name", id.as_str()) else {
        return;
    };
    let project = Project {
        allowed_origins: values(origins),
        settings: ProjectSettings {
            funnel_steps: values(wanted.funnel_steps.as_ref()),
            event_types: values(wanted.event_types.as_ref()),
            grouping_rules: values(wanted.grouping_rules.as_ref()),
            scrub_rules: values(wanted.scrub_rules.as_ref()),
            overflow: OverflowMode::default(),
        },
        ..Project::new(id.clone(), name, 0)
    };
    let mut faults = project.faults();
    // Rules beyond their limits are not even tried.
    if faults.is_empty() {
        faults = rule_faults(&project.settings);
    }
    let lines = [
        ("allowed_origins", origins.map(|list| list.at.line)),
        (
            "settings.funnel_steps",
            wanted.funnel_steps.as_ref().map(|list| list.at.line),
        ),
        (
            "settings.event_types",
            wanted.event_types.as_ref().map(|list| list.at.line),
        ),
        (
            "settings.grouping_rules",
            wanted.grouping_rules.as_ref().map(|list| list.at.line),
        ),
        (
            "settings.scrub_rules",
            wanted.scrub_rules.as_ref().map(|list| list.at.line),
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

fn read_quota(mut section: Section<'_>) -> Option<WantedQuota> {
    let (at, notes) = (section.at().clone(), section.notes());
    let has_target = section.has("target");
    let target = section.section("target").and_then(read_target);
    let target = section.require("target", has_target, target);
    let has_limits = section.has("limits");
    let limits = section.section("limits").map(|mut section| {
        let limits = PartialLimits {
            metrics_per_hour: section.limit("metrics_per_hour"),
            events_per_hour: section.limit("events_per_hour"),
            api_per_minute: section.limit("api_per_minute"),
            external_per_minute: section.limit("external_per_minute"),
        };
        let at = section.at().clone();
        section.finish();
        Given { value: limits, at }
    });
    let limits = section.require("limits", has_limits, limits);
    section.finish();
    let limits = limits?;
    if limits.value.is_empty() {
        notes.note(&limits.at, "must name at least one limit");
    }
    Some(WantedQuota {
        at,
        target: target?,
        limits: limits.value,
    })
}

fn read_target(mut section: Section<'_>) -> Option<QuotaTarget> {
    let (at, notes) = (section.at().clone(), section.notes());
    let kind = section.required("kind", any);
    let id = section.text("id").map(|id| id.value).unwrap_or_default();
    section.finish();
    match QuotaTarget::parse(&kind?.value, &id) {
        Ok(target) => Some(target),
        Err(fault) => {
            let field = fault.field.trim_start_matches("target.");
            notes.note(&at.under(field), fault.message);
            None
        }
    }
}

fn read_member(mut section: Section<'_>) -> Option<(Email, Given<Role>)> {
    let email = section.required("email", Email::parse);
    let role = section.required("role", |field, text| {
        Role::from_name(text)
            .ok_or_else(|| FieldError::new(field, FieldFault::UnknownValue, "must be viewer, admin or owner"))
    });
    section.finish();
    Some((email?.value, role?))
}
