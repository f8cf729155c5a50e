//! Operations on what is known of vendors from asking them, and on the times in which they may be away.

use std::collections::HashMap;

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Row, Statement, Step, Value};
use super::{By, Control, ControlError, List, rows};
use crate::clock;
use crate::domain::account::ProjectId;
use crate::domain::dashboard::Note;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::integration::{MaintenanceWindow, PollState};
use crate::domain::page::{Page, PageRequest};

/// Most windows of a project; beyond it the ones that ended first are forgotten.
const WINDOWS_MAX: u32 = 1_000;

const POLL: &str = "integration_id, last_at_ms, next_at_ms, interval_ms, failures, etag, last_modified, content_sum, \
                    changed_at_ms, error";

const WINDOW: &str = "id, project_id, integration_id, starts_at_ms, ends_at_ms, note, created_at_ms";

/// A window to be kept.
#[derive(Clone, Debug)]
pub struct NewMaintenanceWindow {
    /// Whose; none: of all integrations of the project.
    pub integration_id: Option<Uuid>,
    /// When it begins, in milliseconds since 1970.
    pub starts_at_ms: i64,
    /// When it is over.
    pub ends_at_ms: i64,
    /// What for.
    pub note: Option<Note>,
}

impl Control {
    /// What is known from asking, of all integrations that were asked.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn polls(&self) -> Result<HashMap<Uuid, PollState>, ControlError> {
        let query = Statement::new(format!("SELECT {POLL} FROM integration_polls"), []);
        let found = self.rows(query).await?;
        found.into_iter().map(|mut row| poll(&mut row)).collect()
    }

    /// The same of one.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn poll_of(&self, integration: Uuid) -> Result<Option<PollState>, ControlError> {
        let sql = format!("SELECT {POLL} FROM integration_polls WHERE integration_id = $1");
        let found = self.one(Statement::new(sql, [integration.into()]), poll).await?;
        Ok(found.map(|(_, state)| state))
    }

    /// Keeps what is known from asking. Nothing is kept of an integration that is no more.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn note_poll(&self, integration: Uuid, state: &PollState) -> Result<(), ControlError> {
        let text = |text: &Option<String>| Value::from(text.as_deref());
        let step = Step::new(
            "INSERT INTO integration_polls (integration_id, last_at_ms, next_at_ms, interval_ms, failures, etag, \
                 last_modified, content_sum, changed_at_ms, error) \
             SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM integrations WHERE id = $1 \
             ON CONFLICT (integration_id) DO UPDATE SET last_at_ms = excluded.last_at_ms, \
                 next_at_ms = excluded.next_at_ms, interval_ms = excluded.interval_ms, failures = excluded.failures, \
                 etag = excluded.etag, last_modified = excluded.last_modified, content_sum = excluded.content_sum, \
                 changed_at_ms = excluded.changed_at_ms, error = excluded.error",
            [
                integration.into(),
                state.last_at_ms.into(),
                state.next_at_ms.into(),
                state.interval_ms.into(),
                state.failures.into(),
                text(&state.etag),
                text(&state.last_modified),
                text(&state.content_sum),
                state.changed_at_ms.into(),
                text(&state.error),
            ],
        );
        self.inner.store.change(vec![step]).await
    }

    /// Keeps a time in which vendors may be away.
    ///
    /// # Errors
    /// The project or the integration is not there.
    pub async fn create_maintenance_window(
        &self,
        by: &By,
        project_id: &ProjectId,
        new: NewMaintenanceWindow,
    ) -> Result<MaintenanceWindow, ControlError> {
        let window = MaintenanceWindow {
            id: Uuid::now_v7(),
            project_id: project_id.clone(),
            integration_id: new.integration_id,
            starts_at_ms: new.starts_at_ms,
            ends_at_ms: new.ends_at_ms,
            note: new.note,
            created_at_ms: clock::now().as_millis(),
        };
        if let Some(integration) = window.integration_id {
            let found = self.integration(project_id, integration).await;
            found.map_err(|error| match error {
                // It is not the address that names it.
                ControlError::NotFound(_) => ControlError::Invalid(vec![FieldError::new(
                    "integration_id",
                    FieldFault::UnknownValue,
                    "must be the id of an integration of the project",
                )]),
                error => error,
            })?;
        }
        let kept = WINDOWS_MAX - 1;
        let forget = Step::new(
            format!(
                "DELETE FROM maintenance_windows WHERE id IN (SELECT id FROM maintenance_windows WHERE project_id = $1 \
                 ORDER BY ends_at_ms DESC, id DESC LIMIT {WINDOWS_MAX} OFFSET {kept})"
            ),
            [project_id.as_str().into()],
        );
        let insert = Step::new(
            "INSERT INTO maintenance_windows (id, project_id, integration_id, starts_at_ms, ends_at_ms, note, \
                 created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                window.id.into(),
                project_id.as_str().into(),
                window.integration_id.into(),
                window.starts_at_ms.into(),
                window.ends_at_ms.into(),
                Value::from(window.note.as_ref().map(Note::as_str)),
                window.created_at_ms.into(),
            ],
        );
        let change = Change::new(by, "maintenance_window.create", window.id)
            .within(project_id)
            .details(
                json!({ "integration_id": window.integration_id, "starts_at_ms": window.starts_at_ms,
                "ends_at_ms": window.ends_at_ms }),
            )
            .step(forget)
            .step(insert);
        self.commit(change).await?;
        Ok(window)
    }

    /// The windows of a project, those that end last first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn maintenance_windows(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<MaintenanceWindow>, ControlError> {
        let list = List {
            columns: WINDOW,
            from: "maintenance_windows WHERE project_id = $1".into(),
            order: "ends_at_ms DESC, id DESC",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, window).await
    }

    /// The windows of a project, or of all, that have a part within `from_ms` to `to_ms`.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn maintenance_between(
        &self,
        project_id: Option<&ProjectId>,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<MaintenanceWindow>, ControlError> {
        let mut values = vec![from_ms.into(), to_ms.into()];
        let of_project = match project_id {
            Some(project_id) => {
                values.push(project_id.as_str().into());
                " AND project_id = $3"
            }
            None => "",
        };
        let sql = format!(
            "SELECT {WINDOW} FROM maintenance_windows WHERE ends_at_ms > $1 AND starts_at_ms < $2{of_project} \
             ORDER BY starts_at_ms, id"
        );
        let found = self.rows(Statement::new(sql, values)).await?;
        found.into_iter().map(|mut row| window(&mut row)).collect()
    }

    /// Writes into the audit log that something was done to integrations that is no control data.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn note_vendors(
        &self,
        by: &By,
        project_id: &ProjectId,
        action: &'static str,
        details: serde_json::Value,
    ) -> Result<(), ControlError> {
        let change = Change::new(by, action, project_id.as_str())
            .within(project_id)
            .details(details)
            .beside_the_directory();
        self.commit(change).await
    }

    /// Forgets a window.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_maintenance_window(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<(), ControlError> {
        let step = Step::new(
            "DELETE FROM maintenance_windows WHERE id = $1 AND project_id = $2",
            [id.into(), project_id.as_str().into()],
        );
        let change = Change::new(by, "maintenance_window.delete", id)
            .within(project_id)
            .step(step.or(ControlError::NotFound("maintenance window")));
        self.commit(change).await
    }
}

/// Goes with an integration that is forgotten.
pub(super) fn forget_vendor(integration: Uuid) -> [Step; 2] {
    let forget = |sql: &'static str| Step::new(sql, [integration.into()]);
    [
        forget("DELETE FROM integration_polls WHERE integration_id = $1"),
        forget("DELETE FROM maintenance_windows WHERE integration_id = $1"),
    ]
}

fn poll(row: &mut Row) -> Result<(Uuid, PollState), ControlError> {
    let id = row.id()?;
    let state = PollState {
        last_at_ms: row.int()?,
        next_at_ms: row.int()?,
        interval_ms: row.int()?,
        failures: u32::try_from(row.int()?).unwrap_or(u32::MAX),
        etag: row.opt_text()?,
        last_modified: row.opt_text()?,
        content_sum: row.opt_text()?,
        changed_at_ms: row.opt_int()?,
        error: row.opt_text()?,
    };
    Ok((id, state))
}

fn window(row: &mut Row) -> Result<MaintenanceWindow, ControlError> {
    Ok(MaintenanceWindow {
        id: row.id()?,
        project_id: rows::project_id(row)?,
        integration_id: row.opt_id()?,
        starts_at_ms: row.int()?,
        ends_at_ms: row.int()?,
        note: row.opt_text()?.and_then(|text| Note::parse("", &text).ok()),
        created_at_ms: row.int()?,
    })
}
