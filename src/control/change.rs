//! One change: its statements between the revision that it raises and the entry that tells of it.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::statement::{Step, Value};
use super::{Control, ControlError};
use crate::clock;
use crate::domain::account::{AuditLevel, By, ProjectId};

/// A change in the making.
#[derive(Debug)]
pub struct Change {
    steps: Vec<Step>,
    audit: Entry,
    changes_directory: bool,
}

#[derive(Debug)]
struct Entry {
    by: By,
    action: &'static str,
    target: String,
    project_id: Option<ProjectId>,
    level: AuditLevel,
    details: serde_json::Value,
}

impl Change {
    /// A change by someone to something, like `key.create` to the id of a key.
    #[must_use]
    pub fn new(by: &By, action: &'static str, target: impl ToString) -> Self {
        Self {
            steps: Vec::new(),
            audit: Entry {
                by: by.clone(),
                action,
                target: target.to_string(),
                project_id: None,
                level: AuditLevel::Info,
                details: json!({}),
            },
            changes_directory: true,
        }
    }

    /// The project that is changed. It must not be deleted, or the change fails.
    #[must_use]
    pub(super) fn within(self, project_id: &ProjectId) -> Self {
        let step = Step::new(
            "SELECT 1 FROM projects WHERE id = $1 AND deleted_at_ms IS NULL",
            [project_id.as_str().into()],
        );
        self.step(step.or(ControlError::NotFound("project")))
            .about(project_id)
    }

    /// The project that the audit entry names.
    #[must_use]
    pub fn about(mut self, project_id: &ProjectId) -> Self {
        self.audit.project_id = Some(project_id.clone());
        self
    }

    /// The entry asks for attention.
    #[must_use]
    pub const fn warning(mut self) -> Self {
        self.audit.level = AuditLevel::Warning;
        self
    }

    /// What else is to be known of it; never a secret.
    #[must_use]
    pub fn details(mut self, details: serde_json::Value) -> Self {
        self.audit.details = details;
        self
    }

    /// The directory does not show what is changed, and no answer to a question depends on it: the revision stays.
    #[must_use]
    pub(super) const fn beside_the_directory(mut self) -> Self {
        self.changes_directory = false;
        self
    }

    #[must_use]
    pub(super) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Fails the change when there are `max` rows or more: `from` is a table with its conditions.
    #[must_use]
    pub(super) fn at_most(
        self,
        max: u32,
        what: &'static str,
        from: &str,
        values: impl Into<Vec<Value>>,
    ) -> Self {
        let sql = format!("SELECT 1 WHERE (SELECT count(*) FROM {from}) < {max}");
        self.step(Step::new(sql, values).or(ControlError::TooMany { what, max }))
    }

    /// Fails the change when it would leave no instance owner.
    #[must_use]
    pub(super) fn keeping_an_owner(self) -> Self {
        let step = Step::new(
            "SELECT 1 FROM users WHERE is_instance_owner AND disabled_at_ms IS NULL LIMIT 1",
            [],
        );
        self.step(step.or(ControlError::Conflict {
            field: "is_instance_owner",
        }))
    }
}

impl Entry {
    fn into_step(self, now_ms: i64) -> Step {
        let By { actor, ip_prefix } = self.by;
        Step::new(
            "INSERT INTO audit (id, ts_ms, actor_kind, actor_id, actor_name, project_id, action, target, level, \
             details, ip_prefix) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            [
                Uuid::now_v7().into(),
                now_ms.into(),
                actor.kind.as_str().into(),
                actor.id.into(),
                actor.name.into(),
                self.project_id.as_ref().map(ProjectId::as_str).into(),
                self.action.into(),
                self.target.into(),
                self.level.as_str().into(),
                self.details.to_string().into(),
                ip_prefix.into(),
            ],
        )
    }
}

/// Marks a project with the revision of now.
fn note_changed(project_id: &ProjectId) -> Step {
    let sql = "UPDATE projects SET changed_revision = (SELECT revision FROM control_state WHERE id = 1) WHERE id = $1";
    Step::new(sql, [project_id.as_str().into()])
}

impl Control {
    /// Makes a change with its audit entry, and shows it in the directory.
    pub(super) async fn commit(&self, change: Change) -> Result<(), ControlError> {
        let raise = "UPDATE control_state SET revision = revision + 1 WHERE id = 1";
        self.commit_all(Step::new(raise, []), [change]).await
    }

    /// Makes changes together, each with its audit entry, and shows them in the directory. `raise` raises the revision.
    pub(super) async fn commit_all(
        &self,
        raise: Step,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<(), ControlError> {
        let (mut all, mut changes_directory) = (vec![raise], false);
        let mut changed = BTreeSet::new();
        let now_ms = clock::now().as_millis();
        for change in changes {
            changes_directory |= change.changes_directory;
            if change.changes_directory {
                changed.extend(change.audit.project_id.clone());
            }
            all.extend(change.steps);
            all.push(change.audit.into_step(now_ms));
        }
        all.extend(changed.iter().map(note_changed));
        // The revision goes first, so that changes wait for each other there and nowhere else.
        let unneeded = usize::from(!changes_directory);
        all.drain(..unneeded);
        self.inner.store.change(all).await?;
        if changes_directory {
            // The change is made, whatever comes of this; the poll tries again.
            self.refresh_or_log().await;
        }
        Ok(())
    }

    /// Notes something that changed no control data, like a login that was refused, in the audit log.
    ///
    /// # Errors
    /// The entry cannot be written.
    pub async fn note(&self, entry: Change) -> Result<(), ControlError> {
        self.commit(entry.beside_the_directory()).await
    }
}
