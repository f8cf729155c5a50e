//! One look of an evaluation: what all rules find, and what the sweep does.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use uuid::Uuid;

use super::gauges::Gauges;
use crate::alerts::board::{Found, Posts, Reading};
use crate::clock;
use crate::control::Control;
use crate::domain::account::ProjectId;
use crate::domain::rule::{Rule, Watch};
use crate::ledger::Ledger;
use crate::query::vendors::Excluded;
use crate::query::watch::{self, ClientAlertGroup, ErrorBudgets, VendorFacts, Watched};
use crate::tap::Posted;
use crate::wal::Wal;
use crate::warehouse::Warehouse;

/// The sweep looks back so far beyond what it has looked at: rows of other nodes come later than their own arrival says. Less
/// than a rule of single values keeps firing for, or what is over would begin again.
const OVERLAP_MS: i64 = 30_000;

/// Which beacons are looked at once more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    /// Those that arrived at this time or later.
    pub(super) from_ms: i64,
}

/// What a look has found.
#[derive(Debug)]
pub(super) struct Measured {
    /// Rules that have a window, and those about this process.
    pub(super) rules: Vec<(Arc<Rule>, Found)>,
    /// Single values beyond a threshold.
    pub(super) crossed: Vec<(Uuid, Reading)>,
    /// Since when the beacons arrived that these are of, in milliseconds since 1970.
    pub(super) seen_from_ms: i64,
    /// Alerts of clients.
    pub(super) posted: Vec<Posts>,
    /// Up to when beacons have been looked at; none when that could not be done.
    pub(super) looked_until_ms: Option<i64>,
}

/// What rules look at.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Where beacons are stored.
    pub warehouse: Warehouse,
    /// What of them is on its way.
    pub ledger: Ledger,
    /// The log, which says what is not stored yet.
    pub wal: Wal,
    /// What this process knows of itself.
    pub gauges: Gauges,
    /// What vendors may fail in.
    pub budgets: ErrorBudgets,
    /// When they may be away.
    pub control: Control,
}

impl Measure {
    /// Looks at everything.
    pub(super) async fn all(self, rules: Vec<Arc<Rule>>, sweep: Sweep) -> Measured {
        let now = clock::now();
        // Before the questions: what is stored by now is seen by them.
        let stored_until_ms = now.as_millis() - self.wal_age_ms();
        self.gauges.sample(now.as_millis());
        let seen_from_ms = sweep.from_ms - OVERLAP_MS;
        let watched: Vec<_> = rules.iter().map(|rule| watched(rule, seen_from_ms)).collect();
        let away = self.away(&rules, now.as_millis()).await;
        let vendors = VendorFacts {
            budgets: self.budgets.clone(),
            away: away.clone().unwrap_or_default(),
        };
        let answers = watch::evaluate(&self.warehouse, &self.ledger, &vendors, &watched, now).await;
        let posted = watch::client_alerts(&self.warehouse, seen_from_ms).await;
        let mut measured = Measured {
            rules: Vec::new(),
            crossed: Vec::new(),
            seen_from_ms,
            posted: Vec::new(),
            looked_until_ms: Some(stored_until_ms.max(sweep.from_ms)),
        };
        for (rule, answer) in rules.into_iter().zip(answers) {
            match (&rule.definition.watch, answer) {
                (Watch::Single(_), Ok(readings)) => {
                    let readings = readings.into_iter().map(|reading| (rule.id, reading_of(reading)));
                    measured.crossed.extend(readings);
                }
                (Watch::Single(_), Err(_)) => measured.looked_until_ms = None,
                (Watch::Memory, _) => {
                    let found = Found::one(Some(self.gauges.memory_share()));
                    measured.rules.push((rule, found));
                }
                (Watch::CacheHitRate(watch), _) => {
                    let found = Found::one(self.gauges.cache_hit_rate(*watch));
                    measured.rules.push((rule, found));
                }
                (Watch::Vendor(_), _) if away.is_none() => measured.rules.push((rule, Found::Failed)),
                (Watch::Metric(_) | Watch::Events(_) | Watch::Ledger(_) | Watch::Vendor(_), answer) => {
                    let found = match answer {
                        Ok(readings) => Found::Groups(readings.into_iter().map(reading_of).collect()),
                        Err(error) => {
                            tracing::debug!(rule = %rule.id, %error, "a rule could not be evaluated");
                            Found::Failed
                        }
                    };
                    measured.rules.push((rule, found));
                }
            }
        }
        match posted {
            Ok(groups) => measured.posted.extend(groups.into_iter().filter_map(swept)),
            Err(_) => measured.looked_until_ms = None,
        }
        measured
    }

    /// When vendors may have been away in what rules look back over; none: the control store does not say.
    async fn away(&self, rules: &[Arc<Rule>], now_ms: i64) -> Option<Vec<Excluded>> {
        let windows = rules.iter().filter_map(|rule| match &rule.definition.watch {
            Watch::Vendor(watch) => Some(watch.window_ms),
            _ => None,
        });
        let Some(longest_ms) = windows.max() else {
            return Some(Vec::new());
        };
        // A second more: rules look back over whole seconds.
        let from_ms = now_ms - longest_ms - 1_000;
        match self.control.maintenance_between(None, from_ms, i64::MAX).await {
            Ok(windows) => {
                let directory = self.control.directory();
                Some(Excluded::of_windows(&windows, directory.integrations().all()))
            }
            Err(error) => {
                tracing::debug!(%error, "rules about vendors could not be evaluated: nobody says when these are away");
                None
            }
        }
    }

    /// Age of the oldest beacon that the warehouse does not have.
    fn wal_age_ms(&self) -> i64 {
        let age = self.wal.status().oldest_age.unwrap_or_default();
        i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Found {
    /// The one value of a rule without groups.
    fn one(value: Option<f64>) -> Self {
        Self::Groups(vec![Reading {
            group: Vec::new(),
            value,
        }])
    }
}

fn watched(rule: &Rule, seen_from_ms: i64) -> Watched<'_> {
    Watched {
        project_id: rule.project_id.as_str(),
        watch: &rule.definition.watch,
        direction: rule.definition.thresholds.direction,
        thresholds: &rule.definition.thresholds,
        seen_from_ms,
    }
}

fn reading_of(reading: watch::Reading) -> Reading {
    Reading {
        group: reading.group,
        value: reading.value,
    }
}

/// What the warehouse has of the alerts of clients. Whether a program posted is not stored: it is taken for a browser.
fn swept(group: ClientAlertGroup) -> Option<Posts> {
    Some(Posts {
        project_id: ProjectId::parse("project", &group.project).ok()?,
        metric: group.watched_metric,
        severity: group.alert_severity,
        threshold: group.last_threshold,
        value: group.last_value,
        count: group.alerts,
        sessions: Vec::new(),
        sessions_min: u32::try_from(group.sessions).unwrap_or(u32::MAX),
        is_from_server: false,
        at_ms: group.last_received_ms,
    })
}

/// What the tap saw.
pub(super) fn posts_of(posted: Posted, now_ms: i64) -> Option<Posts> {
    let session = (!posted.session_id.is_empty()).then(|| FixedState::default().hash_one(&posted.session_id));
    Some(Posts {
        project_id: ProjectId::parse("project", &posted.project_id).ok()?,
        metric: posted.metric,
        severity: posted.severity.to_owned(),
        threshold: posted.threshold,
        value: posted.value,
        count: 1,
        sessions: session.into_iter().collect(),
        sessions_min: 0,
        is_from_server: posted.is_from_server,
        at_ms: now_ms,
    })
}
