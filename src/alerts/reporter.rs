//! Weekly reports: once a week, at an hour of the project's zone, each e-mail channel that wants it is told how the week was.
//!
//! It goes the way of all notices: into the outbox once, and from there at least once. Any node may put it there; a mark of
//! the channel, written in the same transaction, says that it is there.

mod content;
mod week;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock;
use crate::config::ReportDay;
use crate::control::{AlertBook, Control, StoredChannel};
use crate::domain::account::ProjectId;
use crate::domain::alert::{AlertSource, ChannelKind, Labels, Notice, NoticeEvent, WeeklyReport};
use crate::domain::rule::Level;
use content::{Subject, Unanswered};
use week::Week;

pub use content::Sources;

/// How often it is asked whether a report is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// When reports are due.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    day: Weekday,
    hour: i8,
}

impl Schedule {
    /// By the settings; none when there are to be no reports.
    #[must_use]
    pub fn new(day: ReportDay, hour: u8) -> Option<Self> {
        let day = match day {
            ReportDay::Monday => Weekday::Monday,
            ReportDay::Tuesday => Weekday::Tuesday,
            ReportDay::Wednesday => Weekday::Wednesday,
            ReportDay::Thursday => Weekday::Thursday,
            ReportDay::Friday => Weekday::Friday,
            ReportDay::Saturday => Weekday::Saturday,
            ReportDay::Sunday => Weekday::Sunday,
            ReportDay::Never => return None,
        };
        let hour = i8::try_from(hour).ok()?;
        Some(Self { day, hour })
    }
}

/// The reporter's parts.
#[derive(Debug)]
pub struct Reporter {
    /// Where channels and the outbox are.
    pub control: Control,
    /// Where figures come from.
    pub sources: Sources,
    /// Wakes the deliverer.
    pub outbox: Arc<Notify>,
    /// When.
    pub schedule: Schedule,
    /// Where the dashboard is; empty: nobody says.
    pub dashboard_url: String,
}

impl Reporter {
    /// Works as long as the process lives.
    pub async fn run(self) {
        let mut book = self.control.alert_book();
        // Up to when channels are known to have reports, so that looks between cost nothing.
        let mut done: HashMap<Uuid, i64> = HashMap::new();
        let mut is_failing = false;
        loop {
            let now = book.borrow_and_update().clone();
            done.retain(|id, _| now.channels.values().flatten().any(|channel| channel.id == *id));
            let outcome = self.look(&now, &mut done).await;
            if let Err(error) = &outcome
                && !is_failing
            {
                tracing::warn!(%error, "a weekly report cannot be made; it is tried again each minute");
            }
            is_failing = outcome.is_err();
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                changed = book.changed(), if !is_failing => if changed.is_err() { return },
            }
        }
    }

    /// Makes what is due and not made yet.
    async fn look(&self, book: &AlertBook, done: &mut HashMap<Uuid, i64>) -> Result<(), Unanswered> {
        for (project_id, channels) in &book.channels {
            let Some((subject, zone)) = self.subject(project_id) else {
                continue;
            };
            let now_ms = clock::now().as_millis();
            let Some(week) = Week::due(now_ms, &zone, self.schedule.day, self.schedule.hour) else {
                continue;
            };
            let is_open = |id: &Uuid| done.get(id).is_none_or(|to_ms| *to_ms < week.to_ms);
            let mut wanting: Vec<Uuid> = channels
                .iter()
                .filter(|one| wants_reports(one))
                .map(|one| one.id)
                .collect();
            wanting.retain(is_open);
            if wanting.is_empty() {
                continue;
            }
            let have = self.control.reported_channels(&wanting, week.to_ms).await?;
            wanting.retain(|id| !have.contains(id));
            done.extend(have.into_iter().map(|id| (id, week.to_ms)));
            if wanting.is_empty() {
                continue;
            }
            let report = content::report(&self.control, &self.sources, &subject, week).await?;
            if let Some(report) = report {
                let notice = self.notice(project_id, now_ms, report);
                for id in &wanting {
                    self.control.deliver_report(*id, week.to_ms, &notice).await?;
                }
                self.outbox.notify_one();
            }
            // Without anything to report there is no mark: the next start may find something.
            done.extend(wanting.into_iter().map(|id| (id, week.to_ms)));
        }
        Ok(())
    }

    /// What a report of a project needs to know of it.
    fn subject(&self, project_id: &ProjectId) -> Option<(Subject, TimeZone)> {
        self.control.look_up(|directory| {
            let project = &directory.project(project_id.as_str())?.project;
            let zone = TimeZone::get(project.time_zone.as_str()).ok()?;
            let subject = Subject {
                project_id: project.id.clone(),
                name: project.name.as_str().to_owned(),
                timezone: project.time_zone.as_str().to_owned(),
                thresholds: project.settings.thresholds,
            };
            Some((subject, zone))
        })
    }

    fn notice(&self, project_id: &ProjectId, now_ms: i64, report: WeeklyReport) -> Notice {
        let url = &self.dashboard_url;
        Notice {
            event: NoticeEvent::Report,
            at_ms: now_ms,
            alert_id: Uuid::now_v7(),
            project_id: project_id.as_str().to_owned(),
            source: AlertSource::Fresnel,
            title: "Weekly report".to_owned(),
            level: Level::Info,
            previous_level: None,
            labels: Labels::new(),
            value: None,
            threshold: None,
            count: 1,
            started_at_ms: report.from_ms,
            resolved_at_ms: None,
            resolution: None,
            rule: None,
            url: (!url.is_empty()).then(|| format!("{}/?project={project_id}", url.trim_end_matches('/'))),
            report: Some(Box::new(report)),
        }
    }
}

fn wants_reports(channel: &StoredChannel) -> bool {
    let definition = &channel.definition;
    let is_on = definition.is_enabled && channel.disabled_reason.is_none();
    is_on && channel.kind == ChannelKind::Email && definition.weekly_report
}
