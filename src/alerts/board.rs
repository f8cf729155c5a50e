//! The board: where every rule stands, and every alert that is not over. Pure: what is found comes in, what must be written
//! down comes out, and both are the same after a restart from what was written down.
//!
//! ```text
//! finding ─► group of a rule ─► Status ─► transition ─► alert ─┬─► history
//!                                                              └─► each channel: what it should know against what it knows ─► notice
//! ```
//!
//! What a channel should know is worked out anew at each look, from the alert, the silences, the inhibitions and the time. So
//! a silence that ends, an escalation that is due and a reminder need no state of their own, and who was told of a firing is
//! told of its end, whatever happened in between.

mod client;
mod rules;
mod subject;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::control::{AlertBook, AlertWrite, OpenAlert, RuleState};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Alert, AlertChange, AlertEvent, Resolution};
use crate::domain::rule::{Level, Rule, Status};

pub use client::{ClientAlertRules, Posts};
pub use rules::{Found, Reading};
pub use subject::hash_of_group;

/// Most sessions of one client alert that are counted.
const SESSIONS_MAX: usize = 1_000;

/// What the evaluator knows.
#[derive(Debug)]
pub struct Board {
    groups: HashMap<Uuid, HashMap<String, Group>>,
    open: BTreeMap<Uuid, Open>,
    by_subject: HashMap<(ProjectId, String), Uuid>,
    /// Rules as they were when they were last looked at.
    rules: HashMap<Uuid, Arc<Rule>>,
    /// Rules whose evaluation failed, and how often in a row.
    failures: HashMap<Uuid, u32>,
    /// Times that a group was beyond the most of its rule, since somebody asked.
    left_out: u64,
    client_alerts: ClientAlertRules,
    /// Where the dashboard is, without a slash at its end; empty: nobody says.
    dashboard_url: String,
}

/// Where a rule stands for one group.
#[derive(Clone, Debug)]
struct Group {
    values: Vec<String>,
    status: Status,
    /// The last value beyond a threshold of a rule of single values.
    last_crossing_ms: i64,
}

/// An alert that is not over.
#[derive(Debug)]
struct Open {
    alert: Alert,
    subject: String,
    /// Channels that know of it: the level that they were told, and when.
    told: HashMap<Uuid, (Level, i64)>,
    /// Alerts of clients: who posted it, as far as is known since the start.
    sessions: HashSet<u64>,
    /// Alerts of clients: when it was posted last.
    last_posted_ms: i64,
    /// Alerts of clients: a program posted it, which need not be doubted.
    is_trusted: bool,
    /// Something about it has changed that is not written down yet.
    is_dirty: bool,
}

/// What is to be written down, in its order.
pub type Writes = Vec<AlertWrite>;

impl Board {
    /// The board as it was written down.
    #[must_use]
    pub fn new(
        states: Vec<RuleState>,
        alerts: Vec<OpenAlert>,
        client_alerts: ClientAlertRules,
        dashboard_url: &str,
        now_ms: i64,
    ) -> Self {
        let mut board = Self {
            groups: HashMap::new(),
            open: BTreeMap::new(),
            by_subject: HashMap::new(),
            rules: HashMap::new(),
            failures: HashMap::new(),
            left_out: 0,
            client_alerts,
            dashboard_url: dashboard_url.trim_end_matches('/').to_owned(),
        };
        for state in states {
            let of_rule = board.groups.entry(state.rule_id).or_default();
            let group = Group {
                values: state.group_values,
                status: state.status,
                // What fired goes on firing for its time.
                last_crossing_ms: now_ms,
            };
            of_rule.insert(state.group_hash, group);
        }
        for open in alerts {
            let OpenAlert {
                alert,
                subject,
                tellings,
            } = open;
            let told = tellings.iter();
            let told = told.map(|one| (one.channel_id, (one.level, one.told_at_ms)));
            board.remember(Open {
                told: told.collect(),
                sessions: HashSet::new(),
                last_posted_ms: now_ms,
                is_trusted: client::was_trusted(&alert),
                is_dirty: false,
                subject,
                alert,
            });
        }
        board
    }

    /// How often a group was not looked at since this was asked last, because its rule knows as many as it may.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    /// How many alerts are not over.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    fn remember(&mut self, open: Open) {
        let key = (open.alert.project_id.clone(), open.subject.clone());
        self.by_subject.insert(key, open.alert.id);
        self.open.insert(open.alert.id, open);
    }

    fn open_of(&mut self, project_id: &ProjectId, subject: &str) -> Option<&mut Open> {
        let id = self.by_subject.get(&(project_id.clone(), subject.to_owned()))?;
        self.open.get_mut(id)
    }

    /// An alert begins.
    fn begin(&mut self, alert: Alert, subject: String, writes: &mut Writes) -> &mut Open {
        writes.push(AlertWrite::Open {
            alert: Box::new(alert.clone()),
            subject: subject.clone(),
        });
        writes.push(event_of(&alert, AlertChange::Fired, alert.started_at_ms));
        let (id, last_posted_ms) = (alert.id, alert.started_at_ms);
        self.remember(Open {
            alert,
            subject,
            told: HashMap::new(),
            sessions: HashSet::new(),
            last_posted_ms,
            is_trusted: false,
            is_dirty: false,
        });
        self.open.get_mut(&id).expect("it was put there just now")
    }

    /// An alert is at another level.
    fn change_level(open: &mut Open, level: Level, now_ms: i64, writes: &mut Writes) {
        if open.alert.level == level {
            return;
        }
        open.alert.level = level;
        open.alert.updated_at_ms = now_ms;
        open.is_dirty = false;
        writes.push(AlertWrite::Update(Box::new(open.alert.clone())));
        writes.push(event_of(&open.alert, AlertChange::Changed, now_ms));
    }

    /// An alert is over: it is written down, and everybody who knows of it is told.
    fn end(&mut self, id: Uuid, resolution: Resolution, book: &AlertBook, now_ms: i64, writes: &mut Writes) {
        let Some(mut open) = self.open.remove(&id) else {
            return;
        };
        self.by_subject
            .remove(&(open.alert.project_id.clone(), open.subject.clone()));
        open.alert.resolved_at_ms = Some(now_ms);
        open.alert.resolution = Some(resolution);
        open.alert.updated_at_ms = now_ms;
        if open.is_dirty {
            writes.push(AlertWrite::Update(Box::new(open.alert.clone())));
        }
        writes.push(AlertWrite::Resolve {
            id,
            at_ms: now_ms,
            resolution,
        });
        writes.push(event_of(&open.alert, AlertChange::Resolved, now_ms));
        self.tell_end(&open, book, now_ms, writes);
    }

    /// Writes down what has become of alerts in small steps.
    pub fn write_counts(&mut self, writes: &mut Writes) {
        for open in self.open.values_mut().filter(|open| open.is_dirty) {
            open.is_dirty = false;
            writes.push(AlertWrite::Update(Box::new(open.alert.clone())));
        }
    }
}

fn event_of(alert: &Alert, event: AlertChange, at_ms: i64) -> AlertWrite {
    AlertWrite::Event(AlertEvent {
        id: Uuid::now_v7(),
        alert_id: alert.id,
        project_id: alert.project_id.clone(),
        at_ms,
        event,
        level: alert.level,
        value: alert.value,
        actor_name: None,
    })
}
