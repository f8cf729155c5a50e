//! Operations on silences and inhibitions.

use serde_json::json;
use uuid::Uuid;

use super::rows;
use crate::clock;
use crate::control::change::Change;
use crate::control::statement::Step;
use crate::control::{By, Control, ControlError, List, check};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Inhibition, InhibitionDefinition, Silence, SilenceDefinition};
use crate::domain::page::{Page, PageRequest};

/// Most silences of a project that are not over.
const SILENCES_MAX: u32 = 1_000;
/// Most inhibitions of a project.
const INHIBITIONS_MAX: u32 = 200;

impl Control {
    /// Makes a silence.
    ///
    /// # Errors
    /// It is not valid, or the project is not there or has as many as it may have.
    pub async fn create_silence(
        &self,
        by: &By,
        project_id: &ProjectId,
        definition: SilenceDefinition,
    ) -> Result<Silence, ControlError> {
        check(definition.faults())?;
        let now_ms = clock::now().as_millis();
        let silence = Silence {
            id: Uuid::now_v7(),
            project_id: project_id.clone(),
            definition,
            created_by: by.actor.clone(),
            created_at_ms: now_ms,
        };
        let insert = Step::new(
            "INSERT INTO silences (id, project_id, definition, starts_at_ms, ends_at_ms, actor_kind, actor_id, actor_name, \
             created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                silence.id.into(),
                project_id.as_str().into(),
                json!(silence.definition).to_string().into(),
                silence.definition.starts_at_ms.into(),
                silence.definition.ends_at_ms.into(),
                by.actor.kind.as_str().into(),
                by.actor.id.into(),
                by.actor.name.as_str().into(),
                now_ms.into(),
            ],
        );
        let change = Change::new(by, "silence.create", silence.id)
            .within(project_id)
            .details(json!(silence.definition))
            .at_most(
                SILENCES_MAX,
                "silences",
                "silences WHERE project_id = $1 AND ends_at_ms > $2",
                [project_id.as_str().into(), now_ms.into()],
            )
            .step(insert);
        self.commit(change).await?;
        Ok(silence)
    }

    /// The silences of a project, the one that ends last first; with `is_over` also those that are over.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn silences(
        &self,
        project_id: &ProjectId,
        is_over: bool,
        request: PageRequest,
    ) -> Result<Page<Silence>, ControlError> {
        let ends_after_ms = if is_over { 0 } else { clock::now().as_millis() };
        let list = List {
            columns: rows::SILENCE,
            from: "silences WHERE project_id = $1 AND ends_at_ms > $2".into(),
            order: "ends_at_ms DESC, id",
            values: vec![project_id.as_str().into(), ends_after_ms.into()],
        };
        self.page(&list, request, rows::silence).await
    }

    /// Forgets a silence: what it kept quiet is told now, if it still fires.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_silence(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<(), ControlError> {
        self.delete_one(
            by,
            project_id,
            id,
            "silence",
            "DELETE FROM silences WHERE id = $1 AND project_id = $2",
        )
        .await
    }

    /// Makes an inhibition.
    ///
    /// # Errors
    /// It is not valid, or the project is not there or has as many as it may have.
    pub async fn create_inhibition(
        &self,
        by: &By,
        project_id: &ProjectId,
        definition: InhibitionDefinition,
    ) -> Result<Inhibition, ControlError> {
        check(definition.faults())?;
        let now_ms = clock::now().as_millis();
        let inhibition = Inhibition {
            id: Uuid::now_v7(),
            project_id: project_id.clone(),
            definition,
            created_at_ms: now_ms,
        };
        let insert = Step::new(
            "INSERT INTO inhibitions (id, project_id, definition, created_at_ms) VALUES ($1, $2, $3, $4)",
            [
                inhibition.id.into(),
                project_id.as_str().into(),
                json!(inhibition.definition).to_string().into(),
                now_ms.into(),
            ],
        );
        let change = Change::new(by, "inhibition.create", inhibition.id)
            .within(project_id)
            .details(json!(inhibition.definition))
            .at_most(
                INHIBITIONS_MAX,
                "inhibitions",
                "inhibitions WHERE project_id = $1",
                [project_id.as_str().into()],
            )
            .step(insert);
        self.commit(change).await?;
        Ok(inhibition)
    }

    /// The inhibitions of a project, the oldest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn inhibitions(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<Inhibition>, ControlError> {
        let list = List {
            columns: rows::INHIBITION,
            from: "inhibitions WHERE project_id = $1".into(),
            order: "created_at_ms, id",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, rows::inhibition).await
    }

    /// Forgets an inhibition.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_inhibition(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<(), ControlError> {
        self.delete_one(
            by,
            project_id,
            id,
            "inhibition",
            "DELETE FROM inhibitions WHERE id = $1 AND project_id = $2",
        )
        .await
    }

    async fn delete_one(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
        what: &'static str,
        sql: &'static str,
    ) -> Result<(), ControlError> {
        let action = if what == "silence" {
            "silence.delete"
        } else {
            "inhibition.delete"
        };
        let step = Step::new(sql, [id.into(), project_id.as_str().into()]);
        let change = Change::new(by, action, id)
            .within(project_id)
            .step(step.or(ControlError::NotFound(what)));
        self.commit(change).await
    }
}
