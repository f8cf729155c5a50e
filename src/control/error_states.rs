//! Operations on what has been decided about errors.

use serde_json::json;

use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, List, rows};
use crate::clock;
use crate::domain::account::ProjectId;
use crate::domain::dashboard::{ErrorRecord, ErrorState, Fingerprint, Note};
use crate::domain::page::{Page, PageRequest};

/// Most errors of a project about which something is decided.
const RECORDS_MAX: u32 = 10_000;

impl Control {
    /// Decides about an error. To open one again without a note is to forget what was decided before.
    ///
    /// # Errors
    /// The project is not there, or has as many as it may have.
    pub async fn set_error_state(
        &self,
        by: &By,
        project_id: &ProjectId,
        fingerprint: &Fingerprint,
        state: ErrorState,
        note: Option<Note>,
    ) -> Result<ErrorRecord, ControlError> {
        let record = ErrorRecord {
            fingerprint: fingerprint.clone(),
            state,
            note,
            changed_by: by.actor.clone(),
            changed_at_ms: clock::now().as_millis(),
        };
        let change = Change::new(by, "error.update", fingerprint)
            .within(project_id)
            .details(json!({ "state": record.state, "note": record.note }));
        let change = if (record.state, &record.note) == (ErrorState::Open, &None) {
            change.step(Step::new(
                "DELETE FROM error_states WHERE project_id = $1 AND fingerprint = $2",
                [project_id.as_str().into(), fingerprint.as_str().into()],
            ))
        } else {
            change
                .at_most(
                    RECORDS_MAX,
                    "states of errors",
                    "error_states WHERE project_id = $1 AND fingerprint <> $2",
                    [project_id.as_str().into(), fingerprint.as_str().into()],
                )
                .step(upsert(project_id, &record))
        };
        self.commit(change).await?;
        Ok(record)
    }

    /// What has been decided about the errors of a project, the latest first; about those of one state, if one is
    /// named. Errors about which nothing was decided are open, and not in the list.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn error_states(
        &self,
        project_id: &ProjectId,
        state: Option<ErrorState>,
        request: PageRequest,
    ) -> Result<Page<ErrorRecord>, ControlError> {
        let mut values = vec![project_id.as_str().into()];
        let mut from = "error_states WHERE project_id = $1";
        if let Some(state) = state {
            values.push(state.as_str().into());
            from = "error_states WHERE project_id = $1 AND state = $2";
        }
        let list = List {
            columns: rows::ERROR_RECORD,
            from: from.into(),
            order: "changed_at_ms DESC, fingerprint",
            values,
        };
        self.page(&list, request, rows::error_record).await
    }

    /// All that has been decided about the errors of a project, by their fingerprints; at most 10,000.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn all_error_states(&self, project_id: &ProjectId) -> Result<Vec<ErrorRecord>, ControlError> {
        let sql = format!(
            "SELECT {} FROM error_states WHERE project_id = $1 ORDER BY fingerprint LIMIT {RECORDS_MAX}",
            rows::ERROR_RECORD
        );
        let found = self
            .rows(Statement::new(sql, [project_id.as_str().into()]))
            .await?;
        found
            .into_iter()
            .map(|mut row| rows::error_record(&mut row))
            .collect()
    }

    /// What has been decided about one error.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn error_state(
        &self,
        project_id: &ProjectId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<ErrorRecord>, ControlError> {
        let sql = format!(
            "SELECT {} FROM error_states WHERE project_id = $1 AND fingerprint = $2",
            rows::ERROR_RECORD
        );
        let values = [project_id.as_str().into(), fingerprint.as_str().into()];
        self.one(Statement::new(sql, values), rows::error_record).await
    }
}

fn upsert(project_id: &ProjectId, record: &ErrorRecord) -> Step {
    let actor = &record.changed_by;
    Step::new(
        "INSERT INTO error_states (project_id, fingerprint, state, note, actor_kind, actor_id, actor_name, \
         changed_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (project_id, fingerprint) DO UPDATE SET state = excluded.state, note = excluded.note, \
         actor_kind = excluded.actor_kind, actor_id = excluded.actor_id, actor_name = excluded.actor_name, \
         changed_at_ms = excluded.changed_at_ms",
        [
            project_id.as_str().into(),
            record.fingerprint.as_str().into(),
            record.state.as_str().into(),
            record.note.as_ref().map(Note::as_str).into(),
            actor.kind.as_str().into(),
            actor.id.into(),
            actor.name.as_str().into(),
            record.changed_at_ms.into(),
        ],
    )
}
