//! Reads one file into what is wanted.

use std::path::Path;
use std::sync::Arc;

use super::alerting::{read_channel, read_rule};
use super::fault::At;
use super::fault::{Given, Notes};
use super::issuer::read_issuer;
use super::section::{Section, any};
use super::settings::{check_settings, read_settings};
use super::tree::{self, Malformed};
use super::wanted::{Wanted, WantedProject, WantedQuota, WantedUser, set};
use crate::domain::account::{
    Email, Name, Origin, PartialLimits, ProjectId, QuotaTarget, Role, TimeZoneName,
};
use crate::domain::field_error::{FieldError, FieldFault};

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
    let rules = section.sections("rules").map(|rules| rules.value);
    let rules: Vec<_> = rules.into_iter().flatten().filter_map(read_rule).collect();
    let channels = section.sections("channels").map(|channels| channels.value);
    let channels: Vec<_> = channels
        .into_iter()
        .flatten()
        .filter_map(|channel| read_channel(channel, folder))
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
    project.settings.join(settings, notes);
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
    for rule in rules {
        let name = &rule.definition.name;
        match project.rules.iter().find(|known| known.definition.name == *name) {
            Some(known) => notes.note(&rule.at.under("name"), format!("stands already in {}", known.at)),
            None => project.rules.push(rule),
        }
    }
    for channel in channels {
        let name = &channel.channel.definition.name;
        let known = project.channels.iter();
        match known
            .into_iter()
            .find(|known| known.channel.definition.name == *name)
        {
            Some(known) => notes.note(
                &channel.at.under("name"),
                format!("stands already in {}", known.at),
            ),
            None => project.channels.push(channel),
        }
    }
    for (email, role) in members {
        match project.members.get(&email) {
            Some(known) => notes.note(&role.at, format!("this member stands already in {}", known.at)),
            None => {
                project.members.insert(email, role);
            }
        }
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
