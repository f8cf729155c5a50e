//! Alerts: from what is measured to whoever is woken.
//!
//! ```text
//! tap (each beacon) ──┐
//! sweep, rules ───────┼─► evaluator ─► board (pure) ─► one transaction: states, alerts, history, tellings, outbox
//! clock ──────────────┘                                                              │
//!                               channels ◄─ deliverer ◄─ claim ◄────────────────────┘
//! ```
//!
//! Words: `crate::domain::alert` and `crate::domain::rule`.
//!
//! ## What is promised
//!
//! - **A transition and what is told of it are one transaction.** A crash loses neither, and repeats neither.
//! - **At least once.** A notice is sent until the channel has taken it, or its tries are over; each try of a message has the same
//!   id, by which a receiver knows it again.
//! - **In order.** Of one alert and channel the next notice goes when the one before it is settled.
//! - **Who was told that it fires is told the end**, also when a silence came, the rule was deleted, or somebody acknowledged it.
//! - **What cannot be evaluated stays as it is**, and is told when it could not be for the third time.
//! - **One node evaluates**, under a lease; each one delivers.

pub mod board;
pub mod channels;
pub mod defaults;
pub mod deliverer;
pub mod evaluator;
mod presets;
pub mod reporter;
mod rotation;
pub mod targets;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::clock;
use crate::config::{AlertsConfig, ClientAlertsConfig};
use crate::control::{Control, ControlError, Lease, StoredChannel};
use crate::domain::alert::{
    AlertSource, Attempt, AttemptOutcome, Channel, Labels, Notice, NoticeEvent, Target,
};
use crate::domain::field_error::FieldError;
use crate::domain::rule::Level;
use crate::tap::{Seen, Tap};
use crate::task;
use board::ClientAlertRules;
use channels::{Message, Sender, Sent, Verdict};
use deliverer::Deliverer;
use evaluator::{Evaluator, Measure, Settings};
use reporter::{Reporter, Schedule, Sources};
use targets::{Targets, Unreadable};

/// Name of the right to evaluate.
const LEASE: &str = "alerts";

/// What alerts are made of.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is written down.
    pub control: Control,
    /// A name that this node keeps over its restarts.
    pub node: String,
    /// What rules look at.
    pub measure: Measure,
    /// What reports are made of.
    pub sources: Sources,
    /// Is shown the rules of single values.
    pub tap: Tap,
    /// What it sees.
    pub seen: mpsc::Receiver<Seen>,
}

/// Channels as the API uses them. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Alerts {
    control: Control,
    targets: Targets,
    sender: Sender,
    outbox: Arc<Notify>,
}

impl Alerts {
    /// Channels whose targets are opened by this vault, told by this sender.
    #[must_use]
    pub fn new(control: Control, targets: Targets, sender: Sender) -> Self {
        Self {
            control,
            targets,
            sender,
            outbox: Arc::default(),
        }
    }

    /// Evaluates and delivers from now on, as long as the process lives.
    ///
    /// # Errors
    /// An address of the settings is none.
    pub fn start(
        &self,
        config: &AlertsConfig,
        client_alerts: &ClientAlertsConfig,
        parts: Parts,
    ) -> Result<(), FieldError> {
        let presets = presets::targets(config)?;
        let (alerts, control) = (self.clone(), parts.control.clone());
        let _detached = task::spawn("preset channels", async move {
            if let Err(error) = alerts.preset(&control, presets).await {
                tracing::warn!(%error, "the channels of the settings could not be made; the next start tries again");
            }
        });
        let (alerts, control) = (self.clone(), parts.control.clone());
        let _detached = task::spawn("new key of the vault", async move {
            if let Err(error) = alerts.seal_anew(&control).await {
                tracing::warn!(%error, "not all channels are encrypted with the new key of the vault; the next start goes on");
            }
        });
        let deliverer = Deliverer {
            control: parts.control.clone(),
            holder: parts.node.clone(),
            sender: self.sender.clone(),
            targets: self.targets.clone(),
            outbox: Arc::clone(&self.outbox),
            waits_ms: config.retry_waits_ms.clone(),
        };
        let _detached = task::spawn("deliverer", deliverer.run());
        if let Some(schedule) = Schedule::new(config.report_day, config.report_hour) {
            let reporter = Reporter {
                control: parts.control.clone(),
                sources: parts.sources,
                outbox: Arc::clone(&self.outbox),
                schedule,
                dashboard_url: config.dashboard_url.clone(),
            };
            let _detached = task::spawn("reporter", reporter.run());
        }
        let evaluator = Evaluator {
            control: parts.control,
            lease: Lease {
                name: LEASE,
                holder: parts.node,
            },
            measure: parts.measure,
            tap: parts.tap,
            seen: parts.seen,
            outbox: Arc::clone(&self.outbox),
            settings: Settings {
                period: Duration::from_millis(config.period_ms),
                client_alerts: ClientAlertRules {
                    sessions_min: client_alerts.sessions_min,
                    resolve_after_ms: i64::try_from(client_alerts.resolve_after_ms).unwrap_or(i64::MAX),
                },
                dashboard_url: config.dashboard_url.clone(),
            },
        };
        let _detached = task::spawn("evaluator", evaluator.run());
        Ok(())
    }

    /// Encrypts the target of a channel.
    #[must_use]
    pub fn seal_target(&self, channel_id: Uuid, target: &Target) -> Vec<u8> {
        self.targets.seal(channel_id, target)
    }

    /// A channel with its target.
    ///
    /// # Errors
    /// It cannot be decrypted.
    pub fn open(&self, stored: &StoredChannel) -> Result<Channel, Unreadable> {
        self.targets.open(stored)
    }

    /// Tells that there is something new in the outbox.
    pub fn wake(&self) {
        self.outbox.notify_one();
    }

    /// Sends a notice that tells nothing, once, and logs the try.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn test(&self, stored: &StoredChannel, at_ms: i64) -> Result<Attempt, ControlError> {
        let message_id = Uuid::now_v7();
        let sent = match self.targets.open(stored) {
            Ok(channel) => {
                let message = Message {
                    id: message_id,
                    channel: &channel,
                    notices: &[test_notice(stored, at_ms)],
                    at_ms,
                };
                self.sender.send(&message).await
            }
            Err(error) => Sent::not_sent(error.to_string()),
        };
        let outcome = match sent.verdict {
            Verdict::Delivered => AttemptOutcome::Delivered,
            Verdict::Retry { .. } | Verdict::Refused { .. } | Verdict::Gone => AttemptOutcome::GivenUp,
        };
        let attempt = sent.into_attempt(message_id, &stored.project_id, stored.id, 1, at_ms, outcome);
        self.control.log_attempt(attempt.clone()).await?;
        Ok(attempt)
    }
}

fn test_notice(stored: &StoredChannel, at_ms: i64) -> Notice {
    let labels = [
        ("alertname", "Test"),
        ("source", AlertSource::Fresnel.as_str()),
        ("channel", stored.definition.name.as_str()),
    ];
    Notice {
        event: NoticeEvent::Test,
        at_ms,
        alert_id: Uuid::now_v7(),
        project_id: stored.project_id.as_str().to_owned(),
        source: AlertSource::Fresnel,
        title: "Somebody tests this channel".to_owned(),
        level: Level::Info,
        previous_level: None,
        labels: labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect::<Labels>(),
        value: None,
        threshold: None,
        count: 1,
        started_at_ms: clock::now().as_millis(),
        resolved_at_ms: None,
        resolution: None,
        rule: None,
        url: None,
        report: None,
    }
}
