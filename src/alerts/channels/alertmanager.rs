//! API v2 of Prometheus' Alertmanager: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::{Message, Prepared, words};
use crate::domain::alert::{Notice, NoticeEvent, SecretText};
use crate::domain::rule::Level;

/// What fires does so until then, unless it is told again.
const LASTS_MS: i64 = 300_000;
/// The label that routes of an Alertmanager usually look at.
const SEVERITY: &str = "severity";

pub(super) fn request(
    url: &SecretText,
    authorization: Option<&SecretText>,
    message: &Message<'_>,
) -> Result<Prepared, String> {
    let alerts: Vec<Value> = message
        .notices
        .iter()
        .flat_map(|notice| alerts(notice, message.at_ms))
        .collect();
    let mut headers = Vec::new();
    if let Some(text) = authorization {
        let value = HeaderValue::from_str(text.reveal());
        headers.push((
            AUTHORIZATION,
            value.map_err(|_| "the channel's authorization is no header")?,
        ));
    }
    Ok(Prepared {
        url: format!("{}/api/v2/alerts", url.reveal().trim_end_matches('/')),
        headers,
        hidden: vec![AUTHORIZATION],
        body: Value::from(alerts).to_string().into_bytes(),
        shown: None,
    })
}

/// One alert; for one at another level also the end of the one at the level before: the level is a label, by which an Alertmanager
/// routes, and labels are what it knows an alert by.
fn alerts(notice: &Notice, now_ms: i64) -> Vec<Value> {
    let ends_at_ms = match notice.event {
        NoticeEvent::Resolved => notice.resolved_at_ms.unwrap_or(now_ms),
        NoticeEvent::Firing
        | NoticeEvent::Changed
        | NoticeEvent::Reminder
        | NoticeEvent::Test
        | NoticeEvent::Report => now_ms + LASTS_MS,
    };
    let mut alerts = vec![alert(notice, notice.level, ends_at_ms)];
    // What clients post has a severity of theirs, which does not change.
    let previous = notice
        .previous_level
        .filter(|_| !notice.labels.contains_key(SEVERITY));
    alerts.extend(previous.map(|level| alert(notice, level, notice.at_ms)));
    alerts
}

fn alert(notice: &Notice, level: Level, ends_at_ms: i64) -> Value {
    let mut labels: Map<String, Value> = notice
        .labels
        .iter()
        // An empty label is none.
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (label(name), value.as_str().into()))
        .collect();
    labels.insert("project".to_owned(), notice.project_id.as_str().into());
    labels.entry(SEVERITY).or_insert_with(|| level.as_str().into());
    let rule = notice.rule.as_ref();
    let annotations = [
        ("summary", Some(words::title(notice))),
        (
            "measured",
            Some(words::measured(notice)).filter(|text| !text.is_empty()),
        ),
        ("description", rule.and_then(|rule| rule.description.clone())),
        ("runbook_url", rule.and_then(|rule| rule.runbook_url.clone())),
    ];
    let annotations: Map<String, Value> = annotations
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), text?.into())))
        .collect();
    let mut alert = json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": words::time(notice.started_at_ms),
        "endsAt": words::time(ends_at_ms.max(notice.started_at_ms + 1_000)),
    });
    if let (Some(url), Some(alert)) = (&notice.url, alert.as_object_mut()) {
        alert.insert("generatorURL".to_owned(), url.as_str().into());
    }
    alert
}

/// A name with nothing in it but letters, digits and `_`, that begins with no digit.
fn label(name: &str) -> String {
    let is_fit = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let fit: String = name
        .chars()
        .map(|letter| if is_fit(letter) { letter } else { '_' })
        .collect();
    if fit.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("_{fit}")
    } else {
        fit
    }
}
