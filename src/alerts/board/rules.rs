//! What was found of rules.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::{Board, Group, Open, Writes, subject};
use crate::control::{AlertBook, AlertWrite, RuleState};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Alert, AlertSource, Labels, Resolution};
use crate::domain::rule::{Level, Observation, Rule, Status, Transition, Watch};

/// Evaluations in a row that fail until it is told.
const FAILURES_TOLD: u32 = 3;
/// A rule of single values is looked at for good values only when none has crossed for so long: each look that finds it
/// recovering would be undone by the next crossing.
const SINGLE_QUIET_MS: i64 = 5_000;

/// What was found of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Values by which the rule tells groups apart.
    pub group: Vec<String>,
    /// The value; none: there was nothing to measure.
    pub value: Option<f64>,
}

/// What an evaluation of a rule found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// All groups that there are.
    Groups(Vec<Reading>),
    /// It could not be found out.
    Failed,
}

impl Board {
    /// Takes what an evaluation of a rule found.
    pub fn evaluated(
        &mut self,
        rule: &Rule,
        found: Found,
        book: &AlertBook,
        now_ms: i64,
        writes: &mut Writes,
    ) {
        let Found::Groups(readings) = found else {
            let failures = self.failures.entry(rule.id).or_default();
            *failures = failures.saturating_add(1);
            return;
        };
        self.failures.remove(&rule.id);
        let mut seen = HashSet::new();
        for reading in readings {
            let hash = subject::hash_of_group(&reading.group);
            self.step(rule, &hash, reading.group, reading.value, book, now_ms, writes);
            seen.insert(hash);
        }
        let of_rule = self.groups.get(&rule.id).into_iter().flatten();
        let vanished = of_rule.filter(|(hash, _)| !seen.contains(*hash));
        let vanished: Vec<_> = vanished
            .map(|(hash, group)| (hash.clone(), group.values.clone()))
            .collect();
        for (hash, values) in vanished {
            self.step(rule, &hash, values, None, book, now_ms, writes);
        }
    }

    /// Takes a value beyond a threshold of a rule of single values.
    pub fn crossed(
        &mut self,
        rule: &Rule,
        group: Vec<String>,
        value: f64,
        book: &AlertBook,
        now_ms: i64,
        writes: &mut Writes,
    ) {
        let hash = subject::hash_of_group(&group);
        self.step(rule, &hash, group, Some(value), book, now_ms, writes);
        if let Some(group) = self
            .groups
            .get_mut(&rule.id)
            .and_then(|groups| groups.get_mut(&hash))
        {
            group.last_crossing_ms = now_ms;
        }
    }

    /// Whether a value of this group that arrived since then may be one that it fires for already: what the tap saw is found once
    /// more by the sweep.
    #[must_use]
    pub fn may_know(&self, rule: &Rule, group: &[String], seen_from_ms: i64) -> bool {
        let hash = subject::hash_of_group(group);
        let group = self.groups.get(&rule.id).and_then(|groups| groups.get(&hash));
        group.is_some_and(|group| group.status.level().is_some() && group.last_crossing_ms >= seen_from_ms)
    }

    /// Lets rules of single values recover that nothing has crossed for some time.
    pub fn let_recover(&mut self, book: &AlertBook, now_ms: i64, writes: &mut Writes) {
        let mut quiet = Vec::new();
        for (id, groups) in &self.groups {
            let Some(rule) = book.rules.get(id) else { continue };
            if matches!(rule.definition.watch, Watch::Single(_)) {
                let is_quiet = |group: &Group| now_ms - group.last_crossing_ms >= SINGLE_QUIET_MS;
                let groups = groups.iter().filter(|(_, group)| is_quiet(group));
                quiet.extend(
                    groups.map(|(hash, group)| (Arc::clone(rule), hash.clone(), group.values.clone())),
                );
            }
        }
        for (rule, hash, values) in quiet {
            self.observe(
                &rule,
                &hash,
                values,
                Observation::Value(None),
                None,
                book,
                now_ms,
                writes,
            );
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step has a rule, a group, a value and a time"
    )]
    fn step(
        &mut self,
        rule: &Rule,
        hash: &str,
        values: Vec<String>,
        value: Option<f64>,
        book: &AlertBook,
        now_ms: i64,
        writes: &mut Writes,
    ) {
        let observation = match value {
            Some(value) => Observation::Value(rule.definition.thresholds.level_of(value)),
            None => Observation::NoData,
        };
        self.observe(rule, hash, values, observation, value, book, now_ms, writes);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step has a rule, a group, a value and a time"
    )]
    fn observe(
        &mut self,
        rule: &Rule,
        hash: &str,
        values: Vec<String>,
        observation: Observation,
        value: Option<f64>,
        book: &AlertBook,
        now_ms: i64,
        writes: &mut Writes,
    ) {
        let definition = &rule.definition;
        let Some(highest) = definition.thresholds.highest() else {
            return;
        };
        let groups = self.groups.entry(rule.id).or_default();
        let known = groups.get(hash);
        if known.is_none() && groups.len() >= Rule::GROUPS_MAX {
            self.left_out += 1;
            return;
        }
        let before = known.map(|group| group.status).unwrap_or_default();
        let mut status = before;
        let transition = status.step(
            observation,
            now_ms,
            definition.timing(),
            definition.no_data,
            highest,
        );
        if status == Status::default() {
            if groups.remove(hash).is_some() {
                writes.push(AlertWrite::Forget {
                    rule_id: rule.id,
                    group_hash: hash.to_owned(),
                });
            }
        } else {
            // Of single values only what is told is written down: they come and go.
            let is_single = matches!(definition.watch, Watch::Single(_));
            if status != before && (!is_single || transition.is_some()) {
                writes.push(AlertWrite::State(RuleState {
                    rule_id: rule.id,
                    group_hash: hash.to_owned(),
                    group_values: values.clone(),
                    status,
                    updated_at_ms: now_ms,
                }));
            }
            let group = groups.entry(hash.to_owned()).or_insert_with(|| Group {
                values: values.clone(),
                status,
                last_crossing_ms: now_ms,
            });
            group.status = status;
        }
        let subject = subject::of_rule(rule.id, hash);
        match transition {
            Some(Transition::Fired(level)) => {
                let alert = alert_of(rule, &values, level, value, now_ms);
                self.begin(alert, subject, writes);
            }
            Some(Transition::Changed { to, .. }) => {
                if let Some(open) = self.open_of(&rule.project_id, &subject) {
                    note(open, rule, to, value, now_ms);
                    Self::change_level(open, to, now_ms, writes);
                }
            }
            Some(Transition::Resolved(_)) => {
                let id = self.open_of(&rule.project_id, &subject).map(|open| open.alert.id);
                if let Some(id) = id {
                    self.end(id, Resolution::Recovered, book, now_ms, writes);
                }
            }
            None => {
                let is_bad = matches!(observation, Observation::Value(Some(_)));
                if is_bad && let Some(open) = self.open_of(&rule.project_id, &subject) {
                    note(open, rule, open.alert.level, value, now_ms);
                }
            }
        }
    }

    /// Ends what is of rules that are deleted, disabled, or look at something else than before, and forgets where they stood.
    pub fn take_rules(&mut self, book: &AlertBook, now_ms: i64, writes: &mut Writes) {
        let is_same = |before: &Rule, now: &Rule| {
            let (before, now) = (&before.definition, &now.definition);
            before.watch == now.watch && before.thresholds.direction == now.thresholds.direction
        };
        let stands = |board: &Self, id: &Uuid| match (board.rules.get(id), book.rules.get(id)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(now)) => Arc::ptr_eq(before, now) || is_same(before, now),
        };
        let gone: Vec<Uuid> = self
            .groups
            .keys()
            .filter(|id| !stands(self, id))
            .copied()
            .collect();
        for rule_id in gone {
            for group_hash in self
                .groups
                .remove(&rule_id)
                .into_iter()
                .flatten()
                .map(|(hash, _)| hash)
            {
                writes.push(AlertWrite::Forget { rule_id, group_hash });
            }
        }
        let of_rules = self
            .open
            .values()
            .filter(|open| open.alert.source == AlertSource::Rule);
        let over = of_rules.filter(|open| open.alert.rule_id.is_none_or(|id| !stands(self, &id)));
        let over: Vec<Uuid> = over.map(|open| open.alert.id).collect();
        for id in over {
            self.end(id, Resolution::RuleChanged, book, now_ms, writes);
        }
        self.failures.retain(|id, _| book.rules.contains_key(id));
        self.rules.clone_from(&book.rules);
    }

    /// Begins and ends the alerts that rules cannot be evaluated, one a project.
    pub fn tell_failures(&mut self, book: &AlertBook, now_ms: i64, writes: &mut Writes) {
        let failed = self.failures.iter().filter(|(_, times)| **times >= FAILURES_TOLD);
        let failed = failed.filter_map(|(id, _)| book.rules.get(id));
        let mut projects = std::collections::BTreeMap::<ProjectId, u64>::new();
        for rule in failed {
            *projects.entry(rule.project_id.clone()).or_default() += 1;
        }
        let subject = subject::of_failures();
        let open = self.open.values().filter(|open| open.subject == subject);
        let over = open.filter(|open| !projects.contains_key(&open.alert.project_id));
        let over: Vec<Uuid> = over.map(|open| open.alert.id).collect();
        for id in over {
            self.end(id, Resolution::Recovered, book, now_ms, writes);
        }
        for (project_id, count) in projects {
            match self.open_of(&project_id, &subject) {
                Some(open) if open.alert.count == count => {}
                Some(open) => {
                    open.alert.count = count;
                    open.is_dirty = true;
                }
                None => {
                    let alert = failure_of(project_id, count, now_ms);
                    self.begin(alert, subject.clone(), writes);
                }
            }
        }
    }
}

/// Notes a value that is bad, with the threshold of the level that it makes.
fn note(open: &mut Open, rule: &Rule, level: Level, value: Option<f64>, now_ms: i64) {
    open.alert.count += 1;
    open.alert.value = value.or(open.alert.value);
    open.alert.threshold = rule.definition.thresholds.of(level).or(open.alert.threshold);
    open.alert.updated_at_ms = now_ms;
    open.is_dirty = true;
}

fn alert_of(rule: &Rule, values: &[String], level: Level, value: Option<f64>, now_ms: i64) -> Alert {
    let definition = &rule.definition;
    let mut labels: Labels = definition
        .watch
        .group_names()
        .into_iter()
        .zip(values)
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let mut label = |name: &str, value: &str| labels.insert(name.to_owned(), value.to_owned());
    label("alertname", definition.name.as_str());
    label("source", AlertSource::Rule.as_str());
    if let Some(metric) = definition.watch.metric() {
        label("metric", metric);
    }
    Alert {
        id: Uuid::now_v7(),
        project_id: rule.project_id.clone(),
        source: AlertSource::Rule,
        rule_id: Some(rule.id),
        title: definition.name.as_str().to_owned(),
        level,
        labels,
        value,
        threshold: definition.thresholds.of(level),
        count: 1,
        sessions: 0,
        started_at_ms: now_ms,
        updated_at_ms: now_ms,
        resolved_at_ms: None,
        resolution: None,
        acknowledged: None,
    }
}

fn failure_of(project_id: ProjectId, count: u64, now_ms: i64) -> Alert {
    const TITLE: &str = "Rules cannot be evaluated";
    let labels = [("alertname", TITLE), ("source", AlertSource::Fresnel.as_str())];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Alert {
        id: Uuid::now_v7(),
        project_id,
        source: AlertSource::Fresnel,
        rule_id: None,
        title: TITLE.to_owned(),
        level: Level::Error,
        labels: labels.into(),
        value: None,
        threshold: None,
        count,
        sessions: 0,
        started_at_ms: now_ms,
        updated_at_ms: now_ms,
        resolved_at_ms: None,
        resolution: None,
        acknowledged: None,
    }
}
