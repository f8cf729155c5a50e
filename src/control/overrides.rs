//! Operations on quota overrides.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, List, check, rows};
use crate::clock;
use crate::domain::account::{PartialLimits, ProjectId, QuotaOverride, QuotaTarget};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::{Page, PageRequest};

/// Most overrides of a project, all of which stand in memory.
const OVERRIDES_MAX: u32 = 10_000;

impl Control {
    /// Keeps other limits for some.
    ///
    /// # Errors
    /// The target has an override (`Conflict` of `target`); no limit is named; the project is not there.
    pub async fn create_override(
        &self,
        by: &By,
        project_id: &ProjectId,
        target: QuotaTarget,
        limits: PartialLimits,
    ) -> Result<QuotaOverride, ControlError> {
        let (change, new) = creation(by, project_id, target, limits)?;
        self.commit(change).await?;
        Ok(new)
    }

    /// An override of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn quota_override(
        &self,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<QuotaOverride, ControlError> {
        let query = Statement::new(
            format!(
                "SELECT {} FROM quota_overrides WHERE id = $1 AND project_id = $2",
                rows::QUOTA_OVERRIDE
            ),
            [id.into(), project_id.as_str().into()],
        );
        let found = self.one(query, rows::quota_override).await?;
        found.ok_or(ControlError::NotFound("quota override"))
    }

    /// The overrides of a project, the oldest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn quota_overrides(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<QuotaOverride>, ControlError> {
        let list = List {
            columns: rows::QUOTA_OVERRIDE,
            from: "quota_overrides WHERE project_id = $1".into(),
            order: "created_at_ms, id",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, rows::quota_override).await
    }

    /// Sets the limits of an override.
    ///
    /// # Errors
    /// It is not there; no limit is named.
    pub async fn update_override(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
        limits: PartialLimits,
    ) -> Result<QuotaOverride, ControlError> {
        self.commit(update(by, project_id, id, limits)?).await?;
        self.quota_override(project_id, id).await
    }

    /// Forgets an override.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_override(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<(), ControlError> {
        self.commit(removal(by, project_id, id)).await
    }
}

/// The change that keeps an override, and the override.
pub(super) fn creation(
    by: &By,
    project_id: &ProjectId,
    target: QuotaTarget,
    limits: PartialLimits,
) -> Result<(Change, QuotaOverride), ControlError> {
    check(faults(limits))?;
    let new = QuotaOverride {
        id: Uuid::now_v7(),
        project_id: project_id.clone(),
        target,
        limits,
        created_at_ms: clock::now().as_millis(),
    };
    let step = Step::new(
        "INSERT INTO quota_overrides (id, project_id, target_kind, target_id, metrics_per_hour, \
         events_per_hour, api_per_minute, external_per_minute, created_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            new.id.into(),
            project_id.as_str().into(),
            new.target.kind().into(),
            new.target.id().into(),
            limits.metrics_per_hour.into(),
            limits.events_per_hour.into(),
            limits.api_per_minute.into(),
            limits.external_per_minute.into(),
            new.created_at_ms.into(),
        ],
    );
    let change = Change::new(by, "quota.create", new.id)
        .within(project_id)
        .details(json!({ "target": new.target, "limits": new.limits }))
        .at_most(
            OVERRIDES_MAX,
            "quota overrides",
            "quota_overrides WHERE project_id = $1",
            [project_id.as_str().into()],
        )
        .step(step.unique("target"));
    Ok((change, new))
}

/// The change that sets the limits of an override.
pub(super) fn update(
    by: &By,
    project_id: &ProjectId,
    id: Uuid,
    limits: PartialLimits,
) -> Result<Change, ControlError> {
    check(faults(limits))?;
    let step = Step::new(
        "UPDATE quota_overrides SET metrics_per_hour = $3, events_per_hour = $4, api_per_minute = $5, \
         external_per_minute = $6 WHERE id = $1 AND project_id = $2",
        [
            id.into(),
            project_id.as_str().into(),
            limits.metrics_per_hour.into(),
            limits.events_per_hour.into(),
            limits.api_per_minute.into(),
            limits.external_per_minute.into(),
        ],
    );
    Ok(Change::new(by, "quota.update", id)
        .within(project_id)
        .details(json!({ "limits": limits }))
        .step(step.or(ControlError::NotFound("quota override"))))
}

/// The change that forgets an override.
pub(super) fn removal(by: &By, project_id: &ProjectId, id: Uuid) -> Change {
    let step = Step::new(
        "DELETE FROM quota_overrides WHERE id = $1 AND project_id = $2",
        [id.into(), project_id.as_str().into()],
    );
    Change::new(by, "quota.delete", id)
        .within(project_id)
        .step(step.or(ControlError::NotFound("quota override")))
}

fn faults(limits: PartialLimits) -> Vec<FieldError> {
    if limits.is_empty() {
        vec![FieldError::new(
            "limits",
            FieldFault::Empty,
            "must name at least one limit",
        )]
    } else {
        Vec::new()
    }
}
