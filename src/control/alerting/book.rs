//! What alerts are judged by, as one immutable picture in memory: like the directory, and of the same revision.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::kept::StoredChannel;
use super::rows;
use crate::control::ControlError;
use crate::control::statement::{Row, Statement};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Inhibition, Silence};
use crate::domain::rule::Rule;

/// Rules that are enabled, and who is told of what, in all projects that are not deleted.
#[derive(Debug, Default)]
pub struct AlertBook {
    /// The revision of the store that it shows.
    pub revision: i64,
    /// Rules that are enabled.
    pub rules: HashMap<Uuid, Arc<Rule>>,
    /// Channels by their projects, also those that are off.
    pub channels: HashMap<ProjectId, Vec<Arc<StoredChannel>>>,
    /// Silences that are not over, by their projects.
    pub silences: HashMap<ProjectId, Vec<Silence>>,
    /// Inhibitions by their projects.
    pub inhibitions: HashMap<ProjectId, Vec<Inhibition>>,
    /// Open alerts that somebody looks after, and since when.
    pub acknowledged: HashMap<Uuid, i64>,
    /// Projects that have had their default rules.
    pub seeded: HashSet<ProjectId>,
}

impl AlertBook {
    /// How many queries there are.
    pub(in crate::control) const QUERIES: usize = 6;

    pub(in crate::control) fn queries(now_ms: i64) -> Vec<Statement> {
        let alive = "project_id IN (SELECT id FROM projects WHERE deleted_at_ms IS NULL)";
        vec![
            Statement::new(
                format!("SELECT {} FROM rules WHERE is_enabled AND {alive}", rows::RULE),
                [],
            ),
            Statement::new(
                format!("SELECT {} FROM channels WHERE {alive} ORDER BY id", rows::CHANNEL),
                [],
            ),
            Statement::new(
                format!(
                    "SELECT {} FROM silences WHERE ends_at_ms > $1 AND {alive}",
                    rows::SILENCE
                ),
                [now_ms.into()],
            ),
            Statement::new(
                format!("SELECT {} FROM inhibitions WHERE {alive}", rows::INHIBITION),
                [],
            ),
            Statement::new(
                "SELECT id, acknowledged_at_ms FROM alerts WHERE resolved_at_ms IS NULL AND acknowledged_at_ms IS NOT NULL",
                [],
            ),
            Statement::new("SELECT project_id FROM projects_with_default_rules", []),
        ]
    }

    /// Puts the answers to [`queries`](Self::queries) together. Rules that are as they were `before` are the same ones.
    pub(in crate::control) fn from_answers(
        revision: i64,
        answers: impl IntoIterator<Item = Vec<Row>>,
        before: &Self,
    ) -> Result<Self, ControlError> {
        let mut answers = answers.into_iter().map(Vec::into_iter);
        let mut next = || answers.next().unwrap_or_default();
        let mut book = Self {
            revision,
            ..Self::default()
        };
        for mut row in next() {
            let rule = rows::rule(&mut row)?;
            let known = before.rules.get(&rule.id).filter(|known| ***known == rule);
            book.rules
                .insert(rule.id, known.map_or_else(|| Arc::new(rule), Arc::clone));
        }
        for mut row in next() {
            let channel = rows::channel(&mut row)?;
            let of_project = book.channels.entry(channel.project_id.clone()).or_default();
            of_project.push(Arc::new(channel));
        }
        for mut row in next() {
            let silence = rows::silence(&mut row)?;
            let of_project = book.silences.entry(silence.project_id.clone()).or_default();
            of_project.push(silence);
        }
        for mut row in next() {
            let inhibition = rows::inhibition(&mut row)?;
            let of_project = book.inhibitions.entry(inhibition.project_id.clone()).or_default();
            of_project.push(inhibition);
        }
        for mut row in next() {
            book.acknowledged.insert(row.id()?, row.int()?);
        }
        for mut row in next() {
            let id = row.parsed("a project", |text| ProjectId::parse("", text))?;
            book.seeded.insert(id);
        }
        Ok(book)
    }
}
