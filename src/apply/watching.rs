//! The plan for rules and channels. Both are known by their names.

use std::collections::HashSet;

use serde::Serialize;
use uuid::Uuid;

use super::fault::{At, Notes};
use super::known::Known;
use super::parts::{Fields, Mark, Plan, Terms};
use super::wanted::{WantedChannel, WantedProject};
use crate::control::{Edit, NewChannel, StoredChannel};
use crate::domain::account::ProjectId;
use crate::domain::alert::Target;
use crate::domain::rule::Rule;

/// Fields that differ, those of something new all.
fn fields_of<T: Serialize>(before: Option<&T>, after: &T) -> Fields {
    let members = |value: &T| match serde_json::json!(value) {
        serde_json::Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (before.map(members), members(after));
    let mut fields = Fields::default();
    let names: HashSet<&String> = before
        .iter()
        .flat_map(|before| before.keys())
        .chain(after.keys())
        .collect();
    let mut names: Vec<&String> = names.into_iter().collect();
    names.sort_unstable();
    for name in names.into_iter().filter(|name| *name != "name") {
        match &before {
            Some(before) => fields.changed(name, &before.get(name), &after.get(name)),
            None => fields.new_value(name, &after.get(name)),
        }
    }
    fields
}

pub(super) fn plan_rules(
    plan: &mut Plan,
    there: &Known<'_>,
    project_id: &ProjectId,
    project: &WantedProject,
    terms: Terms<'_>,
) {
    let known = there.rules_of(project_id);
    // First what goes: a project may have so many rules only.
    if terms.prune && !project.rules.is_empty() {
        for gone in known {
            let name = &gone.definition.name;
            if !project.rules.iter().any(|wanted| wanted.definition.name == *name) {
                plan.note(
                    Mark::Remove,
                    format!("rule {project_id} {name}"),
                    Fields::default(),
                );
                plan.edits.push(Edit::DeleteRule(project_id.clone(), gone.id));
            }
        }
    }
    for wanted in &project.rules {
        let after = &wanted.definition;
        let what = format!("rule {project_id} {}", after.name);
        let known = known.iter().find(|one| one.definition.name == after.name);
        let fields = fields_of(known.map(|known| &known.definition), after);
        match known {
            None => {
                plan.note(Mark::Create, what, fields);
                plan.edits
                    .push(Edit::CreateRule(project_id.clone(), after.clone()));
            }
            Some(known) if known.definition == *after => plan.note(Mark::Same, what, Fields::default()),
            Some(known) => {
                plan.note(Mark::Change, what, fields);
                plan.edits.push(Edit::UpdateRule(Rule {
                    definition: after.clone(),
                    ..Rule::clone(known)
                }));
            }
        }
    }
}

pub(super) fn plan_channels(
    plan: &mut Plan,
    notes: &Notes,
    there: &Known<'_>,
    project_id: &ProjectId,
    project: &WantedProject,
    terms: Terms<'_>,
) {
    let known = there.channels_of(project_id);
    if terms.prune && !project.channels.is_empty() {
        for gone in known {
            let name = &gone.definition.name;
            let is_named = |wanted: &WantedChannel| wanted.channel.definition.name == *name;
            if !project.channels.iter().any(is_named) {
                let what = format!("channel {project_id} {name}");
                plan.note(Mark::Remove, what, Fields::default());
                plan.edits.push(Edit::DeleteChannel(project_id.clone(), gone.id));
            }
        }
    }
    for wanted in &project.channels {
        let name = &wanted.channel.definition.name;
        let known = known.iter().find(|one| one.definition.name == *name);
        plan_channel(plan, notes, project_id, wanted, known.copied(), terms);
    }
}

fn plan_channel(
    plan: &mut Plan,
    notes: &Notes,
    project_id: &ProjectId,
    wanted: &WantedChannel,
    known: Option<&StoredChannel>,
    terms: Terms<'_>,
) {
    let definition = &wanted.channel.definition;
    let what = format!("channel {project_id} {}", definition.name);
    // One that cannot be decrypted any more is as if it led nowhere.
    let before = known.and_then(|known| terms.targets.open(known).ok());
    let before = before.map(|channel| channel.target);
    let Some(target) = target_of(notes, wanted, known.is_some(), before.as_ref()) else {
        return;
    };
    let mut fields = fields_of(known.map(|known| &known.definition), definition);
    if let Some(target) = target.as_ref().filter(|target| before.as_ref() != Some(*target)) {
        check_address(notes, &wanted.at, target, before.as_ref(), terms);
        match known {
            Some(known) if known.kind == target.kind() => fields.hidden("target"),
            Some(known) => fields.changed("target.kind", &known.kind, &target.kind()),
            None => fields.new_value("target.kind", &target.kind()),
        }
    }
    match (known, target) {
        (Some(_), _) if fields.is_empty() => plan.note(Mark::Same, what, fields),
        (Some(known), target) => {
            plan.note(Mark::Change, what, fields);
            let target = target.filter(|target| before.as_ref() != Some(target));
            plan.edits.push(Edit::UpdateChannel(StoredChannel {
                kind: target.as_ref().map_or(known.kind, Target::kind),
                definition: definition.clone(),
                sealed_target: target.map_or_else(
                    || known.sealed_target.clone(),
                    |target| terms.targets.seal(known.id, &target),
                ),
                ..known.clone()
            }));
        }
        (None, Some(target)) => {
            plan.note(Mark::Create, what, fields);
            let id = Uuid::now_v7();
            plan.edits.push(Edit::CreateChannel(
                project_id.clone(),
                NewChannel {
                    id,
                    kind: target.kind(),
                    definition: definition.clone(),
                    sealed_target: terms.targets.seal(id, &target),
                },
            ));
        }
        (None, None) => {}
    }
}

/// Where the channel shall lead: `Some(None)` where it stays. A webhook whose secret no file names keeps the one that it has, also
/// while it is changed for another.
fn target_of(
    notes: &Notes,
    wanted: &WantedChannel,
    is_there: bool,
    before: Option<&Target>,
) -> Option<Option<Target>> {
    let Some(target) = wanted.channel.target.clone() else {
        if !is_there {
            let reason = "is required for what is not there yet";
            notes.note(&wanted.at.under("target"), reason);
        }
        return is_there.then_some(None);
    };
    let Target::Webhook { url, secrets } = target else {
        return Some(Some(target));
    };
    let known = match before {
        Some(Target::Webhook { secrets, .. }) => Some(secrets),
        _ => None,
    };
    let secrets = match known {
        Some(known) if !wanted.channel.has_secret || known.current == secrets.current => known.clone(),
        None if !wanted.channel.has_secret => {
            let reason = "is required: there is no secret yet that could stay (or secret_file)";
            notes.note(&wanted.at.under("target.secret"), reason);
            return None;
        }
        _ => secrets,
    };
    Some(Some(Target::Webhook { url, secrets }))
}

/// Notes that an address that is new would not be called.
fn check_address(notes: &Notes, at: &At, target: &Target, before: Option<&Target>, terms: Terms<'_>) {
    let url = target
        .url()
        .filter(|url| before.and_then(Target::url) != Some(*url));
    if let Some(refusal) = url.and_then(terms.refusal_of) {
        notes.note(&at.under("target.url"), refusal);
    }
}
