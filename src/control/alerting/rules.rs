//! Operations on rules.

use serde_json::json;
use uuid::Uuid;

use super::rows;
use crate::clock;
use crate::control::change::Change;
use crate::control::statement::{Statement, Step};
use crate::control::{By, Control, ControlError, List, check};
use crate::domain::account::ProjectId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::rule::{Rule, RuleDefinition};

/// Most rules of a project.
const RULES_MAX: u32 = 10_000;

impl Control {
    /// Makes a rule.
    ///
    /// # Errors
    /// It is not valid, its name is in use, or the project is not there or has as many as it may have.
    pub async fn create_rule(
        &self,
        by: &By,
        project_id: &ProjectId,
        definition: RuleDefinition,
    ) -> Result<Rule, ControlError> {
        let (change, rule) = creation(by, project_id, definition)?;
        self.commit(change).await?;
        Ok(rule)
    }

    /// Gives a project its default rules, if it has never had them. True when they are new.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn seed_rules(
        &self,
        project_id: &ProjectId,
        definitions: Vec<RuleDefinition>,
    ) -> Result<bool, ControlError> {
        let seeded = ControlError::Conflict { field: "project_id" };
        let first = Step::new(
            "INSERT INTO projects_with_default_rules (project_id) VALUES ($1) ON CONFLICT (project_id) DO NOTHING",
            [project_id.as_str().into()],
        );
        let mut change = Change::new(&By::system(), "rule.defaults", project_id)
            .within(project_id)
            .step(first.or(seeded.clone()));
        for definition in definitions {
            let Step { statement, .. } = insert(&new_rule(project_id, definition));
            // Somebody may have made one of the same name.
            let sql = format!("{} ON CONFLICT (project_id, name) DO NOTHING", statement.sql);
            change = change.step(Step::new(sql, statement.values));
        }
        match self.commit(change).await {
            Ok(()) => Ok(true),
            Err(error) if error == seeded => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A rule of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn rule(&self, project_id: &ProjectId, id: Uuid) -> Result<Rule, ControlError> {
        let sql = format!(
            "SELECT {} FROM rules WHERE id = $1 AND project_id = $2",
            rows::RULE
        );
        let query = Statement::new(sql, [id.into(), project_id.as_str().into()]);
        let found = self.one(query, rows::rule).await?;
        found.ok_or(ControlError::NotFound("rule"))
    }

    /// The rules of a project, by their names; `search` is a part of the name.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn rules(
        &self,
        project_id: &ProjectId,
        search: Option<&str>,
        request: PageRequest,
    ) -> Result<Page<Rule>, ControlError> {
        let mut values = vec![project_id.as_str().into()];
        let mut from = "rules WHERE project_id = $1";
        if let Some(search) = search {
            values.push(format!("%{}%", like(&search.to_lowercase())).into());
            from = "rules WHERE project_id = $1 AND lower(name) LIKE $2 ESCAPE '\\'";
        }
        let list = List {
            columns: rows::RULE,
            from: from.into(),
            order: "name, id",
            values,
        };
        self.page(&list, request, rows::rule).await
    }

    /// Sets a rule, if its revision is still the one that is named; the answer has the next one.
    ///
    /// # Errors
    /// It is not valid or not there, its name is in use, or someone else was faster (`Conflict` of `revision`).
    pub async fn update_rule(&self, by: &By, rule: Rule) -> Result<Rule, ControlError> {
        self.commit(update(by, &rule)?).await?;
        self.rule(&rule.project_id, rule.id).await
    }

    /// Forgets a rule. What it fires is resolved by the evaluator.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_rule(&self, by: &By, project_id: &ProjectId, id: Uuid) -> Result<(), ControlError> {
        self.commit(removal(by, project_id, id)).await
    }
}

/// Makes a rule.
pub(in crate::control) fn creation(
    by: &By,
    project_id: &ProjectId,
    definition: RuleDefinition,
) -> Result<(Change, Rule), ControlError> {
    check(definition.faults())?;
    let rule = new_rule(project_id, definition);
    let change = Change::new(by, "rule.create", rule.id)
        .within(project_id)
        .details(json!({ "name": rule.definition.name, "definition": rule.definition }))
        .at_most(
            RULES_MAX,
            "rules",
            "rules WHERE project_id = $1",
            [project_id.as_str().into()],
        )
        .step(insert(&rule).unique("name"));
    Ok((change, rule))
}

/// Sets a rule whose revision is still the one that it has.
pub(in crate::control) fn update(by: &By, rule: &Rule) -> Result<Change, ControlError> {
    check(rule.definition.faults())?;
    let step = Step::new(
        "UPDATE rules SET name = $4, definition = $5, is_enabled = $6, updated_at_ms = $7, revision = revision + 1 \
         WHERE id = $1 AND project_id = $2 AND revision = $3",
        [
            rule.id.into(),
            rule.project_id.as_str().into(),
            rule.revision.into(),
            rule.definition.name.as_str().into(),
            written(&rule.definition).into(),
            rule.definition.is_enabled.into(),
            clock::now().as_millis().into(),
        ],
    );
    let conflict = ControlError::Conflict { field: "revision" };
    Ok(Change::new(by, "rule.update", rule.id)
        .within(&rule.project_id)
        .details(json!({ "name": rule.definition.name, "definition": rule.definition }))
        .step(step.or(conflict).unique("name")))
}

/// Forgets a rule.
pub(in crate::control) fn removal(by: &By, project_id: &ProjectId, id: Uuid) -> Change {
    let step = Step::new(
        "DELETE FROM rules WHERE id = $1 AND project_id = $2",
        [id.into(), project_id.as_str().into()],
    );
    Change::new(by, "rule.delete", id)
        .within(project_id)
        .step(step.or(ControlError::NotFound("rule")))
}

/// A text as a part of a pattern of `LIKE`.
fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn new_rule(project_id: &ProjectId, definition: RuleDefinition) -> Rule {
    let now_ms = clock::now().as_millis();
    Rule {
        id: Uuid::now_v7(),
        project_id: project_id.clone(),
        definition,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        revision: 1,
    }
}

fn written(definition: &RuleDefinition) -> String {
    json!(definition).to_string()
}

fn insert(rule: &Rule) -> Step {
    Step::new(
        "INSERT INTO rules (id, project_id, name, definition, is_enabled, created_at_ms, updated_at_ms, revision) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            rule.id.into(),
            rule.project_id.as_str().into(),
            rule.definition.name.as_str().into(),
            written(&rule.definition).into(),
            rule.definition.is_enabled.into(),
            rule.created_at_ms.into(),
            rule.updated_at_ms.into(),
            rule.revision.into(),
        ],
    )
}
