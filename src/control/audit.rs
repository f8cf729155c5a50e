//! The audit log, read.

use uuid::Uuid;

use super::statement::Value;
use super::{Control, ControlError, List, rows};
use crate::domain::account::{AuditEntry, AuditLevel, ProjectId};
use crate::domain::page::{Page, PageRequest};

/// Which entries are wanted; what is none wants all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this project.
    pub project_id: Option<ProjectId>,
    /// By this user or key.
    pub actor_id: Option<Uuid>,
    /// Of this action, like `key.revoke`, or of all that begin so, like `key`.
    pub action: Option<String>,
    /// Of this level.
    pub level: Option<AuditLevel>,
    /// Not before this time.
    pub from_ms: Option<i64>,
    /// Before this time.
    pub to_ms: Option<i64>,
}

impl Control {
    /// The audit log, the newest entry first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        request: PageRequest,
    ) -> Result<Page<AuditEntry>, ControlError> {
        let mut from = "audit".to_owned();
        let mut values: Vec<Value> = Vec::new();
        let mut wanted = |condition: &str, value: Option<Value>| {
            let Some(value) = value else { return };
            values.push(value);
            from.push_str(if values.len() == 1 { " WHERE " } else { " AND " });
            from.push_str(&condition.replace("$n", &format!("${}", values.len())));
        };
        wanted(
            "project_id = $n",
            filter.project_id.as_ref().map(|id| id.as_str().into()),
        );
        wanted("actor_id = $n", filter.actor_id.map(Into::into));
        // Not LIKE, whose signs could stand in the value.
        wanted(
            "(action = $n OR substr(action, 1, length($n) + 1) = $n || '.')",
            filter.action.as_deref().map(Into::into),
        );
        wanted("level = $n", filter.level.map(|level| level.as_str().into()));
        wanted("ts_ms >= $n", filter.from_ms.map(Into::into));
        wanted("ts_ms < $n", filter.to_ms.map(Into::into));
        let list = List {
            columns: rows::AUDIT_ENTRY,
            from: from.into(),
            order: "ts_ms DESC, id DESC",
            values,
        };
        self.page(&list, request, rows::audit_entry).await
    }
}
