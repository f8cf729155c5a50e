//! What has to be done so that what is there becomes what is wanted.

use std::collections::HashMap;

use uuid::Uuid;

use super::belongings::{plan_issuers, plan_members, plan_quotas};
use super::fault::{At, Faults, Given, Notes};
use super::known::Known;
use super::parts::{Fields, Mark, Plan, Terms};
use super::settings;
use super::wanted::{Wanted, WantedProject, WantedUser};
use super::watching::{plan_channels, plan_rules};
use crate::control::{BOOTSTRAP_USER_EMAIL, Edit, Inventory, NewUser, UserChange};
use crate::domain::account::{Email, Name, Project, ProjectId};

/// Plans how what is there becomes what is wanted.
///
/// # Errors
/// What is wanted cannot be, given what is there.
pub fn plan(wanted: &Wanted, there: &Inventory, terms: Terms<'_>) -> Result<Plan, Faults> {
    let (mut plan, notes) = (Plan::default(), Notes::default());
    let there = &Known::of(there);
    let mut users: HashMap<Email, Uuid> = there
        .users
        .iter()
        .map(|(email, user)| (Email::clone(email), user.id))
        .collect();
    let mut later = Vec::new();
    for (email, user) in &wanted.users {
        plan_user(&mut plan, &mut later, &notes, there, &mut users, email, user);
    }
    // Rights are given before they are taken, so that there is an owner at every moment.
    plan.edits.append(&mut later);
    for (id, project) in &wanted.projects {
        plan_project(&mut plan, &notes, there, id, project);
        plan_quotas(&mut plan, there, id, project, terms);
        plan_issuers(&mut plan, &notes, there, id, project, terms);
        plan_rules(&mut plan, there, id, project, terms);
        plan_channels(&mut plan, &notes, there, id, project, terms);
        plan_members(&mut plan, &notes, there, &users, id, project);
    }
    notes.finish(plan)
}

fn value<T: Clone>(given: Option<&Given<T>>, otherwise: &T) -> T {
    given.map_or_else(|| otherwise.clone(), |given| given.value.clone())
}

fn missing_name(notes: &Notes, at: &At) {
    notes.note(&at.under("name"), "is required for what is not there yet");
}

fn plan_user(
    plan: &mut Plan,
    later: &mut Vec<Edit>,
    notes: &Notes,
    there: &Known<'_>,
    ids: &mut HashMap<Email, Uuid>,
    email: &Email,
    wanted: &WantedUser,
) {
    let what = format!("user {email}");
    let mut fields = Fields::default();
    let Some(known) = there.users.get(email) else {
        if email.as_str() == BOOTSTRAP_USER_EMAIL {
            return notes.note(&wanted.at, "is made by the first start of the service");
        }
        let Some(Given { value: name, .. }) = &wanted.name else {
            return missing_name(notes, &wanted.at);
        };
        let is_instance_owner = value(wanted.is_instance_owner.as_ref(), &false);
        fields.new_value("name", name);
        fields.new_value("is_instance_owner", &is_instance_owner);
        let is_disabled = value(wanted.is_disabled.as_ref(), &false);
        fields.changed("is_disabled", &false, &is_disabled);
        let id = Uuid::now_v7();
        ids.insert(email.clone(), id);
        let new = NewUser {
            email: email.clone(),
            name: name.clone(),
            is_instance_owner,
            is_disabled,
            password_hash: None,
        };
        plan.edits.push(Edit::CreateUser(id, new));
        return plan.note(Mark::Create, what, fields);
    };
    let is_disabled = known.disabled_at_ms.is_some();
    let name: Name = value(wanted.name.as_ref(), &known.name);
    let owns = value(wanted.is_instance_owner.as_ref(), &known.is_instance_owner);
    let disabled = value(wanted.is_disabled.as_ref(), &is_disabled);
    fields.changed("name", &known.name, &name);
    fields.changed("is_instance_owner", &known.is_instance_owner, &owns);
    fields.changed("is_disabled", &is_disabled, &disabled);
    if fields.is_empty() {
        return plan.note(Mark::Same, what, fields);
    }
    let to = UserChange {
        name: (name != known.name).then_some(name),
        is_instance_owner: (owns != known.is_instance_owner).then_some(owns),
        is_disabled: (disabled != is_disabled).then_some(disabled),
    };
    let takes_rights = to.is_instance_owner == Some(false) || to.is_disabled == Some(true);
    let edits = if takes_rights { later } else { &mut plan.edits };
    edits.push(Edit::UpdateUser(known.id, to));
    plan.note(Mark::Change, what, fields);
}

fn plan_project(plan: &mut Plan, notes: &Notes, there: &Known<'_>, id: &ProjectId, wanted: &WantedProject) {
    if there.deleted_projects.contains(id) {
        let reason = "is the id of a deleted project, which is not given again";
        return notes.note(&wanted.at.under("id"), reason);
    }
    let what = format!("project {id}");
    let known = there.projects.get(id);
    let before = match (known, &wanted.name) {
        (Some(known), _) => Project::clone(known),
        (None, Some(name)) => Project::new(id.clone(), name.value.clone(), 0),
        (None, None) => return missing_name(notes, &wanted.at),
    };
    let after = applied(before.clone(), wanted);
    let mut fields = Fields::default();
    if known.is_none() {
        fields.new_value("name", &after.name);
    }
    fields.changed("name", &before.name, &after.name);
    fields.changed("time_zone", &before.time_zone, &after.time_zone);
    fields.changed("allowed_origins", &before.allowed_origins, &after.allowed_origins);
    fields.changed("allow_keyless", &before.allow_keyless, &after.allow_keyless);
    settings::changes(&mut fields, &before.settings, &after.settings);
    let mark = match (known.is_some(), fields.is_empty()) {
        (false, _) => Mark::Create,
        (true, false) => Mark::Change,
        (true, true) => Mark::Same,
    };
    plan.note(mark, what, fields);
    match mark {
        Mark::Create => plan.edits.push(Edit::CreateProject(after)),
        Mark::Change => plan.edits.push(Edit::UpdateProject(after)),
        Mark::Same | Mark::Remove => {}
    }
}

/// The project with what is said of it.
fn applied(project: Project, wanted: &WantedProject) -> Project {
    Project {
        name: value(wanted.name.as_ref(), &project.name),
        time_zone: value(wanted.time_zone.as_ref(), &project.time_zone),
        allowed_origins: value(wanted.allowed_origins.as_ref(), &project.allowed_origins),
        allow_keyless: value(wanted.allow_keyless.as_ref(), &project.allow_keyless),
        settings: settings::applied(&wanted.settings, project.settings),
        ..project
    }
}
