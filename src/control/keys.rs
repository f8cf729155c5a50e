//! Operations on API keys.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, List, check, rows};
use crate::clock;
use crate::config::Secret;
use crate::domain::account::{ApiKey, KeyKind, Name, ProjectId, Scopes, new_secret, sha256, shown};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::{Page, PageRequest};

/// Most keys of a project that are not revoked, all of which stand in memory.
const KEYS_MAX: u32 = 1_000;

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The project.
    pub project_id: ProjectId,
    /// What it is for.
    pub kind: KeyKind,
    /// Its name for people.
    pub name: Name,
    /// What it may do; none: what keys of its kind usually may.
    pub scopes: Option<Scopes>,
    /// From when on it is refused.
    pub expires_at_ms: Option<i64>,
}

/// What shall become of a key; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// Its name.
    pub name: Option<Name>,
    /// From when on it is refused; the inner none: never.
    pub expires_at_ms: Option<Option<i64>>,
}

impl Control {
    /// Makes a key. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// The project is not there; the scopes are none that the kind may have; there are too many keys.
    pub async fn create_key(&self, by: &By, new: NewKey) -> Result<(ApiKey, Secret), ControlError> {
        let scopes = new.scopes.unwrap_or_else(|| new.kind.scopes_default());
        check(scope_faults(new.kind, scopes))?;
        let secret = new_secret(new.kind.prefix());
        let key = ApiKey {
            id: Uuid::now_v7(),
            project_id: new.project_id,
            kind: new.kind,
            name: new.name,
            sha256: sha256(secret.reveal()),
            shown: shown(&secret),
            scopes,
            acts_as: None,
            created_at_ms: clock::now().as_millis(),
            expires_at_ms: new.expires_at_ms,
            revoked_at_ms: None,
        };
        let change = Change::new(by, "key.create", key.id)
            .within(&key.project_id)
            .details(
                json!({ "name": key.name, "kind": key.kind, "scopes": key.scopes, "expires_at_ms": key.expires_at_ms }),
            )
            .at_most(
                KEYS_MAX,
                "keys",
                "api_keys WHERE project_id = $1 AND revoked_at_ms IS NULL",
                [key.project_id.as_str().into()],
            )
            .step(insert(&key, false));
        self.commit(change).await?;
        Ok((key, secret))
    }

    /// A key of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn key(&self, project_id: &ProjectId, id: Uuid) -> Result<ApiKey, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM api_keys WHERE id = $1 AND project_id = $2",
                rows::API_KEY
            ),
            [id.into(), project_id.as_str().into()],
        );
        let found = self.one(query, rows::api_key).await?;
        found.ok_or(ControlError::NotFound("key"))
    }

    /// The keys of a project, the oldest first, revoked ones too.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn keys(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<ApiKey>, ControlError> {
        let list = List {
            columns: rows::API_KEY,
            from: "api_keys WHERE project_id = $1".into(),
            order: "created_at_ms, id",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, rows::api_key).await
    }

    /// Gives a key another name, or another end.
    ///
    /// # Errors
    /// It is not there, or is revoked.
    pub async fn update_key(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
        to: KeyChange,
    ) -> Result<ApiKey, ControlError> {
        let mut change = Change::new(by, "key.update", id)
            .within(project_id)
            .details(json!({ "name": to.name, "expires_at_ms": to.expires_at_ms }));
        let at = "WHERE id = $1 AND project_id = $2 AND revoked_at_ms IS NULL";
        let (key, project) = (id.into(), project_id.as_str().into());
        let step = match (to.name, to.expires_at_ms) {
            (None, None) => Step::new(format!("SELECT 1 FROM api_keys {at}"), [key, project]),
            (Some(name), None) => Step::new(
                format!("UPDATE api_keys SET name = $3 {at}"),
                [key, project, name.as_str().into()],
            ),
            (None, Some(end)) => Step::new(
                format!("UPDATE api_keys SET expires_at_ms = $3 {at}"),
                [key, project, end.into()],
            ),
            (Some(name), Some(end)) => Step::new(
                format!("UPDATE api_keys SET name = $3, expires_at_ms = $4 {at}"),
                [key, project, name.as_str().into(), end.into()],
            ),
        };
        change = change.step(step.or(ControlError::NotFound("key")));
        self.commit(change).await?;
        self.key(project_id, id).await
    }

    /// Revokes a key: it is refused from now on, for ever. To revoke it again changes nothing.
    ///
    /// # Errors
    /// It is not there.
    pub async fn revoke_key(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<ApiKey, ControlError> {
        let key = self.key(project_id, id).await?;
        if key.revoked_at_ms.is_some() {
            return Ok(key);
        }
        let step = Step::new(
            "UPDATE api_keys SET revoked_at_ms = COALESCE(revoked_at_ms, $3) WHERE id = $1 AND project_id = $2",
            [
                id.into(),
                project_id.as_str().into(),
                clock::now().as_millis().into(),
            ],
        );
        let change = Change::new(by, "key.revoke", id)
            .within(project_id)
            .warning()
            .details(json!({ "name": key.name }))
            .step(step.or(ControlError::NotFound("key")));
        self.commit(change).await?;
        self.key(project_id, id).await
    }
}

fn scope_faults(kind: KeyKind, scopes: Scopes) -> Vec<FieldError> {
    let fault = |code, message| vec![FieldError::new("scopes", code, message)];
    if scopes.is_empty() {
        fault(FieldFault::Empty, "must name at least one scope")
    } else if scopes.is_within(kind.scopes_allowed()) {
        Vec::new()
    } else {
        fault(
            FieldFault::UnknownValue,
            "a browser key only has the scope ingest, a read key only read",
        )
    }
}

pub(super) fn insert(key: &ApiKey, is_bootstrap: bool) -> Step {
    Step::new(
        "INSERT INTO api_keys (id, project_id, kind, name, sha256, shown, scopes, acts_as, is_bootstrap, \
         created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            key.id.into(),
            key.project_id.as_str().into(),
            key.kind.as_str().into(),
            key.name.as_str().into(),
            key.sha256.into(),
            key.shown.as_str().into(),
            rows::scopes_to_text(key.scopes).into(),
            key.acts_as.into(),
            is_bootstrap.into(),
            key.created_at_ms.into(),
            key.expires_at_ms.into(),
        ],
    )
    .unique("key")
}
