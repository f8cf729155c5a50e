//! The plan for what belongs to a project: overrides, issuers, members.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::fault::Notes;
use super::known::Known;
use super::parts::{Fields, Mark, Plan, Terms};
use super::wanted::{WantedIssuer, WantedProject};
use crate::control::Edit;
use crate::domain::account::{Email, JwtIssuer, JwtKeys, PartialLimits, ProjectId, QuotaTarget};

fn limit_fields(before: PartialLimits, after: PartialLimits) -> Fields {
    let mut fields = Fields::default();
    for (name, before, after) in [
        (
            "metrics_per_hour",
            before.metrics_per_hour,
            after.metrics_per_hour,
        ),
        ("events_per_hour", before.events_per_hour, after.events_per_hour),
        ("api_per_minute", before.api_per_minute, after.api_per_minute),
        (
            "external_per_minute",
            before.external_per_minute,
            after.external_per_minute,
        ),
    ] {
        fields.changed(name, &before, &after);
    }
    fields
}

fn quota_words(project_id: &ProjectId, target: &QuotaTarget) -> String {
    let words = format!("quota {project_id} {} {}", target.kind(), target.id());
    words.trim_end().to_owned()
}

pub(super) fn plan_quotas(
    plan: &mut Plan,
    there: &Known<'_>,
    project_id: &ProjectId,
    project: &WantedProject,
    terms: Terms<'_>,
) {
    let of_project = there.overrides_of(project_id);
    let known: HashMap<_, _> = of_project.iter().map(|one| (&one.target, one)).collect();
    for wanted in &project.quotas {
        let what = quota_words(project_id, &wanted.target);
        match known.get(&wanted.target) {
            None => {
                let fields = limit_fields(PartialLimits::default(), wanted.limits);
                plan.note(Mark::Create, what, fields);
                plan.edits.push(Edit::CreateOverride(
                    project_id.clone(),
                    wanted.target.clone(),
                    wanted.limits,
                ));
            }
            Some(known) if known.limits == wanted.limits => plan.note(Mark::Same, what, Fields::default()),
            Some(known) => {
                plan.note(Mark::Change, what, limit_fields(known.limits, wanted.limits));
                plan.edits
                    .push(Edit::UpdateOverride(project_id.clone(), known.id, wanted.limits));
            }
        }
    }
    if terms.prune {
        let named: HashSet<_> = project.quotas.iter().map(|wanted| &wanted.target).collect();
        for gone in of_project.iter().filter(|one| !named.contains(&one.target)) {
            plan.note(
                Mark::Remove,
                quota_words(project_id, &gone.target),
                Fields::default(),
            );
            plan.edits.push(Edit::DeleteOverride(project_id.clone(), gone.id));
        }
    }
}

/// Issuers are known by their names; of several of one name the first in the files is the oldest that is there.
pub(super) fn plan_issuers(
    plan: &mut Plan,
    notes: &Notes,
    there: &Known<'_>,
    project_id: &ProjectId,
    project: &WantedProject,
    terms: Terms<'_>,
) {
    let mut left = there.issuers_of(project_id).to_vec();
    let (mut made, mut removed) = (Vec::new(), Vec::new());
    for wanted in &project.issuers {
        let what = format!("issuer {project_id} {}", wanted.name);
        let place = left.iter().position(|one| one.name == wanted.name);
        let known = place.map(|place| left.remove(place));
        let Some(keys) = keys_of(wanted, known) else {
            let reason = "is required: there is no secret yet that could stay (or secret_file)";
            notes.note(&wanted.at.under("secret"), reason);
            continue;
        };
        if let JwtKeys::Jwks { url } = &keys
            && known.is_none_or(|known| known.keys != keys)
            && let Some(refusal) = (terms.refusal_of)(url)
        {
            notes.note(&wanted.at.under("url"), refusal);
        }
        let after = JwtIssuer {
            id: known.map_or(Uuid::nil(), |known| known.id),
            project_id: project_id.clone(),
            name: wanted.name.clone(),
            issuer: wanted.issuer.clone(),
            audience: wanted.audience.clone(),
            keys,
            created_at_ms: known.map_or(0, |known| known.created_at_ms),
        };
        let fields = issuer_fields(known, &after);
        match known {
            None => {
                plan.note(Mark::Create, what, fields);
                made.push(Edit::CreateIssuer(after));
            }
            Some(_) if fields.is_empty() => plan.note(Mark::Same, what, fields),
            Some(_) => {
                plan.note(Mark::Change, what, fields);
                made.push(Edit::UpdateIssuer(after));
            }
        }
    }
    if terms.prune {
        for gone in left {
            let what = format!("issuer {project_id} {}", gone.name);
            plan.note(Mark::Remove, what, Fields::default());
            removed.push(Edit::DeleteIssuer(project_id.clone(), gone.id));
        }
    }
    // First what goes: a project may have a few issuers only.
    plan.edits.append(&mut removed);
    plan.edits.append(&mut made);
}

/// The keys that are wanted; those that are there when the secret is to stay.
fn keys_of(wanted: &WantedIssuer, known: Option<&JwtIssuer>) -> Option<JwtKeys> {
    match (&wanted.keys, known.map(|known| &known.keys)) {
        (Some(keys), _) => Some(keys.clone()),
        (None, Some(keys @ JwtKeys::Hs256 { .. })) => Some(keys.clone()),
        (None, _) => None,
    }
}

fn issuer_fields(known: Option<&JwtIssuer>, after: &JwtIssuer) -> Fields {
    let mut fields = Fields::default();
    let Some(known) = known else {
        fields.new_value("issuer", &after.issuer);
        fields.new_value("audience", &after.audience);
        fields.new_value("algorithm", &after.keys.algorithm());
        return fields;
    };
    fields.changed("issuer", &known.issuer, &after.issuer);
    fields.changed("audience", &known.audience, &after.audience);
    match (&known.keys, &after.keys) {
        (JwtKeys::Hs256 { secret: before }, JwtKeys::Hs256 { secret: after }) => {
            if before != after {
                fields.hidden("secret");
            }
        }
        (
            JwtKeys::Rs256 {
                public_key_pem: before,
            },
            JwtKeys::Rs256 {
                public_key_pem: after,
            },
        ) => {
            if before != after {
                fields.hidden("public_key_pem");
            }
        }
        (JwtKeys::Jwks { url: before }, JwtKeys::Jwks { url: after }) => {
            fields.changed("url", before, after);
        }
        (before, after) => fields.changed("algorithm", &before.algorithm(), &after.algorithm()),
    }
    fields
}

pub(super) fn plan_members(
    plan: &mut Plan,
    notes: &Notes,
    there: &Known<'_>,
    users: &HashMap<Email, Uuid>,
    project_id: &ProjectId,
    project: &WantedProject,
) {
    for (email, wanted) in &project.members {
        let Some(user_id) = users.get(email) else {
            let reason = "there is no user of this address: name it under users, or invite it";
            notes.note(&wanted.at, reason);
            continue;
        };
        let known = there.roles.get(&(project_id, *user_id));
        let what = format!("member {project_id} {email}");
        let mut fields = Fields::default();
        let mark = match known {
            None => {
                fields.new_value("role", &wanted.value);
                Mark::Create
            }
            Some(known) => {
                fields.changed("role", known, &wanted.value);
                if fields.is_empty() {
                    Mark::Same
                } else {
                    Mark::Change
                }
            }
        };
        plan.note(mark, what, fields);
        if mark != Mark::Same {
            plan.edits
                .push(Edit::SetRole(project_id.clone(), *user_id, wanted.value));
        }
    }
}
