//! The evaluator: one task on one node, which holds the lease, takes what is found and writes down what comes of it.
//!
//! | source | how soon | what for |
//! |---|---|---|
//! | the tap | at once | single values beyond a threshold, alerts that clients post |
//! | the sweep, each period | a period | the same, asked of the warehouse: what the tap had no room for, saw on another node, or saw in a process that died |
//! | windowed rules, each period | a period | everything else |
//! | the clock, each second | a second | what recovers, escalates, is reminded of; silences that end |
//!
//! Whatever cannot be written down has not happened: the board is read anew then, and the next look finds it again.

mod gauges;
mod measure;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use metrics::{counter, gauge};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::board::{Board, ClientAlertRules, Writes};
use super::defaults::default_rules;
use crate::clock;
use crate::control::{AlertBook, AlertWrite, Control, ControlError, Lease};
use crate::domain::account::ProjectId;
use crate::domain::rule::Rule;
use crate::metric_definitions::{ALERTS_OPEN, RULE_EVALUATIONS, RULE_GROUPS_LEFT_OUT};
use crate::tap::{Seen, Tap, TapPicture};
use measure::{Measured, Sweep};

pub use gauges::{CacheCounts, Gauges};
pub use measure::Measure;

/// How long the right to evaluate lasts; whoever dies is followed within this time.
const LEASE_TIME: Duration = Duration::from_secs(12);
/// How often it is asked for, and made longer.
const LEASE_EVERY: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_secs(1);
/// Pause behind a failure of the control store.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How often counts of alerts are written down that change with each beacon.
const COUNTS_EVERY_TICKS: u64 = 15;
/// Beacons of the tap that are taken at once.
const TAKEN_MAX: usize = 1_024;

/// Settings of the evaluator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between two evaluations.
    pub period: Duration,
    /// When alerts of clients are told and ended.
    pub client_alerts: ClientAlertRules,
    /// Where the dashboard is; empty: nobody says.
    pub dashboard_url: String,
}

/// The evaluator's parts.
#[derive(Debug)]
pub struct Evaluator {
    /// Where everything is written down.
    pub control: Control,
    /// The right to evaluate.
    pub lease: Lease,
    /// What rules look at.
    pub measure: Measure,
    /// Is shown the rules of single values.
    pub tap: Tap,
    /// What it sees.
    pub seen: mpsc::Receiver<Seen>,
    /// Wakes the deliverer.
    pub outbox: Arc<Notify>,
    /// Settings.
    pub settings: Settings,
}

/// Why an evaluator stops leading.
enum Stopped {
    Lost,
    Failed(ControlError),
}

impl From<ControlError> for Stopped {
    fn from(error: ControlError) -> Self {
        if error == Lease::LOST {
            Self::Lost
        } else {
            Self::Failed(error)
        }
    }
}

impl Evaluator {
    /// Works as long as the process lives.
    pub async fn run(mut self) {
        let mut is_failing = false;
        loop {
            let held = self
                .control
                .hold(&self.lease, clock::now().as_millis(), LEASE_TIME)
                .await;
            let outcome = match held {
                Ok(true) => self.lead().await,
                Ok(false) => Stopped::Lost,
                Err(error) => Stopped::Failed(error),
            };
            match outcome {
                Stopped::Lost => {
                    // Who leads asks the warehouse for what is seen here.
                    while self.seen.try_recv().is_ok() {}
                    self.show_rules();
                    tokio::time::sleep(LEASE_EVERY).await;
                }
                Stopped::Failed(error) => {
                    if !is_failing {
                        tracing::warn!(%error, "alerts cannot be written down; evaluation goes on when they can");
                    }
                    is_failing = true;
                    tokio::time::sleep(RETRY_PAUSE).await;
                    continue;
                }
            }
            is_failing = false;
        }
    }

    fn show_rules(&self) {
        let book = self.control.alert_book().borrow().clone();
        self.tap
            .show(TapPicture::new(book.rules.values().map(AsRef::as_ref)));
    }

    /// Evaluates until the lease is lost or the store fails.
    async fn lead(&mut self) -> Stopped {
        match self.try_lead().await {
            Ok(never) => match never {},
            Err(stopped) => stopped,
        }
    }

    /// Reads where everything stands.
    async fn begin(&self) -> Result<Leading, Stopped> {
        let now_ms = clock::now().as_millis();
        let standing = self.control.standing().await?;
        let looked_until_ms = standing.looked_until_ms.unwrap_or(now_ms);
        let settings = &self.settings;
        let mut leading = Leading {
            board: Board::new(
                standing.states,
                standing.alerts,
                settings.client_alerts,
                &settings.dashboard_url,
                now_ms,
            ),
            book: self.control.alert_book(),
            looked_until_ms,
            ticks: 0,
            leased: Instant::now(),
        };
        leading.book.mark_changed();
        if standing.looked_until_ms.is_none() {
            let mark = AlertWrite::Mark { at_ms: now_ms };
            self.control.record(&self.lease, vec![mark]).await?;
        }
        Ok(leading)
    }

    async fn try_lead(&mut self) -> Result<std::convert::Infallible, Stopped> {
        let mut leading = self.begin().await?;
        let mut tick = every(TICK);
        let mut period = every(self.settings.period);
        let mut measuring: Option<BoxFuture<'static, Measured>> = None;
        let mut seen = Vec::new();
        loop {
            let mut writes = Writes::new();
            let measured = async {
                match &mut measuring {
                    Some(measuring) => measuring.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                changed = leading.book.changed() => {
                    if changed.is_ok() {
                        self.take_book(&mut leading, &mut writes).await?;
                    }
                }
                taken = self.seen.recv_many(&mut seen, TAKEN_MAX) => {
                    if taken == 0 {
                        // The tap is gone: the process ends.
                        pending::<()>().await;
                    }
                    leading.take_seen(seen.drain(..), &mut writes);
                }
                measured = measured => {
                    measuring = None;
                    leading.take_measured(measured, &mut writes);
                }
                _ = period.tick() => {
                    // One that takes longer than a period is not begun twice.
                    if measuring.is_none() {
                        let rules: Vec<Arc<Rule>> = leading.book().rules.values().cloned().collect();
                        let sweep = Sweep { from_ms: leading.looked_until_ms };
                        measuring = Some(self.measure.clone().all(rules, sweep).boxed());
                    }
                }
                _ = tick.tick() => {
                    leading.tick(&mut writes);
                    if leading.leased.elapsed() >= LEASE_EVERY {
                        leading.leased = Instant::now();
                        if !self.control.hold(&self.lease, clock::now().as_millis(), LEASE_TIME).await? {
                            return Err(Stopped::Lost);
                        }
                    }
                }
            }
            let book = leading.book();
            leading.board.tell(&book, clock::now().as_millis(), &mut writes);
            self.write_down(writes).await?;
            let open = u32::try_from(leading.board.open_count()).unwrap_or(u32::MAX);
            gauge!(ALERTS_OPEN).set(f64::from(open));
            counter!(RULE_GROUPS_LEFT_OUT).increment(leading.board.take_left_out());
        }
    }

    /// Writes down what has come of a step, and wakes the deliverer when there is something to be told.
    async fn write_down(&self, writes: Writes) -> Result<(), Stopped> {
        if writes.is_empty() {
            return Ok(());
        }
        let mut kinds = writes.iter();
        let has_news = kinds.any(|write| matches!(write, AlertWrite::Deliver { .. }));
        self.control.record(&self.lease, writes).await?;
        if has_news {
            self.outbox.notify_one();
        }
        Ok(())
    }

    /// Goes by other rules, channels and silences from now on, and gives new projects their rules.
    async fn take_book(&self, leading: &mut Leading, writes: &mut Writes) -> Result<(), Stopped> {
        let book = leading.book();
        self.tap
            .show(TapPicture::new(book.rules.values().map(AsRef::as_ref)));
        leading.board.take_rules(&book, clock::now().as_millis(), writes);
        let projects: Vec<ProjectId> = self.control.look_up(|directory| {
            let projects = directory.projects().map(|entry| entry.project.id.clone());
            projects.filter(|id| !book.seeded.contains(id)).collect()
        });
        for project_id in projects {
            self.control
                .seed_rules(&project_id, default_rules(&project_id))
                .await?;
        }
        Ok(())
    }
}

fn every(time: Duration) -> Interval {
    let mut every = interval(time);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every
}

/// What is known while this node evaluates.
struct Leading {
    board: Board,
    book: watch::Receiver<Arc<AlertBook>>,
    /// Beacons that arrived before this time have been looked at.
    looked_until_ms: i64,
    ticks: u64,
    leased: Instant,
}

impl Leading {
    fn book(&self) -> Arc<AlertBook> {
        self.book.borrow().clone()
    }

    fn take_seen(&mut self, seen: impl Iterator<Item = Seen>, writes: &mut Writes) {
        let (book, now_ms) = (self.book(), clock::now().as_millis());
        for seen in seen {
            match seen {
                Seen::Crossing {
                    rule_id,
                    group,
                    value,
                } => {
                    if let Some(rule) = book.rules.get(&rule_id) {
                        self.board.crossed(rule, group, value, &book, now_ms, writes);
                    }
                }
                Seen::Posted(posted) => {
                    if let Some(posts) = measure::posts_of(*posted, now_ms) {
                        self.board.posted(&posts, now_ms, writes);
                    }
                }
            }
        }
    }

    fn take_measured(&mut self, measured: Measured, writes: &mut Writes) {
        let (book, now_ms) = (self.book(), clock::now().as_millis());
        for (rule, found) in measured.rules {
            let outcome = if matches!(found, super::board::Found::Failed) {
                "failed"
            } else {
                "ok"
            };
            counter!(RULE_EVALUATIONS, "outcome" => outcome).increment(1);
            // It may have been changed or deleted in the meantime.
            if let Some(rule) = book.rules.get(&rule.id).filter(|known| ***known == *rule) {
                self.board.evaluated(rule, found, &book, now_ms, writes);
            }
        }
        for (rule_id, reading) in measured.crossed {
            if let (Some(rule), Some(value)) = (book.rules.get(&rule_id), reading.value)
                && !self.board.may_know(rule, &reading.group, measured.seen_from_ms)
            {
                self.board
                    .crossed(rule, reading.group, value, &book, now_ms, writes);
            }
        }
        for posts in &measured.posted {
            self.board.posted_before(posts, now_ms, writes);
        }
        self.board.tell_failures(&book, now_ms, writes);
        if let Some(at_ms) = measured.looked_until_ms {
            self.looked_until_ms = at_ms;
            writes.push(AlertWrite::Mark { at_ms });
        }
    }

    fn tick(&mut self, writes: &mut Writes) {
        let (book, now_ms) = (self.book(), clock::now().as_millis());
        self.ticks += 1;
        self.board.let_recover(&book, now_ms, writes);
        self.board.end_of_posts(&book, now_ms, writes);
        if self.ticks.is_multiple_of(COUNTS_EVERY_TICKS) {
            self.board.write_counts(writes);
        }
    }
}
