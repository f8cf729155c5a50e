//! The outbox: notices on their way. A deliverer claims some for a time, sends them, and settles what has become of them. Whoever
//! dies in between leaves claims that end.

use std::collections::HashSet;

use uuid::Uuid;

use super::rows;
use crate::control::change::Change;
use crate::control::statement::{Statement, Step, Value};
use crate::control::{By, Control, ControlError, List};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Attempt, Delivery, DeliveryState};
use crate::domain::page::{Page, PageRequest};

/// Most notices of one channel that are claimed at once.
const OF_CHANNEL_MAX: u32 = 64;
/// Most tries of one message that are read.
const ATTEMPTS_MAX: u32 = 100;

/// Which notices of a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// How they stand.
    pub state: Option<DeliveryState>,
    /// To whom.
    pub channel_id: Option<Uuid>,
    /// Of which alert.
    pub alert_id: Option<Uuid>,
}

/// What has become of the notices of one message.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The message.
    pub message_id: Uuid,
    /// How its notices stand from now on.
    pub state: DeliveryState,
    /// When they are tried again, while they wait.
    pub next_at_ms: i64,
    /// What went wrong.
    pub last_error: Option<String>,
    /// The try, for the log; none when nothing was sent.
    pub attempt: Option<Attempt>,
    /// Now.
    pub now_ms: i64,
}

impl Control {
    /// Claims notices that are due, the one that is due longest first: at most `limit`, at most 64 of one channel, and none of
    /// the channels that are `busy`. Of one alert and channel only the first that waits is claimed: an end is never told before its beginning.
    /// Those of a message that was tried before come together. `holder` is whoever claims, until `until_ms`.
    ///
    /// # Errors
    /// The store cannot be asked; what was claimed then comes free again.
    pub async fn claim_deliveries(
        &self,
        holder: &str,
        now_ms: i64,
        until_ms: i64,
        busy: &HashSet<Uuid>,
        limit: u32,
    ) -> Result<Vec<Delivery>, ControlError> {
        let mut values: Vec<Value> = vec![now_ms.into(), limit.into()];
        let mut not_busy = String::new();
        if !busy.is_empty() {
            let places = busy.iter().map(|id| {
                values.push((*id).into());
                format!("${}", values.len())
            });
            not_busy = format!(
                " AND o.channel_id NOT IN ({})",
                places.collect::<Vec<_>>().join(", ")
            );
        }
        let due = format!(
            "SELECT id FROM (SELECT o.id, o.next_at_ms, row_number() OVER (PARTITION BY o.channel_id ORDER BY o.next_at_ms, o.id) \
             AS place FROM outbox o WHERE o.state = 'waiting' AND o.next_at_ms <= $1 AND o.lease_until_ms <= $1{not_busy} \
             AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.state = 'waiting' AND b.channel_id = o.channel_id \
             AND b.alert_id = o.alert_id AND b.id < o.id AND (b.message_id IS NULL OR o.message_id IS NULL \
             OR b.message_id <> o.message_id))) due WHERE place <= {OF_CHANNEL_MAX} ORDER BY next_at_ms, id LIMIT $2"
        );
        let found = self.rows(Statement::new(due, values)).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = found
            .into_iter()
            .map(|mut row| row.id())
            .collect::<Result<_, _>>()?;
        let claims = ids.iter().map(|id| {
            Step::new(
                "UPDATE outbox SET holder = $2, lease_until_ms = $3 \
                 WHERE id = $1 AND state = 'waiting' AND lease_until_ms <= $4",
                [(*id).into(), holder.into(), until_ms.into(), now_ms.into()],
            )
        });
        self.inner.store.change(claims.collect()).await?;
        // Some of them another one may have claimed first. Claims that are under way are not among them, even of the same time.
        let mut values: Vec<Value> = vec![holder.into(), until_ms.into()];
        let places = ids.into_iter().map(|id| {
            values.push(id.into());
            format!("${}", values.len())
        });
        let mine = format!(
            "id IN ({}) AND holder = $1 AND lease_until_ms = $2 AND state = 'waiting'",
            places.collect::<Vec<_>>().join(", ")
        );
        let mine = format!(
            "SELECT {} FROM outbox WHERE state = 'waiting' AND (({mine}) \
             OR message_id IN (SELECT message_id FROM outbox WHERE {mine})) ORDER BY id",
            rows::DELIVERY,
        );
        let found = self.rows(Statement::new(mine, values)).await?;
        found
            .into_iter()
            .map(|mut row| rows::delivery(&mut row))
            .collect()
    }

    /// Lets the claims of a holder that have not ended last until another time.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn renew_deliveries(
        &self,
        holder: &str,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<(), ControlError> {
        let sql = "UPDATE outbox SET lease_until_ms = $3 WHERE holder = $1 AND state = 'waiting' AND lease_until_ms > $2";
        let step = Step::new(sql, [holder.into(), now_ms.into(), until_ms.into()]);
        self.inner.store.change(vec![step]).await
    }

    /// Puts claimed notices into messages, which keep them together on each further try: ids of a message and of its notices.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn put_into_messages(&self, messages: &[(Uuid, Vec<Uuid>)]) -> Result<(), ControlError> {
        let put = |(message_id, id): (Uuid, Uuid)| {
            Step::new(
                "UPDATE outbox SET message_id = $2 WHERE id = $1 AND message_id IS NULL",
                [id.into(), message_id.into()],
            )
        };
        let notices = messages.iter();
        let notices = notices.flat_map(|(message_id, ids)| ids.iter().map(|id| (*message_id, *id)));
        self.inner.store.change(notices.map(put).collect()).await
    }

    /// Gives claimed notices back that were not sent, to be claimed again at a later time.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn put_back(&self, ids: &[Uuid], next_at_ms: i64) -> Result<(), ControlError> {
        let steps = ids.iter().map(|id| {
            Step::new(
                "UPDATE outbox SET lease_until_ms = 0, next_at_ms = $2 WHERE id = $1 AND state = 'waiting'",
                [(*id).into(), next_at_ms.into()],
            )
        });
        self.inner.store.change(steps.collect()).await
    }

    /// Writes down what has become of a message, and the try in the log. Claims on its notices end.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn settle_delivery(&self, settled: Settled) -> Result<(), ControlError> {
        let tries = i64::from(settled.attempt.is_some());
        let mut steps = vec![Step::new(
            "UPDATE outbox SET state = $2, attempts = attempts + $3, next_at_ms = $4, last_error = $5, updated_at_ms = $6, \
             lease_until_ms = 0 WHERE message_id = $1 AND state = 'waiting'",
            [
                settled.message_id.into(),
                settled.state.as_str().into(),
                tries.into(),
                settled.next_at_ms.into(),
                settled.last_error.into(),
                settled.now_ms.into(),
            ],
        )];
        steps.extend(settled.attempt.map(log));
        self.inner.store.change(steps).await
    }

    /// Writes a try down that belongs to no notice of the outbox: somebody tests a channel.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn log_attempt(&self, attempt: Attempt) -> Result<(), ControlError> {
        self.inner.store.change(vec![log(attempt)]).await
    }

    /// Ends the claims of a holder that has died: of this node, before its restart.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn release_deliveries(&self, holder: &str) -> Result<(), ControlError> {
        let sql = "UPDATE outbox SET lease_until_ms = 0 WHERE holder = $1 AND state = 'waiting' AND lease_until_ms > 0";
        let step = Step::new(sql, [holder.into()]);
        self.inner.store.change(vec![step]).await
    }

    /// The notices of a project, the newest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn deliveries(
        &self,
        project_id: &ProjectId,
        filter: DeliveryFilter,
        request: PageRequest,
    ) -> Result<Page<Delivery>, ControlError> {
        let (from, values) = filter.list(project_id);
        let list = List {
            columns: rows::DELIVERY,
            from: from.into(),
            order: "id DESC",
            values,
        };
        self.page(&list, request, rows::delivery).await
    }

    /// A notice of a project, and all tries to send it, the first first.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delivery(
        &self,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<(Delivery, Vec<Attempt>), ControlError> {
        let sql = format!(
            "SELECT {} FROM outbox WHERE id = $1 AND project_id = $2",
            rows::DELIVERY
        );
        let query = Statement::new(sql, [id.into(), project_id.as_str().into()]);
        let found = self.one(query, rows::delivery).await?;
        let delivery = found.ok_or(ControlError::NotFound("delivery"))?;
        let attempts = match delivery.message_id {
            None => Vec::new(),
            Some(message_id) => {
                let sql = format!(
                    "SELECT {} FROM delivery_attempts WHERE message_id = $1 AND project_id = $2 ORDER BY id LIMIT {ATTEMPTS_MAX}",
                    rows::ATTEMPT
                );
                let query = Statement::new(sql, [message_id.into(), project_id.as_str().into()]);
                let found = self.rows(query).await?;
                let read = found.into_iter().map(|mut row| rows::attempt(&mut row));
                read.collect::<Result<_, _>>()?
            }
        };
        Ok((delivery, attempts))
    }

    /// Sends a notice again, whatever has become of it, in the message that it was in.
    ///
    /// # Errors
    /// It is not there, or its channel is not (`Conflict` of `channel_id`).
    pub async fn replay_delivery(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
        now_ms: i64,
    ) -> Result<(), ControlError> {
        let there = Step::new(
            "SELECT 1 FROM outbox WHERE id = $1 AND project_id = $2",
            [id.into(), project_id.as_str().into()],
        );
        let again = Step::new(
            "UPDATE outbox SET state = 'waiting', attempts = 0, next_at_ms = $3, lease_until_ms = 0, updated_at_ms = $3 \
             WHERE id = $1 AND project_id = $2 AND channel_id IN (SELECT id FROM channels)",
            [id.into(), project_id.as_str().into(), now_ms.into()],
        );
        let change = Change::new(by, "delivery.replay", id)
            .within(project_id)
            .beside_the_directory()
            .step(there.or(ControlError::NotFound("delivery")))
            .step(again.or(ControlError::Conflict { field: "channel_id" }));
        self.commit(change).await
    }

    /// Sends all notices again that are dead, of one channel or of all that there are; the answer is how many there were.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn replay_dead(
        &self,
        by: &By,
        project_id: &ProjectId,
        channel_id: Option<Uuid>,
        now_ms: i64,
    ) -> Result<u64, ControlError> {
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Dead),
            channel_id,
            alert_id: None,
        };
        let (from, mut values) = filter.list(project_id);
        let condition = from.strip_prefix("outbox WHERE ").unwrap_or_default().to_owned();
        let condition = format!("{condition} AND channel_id IN (SELECT id FROM channels)");
        let count = Statement::new(
            format!("SELECT count(*) FROM outbox WHERE {condition}"),
            values.clone(),
        );
        let found = self.one(count, |row| row.int()).await?.unwrap_or_default();
        values.push(now_ms.into());
        let now = values.len();
        let again = Step::new(
            format!(
                "UPDATE outbox SET state = 'waiting', attempts = 0, next_at_ms = ${now}, lease_until_ms = 0, \
                 updated_at_ms = ${now} WHERE {condition}"
            ),
            values,
        );
        let target = channel_id.map_or_else(|| "all".to_owned(), |id| id.to_string());
        let change = Change::new(by, "delivery.replay_dead", target)
            .within(project_id)
            .beside_the_directory()
            .details(serde_json::json!({ "notices": found }))
            .step(again);
        self.commit(change).await?;
        Ok(u64::try_from(found).unwrap_or_default())
    }
}

impl DeliveryFilter {
    fn list(self, project_id: &ProjectId) -> (String, Vec<Value>) {
        let mut from = "outbox WHERE project_id = $1".to_owned();
        let mut values: Vec<Value> = vec![project_id.as_str().into()];
        let mut wanted = |column: &str, value: Option<Value>| {
            let Some(value) = value else { return };
            values.push(value);
            from.push_str(&format!(" AND {column} = ${}", values.len()));
        };
        wanted("state", self.state.map(|state| state.as_str().into()));
        wanted("channel_id", self.channel_id.map(Into::into));
        wanted("alert_id", self.alert_id.map(Into::into));
        (from, values)
    }
}

/// A line of the delivery log.
fn log(attempt: Attempt) -> Step {
    Step::new(
        "INSERT INTO delivery_attempts (id, message_id, project_id, channel_id, number, at_ms, took_ms, outcome, \
         request_line, request_headers, request_body, status, response_headers, response_body, error) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        [
            attempt.id.into(),
            attempt.message_id.into(),
            attempt.project_id.as_str().into(),
            attempt.channel_id.into(),
            attempt.number.into(),
            attempt.at_ms.into(),
            attempt.took_ms.into(),
            attempt.outcome.as_str().into(),
            attempt.request_line.into(),
            attempt.request_headers.into(),
            attempt.request_body.into(),
            attempt.status.into(),
            attempt.response_headers.into(),
            attempt.response_body.into(),
            attempt.error.into(),
        ],
    )
}
