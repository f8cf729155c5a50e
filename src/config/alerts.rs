//! Settings of rules and alerts.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::Secret;

/// How rules are evaluated, and who is told from the start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertsConfig {
    /// Time between two evaluations of all rules.
    pub period_ms: u64,
    /// Waits behind each try of a message that failed; behind the last one it is dead.
    #[serde(deserialize_with = "numbers")]
    pub retry_waits_ms: Vec<u64>,
    /// Where people see the dashboard, `https://fresnel.example`: notices link to it. Empty: they do not.
    pub dashboard_url: String,
    /// Addresses that are told the alerts of the project `default` by e-mail.
    pub email_recipients: Vec<String>,
    /// Address that is told the alerts of the project `default` by a signed webhook; empty: none.
    pub webhook_url: Secret,
    /// What that webhook is signed with, `whsec_…`; empty: made at the first start.
    pub webhook_secret: Secret,
    /// Day on which e-mail channels get the report of the week before it.
    pub report_day: ReportDay,
    /// Hour of that day in the project's zone, 0 to 23.
    pub report_hour: u8,
}

/// Day of the weekly report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "days of the week")]
pub enum ReportDay {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
    /// No reports.
    Never,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            period_ms: 15_000,
            retry_waits_ms: vec![5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000],
            dashboard_url: String::new(),
            email_recipients: Vec::new(),
            webhook_url: Secret::default(),
            webhook_secret: Secret::default(),
            report_day: ReportDay::Monday,
            report_hour: 8,
        }
    }
}

/// Alerts that clients post.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientAlertsConfig {
    /// Channels hear of what browsers post when so many sessions have posted it.
    pub sessions_min: u32,
    /// It is over when nobody has posted it for so long.
    pub resolve_after_ms: u64,
}

impl Default for ClientAlertsConfig {
    fn default() -> Self {
        Self {
            sessions_min: 3,
            resolve_after_ms: 900_000,
        }
    }
}

/// A list of numbers; from the environment they come as texts.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Number(u64),
        Text(String),
    }
    let numbers = Vec::<Number>::deserialize(deserializer)?;
    let number = |number| match number {
        Number::Number(number) => Ok(number),
        Number::Text(text) => text
            .parse()
            .map_err(|_| D::Error::custom("must be whole numbers")),
    };
    numbers.into_iter().map(number).collect()
}
