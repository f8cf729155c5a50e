//! Mails, by the server of the settings: that is the operator's, and may be anywhere.

mod report;
mod smtp;

use std::time::Instant;

use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use super::{Message, SENT_BYTES_MAX, Sent, Verdict, text, words};
use crate::config::SmtpConfig;
use crate::domain::account::Email;
use crate::domain::alert::{Notice, WeeklyReport};
use smtp::{Failure, NotTaken, Server, Taken};

/// Notices that are shown in one mail.
const SHOWN_MAX: usize = 100;

/// The settings of mail make no sense.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Who sends has no address.
    #[error("setting smtp.from must be an address like `Fresnel <alerts@example.com>`")]
    From,
    /// The certificates cannot be used.
    #[error("setting smtp.ca_file: {file}: {reason}")]
    CaFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server cannot be spoken to like this.
    #[error("setting smtp.host: {0}")]
    Host(#[from] lettre::transport::smtp::Error),
}

/// Sends mails. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub(super) struct Mailer {
    server: Server,
    from: Mailbox,
}

impl Mailer {
    /// By the server of the settings, if there is one.
    pub(super) fn new(config: &SmtpConfig) -> Result<Option<Self>, MailError> {
        if config.host.is_empty() {
            return Ok(None);
        }
        let from: Mailbox = config.from.parse().map_err(|_| MailError::From)?;
        let server = Server::new(config, from.email.domain())?;
        Ok(Some(Self { server, from }))
    }
}

/// Sends one mail to all recipients.
pub(super) async fn send(mailer: Option<&Mailer>, recipients: &[Email], message: &Message<'_>) -> Sent {
    let Some(mailer) = mailer else {
        let error = "no mail server is set (setting smtp.host)".to_owned();
        return Sent {
            verdict: Verdict::Refused { error: error.clone() },
            ..Sent::not_sent(error)
        };
    };
    let plain = plain(message.notices);
    let (to, no_addresses) = addresses(recipients);
    let write = |to: &[Address]| Ok(mail(mailer, to, message, &plain)?.formatted());
    let started = Instant::now();
    let outcome = if to.is_empty() {
        Err(Failure::NoRecipient(no_addresses.clone()))
    } else {
        mailer.server.send(&mailer.from.email, to, &write).await
    };
    let mut sent = Sent::not_sent(String::new());
    let names: Vec<_> = recipients.iter().map(Email::as_str).collect();
    sent.request_line = format!("mail to {}", names.join(", "));
    sent.request_headers = format!(
        "subject: {}\nmessage-id: {}\n",
        subject(message.notices),
        message_id(mailer, message)
    );
    sent.request_body = text(plain.as_bytes(), SENT_BYTES_MAX);
    sent.took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    sent.judge(outcome, no_addresses);
    sent
}

impl Sent {
    /// - Taken for all whose addresses are right: delivered, and the log names those whose are not.
    /// - Not taken yet for somebody: tried again. Whoever has it gets it twice, with the same `Message-ID`; nobody misses it.
    fn judge(&mut self, outcome: Result<Taken, Failure>, mut not_for: Vec<NotTaken>) {
        let taken = match outcome {
            Ok(taken) => taken,
            Err(failure) => {
                self.status = failure.status();
                let error = failure.to_string();
                self.error = Some(error.clone());
                self.verdict = if failure.is_for_now() {
                    Verdict::Retry {
                        after_ms: None,
                        error,
                    }
                } else {
                    Verdict::Refused { error }
                };
                return;
            }
        };
        self.status = Some(u16::from(taken.answer.code()).into());
        let said = taken.answer.message().collect::<Vec<_>>().join("\n");
        self.response_body = text(said.as_bytes(), super::RECEIVED_BYTES_MAX);
        not_for.extend(taken.not_for);
        let said: Vec<_> = not_for.iter().map(|one| one.said.as_str()).collect();
        let error = format!("not taken for {}", said.join("; "));
        self.error = (!not_for.is_empty()).then(|| error.clone());
        self.verdict = if not_for.iter().any(|one| one.is_for_now) {
            Verdict::Retry {
                after_ms: None,
                error,
            }
        } else {
            Verdict::Delivered
        };
    }
}

/// The recipients as SMTP knows them, and those that it does not.
fn addresses(recipients: &[Email]) -> (Vec<Address>, Vec<NotTaken>) {
    let (mut to, mut not_for) = (Vec::new(), Vec::new());
    for recipient in recipients {
        match recipient.as_str().parse() {
            Ok(address) => to.push(address),
            Err(_) => not_for.push(NotTaken {
                said: format!("{recipient}: is no address"),
                is_for_now: false,
            }),
        }
    }
    (to, not_for)
}

/// The same on each try: a mailbox that gets it twice can tell.
fn message_id(mailer: &Mailer, message: &Message<'_>) -> String {
    format!("<{}@{}>", message.id, mailer.from.email.domain())
}

fn mail(
    mailer: &Mailer,
    to: &[Address],
    message: &Message<'_>,
    plain: &str,
) -> Result<lettre::Message, String> {
    let host = mailer.from.email.domain();
    let mut builder = lettre::Message::builder()
        .from(mailer.from.clone())
        .subject(subject(message.notices))
        .message_id(Some(message_id(mailer, message)))
        // So that nobody's vacation answers.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if let [one] = message.notices
        && one.report.is_none()
    {
        // Mails about one alert are one thread.
        let thread = format!("<alert-{}@{host}>", one.alert_id);
        builder = builder.in_reply_to(thread.clone()).references(thread);
    }
    for address in to {
        builder = builder.to(Mailbox::new(None, address.clone()));
    }
    let parts = MultiPart::alternative_plain_html(plain.to_owned(), html(message.notices));
    builder.multipart(parts).map_err(|error| error.to_string())
}

fn subject(notices: &[Notice]) -> String {
    if let Some((_, report)) = of_report(notices) {
        return report::subject(report);
    }
    match notices {
        [one] => format!("[{}] {}", one.project_id, words::title(one)),
        [first, ..] => format!(
            "[{}] {} alerts: {} …",
            first.project_id,
            notices.len(),
            words::title(first)
        ),
        [] => String::new(),
    }
}

/// What is told of one alert, line by line.
fn lines(notice: &Notice) -> Vec<String> {
    let rule = notice.rule.as_ref();
    let mut lines = vec![words::measured(notice), words::since(notice)];
    if notice.count > 1 {
        lines.push(format!("Found {} times", notice.count));
    }
    lines.extend(rule.and_then(|rule| rule.description.clone()));
    lines.retain(|line| !line.is_empty());
    lines
}

fn links(notice: &Notice) -> impl Iterator<Item = (&'static str, &str)> {
    let runbook = notice.rule.as_ref().and_then(|rule| rule.runbook_url.as_deref());
    let links = [("Runbook", runbook), ("Dashboard", notice.url.as_deref())];
    links.into_iter().filter_map(|(name, url)| Some((name, url?)))
}

/// A report is alone in its mail.
fn of_report(notices: &[Notice]) -> Option<(&Notice, &WeeklyReport)> {
    let notice = notices.first()?;
    Some((notice, notice.report.as_deref()?))
}

fn plain(notices: &[Notice]) -> String {
    if let Some((notice, report)) = of_report(notices) {
        return report::plain(report, notice.url.as_deref());
    }
    let mut text = String::new();
    for notice in notices.iter().take(SHOWN_MAX) {
        text.push_str(&words::title(notice));
        text.push('\n');
        for line in lines(notice) {
            text.push_str(&format!("  {line}\n"));
        }
        for (name, url) in links(notice) {
            text.push_str(&format!("  {name}: {url}\n"));
        }
        text.push('\n');
    }
    if notices.len() > SHOWN_MAX {
        text.push_str(&format!("and {} more\n", notices.len() - SHOWN_MAX));
    }
    text
}

fn html(notices: &[Notice]) -> String {
    if let Some((notice, report)) = of_report(notices) {
        return report::html(report, notice.url.as_deref());
    }
    let mut text = String::from("<!doctype html><html><body style=\"font-family:sans-serif\">");
    for notice in notices.iter().take(SHOWN_MAX) {
        text.push_str(&format!("<h3>{}</h3><p>", escaped(&words::title(notice))));
        let lines: Vec<_> = lines(notice)
            .iter()
            .map(|line| escaped(line).replace('\n', "<br>"))
            .collect();
        text.push_str(&lines.join("<br>"));
        for (name, url) in links(notice) {
            text.push_str(&format!("<br><a href=\"{}\">{name}</a>", escaped(url)));
        }
        text.push_str("</p>");
    }
    if notices.len() > SHOWN_MAX {
        text.push_str(&format!("<p>and {} more</p>", notices.len() - SHOWN_MAX));
    }
    text.push_str("</body></html>");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
