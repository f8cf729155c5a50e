//! How rows become the types of the domain. Each list of columns stands beside the function that reads it.

use super::ControlError;
use super::statement::Row;
use crate::config::Secret;
use crate::domain::account::{
    Actor, ActorKind, ApiKey, AuditEntry, AuditLevel, Email, JwtIssuer, JwtKeys, KeyKind, Membership, Name,
    OneTimeToken, PartialLimits, Project, ProjectId, QuotaOverride, QuotaTarget, Role, Scope, Scopes,
    Session, TimeZoneName, TokenPurpose, User,
};
use crate::domain::dashboard::{
    Deploy, ErrorRecord, ErrorState, Fingerprint, Label, Link, Note, PageName, SavedView, ViewOwner,
    ViewState,
};
use crate::domain::field_error::FieldError;
use crate::domain::integration::{Integration, Slug};

pub(super) const PROJECT: &str =
    "id, name, time_zone, allowed_origins, allow_keyless, settings, created_at_ms, revision";

pub(super) fn project(row: &mut Row) -> Result<Project, ControlError> {
    Ok(Project {
        id: project_id(row)?,
        name: name(row)?,
        time_zone: row.parsed("a time zone", |text| TimeZoneName::parse("", text))?,
        allowed_origins: row.parsed("origins", |text| serde_json::from_str(text))?,
        allow_keyless: row.bool()?,
        settings: row.parsed("settings", |text| serde_json::from_str(text))?,
        created_at_ms: row.int()?,
        revision: row.int()?,
    })
}

pub(super) const API_KEY: &str = "id, project_id, kind, name, sha256, shown, scopes, acts_as, created_at_ms, \
                                  expires_at_ms, revoked_at_ms";

pub(super) fn api_key(row: &mut Row) -> Result<ApiKey, ControlError> {
    Ok(ApiKey {
        id: row.id()?,
        project_id: project_id(row)?,
        kind: row.named("a kind of key", KeyKind::from_name)?,
        name: name(row)?,
        sha256: row.sum()?,
        shown: row.text()?,
        scopes: row.named("scopes", scopes_from_text)?,
        acts_as: row.opt_id()?,
        created_at_ms: row.int()?,
        expires_at_ms: row.opt_int()?,
        revoked_at_ms: row.opt_int()?,
    })
}

/// Scopes as a column holds them: their names between commas.
pub(super) fn scopes_to_text(scopes: Scopes) -> String {
    let names: Vec<_> = scopes.iter().map(Scope::as_str).collect();
    names.join(",")
}

fn scopes_from_text(text: &str) -> Option<Scopes> {
    let names = text.split(',').filter(|name| !name.is_empty());
    let scopes: Option<Vec<Scope>> = names.map(Scope::from_name).collect();
    scopes.map(|scopes| Scopes::of(&scopes))
}

pub(super) const INTEGRATION: &str = "id, project_id, slug, service, definition, sealed_secrets, hook_sha256, \
                                      created_at_ms, updated_at_ms, revision";

pub(super) fn integration(row: &mut Row) -> Result<Integration, ControlError> {
    Ok(Integration {
        id: row.id()?,
        project_id: project_id(row)?,
        slug: row.parsed("a slug", |text| Slug::parse("", text))?,
        service: row.parsed("a service", |text| Slug::parse("", text))?,
        definition: row.parsed("an integration", |text| serde_json::from_str(text))?,
        sealed_secrets: row.bytes()?,
        hook_sha256: row.sum()?,
        created_at_ms: row.int()?,
        updated_at_ms: row.int()?,
        revision: row.int()?,
    })
}

pub(super) const USER: &str = "id, email, name, is_instance_owner, disabled_at_ms, created_at_ms";

pub(super) fn user(row: &mut Row) -> Result<User, ControlError> {
    Ok(User {
        id: row.id()?,
        email: email(row)?,
        name: name(row)?,
        is_instance_owner: row.bool()?,
        disabled_at_ms: row.opt_int()?,
        created_at_ms: row.int()?,
    })
}

pub(super) const MEMBERSHIP: &str = "user_id, project_id, role";

pub(super) fn membership(row: &mut Row) -> Result<Membership, ControlError> {
    Ok(Membership {
        user_id: row.id()?,
        project_id: project_id(row)?,
        role: role(row)?,
    })
}

pub(super) const SESSION: &str =
    "sha256, user_id, created_at_ms, last_seen_ms, expires_at_ms, ip_prefix, user_agent";

pub(super) fn session(row: &mut Row) -> Result<Session, ControlError> {
    Ok(Session {
        sha256: row.sum()?,
        user_id: row.id()?,
        created_at_ms: row.int()?,
        last_seen_ms: row.int()?,
        expires_at_ms: row.int()?,
        ip_prefix: row.opt_text()?,
        user_agent: row.opt_text()?,
    })
}

pub(super) const TOKEN: &str =
    "id, sha256, created_at_ms, expires_at_ms, purpose, email, project_id, role, user_id";

pub(super) fn token(row: &mut Row) -> Result<OneTimeToken, ControlError> {
    let (id, sha256) = (row.id()?, row.sum()?);
    let (created_at_ms, expires_at_ms) = (row.int()?, row.int()?);
    let corrupt = || ControlError::Corrupt("a row holds something else than a token".to_owned());
    let purpose = match row.text()?.as_str() {
        "invitation" => TokenPurpose::Invitation {
            email: email(row)?,
            membership: match (row.opt_text()?, row.opt_text()?) {
                (Some(project), Some(role)) => Some((
                    ProjectId::parse("", &project).map_err(|_| corrupt())?,
                    Role::from_name(&role).ok_or_else(corrupt)?,
                )),
                _ => None,
            },
        },
        "password_reset" => {
            let _none = (row.opt_text()?, row.opt_text()?, row.opt_text()?);
            TokenPurpose::PasswordReset { user_id: row.id()? }
        }
        _ => return Err(corrupt()),
    };
    Ok(OneTimeToken {
        id,
        sha256,
        purpose,
        created_at_ms,
        expires_at_ms,
    })
}

pub(super) const JWT_ISSUER: &str =
    "id, project_id, name, issuer, audience, algorithm, key_text, created_at_ms";

pub(super) fn jwt_issuer(row: &mut Row) -> Result<JwtIssuer, ControlError> {
    let (id, project_id, name) = (row.id()?, project_id(row)?, name(row)?);
    let (issuer, audience) = (row.text()?, row.text()?);
    let (algorithm, text) = (row.text()?, row.text()?);
    let keys = match algorithm.as_str() {
        "hs256" => JwtKeys::Hs256 {
            secret: Secret::new(text),
        },
        "rs256" => JwtKeys::Rs256 { public_key_pem: text },
        "jwks" => JwtKeys::Jwks { url: text },
        _ => {
            let message = "a row holds something else than an algorithm";
            return Err(ControlError::Corrupt(message.to_owned()));
        }
    };
    Ok(JwtIssuer {
        id,
        project_id,
        name,
        issuer,
        audience,
        keys,
        created_at_ms: row.int()?,
    })
}

pub(super) const QUOTA_OVERRIDE: &str = "id, project_id, target_kind, target_id, metrics_per_hour, \
                                         events_per_hour, api_per_minute, external_per_minute, created_at_ms";

pub(super) fn quota_override(row: &mut Row) -> Result<QuotaOverride, ControlError> {
    Ok(QuotaOverride {
        id: row.id()?,
        project_id: project_id(row)?,
        target: {
            let kind = row.text()?;
            row.parsed("a target", |id| QuotaTarget::parse(&kind, id))?
        },
        limits: PartialLimits {
            metrics_per_hour: row.opt_u32()?,
            events_per_hour: row.opt_u32()?,
            api_per_minute: row.opt_u32()?,
            external_per_minute: row.opt_u32()?,
        },
        created_at_ms: row.int()?,
    })
}

pub(super) const AUDIT_ENTRY: &str = "id, ts_ms, actor_kind, actor_id, actor_name, project_id, action, target, \
                                      level, details, ip_prefix";

pub(super) fn audit_entry(row: &mut Row) -> Result<AuditEntry, ControlError> {
    Ok(AuditEntry {
        id: row.id()?,
        ts_ms: row.int()?,
        actor: actor(row)?,
        project_id: {
            let id = row
                .opt_text()?
                .map(|text| ProjectId::parse("", &text))
                .transpose();
            id.map_err(|_| ControlError::Corrupt("a row holds something else than a project".to_owned()))?
        },
        action: row.text()?,
        target: row.text()?,
        level: row.named("a level", AuditLevel::from_name)?,
        details: row.parsed("details", |text| serde_json::from_str(text))?,
        ip_prefix: row.opt_text()?,
    })
}

pub(super) const DEPLOY: &str =
    "id, project_id, release, environment, deployed_at_ms, description, url, created_at_ms";

pub(super) fn deploy(row: &mut Row) -> Result<Deploy, ControlError> {
    Ok(Deploy {
        id: row.id()?,
        project_id: project_id(row)?,
        release: row.parsed("a release", |text| Label::parse("", text))?,
        environment: optional(row, Label::parse)?,
        deployed_at_ms: row.int()?,
        description: optional(row, Note::parse)?,
        url: optional(row, Link::parse)?,
        created_at_ms: row.int()?,
    })
}

pub(super) const ERROR_RECORD: &str =
    "fingerprint, state, note, actor_kind, actor_id, actor_name, changed_at_ms";

pub(super) fn error_record(row: &mut Row) -> Result<ErrorRecord, ControlError> {
    Ok(ErrorRecord {
        fingerprint: row.parsed("a fingerprint", |text| Fingerprint::parse("", text))?,
        state: row.named("a state", ErrorState::from_name)?,
        note: optional(row, Note::parse)?,
        changed_by: actor(row)?,
        changed_at_ms: row.int()?,
    })
}

pub(super) const SAVED_VIEW: &str = "id, project_id, name, page, state, owner_id, owner_name, is_shared, \
                                     created_at_ms, updated_at_ms, revision";

pub(super) fn saved_view(row: &mut Row) -> Result<SavedView, ControlError> {
    Ok(SavedView {
        id: row.id()?,
        project_id: project_id(row)?,
        name: name(row)?,
        page: row.parsed("a page", |text| PageName::parse("", text))?,
        state: row.parsed("a state", |text| ViewState::parse("", text))?,
        owner: ViewOwner {
            id: row.id()?,
            name: row.text()?,
        },
        is_shared: row.bool()?,
        created_at_ms: row.int()?,
        updated_at_ms: row.int()?,
        revision: row.int()?,
    })
}

fn optional<T>(
    row: &mut Row,
    parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
) -> Result<Option<T>, ControlError> {
    let read = row.opt_text()?.map(|text| parse("", &text)).transpose();
    read.map_err(|_| ControlError::Corrupt("a row holds something else than a text of its form".to_owned()))
}

pub(super) fn actor(row: &mut Row) -> Result<Actor, ControlError> {
    Ok(Actor {
        kind: row.named("a kind of actor", ActorKind::from_name)?,
        id: row.opt_id()?,
        name: row.text()?,
    })
}

pub(super) fn project_id(row: &mut Row) -> Result<ProjectId, ControlError> {
    row.parsed("a project", |text| ProjectId::parse("", text))
}

fn name(row: &mut Row) -> Result<Name, ControlError> {
    row.parsed("a name", |text| Name::parse("", text))
}

fn email(row: &mut Row) -> Result<Email, ControlError> {
    row.parsed("an address", |text| Email::parse("", text))
}

fn role(row: &mut Row) -> Result<Role, ControlError> {
    row.named("a role", Role::from_name)
}
