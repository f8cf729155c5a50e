//! Operations on integrations. What is secret of one is encrypted before it comes here, and decrypted behind.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step};
use super::vendors::forget_vendor;
use super::{By, Control, ControlError, List, check, rows};
use crate::clock;
use crate::domain::account::{ProjectId, Sha256Sum};
use crate::domain::integration::{Integration, IntegrationDefinition, Slug};
use crate::domain::page::{Page, PageRequest};

/// Most integrations of a project.
const INTEGRATIONS_MAX: u32 = 500;

/// An integration to be kept.
#[derive(Clone, Debug)]
pub struct NewIntegration {
    /// Its id, with which its secrets were encrypted.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: Slug,
    /// The catalogue's service, or `custom`.
    pub service: Slug,
    /// What people say of it.
    pub definition: IntegrationDefinition,
    /// Its secrets, encrypted.
    pub sealed_secrets: Vec<u8>,
    /// Sum of the token in the address of its hook.
    pub hook_sha256: Sha256Sum,
}

impl Control {
    /// Makes an integration.
    ///
    /// # Errors
    /// It is not valid, its slug is in use, or the project is not there or has as many as it may have.
    pub async fn create_integration(
        &self,
        by: &By,
        project_id: &ProjectId,
        new: NewIntegration,
    ) -> Result<Integration, ControlError> {
        check(new.definition.faults())?;
        let now_ms = clock::now().as_millis();
        let integration = Integration {
            id: new.id,
            project_id: project_id.clone(),
            slug: new.slug,
            service: new.service,
            definition: new.definition,
            sealed_secrets: new.sealed_secrets,
            hook_sha256: new.hook_sha256,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            revision: 1,
        };
        let insert = Step::new(
            "INSERT INTO integrations (id, project_id, slug, service, definition, sealed_secrets, hook_sha256, \
                 created_at_ms, updated_at_ms, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                integration.id.into(),
                project_id.as_str().into(),
                integration.slug.as_str().into(),
                integration.service.as_str().into(),
                json!(integration.definition).to_string().into(),
                integration.sealed_secrets.clone().into(),
                integration.hook_sha256.into(),
                now_ms.into(),
                now_ms.into(),
                integration.revision.into(),
            ],
        );
        let change = Change::new(by, "integration.create", integration.id)
            .within(project_id)
            .details(details(&integration))
            .at_most(
                INTEGRATIONS_MAX,
                "integrations",
                "integrations WHERE project_id = $1",
                [project_id.as_str().into()],
            )
            .step(insert.unique("slug"));
        self.commit(change).await?;
        Ok(integration)
    }

    /// An integration of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn integration(&self, project_id: &ProjectId, id: Uuid) -> Result<Integration, ControlError> {
        let sql = format!(
            "SELECT {} FROM integrations WHERE id = $1 AND project_id = $2",
            rows::INTEGRATION
        );
        let query = Statement::new(sql, [id.into(), project_id.as_str().into()]);
        let found = self.one(query, rows::integration).await?;
        found.ok_or(ControlError::NotFound("integration"))
    }

    /// The integrations of a project, by their slugs.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn integrations(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<Integration>, ControlError> {
        let list = List {
            columns: rows::INTEGRATION,
            from: "integrations WHERE project_id = $1".into(),
            order: "slug",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, rows::integration).await
    }

    /// Sets an integration, if its revision is still the one that is named; the answer has the next one. Its slug and its
    /// service stay.
    ///
    /// # Errors
    /// It is not valid or not there, or someone else was faster (`Conflict` of `revision`).
    pub async fn update_integration(
        &self,
        by: &By,
        integration: &Integration,
    ) -> Result<Integration, ControlError> {
        self.set_integration(by, "integration.update", integration).await
    }

    /// The same for an integration that has nothing new but the token of its hook.
    ///
    /// # Errors
    /// See [`update_integration`](Self::update_integration).
    pub async fn rotate_integration_hook(
        &self,
        by: &By,
        integration: &Integration,
    ) -> Result<Integration, ControlError> {
        self.set_integration(by, "integration.rotate_hook", integration)
            .await
    }

    async fn set_integration(
        &self,
        by: &By,
        action: &'static str,
        integration: &Integration,
    ) -> Result<Integration, ControlError> {
        check(integration.definition.faults())?;
        let step = Step::new(
            "UPDATE integrations SET definition = $4, sealed_secrets = $5, hook_sha256 = $6, updated_at_ms = $7, \
                 revision = revision + 1 WHERE id = $1 AND project_id = $2 AND revision = $3",
            [
                integration.id.into(),
                integration.project_id.as_str().into(),
                integration.revision.into(),
                json!(integration.definition).to_string().into(),
                integration.sealed_secrets.clone().into(),
                integration.hook_sha256.into(),
                clock::now().as_millis().into(),
            ],
        );
        let conflict = ControlError::Conflict { field: "revision" };
        let change = Change::new(by, action, integration.id)
            .within(&integration.project_id)
            .details(details(integration))
            .step(step.or(conflict));
        self.commit(change).await?;
        self.integration(&integration.project_id, integration.id).await
    }

    /// Keeps the secrets of an integration, which are the same as before, under another key. Nothing is done when it has been
    /// changed or deleted meanwhile.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn reseal_integration(
        &self,
        integration: &Integration,
        sealed_secrets: Vec<u8>,
    ) -> Result<(), ControlError> {
        // Not a new revision: what people see of it is the same.
        let step = Step::new(
            "UPDATE integrations SET sealed_secrets = $4 WHERE id = $1 AND project_id = $2 AND revision = $3",
            [
                integration.id.into(),
                integration.project_id.as_str().into(),
                integration.revision.into(),
                sealed_secrets.into(),
            ],
        );
        let changed = ControlError::Conflict { field: "revision" };
        let change = Change::new(&By::system(), "integration.reseal", integration.id)
            .about(&integration.project_id)
            .step(step.or(changed.clone()));
        match self.commit(change).await {
            Err(error) if error == changed => Ok(()),
            outcome => outcome,
        }
    }

    /// Forgets an integration, with its secrets.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_integration(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<(), ControlError> {
        let step = Step::new(
            "DELETE FROM integrations WHERE id = $1 AND project_id = $2",
            [id.into(), project_id.as_str().into()],
        );
        let change = Change::new(by, "integration.delete", id)
            .within(project_id)
            .step(step.or(ControlError::NotFound("integration")));
        let change = forget_vendor(id).into_iter().fold(change, Change::step);
        self.commit(change).await
    }
}

/// For the audit log: nothing of its secrets. (Values of further headers may be.)
fn details(integration: &Integration) -> serde_json::Value {
    let mut definition = integration.definition.clone();
    definition.headers.values_mut().for_each(|value| value.clear());
    json!({ "slug": integration.slug, "service": integration.service, "definition": definition })
}
