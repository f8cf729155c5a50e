//! Alerts that clients post, grouped by project, metric and severity.

use uuid::Uuid;

use super::{Board, Open, SESSIONS_MAX, Writes, subject};
use crate::control::AlertBook;
use crate::domain::account::ProjectId;
use crate::domain::alert::{Alert, AlertSource, Labels, Resolution};
use crate::domain::rule::Level;

/// Most alerts of clients of one project that are open at once: names of metrics are what clients send.
const OPEN_MAX: usize = 200;
/// Most sessions that are shown of one alert.
const SESSIONS_SHOWN_MAX: u32 = 1_000;
/// Label that says who posted first.
const POSTED_BY: &str = "posted_by";

/// When alerts of clients are told and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAlertRules {
    /// Channels hear of what browsers post when so many sessions have posted it: one visitor alone wakes nobody.
    pub sessions_min: u32,
    /// It is over when nobody has posted it for so long.
    pub resolve_after_ms: i64,
}

/// Some posts of the same alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Posts {
    /// The project.
    pub project_id: ProjectId,
    /// What crossed its threshold.
    pub metric: String,
    /// `warning`, `error` or `critical`.
    pub severity: String,
    /// The threshold.
    pub threshold: f64,
    /// The value that crossed it at last.
    pub value: f64,
    /// How many posts.
    pub count: u64,
    /// Hashes of the sessions that posted, where these are known.
    pub sessions: Vec<u64>,
    /// That so many sessions posted is known all the same.
    pub sessions_min: u32,
    /// Whether a program with a secret key posted.
    pub is_from_server: bool,
    /// When the last one came.
    pub at_ms: i64,
}

impl Board {
    /// Takes posts of clients.
    pub fn posted(&mut self, posts: &Posts, now_ms: i64, writes: &mut Writes) {
        let subject = subject::of_client(&posts.metric, &posts.severity);
        if self.open_of(&posts.project_id, &subject).is_none() {
            let of_project = self
                .open
                .values()
                .filter(|open| open.alert.project_id == posts.project_id);
            let of_clients = of_project.filter(|open| open.alert.source == AlertSource::Client);
            if of_clients.count() >= OPEN_MAX {
                return;
            }
            let open = self.begin(alert_of(posts, now_ms), subject, writes);
            open.is_dirty = true;
            take(open, posts);
            return;
        }
        if let Some(open) = self.open_of(&posts.project_id, &subject) {
            open.alert.count += posts.count;
            open.alert.value = Some(posts.value);
            open.alert.threshold = Some(posts.threshold);
            open.alert.updated_at_ms = now_ms;
            open.is_dirty = true;
            take(open, posts);
        }
    }

    /// Takes posts that may have been taken before: none is counted again, and what nobody knows of begins.
    pub fn posted_before(&mut self, posts: &Posts, now_ms: i64, writes: &mut Writes) {
        let subject = subject::of_client(&posts.metric, &posts.severity);
        match self.open_of(&posts.project_id, &subject) {
            None => self.posted(posts, now_ms, writes),
            Some(open) => {
                let is_news = posts.sessions_min > open.alert.sessions || posts.at_ms > open.last_posted_ms;
                open.is_dirty |= is_news;
                take(open, posts);
            }
        }
    }

    /// Ends what nobody has posted for its time.
    pub fn end_of_posts(&mut self, book: &AlertBook, now_ms: i64, writes: &mut Writes) {
        let resolve_after_ms = self.client_alerts.resolve_after_ms;
        let is_over = |open: &&Open| {
            open.alert.source == AlertSource::Client && now_ms - open.last_posted_ms >= resolve_after_ms
        };
        let over: Vec<Uuid> = self
            .open
            .values()
            .filter(is_over)
            .map(|open| open.alert.id)
            .collect();
        for id in over {
            self.end(id, Resolution::Recovered, book, now_ms, writes);
        }
    }

    /// Whether enough is known of an alert of clients to tell channels.
    pub(super) fn may_be_told(&self, open: &Open) -> bool {
        open.alert.source != AlertSource::Client
            || open.is_trusted
            || open.alert.sessions >= self.client_alerts.sessions_min
    }
}

/// Whether the alert was posted by a program at its begin.
pub(super) fn was_trusted(alert: &Alert) -> bool {
    alert.labels.get(POSTED_BY).is_some_and(|by| by == "server")
}

/// Counts who posted. Those of before a restart are a number; who comes again behind it may count twice.
fn take(open: &mut Open, posts: &Posts) {
    let known = open.sessions.len();
    for session in &posts.sessions {
        if open.sessions.len() < SESSIONS_MAX {
            open.sessions.insert(*session);
        }
    }
    let new = u32::try_from(open.sessions.len() - known).unwrap_or_default();
    let sessions = open.alert.sessions.saturating_add(new).max(posts.sessions_min);
    open.alert.sessions = sessions.min(SESSIONS_SHOWN_MAX);
    open.last_posted_ms = open.last_posted_ms.max(posts.at_ms);
    open.is_trusted |= posts.is_from_server;
}

fn alert_of(posts: &Posts, now_ms: i64) -> Alert {
    let posted_by = if posts.is_from_server { "server" } else { "browser" };
    let labels = [
        ("alertname", posts.metric.as_str()),
        ("source", AlertSource::Client.as_str()),
        ("metric", posts.metric.as_str()),
        ("severity", posts.severity.as_str()),
        (POSTED_BY, posted_by),
    ];
    let labels: Labels = labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    Alert {
        id: Uuid::now_v7(),
        project_id: posts.project_id.clone(),
        source: AlertSource::Client,
        rule_id: None,
        title: posts.metric.clone(),
        level: Level::from_name(&posts.severity).unwrap_or(Level::Warning),
        labels,
        value: Some(posts.value),
        threshold: Some(posts.threshold),
        count: posts.count,
        sessions: 0,
        started_at_ms: now_ms,
        updated_at_ms: now_ms,
        resolved_at_ms: None,
        resolution: None,
        acknowledged: None,
    }
}
