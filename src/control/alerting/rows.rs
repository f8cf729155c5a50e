//! How rows become the types of alerts. Each list of columns stands beside the function that reads it.

use serde::de::DeserializeOwned;

use super::kept::{RuleState, StoredChannel, Telling};
use crate::control::ControlError;
use crate::control::rows::{actor, project_id};
use crate::control::statement::Row;
use crate::domain::account::{Actor, ActorKind};
use crate::domain::alert::{
    Acknowledgement, Alert, AlertChange, AlertEvent, AlertSource, Attempt, AttemptOutcome, ChannelKind,
    Delivery, DeliveryState, Inhibition, Resolution, Silence,
};
use crate::domain::rule::{Level, Rule};

fn json<T: DeserializeOwned>(row: &mut Row, what: &str) -> Result<T, ControlError> {
    row.parsed(what, |text| serde_json::from_str(text))
}

fn level(row: &mut Row) -> Result<Level, ControlError> {
    row.named("a level", Level::from_name)
}

fn u32(row: &mut Row) -> Result<u32, ControlError> {
    Ok(row.opt_u32()?.unwrap_or_default())
}

pub(in crate::control) const RULE: &str =
    "id, project_id, definition, created_at_ms, updated_at_ms, revision";

pub(in crate::control) fn rule(row: &mut Row) -> Result<Rule, ControlError> {
    Ok(Rule {
        id: row.id()?,
        project_id: project_id(row)?,
        definition: json(row, "a rule")?,
        created_at_ms: row.int()?,
        updated_at_ms: row.int()?,
        revision: row.int()?,
    })
}

pub(in crate::control) const RULE_STATE: &str = "rule_id, group_hash, group_values, status, updated_at_ms";

pub(super) fn rule_state(row: &mut Row) -> Result<RuleState, ControlError> {
    Ok(RuleState {
        rule_id: row.id()?,
        group_hash: row.text()?,
        group_values: json(row, "values of a group")?,
        status: json(row, "a status")?,
        updated_at_ms: row.int()?,
    })
}

pub(in crate::control) const CHANNEL: &str = "id, project_id, kind, definition, sealed_target, disabled_reason, created_at_ms, \
                                  updated_at_ms, revision";

pub(in crate::control) fn channel(row: &mut Row) -> Result<StoredChannel, ControlError> {
    Ok(StoredChannel {
        id: row.id()?,
        project_id: project_id(row)?,
        kind: row.named("a kind of channel", ChannelKind::from_name)?,
        definition: json(row, "a channel")?,
        sealed_target: row.bytes()?,
        disabled_reason: row.opt_text()?,
        created_at_ms: row.int()?,
        updated_at_ms: row.int()?,
        revision: row.int()?,
    })
}

pub(super) const SILENCE: &str =
    "id, project_id, definition, actor_kind, actor_id, actor_name, created_at_ms";

pub(super) fn silence(row: &mut Row) -> Result<Silence, ControlError> {
    Ok(Silence {
        id: row.id()?,
        project_id: project_id(row)?,
        definition: json(row, "a silence")?,
        created_by: actor(row)?,
        created_at_ms: row.int()?,
    })
}

pub(super) const INHIBITION: &str = "id, project_id, definition, created_at_ms";

pub(super) fn inhibition(row: &mut Row) -> Result<Inhibition, ControlError> {
    Ok(Inhibition {
        id: row.id()?,
        project_id: project_id(row)?,
        definition: json(row, "an inhibition")?,
        created_at_ms: row.int()?,
    })
}

pub(super) const ALERT: &str = "id, project_id, source, rule_id, title, level, labels, value, threshold, count, sessions, \
                                started_at_ms, updated_at_ms, resolved_at_ms, resolution, actor_kind, actor_id, \
                                actor_name, acknowledged_at_ms";

pub(super) fn alert(row: &mut Row) -> Result<Alert, ControlError> {
    Ok(Alert {
        id: row.id()?,
        project_id: project_id(row)?,
        source: row.named("a source", AlertSource::from_name)?,
        rule_id: row.opt_id()?,
        title: row.text()?,
        level: level(row)?,
        labels: json(row, "labels")?,
        value: row.opt_float()?,
        threshold: row.opt_float()?,
        count: u64::try_from(row.int()?).unwrap_or_default(),
        sessions: u32(row)?,
        started_at_ms: row.int()?,
        updated_at_ms: row.int()?,
        resolved_at_ms: row.opt_int()?,
        resolution: resolution(row)?,
        acknowledged: acknowledged(row)?,
    })
}

fn resolution(row: &mut Row) -> Result<Option<Resolution>, ControlError> {
    let corrupt = || ControlError::Corrupt("a row holds something else than a resolution".to_owned());
    let text = row.opt_text()?;
    text.map(|text| Resolution::from_name(&text).ok_or_else(corrupt))
        .transpose()
}

fn acknowledged(row: &mut Row) -> Result<Option<Acknowledgement>, ControlError> {
    let kind = row.opt_text()?.and_then(|text| ActorKind::from_name(&text));
    let (id, name, at_ms) = (row.opt_id()?, row.opt_text()?, row.opt_int()?);
    Ok(kind
        .zip(name)
        .zip(at_ms)
        .map(|((kind, name), at_ms)| Acknowledgement {
            by: Actor { kind, id, name },
            at_ms,
        }))
}

pub(super) const ALERT_EVENT: &str = "id, alert_id, project_id, at_ms, event, level, value, actor_name";

pub(super) fn alert_event(row: &mut Row) -> Result<AlertEvent, ControlError> {
    Ok(AlertEvent {
        id: row.id()?,
        alert_id: row.id()?,
        project_id: project_id(row)?,
        at_ms: row.int()?,
        event: row.named("a change", AlertChange::from_name)?,
        level: level(row)?,
        value: row.opt_float()?,
        actor_name: row.opt_text()?,
    })
}

pub(super) const TELLING: &str = "alert_id, channel_id, level, told_at_ms";

pub(super) fn telling(row: &mut Row) -> Result<Telling, ControlError> {
    Ok(Telling {
        alert_id: row.id()?,
        channel_id: row.id()?,
        level: level(row)?,
        told_at_ms: row.int()?,
    })
}

pub(super) const DELIVERY: &str = "id, message_id, project_id, channel_id, notice, state, attempts, next_at_ms, \
                                   last_error, created_at_ms, updated_at_ms";

pub(super) fn delivery(row: &mut Row) -> Result<Delivery, ControlError> {
    Ok(Delivery {
        id: row.id()?,
        message_id: row.opt_id()?,
        project_id: project_id(row)?,
        channel_id: row.id()?,
        notice: json(row, "a notice")?,
        state: row.named("a state", DeliveryState::from_name)?,
        attempts: u32(row)?,
        next_at_ms: row.int()?,
        last_error: row.opt_text()?,
        created_at_ms: row.int()?,
        updated_at_ms: row.int()?,
    })
}

pub(super) const ATTEMPT: &str = "id, message_id, project_id, channel_id, number, at_ms, took_ms, outcome, request_line, \
                                  request_headers, request_body, status, response_headers, response_body, error";

pub(super) fn attempt(row: &mut Row) -> Result<Attempt, ControlError> {
    Ok(Attempt {
        id: row.id()?,
        message_id: row.id()?,
        project_id: project_id(row)?,
        channel_id: row.id()?,
        number: u32(row)?,
        at_ms: row.int()?,
        took_ms: row.int()?,
        outcome: row.named("an outcome", AttemptOutcome::from_name)?,
        request_line: row.text()?,
        request_headers: row.text()?,
        request_body: row.text()?,
        status: row.opt_u32()?,
        response_headers: row.text()?,
        response_body: row.text()?,
        error: row.opt_text()?,
    })
}
