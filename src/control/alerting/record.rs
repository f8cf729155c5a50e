//! What the evaluator writes down: where rules stand, alerts, who knows of them, and what is to be told. All of one step is one
//! transaction, so that nothing is told that is not known any more after a crash, and nothing is known that is not told.

use serde_json::json;
use uuid::Uuid;

use super::kept::{RuleState, Telling};
use super::lease::Lease;
use super::rows;
use crate::control::statement::{Row, Statement, Step};
use crate::control::{Control, ControlError};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Alert, AlertEvent, Notice, Resolution};

/// Name of the time up to which beacons have been looked at.
const MARK: &str = "alerts";

/// An alert that is not over, with the key of what it is of, and who knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAlert {
    /// The alert.
    pub alert: Alert,
    /// SHA-256 of what it is an alert of, in hexadecimal digits.
    pub subject: String,
    /// Who knows of it.
    pub tellings: Vec<Telling>,
}

/// Where everything stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The rules, by groups.
    pub states: Vec<RuleState>,
    /// Alerts that are not over.
    pub alerts: Vec<OpenAlert>,
    /// Beacons that arrived before this time have been looked at; none before the first look.
    pub looked_until_ms: Option<i64>,
}

/// A thing to be written down.
#[derive(Clone, Debug)]
pub enum AlertWrite {
    /// Where a rule stands.
    State(RuleState),
    /// A rule of a group stands nowhere any more.
    Forget {
        /// The rule.
        rule_id: Uuid,
        /// The group.
        group_hash: String,
    },
    /// An alert begins.
    Open {
        /// The alert.
        alert: Box<Alert>,
        /// SHA-256 of what it is an alert of.
        subject: String,
    },
    /// What an alert has become, but for its end and who looks after it.
    Update(Box<Alert>),
    /// An alert is over.
    Resolve {
        /// Which one.
        id: Uuid,
        /// When.
        at_ms: i64,
        /// Why.
        resolution: Resolution,
    },
    /// What has happened.
    Event(AlertEvent),
    /// A channel is told that it fires.
    Told(Telling),
    /// A channel is told the end.
    Untold {
        /// The alert.
        alert_id: Uuid,
        /// The channel.
        channel_id: Uuid,
    },
    /// Beacons up to this time have been looked at.
    Mark {
        /// The time of their arrival.
        at_ms: i64,
    },
    /// A notice for the outbox.
    Deliver {
        /// Its id; later ones are greater.
        id: Uuid,
        /// To whom.
        channel_id: Uuid,
        /// What.
        notice: Box<Notice>,
        /// Not before.
        next_at_ms: i64,
    },
}

impl Control {
    /// Writes all of it down in one transaction, as long as the lease is held.
    ///
    /// # Errors
    /// The lease is lost, or the store cannot be changed; after `Unavailable` it may have been written all the same.
    pub async fn record(&self, lease: &Lease, writes: Vec<AlertWrite>) -> Result<(), ControlError> {
        let mut steps = vec![lease.still_held()];
        steps.extend(writes.into_iter().map(step));
        self.inner.store.change(steps).await
    }

    /// Where everything stands, in all projects.
    ///
    /// # Errors
    /// The store cannot be asked, or is damaged.
    pub async fn standing(&self) -> Result<Standing, ControlError> {
        let open = "SELECT id FROM alerts WHERE resolved_at_ms IS NULL";
        let queries = vec![
            Statement::new(format!("SELECT {} FROM rule_states", rows::RULE_STATE), []),
            Statement::new(
                format!(
                    "SELECT subject, {} FROM alerts WHERE resolved_at_ms IS NULL",
                    rows::ALERT
                ),
                [],
            ),
            Statement::new(
                format!(
                    "SELECT {} FROM alert_tellings WHERE alert_id IN ({open})",
                    rows::TELLING
                ),
                [],
            ),
            Statement::new("SELECT at_ms FROM marks WHERE name = $1", [MARK.into()]),
        ];
        let mut answers = self.inner.store.read(queries).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let states = all(next(), rows::rule_state)?;
        let mut alerts = all(next(), |row| {
            Ok(OpenAlert {
                subject: row.text()?,
                alert: rows::alert(row)?,
                tellings: Vec::new(),
            })
        })?;
        alerts.sort_by_key(|open| open.alert.id);
        for telling in all(next(), rows::telling)? {
            if let Ok(at) = alerts.binary_search_by_key(&telling.alert_id, |open| open.alert.id) {
                alerts[at].tellings.push(telling);
            }
        }
        let mark = all(next(), Row::int)?;
        Ok(Standing {
            states,
            alerts,
            looked_until_ms: mark.first().copied(),
        })
    }
}

fn all<T>(
    rows: Vec<Row>,
    read: impl Fn(&mut Row) -> Result<T, ControlError>,
) -> Result<Vec<T>, ControlError> {
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

fn project(id: &ProjectId) -> crate::control::Value {
    id.as_str().into()
}

fn count(number: u64) -> crate::control::Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn step(write: AlertWrite) -> Step {
    match write {
        AlertWrite::State(state) => Step::new(
            "INSERT INTO rule_states (rule_id, group_hash, group_values, status, updated_at_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (rule_id, group_hash) DO UPDATE SET status = excluded.status, updated_at_ms = excluded.updated_at_ms",
            [
                state.rule_id.into(),
                state.group_hash.into(),
                json!(state.group_values).to_string().into(),
                json!(state.status).to_string().into(),
                state.updated_at_ms.into(),
            ],
        ),
        AlertWrite::Forget { rule_id, group_hash } => Step::new(
            "DELETE FROM rule_states WHERE rule_id = $1 AND group_hash = $2",
            [rule_id.into(), group_hash.into()],
        ),
        AlertWrite::Open { alert, subject } => open(&alert, subject),
        AlertWrite::Update(alert) => Step::new(
            "UPDATE alerts SET level = $2, value = $3, threshold = $4, count = $5, sessions = $6, updated_at_ms = $7 \
             WHERE id = $1",
            [
                alert.id.into(),
                alert.level.as_str().into(),
                alert.value.into(),
                alert.threshold.into(),
                count(alert.count),
                alert.sessions.into(),
                alert.updated_at_ms.into(),
            ],
        ),
        AlertWrite::Resolve {
            id,
            at_ms,
            resolution,
        } => Step::new(
            "UPDATE alerts SET resolved_at_ms = $2, updated_at_ms = $2, resolution = $3 WHERE id = $1",
            [id.into(), at_ms.into(), resolution.as_str().into()],
        ),
        AlertWrite::Event(event) => happened(&event),
        AlertWrite::Told(telling) => Step::new(
            "INSERT INTO alert_tellings (alert_id, channel_id, level, told_at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (alert_id, channel_id) DO UPDATE SET level = excluded.level, told_at_ms = excluded.told_at_ms",
            [
                telling.alert_id.into(),
                telling.channel_id.into(),
                telling.level.as_str().into(),
                telling.told_at_ms.into(),
            ],
        ),
        AlertWrite::Untold { alert_id, channel_id } => Step::new(
            "DELETE FROM alert_tellings WHERE alert_id = $1 AND channel_id = $2",
            [alert_id.into(), channel_id.into()],
        ),
        AlertWrite::Mark { at_ms } => Step::new(
            "INSERT INTO marks (name, at_ms) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms",
            [MARK.into(), at_ms.into()],
        ),
        AlertWrite::Deliver {
            id,
            channel_id,
            notice,
            next_at_ms,
        } => Step::new(
            // It goes with the one that waits for others already, if there is one: due together, they are one message.
            "INSERT INTO outbox (id, project_id, channel_id, alert_id, notice, state, attempts, next_at_ms, holder, \
             lease_until_ms, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, \
             (SELECT coalesce(min(next_at_ms), $6) FROM outbox WHERE state = 'waiting' AND channel_id = $3 \
             AND message_id IS NULL AND next_at_ms > $7 AND next_at_ms < $6), '', 0, $7, $7)",
            [
                id.into(),
                notice.project_id.as_str().into(),
                channel_id.into(),
                notice.alert_id.into(),
                json!(notice).to_string().into(),
                next_at_ms.into(),
                notice.at_ms.into(),
            ],
        ),
    }
}

fn open(alert: &Alert, subject: String) -> Step {
    let step = Step::new(
        "INSERT INTO alerts (id, project_id, source, rule_id, subject, title, level, labels, value, threshold, count, \
         sessions, started_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        [
            alert.id.into(),
            project(&alert.project_id),
            alert.source.as_str().into(),
            alert.rule_id.into(),
            subject.into(),
            alert.title.as_str().into(),
            alert.level.as_str().into(),
            json!(alert.labels).to_string().into(),
            alert.value.into(),
            alert.threshold.into(),
            count(alert.count),
            alert.sessions.into(),
            alert.started_at_ms.into(),
            alert.updated_at_ms.into(),
        ],
    );
    step.unique("subject")
}

/// A line of an alert's history.
pub(super) fn happened(event: &AlertEvent) -> Step {
    Step::new(
        "INSERT INTO alert_events (id, alert_id, project_id, at_ms, event, level, value, actor_name) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            event.id.into(),
            event.alert_id.into(),
            project(&event.project_id),
            event.at_ms.into(),
            event.event.as_str().into(),
            event.level.as_str().into(),
            event.value.into(),
            event.actor_name.clone().into(),
        ],
    )
}
