//! Incoming webhooks of Slack, and of those that speak like it: <https://api.slack.com/messaging/webhooks>.

use serde_json::{Value, json};

use super::{Message, Prepared, words};
use crate::domain::alert::{Notice, NoticeEvent, SecretText};
use crate::domain::rule::Level;

/// Notices that are shown of one message.
const SHOWN_MAX: usize = 20;

pub(super) fn request(url: &SecretText, message: &Message<'_>) -> Result<Prepared, String> {
    let notices = message.notices;
    let text = match notices {
        [one] => escaped(&words::title(one)),
        _ => format!("{} alerts of {}", notices.len(), escaped(&notices[0].project_id)),
    };
    let mut attachments: Vec<Value> = notices.iter().take(SHOWN_MAX).map(attachment).collect();
    if notices.len() > SHOWN_MAX {
        let more = format!("and {} more", notices.len() - SHOWN_MAX);
        attachments.push(json!({ "text": more }));
    }
    let body = json!({ "text": text, "attachments": attachments });
    Ok(Prepared {
        url: url.reveal().to_owned(),
        headers: Vec::new(),
        hidden: Vec::new(),
        body: body.to_string().into_bytes(),
        shown: None,
    })
}

fn attachment(notice: &Notice) -> Value {
    let mut lines = vec![words::measured(notice), words::since(notice)];
    let rule = notice.rule.as_ref();
    lines.extend(rule.and_then(|rule| rule.description.clone()));
    let mut text: Vec<String> = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| escaped(line))
        .collect();
    let runbook = rule.and_then(|rule| rule.runbook_url.as_deref());
    let links = [(runbook, "Runbook"), (notice.url.as_deref(), "Dashboard")];
    text.extend(
        links
            .into_iter()
            .filter_map(|(url, name)| Some(format!("<{}|{name}>", link(url?)))),
    );
    json!({
        "color": colour(notice),
        "fallback": escaped(&words::title(notice)),
        "title": escaped(&words::title(notice)),
        "text": text.join("\n"),
        "footer": escaped(&notice.project_id),
        "ts": notice.at_ms.div_euclid(1_000),
    })
}

const fn colour(notice: &Notice) -> &'static str {
    match (notice.event, notice.level) {
        (NoticeEvent::Resolved, _) => "#2e7d32",
        (NoticeEvent::Test | NoticeEvent::Report, _) | (_, Level::Info) => "#1565c0",
        (_, Level::Warning) => "#f9a825",
        (_, Level::Error) => "#e65100",
        (_, Level::Critical) => "#b71c1c",
    }
}

/// Slack takes three letters as markup. Those that speak like it also call people by an `@` in the text, and clients may post
/// alerts with names of their own: a blank of no width behind it calls nobody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('@', "@\u{200b}")
}

/// An address within `<…|name>`.
fn link(url: &str) -> String {
    url.replace('&', "&amp;")
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace('|', "%7C")
}
