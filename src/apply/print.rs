//! What is there, written as a file that asks for it.

use std::collections::HashMap;

use serde::Serialize;

use super::known::Known;
use crate::control::{BOOTSTRAP_USER_ID, Inventory};
use crate::domain::account::{
    Email, JwtIssuer, JwtKeys, Name, Origin, PartialLimits, ProjectId, ProjectSettings, QuotaTarget, Role,
    TimeZoneName,
};
use crate::domain::alert::ChannelDefinition;
use crate::domain::rule::RuleDefinition;

const HEAD: &str = "\
# What stands in the control store, without secrets: an issuer with algorithm hs256 and without `secret` or
# `secret_file` keeps the secret that it has, and a channel without `target` leads where it did. Keys, passwords and invitations are not shown at all.
";

// In each struct plain values stand before tables, as TOML wants it.

#[derive(Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<ShownUser>,
    projects: Vec<ShownProject>,
}

#[derive(Serialize)]
struct ShownUser {
    email: Email,
    name: Name,
    is_instance_owner: bool,
    is_disabled: bool,
}

#[derive(Serialize)]
struct ShownProject {
    id: String,
    name: Name,
    time_zone: TimeZoneName,
    allowed_origins: Vec<Origin>,
    allow_keyless: bool,
    settings: ProjectSettings,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quotas: Vec<ShownQuota>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issuers: Vec<ShownIssuer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleDefinition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<ChannelDefinition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<ShownMember>,
}

#[derive(Serialize)]
struct ShownQuota {
    target: QuotaTarget,
    limits: PartialLimits,
}

#[derive(Serialize)]
struct ShownIssuer {
    name: Name,
    issuer: String,
    audience: String,
    algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key_pem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct ShownMember {
    email: Email,
    role: Role,
}

/// What is there as TOML, without secrets. Applied to what it was written from, it changes nothing.
///
/// # Errors
/// The text cannot be written.
pub fn print(there: &Inventory) -> Result<String, toml::ser::Error> {
    let (known, mut members) = (Known::of(there), members_of(there));
    let users = there.users.iter().filter(|user| user.id != BOOTSTRAP_USER_ID);
    let projects = there.projects.iter().map(|project| ShownProject {
        id: project.id.to_string(),
        name: project.name.clone(),
        time_zone: project.time_zone.clone(),
        allowed_origins: project.allowed_origins.clone(),
        allow_keyless: project.allow_keyless,
        settings: project.settings.clone(),
        quotas: known
            .overrides_of(&project.id)
            .iter()
            .map(|one| ShownQuota {
                target: one.target.clone(),
                limits: one.limits,
            })
            .collect(),
        issuers: known
            .issuers_of(&project.id)
            .iter()
            .map(|one| shown_issuer(one))
            .collect(),
        rules: known
            .rules_of(&project.id)
            .iter()
            .map(|one| one.definition.clone())
            .collect(),
        channels: known
            .channels_of(&project.id)
            .iter()
            .map(|one| one.definition.clone())
            .collect(),
        members: members.remove(&project.id).unwrap_or_default(),
    });
    let shown = Shown {
        users: users
            .map(|user| ShownUser {
                email: user.email.clone(),
                name: user.name.clone(),
                is_instance_owner: user.is_instance_owner,
                is_disabled: user.disabled_at_ms.is_some(),
            })
            .collect(),
        projects: projects.collect(),
    };
    Ok(format!("{HEAD}\n{}", toml::to_string_pretty(&shown)?))
}

/// The members of each project.
fn members_of(there: &Inventory) -> HashMap<&ProjectId, Vec<ShownMember>> {
    let users = there.users.iter().filter(|user| user.id != BOOTSTRAP_USER_ID);
    let users: HashMap<_, _> = users.map(|user| (user.id, &user.email)).collect();
    let mut members: HashMap<_, Vec<_>> = HashMap::new();
    for one in &there.memberships {
        if let Some(email) = users.get(&one.user_id) {
            members.entry(&one.project_id).or_default().push(ShownMember {
                email: Email::clone(email),
                role: one.role,
            });
        }
    }
    members
}

fn shown_issuer(one: &JwtIssuer) -> ShownIssuer {
    let (public_key_pem, url) = match &one.keys {
        JwtKeys::Hs256 { .. } => (None, None),
        JwtKeys::Rs256 { public_key_pem } => (Some(public_key_pem.clone()), None),
        JwtKeys::Jwks { url } => (None, Some(url.clone())),
    };
    ShownIssuer {
        name: one.name.clone(),
        issuer: one.issuer.clone(),
        audience: one.audience.clone(),
        algorithm: one.keys.algorithm(),
        public_key_pem,
        url,
    }
}
