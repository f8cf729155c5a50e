//! Looks each second for what has happened to the alerts of a project.
//!
//! Ids of events begin with the time, and are made before their transaction ends: one may appear behind a later one. So each look
//! goes back some seconds, and what was told before is known by its id.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use actix_web::web::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::{AlertStreams, Sent};
use crate::clock;
use crate::control::{Control, ControlError};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Alert, AlertEvent};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How far each look goes back: longer than a transaction takes, and than nodes differ in time.
const LOOK_BACK_MS: i64 = 10_000;
/// Events that are read at once.
const EVENTS_AT_ONCE: u32 = 200;
/// Most events that are told again to one who comes back.
const MISSED_MAX: usize = 1_000;

/// What is sent of an event.
#[derive(Serialize)]
struct Told<'a> {
    event: &'a AlertEvent,
    /// As it is by now; none when it is forgotten already.
    alert: Option<&'a Alert>,
}

/// What one who comes back has missed.
#[derive(Debug, Default)]
pub(in crate::api) struct Missed {
    /// The events, the first first.
    pub(in crate::api) events: Vec<Sent>,
    /// There are more than can be told.
    pub(in crate::api) is_too_much: bool,
}

/// Tells what happens to all who listen to a project, until nobody does.
pub(super) async fn run(streams: AlertStreams, control: Control, project_id: ProjectId) {
    let begun_ms = clock::now().as_millis();
    let mut told: HashSet<Uuid> = HashSet::new();
    let mut is_failing = false;
    while streams.is_heard(&project_id) {
        let from_ms = (clock::now().as_millis() - LOOK_BACK_MS).max(begun_ms);
        let from = first_id_of(from_ms);
        told.retain(|id| *id >= from);
        let looked = look(&control, &project_id, from, |sent| {
            if told.insert(sent.id) {
                streams.tell(&project_id, &sent);
            }
            true
        });
        match looked.await {
            Ok(()) => is_failing = false,
            Err(error) if !is_failing => {
                tracing::warn!(%error, "what happens to alerts cannot be read; streams go on when it can");
                is_failing = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What has happened since an event.
pub(in crate::api) async fn since(
    control: &Control,
    project_id: &ProjectId,
    after: Uuid,
) -> Result<Missed, ControlError> {
    let mut missed = Missed::default();
    look(control, project_id, after, |sent| {
        missed.events.push(sent);
        missed.events.len() <= MISSED_MAX
    })
    .await?;
    if missed.events.len() > MISSED_MAX {
        missed.events.clear();
        missed.is_too_much = true;
    }
    Ok(missed)
}

/// Hands on what has happened behind an event, until there is no more, or `take` says that it is enough.
async fn look(
    control: &Control,
    project_id: &ProjectId,
    mut after: Uuid,
    mut take: impl FnMut(Sent) -> bool,
) -> Result<(), ControlError> {
    loop {
        let events = control
            .alert_events_after(project_id, after, EVENTS_AT_ONCE)
            .await?;
        let Some(last) = events.last() else {
            return Ok(());
        };
        after = last.id;
        let ids: HashSet<Uuid> = events.iter().map(|event| event.alert_id).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let alerts = control.alerts_of(project_id, &ids).await?;
        let alerts: HashMap<Uuid, Alert> = alerts.into_iter().map(|alert| (alert.id, alert)).collect();
        for event in &events {
            if !take(written(event, alerts.get(&event.alert_id))) {
                return Ok(());
            }
        }
        if events.len() < EVENTS_AT_ONCE as usize {
            return Ok(());
        }
    }
}

fn written(event: &AlertEvent, alert: Option<&Alert>) -> Sent {
    // JSON on one line: its texts have no line breaks that are not escaped.
    let data = serde_json::json!(Told { event, alert });
    Sent {
        id: event.id,
        bytes: Bytes::from(format!("id: {}\nevent: alert\ndata: {data}\n\n", event.id)),
    }
}

/// The least id of events at a time.
fn first_id_of(at_ms: i64) -> Uuid {
    let ms = u128::try_from(at_ms).unwrap_or_default();
    Uuid::from_u128(ms << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_time_are_behind_its_first_one() {
        let now_ms = clock::now().as_millis();
        let id = Uuid::now_v7();
        assert!(first_id_of(now_ms) < id && id < first_id_of(now_ms + 60_000));
        assert_eq!(first_id_of(-1), Uuid::nil());
    }
}
