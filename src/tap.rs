//! The tap: looks at beacons as they pass, so that a single value beyond a threshold is known at once, without a question.
//!
//! ```text
//! ingest ─► Tap::metric / Tap::alert ─► (few of them) ─► bounded queue ─► alerts
//! ```
//!
//! It never slows the path that it looks at: rules are a picture that is read without a lock, a beacon that crosses nothing
//! costs a look-up and some comparisons, and what the queue has no room for is counted and left to the sweep, which asks
//! the warehouse for it a little later.

mod picture;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use metrics::counter;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::domain::beacon::{ClientAlert, Metric};
use crate::domain::enrichment::Enrichment;
use crate::metric_definitions::TAP_MISSED;

pub use picture::TapPicture;

/// Beacons that may wait to be looked at.
const WAITING_MAX: usize = 4_096;

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A measurement crossed a threshold of a rule.
    Crossing {
        /// The rule.
        rule_id: Uuid,
        /// Values by which the rule tells groups apart.
        group: Vec<String>,
        /// The value.
        value: f64,
    },
    /// A client posted an alert.
    Posted(Box<Posted>),
}

/// An alert that a client posted.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Of which project.
    pub project_id: String,
    /// `warning`, `error` or `critical`.
    pub severity: &'static str,
    /// What crossed its threshold.
    pub metric: String,
    /// The threshold.
    pub threshold: f64,
    /// The value that crossed it.
    pub value: f64,
    /// The session that posted it; empty without one.
    pub session_id: String,
    /// Whether a program with a secret key did, which need not be doubted.
    pub is_from_server: bool,
}

/// Looks at beacons. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Tap {
    picture: Arc<ArcSwap<TapPicture>>,
    seen: mpsc::Sender<Seen>,
    missed: Arc<AtomicU64>,
}

impl Tap {
    /// A tap, and what it sees.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Seen>) {
        let (seen, receiver) = mpsc::channel(WAITING_MAX);
        let tap = Self {
            picture: Arc::default(),
            seen,
            missed: Arc::default(),
        };
        (tap, receiver)
    }

    /// Looks by other rules from now on.
    pub fn show(&self, picture: TapPicture) {
        self.picture.store(Arc::new(picture));
    }

    /// Beacons that there was no room for since the start.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Looks at a measurement.
    pub fn metric(&self, project_id: &str, metric: &Metric<'_>, enrichment: &Enrichment) {
        let picture = self.picture.load();
        for rule in picture.crossed(project_id, metric.metric_type, metric.value) {
            if let Some(group) = rule.group_of(metric, enrichment) {
                self.tell(Seen::Crossing {
                    rule_id: rule.id(),
                    group,
                    value: metric.value,
                });
            }
        }
    }

    /// Looks at an alert that a client posted.
    pub fn alert(&self, project_id: &str, alert: &ClientAlert<'_>, session_id: &str, is_from_server: bool) {
        self.tell(Seen::Posted(Box::new(Posted {
            project_id: project_id.to_owned(),
            severity: alert.severity,
            metric: alert.metric.as_str().to_owned(),
            threshold: alert.threshold,
            value: alert.actual_value,
            session_id: session_id.to_owned(),
            is_from_server,
        })));
    }

    fn tell(&self, seen: Seen) {
        if self.seen.try_send(seen).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
            counter!(TAP_MISSED).increment(1);
        }
    }
}
