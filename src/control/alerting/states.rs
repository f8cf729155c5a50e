//! Where rules stand, as people see it. Groups that are well are not written down.

use std::collections::HashMap;

use uuid::Uuid;

use super::kept::RuleState;
use super::rows;
use crate::control::statement::{Statement, Value};
use crate::control::{Control, ControlError, List};
use crate::domain::account::ProjectId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::rule::Status;

impl Control {
    /// Where a rule of a project stands, by groups, the one that has changed last first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn rule_states(
        &self,
        project_id: &ProjectId,
        rule_id: Uuid,
        request: PageRequest,
    ) -> Result<Page<RuleState>, ControlError> {
        let list = List {
            columns: rows::RULE_STATE,
            from: "rule_states WHERE rule_id IN (SELECT id FROM rules WHERE id = $1 AND project_id = $2)"
                .into(),
            order: "updated_at_ms DESC, group_hash",
            values: vec![rule_id.into(), project_id.as_str().into()],
        };
        self.page(&list, request, rows::rule_state).await
    }

    /// Where some rules of a project stand, each in all of its groups.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn rule_statuses(
        &self,
        project_id: &ProjectId,
        rule_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Status>>, ControlError> {
        let mut statuses: HashMap<Uuid, Vec<Status>> = HashMap::new();
        if rule_ids.is_empty() {
            return Ok(statuses);
        }
        let mut values: Vec<Value> = vec![project_id.as_str().into()];
        let sql = format!(
            "SELECT {} FROM rule_states WHERE rule_id IN (SELECT id FROM rules WHERE project_id = $1 AND id IN ({}))",
            rows::RULE_STATE,
            places(rule_ids, &mut values)
        );
        for mut row in self.rows(Statement::new(sql, values)).await? {
            let state = rows::rule_state(&mut row)?;
            statuses.entry(state.rule_id).or_default().push(state.status);
        }
        Ok(statuses)
    }
}

/// Adds ids, or names, to the values of a statement; gives their places in it.
pub(super) fn places<T: Clone + Into<Value>>(ids: &[T], values: &mut Vec<Value>) -> String {
    let places = ids.iter().map(|id| {
        values.push(id.clone().into());
        format!("${}", values.len())
    });
    places.collect::<Vec<_>>().join(", ")
}
