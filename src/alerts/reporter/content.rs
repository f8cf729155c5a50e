//! What a report says: figures of the week beside those of the week before.

use std::borrow::Cow;

use super::week::Week;
use crate::clock::{self, UnixMicros};
use crate::control::{AlertFilter, Control, ControlError};
use crate::domain::account::{ProjectId, Thresholds};
use crate::domain::alert::{Alert, Figure, FigureUnit, ReportSection, ReportedAlert, WeeklyReport};
use crate::domain::beacon::VITALS_TYPE;
use crate::domain::page::PageRequest;
use crate::domain::rule::Level;
use crate::ledger::Ledger;
use crate::query::ledger::{LedgerRequest, ledger};
use crate::query::performance::{MetricSummary, PerformanceRequest, performance};
use crate::query::visits::{Visits, visits};
use crate::warehouse::{Retention, SelectError, Warehouse};

/// Alerts that are listed.
const ALERTS_MAX: u32 = 10;

/// Where figures come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Where beacons are stored.
    pub warehouse: Warehouse,
    /// How long they are.
    pub retention: Retention,
    /// What of them is on its way.
    pub ledger: Ledger,
}

/// What a report is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) project_id: ProjectId,
    pub(super) name: String,
    pub(super) timezone: String,
    pub(super) thresholds: Thresholds,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error(transparent)]
    Warehouse(#[from] SelectError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the week cannot be asked for")]
    Week,
}

/// The report of a week; none when there were neither events nor alerts in it and in the week before.
pub(super) async fn report(
    control: &Control,
    sources: &Sources,
    subject: &Subject,
    week: Week,
) -> Result<Option<WeeklyReport>, Unanswered> {
    let id = subject.project_id.as_str();
    let (warehouse, retention) = (&sources.warehouse, &sources.retention);
    let now = clock::now();
    let before = Week {
        from_ms: week.from_ms - (week.to_ms - week.from_ms),
        to_ms: week.from_ms,
    };
    let of_week = week.parameters();
    let compared = of_week.iter().cloned().chain([pair("compare", "previous")]);
    let metrics = PerformanceRequest::parse(compared, "UTC", now).map_err(|_| Unanswered::Week)?;
    let in_days = |week: Week| week.parameters().into_iter().chain([pair("interval", "1d")]);
    let accounts = |week: Week| LedgerRequest::parse(in_days(week), now).map_err(|_| Unanswered::Week);
    let (of_week, of_before) = (accounts(week)?, accounts(before)?);
    let ranges = [week, before].map(|week| (week.from_ms / 1_000, week.to_ms / 1_000));
    let account = |request| ledger(warehouse, retention, &sources.ledger, id, request, now);

    let [this, last] = visits(warehouse, id, ranges).await?;
    let counts = (
        control
            .alert_counts(&subject.project_id, week.from_ms, week.to_ms)
            .await?,
        control
            .alert_counts(&subject.project_id, before.from_ms, before.to_ms)
            .await?,
    );
    let is_empty = |counts: &[(Level, u64)]| counts.iter().all(|(_, count)| *count == 0);
    if this.events == 0 && last.events == 0 && is_empty(&counts.0) && is_empty(&counts.1) {
        return Ok(None);
    }
    let metrics = performance(warehouse, retention, id, &subject.thresholds, &metrics, now).await?;
    let filter = AlertFilter {
        from_ms: Some(week.from_ms),
        to_ms: Some(week.to_ms),
        ..AlertFilter::default()
    };
    let listed = control
        .alerts(&subject.project_id, &filter, PageRequest::new(1, ALERTS_MAX))
        .await?;
    let (accounts, accounts_before) = (account(&of_week).await?.totals, account(&of_before).await?.totals);
    let items = |name, now: i64, before: i64| number(name, whole(now), whole(before));
    let sections = [
        section("Visits", visit_figures(&this, &last)),
        section(
            "Speed (75th percentile)",
            metrics.metrics.iter().flat_map(speed).collect(),
        ),
        section("Alerts", alert_figures(&counts.0, &counts.1)),
        section(
            "Beacons",
            vec![
                items("Received", accounts.received, accounts_before.received),
                items("Dropped, for a reason", accounts.dropped, accounts_before.dropped),
                items(
                    "Lost by clients",
                    accounts.client_lost,
                    accounts_before.client_lost,
                ),
                items("Missing", accounts.missing, accounts_before.missing),
            ],
        ),
    ];
    Ok(Some(WeeklyReport {
        project_name: subject.name.clone(),
        timezone: subject.timezone.clone(),
        from_ms: week.from_ms,
        to_ms: week.to_ms,
        sections: sections
            .into_iter()
            .filter(|section| !section.figures.is_empty())
            .collect(),
        alerts_total: listed.total,
        alerts: listed.items.into_iter().map(reported).collect(),
    }))
}

type Pair = (Cow<'static, str>, Cow<'static, str>);

fn pair(name: &'static str, value: impl Into<Cow<'static, str>>) -> Pair {
    (name.into(), value.into())
}

impl Week {
    /// As questions are asked.
    fn parameters(self) -> [Pair; 2] {
        let time = |ms| UnixMicros::from_millis(ms).rfc3339();
        [pair("from", time(self.from_ms)), pair("to", time(self.to_ms))]
    }
}

fn section(title: &str, figures: Vec<Figure>) -> ReportSection {
    ReportSection {
        title: title.to_owned(),
        figures,
    }
}

fn number(name: &str, value: f64, previous: f64) -> Figure {
    Figure {
        name: name.to_owned(),
        unit: FigureUnit::Number,
        value: Some(value),
        previous: Some(previous),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
const fn whole(count: i64) -> f64 {
    count as f64
}

fn visit_figures(this: &Visits, last: &Visits) -> Vec<Figure> {
    let count = |count: u64| whole(i64::try_from(count).unwrap_or(i64::MAX));
    let rate =
        |visits: &Visits| (visits.sessions > 0).then(|| count(visits.conversions) / count(visits.sessions));
    vec![
        number("Events", count(this.events), count(last.events)),
        number("Sessions", count(this.sessions), count(last.sessions)),
        number("Conversions", count(this.conversions), count(last.conversions)),
        Figure {
            name: "Conversion rate".to_owned(),
            unit: FigureUnit::Share,
            value: rate(this),
            previous: rate(last),
        },
    ]
}

/// How fast, and how often it failed; nothing of what was measured in neither week.
fn speed(metric: &MetricSummary) -> Vec<Figure> {
    let before = metric.previous.as_ref();
    if metric.stats.count == 0 && before.is_none_or(|stats| stats.count == 0) {
        return Vec::new();
    }
    let name = match &metric.name {
        Some(name) if name.is_empty() => return Vec::new(),
        Some(name) => name.clone(),
        None => metric.metric_type.replace('_', " "),
    };
    let unit = if name == "CLS" {
        FigureUnit::Number
    } else {
        FigureUnit::Ms
    };
    let mut figures = vec![Figure {
        name: name.clone(),
        unit,
        value: metric.stats.p75,
        previous: before.and_then(|stats| stats.p75),
    }];
    let errors = (
        metric.stats.error_share,
        before.and_then(|stats| stats.error_share),
    );
    let has_errors = errors.0.is_some_and(|share| share > 0.0) || errors.1.is_some_and(|share| share > 0.0);
    if has_errors && metric.metric_type != VITALS_TYPE {
        figures.push(Figure {
            name: format!("{name}: errors"),
            unit: FigureUnit::Share,
            value: errors.0,
            previous: errors.1,
        });
    }
    figures
}

fn alert_figures(this: &[(Level, u64)], last: &[(Level, u64)]) -> Vec<Figure> {
    let of = |counts: &[(Level, u64)], level: Level| {
        let found = counts.iter().find(|(of, _)| *of == level);
        found.map_or(0.0, |(_, count)| whole(i64::try_from(*count).unwrap_or(i64::MAX)))
    };
    let levels = Level::ALL.into_iter().rev();
    let figures = levels.map(|level| number(level.as_str(), of(this, level), of(last, level)));
    figures
        .filter(|one| one.value != one.previous || one.value != Some(0.0))
        .collect()
}

fn reported(alert: Alert) -> ReportedAlert {
    ReportedAlert {
        title: alert.title,
        level: alert.level,
        started_at_ms: alert.started_at_ms,
        lasted_ms: alert.resolved_at_ms.map(|end_ms| end_ms - alert.started_at_ms),
    }
}
