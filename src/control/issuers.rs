//! Operations on the issuers of JWTs.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, List, check, rows};
use crate::clock;
use crate::domain::account::{JwtIssuer, JwtKeys, ProjectId};
use crate::domain::page::{Page, PageRequest};

/// Most issuers of a project.
const ISSUERS_MAX: u32 = 20;

impl Control {
    /// Keeps an issuer; its id and its time are set here.
    ///
    /// # Errors
    /// A field is outside its limits; the project is not there; there are too many.
    pub async fn create_issuer(&self, by: &By, issuer: JwtIssuer) -> Result<JwtIssuer, ControlError> {
        let (change, issuer) = creation(by, issuer)?;
        self.commit(change).await?;
        Ok(issuer)
    }

    /// An issuer of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn issuer(&self, project_id: &ProjectId, id: Uuid) -> Result<JwtIssuer, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM jwt_issuers WHERE id = $1 AND project_id = $2",
                rows::JWT_ISSUER
            ),
            [id.into(), project_id.as_str().into()],
        );
        let found = self.one(query, rows::jwt_issuer).await?;
        found.ok_or(ControlError::NotFound("issuer"))
    }

    /// The issuers of a project, the oldest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn issuers(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<JwtIssuer>, ControlError> {
        let list = List {
            columns: rows::JWT_ISSUER,
            from: "jwt_issuers WHERE project_id = $1".into(),
            order: "created_at_ms, id",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, rows::jwt_issuer).await
    }

    /// Sets everything of an issuer but its id, its project and its time; so a secret is rotated.
    ///
    /// # Errors
    /// A field is outside its limits; it is not there.
    pub async fn update_issuer(&self, by: &By, issuer: &JwtIssuer) -> Result<JwtIssuer, ControlError> {
        self.commit(update(by, issuer)?).await?;
        self.issuer(&issuer.project_id, issuer.id).await
    }

    /// Forgets an issuer: its JWTs are believed no more.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_issuer(&self, by: &By, project_id: &ProjectId, id: Uuid) -> Result<(), ControlError> {
        self.commit(removal(by, project_id, id)).await
    }
}

/// The change that keeps an issuer, and the issuer with its id and its time.
pub(super) fn creation(by: &By, issuer: JwtIssuer) -> Result<(Change, JwtIssuer), ControlError> {
    check(issuer.faults())?;
    let issuer = JwtIssuer {
        id: Uuid::now_v7(),
        created_at_ms: clock::now().as_millis(),
        ..issuer
    };
    let change = Change::new(by, "issuer.create", issuer.id)
        .within(&issuer.project_id)
        .warning()
        .details(details(&issuer))
        .at_most(
            ISSUERS_MAX,
            "issuers",
            "jwt_issuers WHERE project_id = $1",
            [issuer.project_id.as_str().into()],
        )
        .step(Step::new(
            "INSERT INTO jwt_issuers (id, project_id, name, issuer, audience, algorithm, key_text, \
             created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                issuer.id.into(),
                issuer.project_id.as_str().into(),
                issuer.name.as_str().into(),
                issuer.issuer.as_str().into(),
                issuer.audience.as_str().into(),
                issuer.keys.algorithm().into(),
                key_text(&issuer.keys).into(),
                issuer.created_at_ms.into(),
            ],
        ));
    Ok((change, issuer))
}

/// The change that sets everything of an issuer but its id, its project and its time.
pub(super) fn update(by: &By, issuer: &JwtIssuer) -> Result<Change, ControlError> {
    check(issuer.faults())?;
    let step = Step::new(
        "UPDATE jwt_issuers SET name = $3, issuer = $4, audience = $5, algorithm = $6, key_text = $7 \
         WHERE id = $1 AND project_id = $2",
        [
            issuer.id.into(),
            issuer.project_id.as_str().into(),
            issuer.name.as_str().into(),
            issuer.issuer.as_str().into(),
            issuer.audience.as_str().into(),
            issuer.keys.algorithm().into(),
            key_text(&issuer.keys).into(),
        ],
    );
    Ok(Change::new(by, "issuer.update", issuer.id)
        .within(&issuer.project_id)
        .warning()
        .details(details(issuer))
        .step(step.or(ControlError::NotFound("issuer"))))
}

/// The change that forgets an issuer.
pub(super) fn removal(by: &By, project_id: &ProjectId, id: Uuid) -> Change {
    let step = Step::new(
        "DELETE FROM jwt_issuers WHERE id = $1 AND project_id = $2",
        [id.into(), project_id.as_str().into()],
    );
    Change::new(by, "issuer.delete", id)
        .within(project_id)
        .warning()
        .step(step.or(ControlError::NotFound("issuer")))
}

fn details(issuer: &JwtIssuer) -> serde_json::Value {
    json!({ "name": issuer.name, "issuer": issuer.issuer, "algorithm": issuer.keys.algorithm() })
}

fn key_text(keys: &JwtKeys) -> &str {
    match keys {
        JwtKeys::Hs256 { secret } => secret.reveal(),
        JwtKeys::Rs256 { public_key_pem } => public_key_pem,
        JwtKeys::Jwks { url } => url,
    }
}
