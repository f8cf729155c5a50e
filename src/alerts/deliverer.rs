//! The deliverer: sends what is in the outbox, and writes down what has become of it.
//!
//! ```text
//! claim what is due ─► messages ─► a lane for each channel ─► settle: delivered, later, or dead
//! ```
//!
//! Channels do not wait for each other: each has a lane with a few messages under way at once, and a breaker of its own. While that is
//! open nothing is claimed for the channel, so that its messages keep their tries.

mod lanes;
mod messages;
mod schedule;

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::counter;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::channels::{Message, Sender, Sent, Verdict};
use super::targets::Targets;
use crate::breaker::Outcome;
use crate::clock;
use crate::control::{AlertBook, Control, ControlError, Settled, StoredChannel};
use crate::domain::alert::{AttemptOutcome, DeliveryState};
use crate::metric_definitions::ALERT_DELIVERIES;
use lanes::Lanes;
use messages::{Outgoing, put_together};

/// Notices that are claimed at once.
const CLAIMED_MAX: u32 = 512;
/// Messages that are sent at the same time.
const SENT_MAX: usize = 256;
/// How long a claim lasts that is not renewed: so long others leave alone what a node had claimed that is no more.
const CLAIM_MS: i64 = 30_000;
/// How often claims are renewed while something is under way.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How often the outbox is looked at when nobody says that there is something in it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The deliverer's parts.
#[derive(Debug)]
pub struct Deliverer {
    /// Where the outbox is.
    pub control: Control,
    /// Who claims: a name that this node keeps over its restarts.
    pub holder: String,
    /// Sends.
    pub sender: Sender,
    /// Where channels lead.
    pub targets: Targets,
    /// Tells that there is something in the outbox.
    pub outbox: Arc<Notify>,
    /// Waits behind each try that failed, in milliseconds.
    pub waits_ms: Vec<u64>,
}

/// A message that is settled.
struct Done {
    channel_id: Uuid,
    outcome: Outcome,
}

impl Deliverer {
    /// Works as long as the process lives.
    pub async fn run(self) {
        let deliverer = Arc::new(self);
        let mut is_failing = false;
        loop {
            // What this node had claimed before its restart, or before the store failed.
            let error = match deliverer.control.release_deliveries(&deliverer.holder).await {
                Ok(()) => {
                    is_failing = false;
                    deliverer.deliver().await
                }
                Err(error) => error,
            };
            if !is_failing {
                tracing::warn!(%error, "the outbox cannot be read; messages go out when it can");
            }
            is_failing = true;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Sends until the store fails. What is under way is given up then: its claims end, and it is sent again.
    async fn deliver(self: &Arc<Self>) -> ControlError {
        let mut sending: JoinSet<Result<Done, ControlError>> = JoinSet::new();
        let mut lanes = Lanes::default();
        let mut renewed = Instant::now();
        loop {
            if renewed.elapsed() >= RENEW_EVERY {
                renewed = Instant::now();
                if !(sending.is_empty() && lanes.are_empty())
                    && let Err(error) = self.renew().await
                {
                    return error;
                }
            }
            if sending.len() < SENT_MAX {
                match self.claim(&lanes).await {
                    Ok(messages) => messages.into_iter().for_each(|message| lanes.queue(message)),
                    Err(error) => return error,
                }
            }
            let book = self.control.alert_book().borrow().clone();
            for message in lanes.next(SENT_MAX - sending.len()) {
                let (deliverer, book) = (Arc::clone(self), Arc::clone(&book));
                sending.spawn(async move { deliverer.send(message, &book).await });
            }
            for (ids, wait) in lanes.refused() {
                let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                let next_at_ms = clock::now().as_millis().saturating_add(wait_ms);
                if let Err(error) = self.control.put_back(&ids, next_at_ms).await {
                    return error;
                }
            }
            let done = tokio::select! {
                Some(done) = sending.join_next() => Some(done),
                () = self.outbox.notified() => None,
                () = tokio::time::sleep(LOOK_EVERY) => None,
            };
            match done {
                Some(Ok(Ok(done))) => lanes.done(done.channel_id, done.outcome),
                Some(Ok(Err(error))) => return error,
                Some(Err(error)) => return ControlError::Unavailable(error.to_string()),
                None => {}
            }
        }
    }

    async fn renew(&self) -> Result<(), ControlError> {
        let now_ms = clock::now().as_millis();
        self.control
            .renew_deliveries(&self.holder, now_ms, now_ms + CLAIM_MS)
            .await
    }

    /// Claims what is due, and puts it into messages.
    async fn claim(&self, lanes: &Lanes) -> Result<Vec<Outgoing>, ControlError> {
        let now_ms = clock::now().as_millis();
        let claimed = self
            .control
            .claim_deliveries(
                &self.holder,
                now_ms,
                now_ms + CLAIM_MS,
                &lanes.busy(),
                CLAIMED_MAX,
            )
            .await?;
        let book = self.control.alert_book().borrow().clone();
        let messages = put_together(claimed, |channel_id| waits_for_others(&book, channel_id));
        let new = messages.iter().filter(|message| message.is_new);
        let new: Vec<_> = new.map(|message| (message.id, message.ids())).collect();
        if !new.is_empty() {
            self.control.put_into_messages(&new).await?;
        }
        Ok(messages)
    }

    /// Sends a message and settles it.
    async fn send(&self, message: Outgoing, book: &AlertBook) -> Result<Done, ControlError> {
        let channel_id = message.channel_id;
        let stored = channel_of(book, channel_id).filter(|channel| is_on(channel));
        let Some(stored) = stored else {
            let settled = self.settle_unsent(&message, "the channel is off or deleted");
            self.control.settle_delivery(settled).await?;
            return Ok(Done {
                channel_id,
                outcome: Outcome::Unknown,
            });
        };
        let at_ms = clock::now().as_millis();
        let sent = match self.targets.open(stored) {
            Ok(channel) => {
                let message = Message {
                    id: message.id,
                    channel: &channel,
                    notices: &message.notices(),
                    at_ms,
                };
                self.sender.send(&message).await
            }
            Err(error) => Sent::not_sent(error.to_string()),
        };
        let number = message.attempts() + 1;
        let now_ms = clock::now().as_millis();
        let wait_ms = match &sent.verdict {
            Verdict::Retry { after_ms, .. } => schedule::wait_ms(&self.waits_ms, number, *after_ms),
            Verdict::Delivered | Verdict::Refused { .. } | Verdict::Gone => None,
        };
        let (state, outcome, error) = judge(&sent.verdict, wait_ms.is_some());
        counter!(ALERT_DELIVERIES, "kind" => stored.kind.as_str(), "outcome" => outcome.as_str())
            .increment(1);
        let is_gone = matches!(sent.verdict, Verdict::Gone);
        let of_breaker = of_breaker(&sent.verdict);
        let attempt = sent.into_attempt(
            message.id,
            &message.project_id,
            channel_id,
            number,
            at_ms,
            outcome,
        );
        self.control
            .settle_delivery(Settled {
                message_id: message.id,
                state,
                next_at_ms: now_ms + wait_ms.unwrap_or_default(),
                last_error: error,
                attempt: Some(attempt),
                now_ms,
            })
            .await?;
        if is_gone {
            let reason = "it answered 410: it wants to hear nothing any more";
            self.control
                .turn_channel_off(&stored.project_id, channel_id, reason)
                .await?;
        }
        Ok(Done {
            channel_id,
            outcome: of_breaker,
        })
    }

    fn settle_unsent(&self, message: &Outgoing, why: &str) -> Settled {
        let now_ms = clock::now().as_millis();
        Settled {
            message_id: message.id,
            state: DeliveryState::Dead,
            next_at_ms: now_ms,
            last_error: Some(why.to_owned()),
            attempt: None,
            now_ms,
        }
    }
}

/// How a try went, and how the notices of the message stand behind it.
fn judge(verdict: &Verdict, is_tried_again: bool) -> (DeliveryState, AttemptOutcome, Option<String>) {
    match verdict {
        Verdict::Delivered => (DeliveryState::Delivered, AttemptOutcome::Delivered, None),
        Verdict::Retry { error, .. } if is_tried_again => (
            DeliveryState::Waiting,
            AttemptOutcome::Retried,
            Some(error.clone()),
        ),
        Verdict::Retry { error, .. } | Verdict::Refused { error } => {
            (DeliveryState::Dead, AttemptOutcome::GivenUp, Some(error.clone()))
        }
        Verdict::Gone => (
            DeliveryState::Dead,
            AttemptOutcome::GivenUp,
            Some("it answered 410".to_owned()),
        ),
    }
}

/// What a breaker learns of it: who refuses is there.
const fn of_breaker(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Delivered | Verdict::Refused { .. } | Verdict::Gone => Outcome::Success,
        Verdict::Retry { .. } => Outcome::Failure,
    }
}

fn channel_of(book: &AlertBook, id: Uuid) -> Option<&Arc<StoredChannel>> {
    book.channels.values().flatten().find(|channel| channel.id == id)
}

fn is_on(channel: &StoredChannel) -> bool {
    channel.definition.is_enabled && channel.disabled_reason.is_none()
}

/// Whether notices for a channel that are due together are one message.
fn waits_for_others(book: &AlertBook, id: Uuid) -> bool {
    use crate::domain::alert::ChannelKind;
    channel_of(book, id).is_some_and(|channel| match channel.kind {
        ChannelKind::PagerDuty => false,
        ChannelKind::Email | ChannelKind::Alertmanager => true,
        ChannelKind::Webhook | ChannelKind::Slack => channel.definition.group_wait_ms > 0,
    })
}
