//! What a channel is told.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::incident::{AlertSource, Resolution};
use super::matcher::Labels;
use super::report::WeeklyReport;
use crate::domain::rule::{Aggregate, Level};

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    /// It fires, for this channel for the first time.
    Firing,
    /// It fires at another level.
    Changed,
    /// It still fires.
    Reminder,
    /// It no longer fires.
    Resolved,
    /// Nothing: somebody wants to see whether the channel works.
    Test,
    /// A week is over: how it was.
    Report,
}

impl NoticeEvent {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Changed => "changed",
            Self::Reminder => "reminder",
            Self::Resolved => "resolved",
            Self::Test => "test",
            Self::Report => "report",
        }
    }
}

/// The rule that an alert comes from, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct RuleSummary {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it means and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is told what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<String>,
    /// What it computes of measurements, from which the unit of the value follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
}

/// What one channel is told of one change of one alert. It is written down when the change is, and never changes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Notice {
    /// What has happened.
    pub event: NoticeEvent,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The alert; the same from the first firing to the end.
    pub alert_id: Uuid,
    /// The project.
    pub project_id: String,
    /// What it comes from.
    pub source: AlertSource,
    /// The rule's name, or what clients call it.
    pub title: String,
    /// How bad it is; of what is resolved: how bad it was.
    pub level: Level,
    /// How bad it was before, when that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_level: Option<Level>,
    /// What it is known by.
    pub labels: Labels,
    /// The value.
    pub value: Option<f64>,
    /// The threshold that it crossed.
    pub threshold: Option<f64>,
    /// How often it was found or posted.
    pub count: u64,
    /// When it began.
    pub started_at_ms: i64,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at_ms: Option<i64>,
    /// Why it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// The rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleSummary>,
    /// Where the dashboard shows it, if the settings say where that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How the week was, of a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<WeeklyReport>>,
}
