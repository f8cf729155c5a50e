//! What each channel should know of an alert, against what it knows.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Board, Open, Writes};
use crate::control::{AlertBook, AlertWrite, StoredChannel, Telling};
use crate::domain::account::ProjectId;
use crate::domain::alert::{
    Alert, AlertSource, ChannelDefinition, ChannelKind, Inhibition, Labels, Notice, NoticeEvent, RuleSummary,
};
use crate::domain::rule::Level;

/// An Alertmanager forgets what it is not told again within five minutes.
const ALERTMANAGER_REMIND_MS: i64 = 60_000;
/// Mails wait for others at least so long.
const EMAIL_GROUP_WAIT_MS: i64 = 10_000;

impl Board {
    /// Tells every channel what it should know of the alerts that are not over.
    pub fn tell(&mut self, book: &AlertBook, now_ms: i64, writes: &mut Writes) {
        let mut news = Vec::new();
        let sources = self.inhibiting(book);
        for (id, open) in &self.open {
            let labels = labels_of(&open.alert);
            let project_id = &open.alert.project_id;
            let silences = book.silences.get(project_id).map_or(&[][..], Vec::as_slice);
            let is_quiet = !self.may_be_told(open)
                || silences.iter().any(|silence| silence.silences(&labels, now_ms))
                || is_inhibited(&sources, project_id, &labels);
            let acknowledged = book.acknowledged.contains_key(id);
            for channel in channels(book, project_id) {
                let told = open.told.get(&channel.id).copied();
                let news_for = Looking {
                    alert: &open.alert,
                    labels: &labels,
                    is_quiet,
                    is_acknowledged: acknowledged,
                    now_ms,
                };
                if let Some(event) = news_for.event(channel, told) {
                    news.push((*id, channel.id, event, due_ms(channel, now_ms)));
                }
            }
        }
        for (id, channel_id, event, next_at_ms) in news {
            let Some(open) = self.open.get_mut(&id) else {
                continue;
            };
            let previous_level = open
                .told
                .insert(channel_id, (open.alert.level, now_ms))
                .map(|told| told.0);
            let mut notice = notice(&open.alert, event, book, &self.dashboard_url, now_ms);
            notice.previous_level = previous_level.filter(|level| *level != notice.level);
            writes.push(AlertWrite::Told(Telling {
                alert_id: id,
                channel_id,
                level: open.alert.level,
                told_at_ms: now_ms,
            }));
            writes.push(deliver(channel_id, notice, next_at_ms));
        }
    }

    /// Tells everybody who knows of an alert that it is over.
    pub(super) fn tell_end(&self, open: &Open, book: &AlertBook, now_ms: i64, writes: &mut Writes) {
        for channel_id in open.told.keys().copied() {
            writes.push(AlertWrite::Untold {
                alert_id: open.alert.id,
                channel_id,
            });
            // One that is off or deleted is told nothing.
            let mut known = channels(book, &open.alert.project_id);
            if let Some(channel) = known.find(|channel| channel.id == channel_id) {
                let notice = notice(
                    &open.alert,
                    NoticeEvent::Resolved,
                    book,
                    &self.dashboard_url,
                    now_ms,
                );
                writes.push(deliver(channel_id, notice, due_ms(channel, now_ms)));
            }
        }
    }

    /// Labels of the alerts that fire and keep others quiet, with the inhibitions for which they do.
    fn inhibiting<'b>(&self, book: &'b AlertBook) -> HashMap<ProjectId, Vec<(&'b Inhibition, Labels)>> {
        let mut found: HashMap<ProjectId, Vec<(&Inhibition, Labels)>> = HashMap::new();
        for (project_id, inhibitions) in &book.inhibitions {
            let of_project = self
                .open
                .values()
                .filter(|open| open.alert.project_id == *project_id);
            for labels in of_project.map(|open| labels_of(&open.alert)) {
                let by = inhibitions.iter();
                let by = by.filter(|inhibition| inhibition.definition.source.matches(&labels));
                let by: Vec<_> = by.map(|inhibition| (inhibition, labels.clone())).collect();
                found.entry(project_id.clone()).or_default().extend(by);
            }
        }
        found
    }
}

fn is_inhibited(
    sources: &HashMap<ProjectId, Vec<(&Inhibition, Labels)>>,
    project_id: &ProjectId,
    labels: &Labels,
) -> bool {
    let mut of_project = sources.get(project_id).into_iter().flatten();
    of_project.any(|(inhibition, source)| inhibition.inhibits(source, labels))
}

/// Channels that are told anything.
fn channels<'b>(book: &'b AlertBook, project_id: &ProjectId) -> impl Iterator<Item = &'b StoredChannel> {
    let of_project = book.channels.get(project_id).into_iter().flatten();
    of_project
        .map(AsRef::as_ref)
        .filter(|channel| channel.definition.is_enabled && channel.disabled_reason.is_none())
}

/// What an alert is matched by: its labels, and how bad it is.
fn labels_of(alert: &Alert) -> Labels {
    let mut labels = alert.labels.clone();
    labels.insert("level".to_owned(), alert.level.as_str().to_owned());
    labels
}

/// One look at an alert for one channel.
struct Looking<'l> {
    alert: &'l Alert,
    labels: &'l Labels,
    is_quiet: bool,
    is_acknowledged: bool,
    now_ms: i64,
}

impl Looking<'_> {
    /// What the channel must be told now, if anything.
    fn event(&self, channel: &StoredChannel, told: Option<(Level, i64)>) -> Option<NoticeEvent> {
        let definition = &channel.definition;
        match told {
            None => self.is_wanted(definition).then_some(NoticeEvent::Firing),
            // What it knows of it hears on, down to levels that it would not have been told of.
            Some((level, _)) if level != self.alert.level => (!self.is_quiet).then_some(NoticeEvent::Changed),
            Some((_, told_at_ms)) => {
                let must = channel.kind == ChannelKind::Alertmanager;
                let remind_ms = if must {
                    Some(
                        definition
                            .remind_after_ms
                            .map_or(ALERTMANAGER_REMIND_MS, |ms| ms.min(ALERTMANAGER_REMIND_MS)),
                    )
                } else {
                    definition.remind_after_ms.filter(|_| !self.is_acknowledged)
                };
                let is_due = remind_ms.is_some_and(|ms| self.now_ms - told_at_ms >= ms);
                (is_due && !self.is_quiet).then_some(NoticeEvent::Reminder)
            }
        }
    }

    fn is_wanted(&self, definition: &ChannelDefinition) -> bool {
        let is_its_turn = match definition.escalate_after_ms {
            None => true,
            Some(after_ms) => !self.is_acknowledged && self.now_ms - self.alert.started_at_ms >= after_ms,
        };
        !self.is_quiet
            && is_its_turn
            && self.alert.level >= definition.level_min
            && definition.matcher.matches(self.labels)
    }
}

/// When a notice for a channel may go.
fn due_ms(channel: &StoredChannel, now_ms: i64) -> i64 {
    let wait_ms = channel.definition.group_wait_ms;
    now_ms
        + match channel.kind {
            // It takes one at a time: there is nothing to wait for.
            ChannelKind::PagerDuty => 0,
            ChannelKind::Email => wait_ms.max(EMAIL_GROUP_WAIT_MS),
            ChannelKind::Webhook | ChannelKind::Slack | ChannelKind::Alertmanager => wait_ms,
        }
}

fn deliver(channel_id: Uuid, notice: Notice, next_at_ms: i64) -> AlertWrite {
    AlertWrite::Deliver {
        id: Uuid::now_v7(),
        channel_id,
        notice: Box::new(notice),
        next_at_ms,
    }
}

fn notice(alert: &Alert, event: NoticeEvent, book: &AlertBook, dashboard_url: &str, at_ms: i64) -> Notice {
    let rule = alert
        .rule_id
        .and_then(|id| book.rules.get(&id))
        .map(|rule| RuleSummary {
            id: rule.id,
            name: rule.definition.name.as_str().to_owned(),
            description: rule
                .definition
                .description
                .as_ref()
                .map(|text| text.as_str().to_owned()),
            runbook_url: rule
                .definition
                .runbook_url
                .as_ref()
                .map(|url| url.as_str().to_owned()),
            aggregate: rule.definition.watch.aggregate(),
        });
    let is_shown = !dashboard_url.is_empty() && alert.source != AlertSource::Fresnel;
    Notice {
        event,
        at_ms,
        alert_id: alert.id,
        project_id: alert.project_id.as_str().to_owned(),
        source: alert.source,
        title: alert.title.clone(),
        level: alert.level,
        previous_level: None,
        labels: alert.labels.clone(),
        value: alert.value,
        threshold: alert.threshold,
        count: alert.count,
        started_at_ms: alert.started_at_ms,
        resolved_at_ms: alert.resolved_at_ms,
        resolution: alert.resolution,
        rule,
        url: is_shown.then(|| format!("{dashboard_url}/alerts/{}", alert.id)),
        report: None,
    }
}
