//! Events API v2 of PagerDuty: <https://developer.pagerduty.com/docs/events-api-v2-overview>.

use serde_json::json;

use super::{Prepared, words};
use crate::domain::alert::{Notice, NoticeEvent, SecretText};

const URL: &str = "https://events.pagerduty.com/v2/enqueue";
const SUMMARY_CHARS_MAX: usize = 1_024;

/// One event for each notice. The alert's id is the key by which PagerDuty knows it again.
pub(super) fn request(
    routing_key: &SecretText,
    url: Option<&SecretText>,
    notice: &Notice,
) -> Result<Prepared, String> {
    let action = match notice.event {
        NoticeEvent::Resolved => "resolve",
        NoticeEvent::Firing
        | NoticeEvent::Changed
        | NoticeEvent::Reminder
        | NoticeEvent::Test
        | NoticeEvent::Report => "trigger",
    };
    let summary = format!("{} — {}", words::title(notice), words::measured(notice));
    let summary: String = summary
        .trim_end_matches(" — ")
        .chars()
        .take(SUMMARY_CHARS_MAX)
        .collect();
    let rule = notice.rule.as_ref();
    let runbook = rule.and_then(|rule| rule.runbook_url.as_deref());
    let links = [(runbook, "Runbook"), (notice.url.as_deref(), "Dashboard")];
    let links = links
        .into_iter()
        .filter_map(|(href, text)| Some(json!({ "href": href?, "text": text })));
    let event = |routing_key: &str| {
        json!({
            "routing_key": routing_key,
            "event_action": action,
            "dedup_key": notice.alert_id,
            "client": "Fresnel",
            "client_url": notice.url,
            "links": links.clone().collect::<Vec<_>>(),
            "payload": {
                "summary": summary,
                "source": notice.project_id,
                "severity": notice.level.as_str(),
                "timestamp": words::time(notice.at_ms),
                "component": notice.labels.get("metric"),
                "group": words::group(notice),
                "custom_details": {
                    "labels": notice.labels,
                    "value": notice.value,
                    "threshold": notice.threshold,
                    "count": notice.count,
                    "since": words::since(notice),
                    "description": rule.and_then(|rule| rule.description.as_deref()),
                },
            },
        })
    };
    Ok(Prepared {
        url: url.map_or(URL, SecretText::reveal).to_owned(),
        headers: Vec::new(),
        hidden: Vec::new(),
        body: event(routing_key.reveal()).to_string().into_bytes(),
        shown: Some(event("…").to_string().into_bytes()),
    })
}
