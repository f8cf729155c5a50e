//! Mails, by the server of the settings: that is the operator's, and may be anywhere.

use std::time::{Duration, Instant};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{Message, SENT_BYTES_MAX, Sent, Verdict, text, words};
use crate::config::{SmtpConfig, SmtpTls};
use crate::domain::account::Email;
use crate::domain::alert::Notice;

/// Notices that are shown in one mail.
const SHOWN_MAX: usize = 100;

/// The settings of mail make no sense.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Who sends has no address.
    #[error("setting smtp.from must be an address like `Fresnel <alerts@example.com>`")]
    From,
    /// The server cannot be spoken to like this.
    #[error("setting smtp.host: {0}")]
    Host(#[from] lettre::transport::smtp::Error),
}

/// Sends mails. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// By the server of the settings, if there is one.
    pub(super) fn new(config: &SmtpConfig) -> Result<Option<Self>, MailError> {
        if config.host.is_empty() {
            return Ok(None);
        }
        let from = config.from.parse().map_err(|_| MailError::From)?;
        let builder: AsyncSmtpTransportBuilder = match config.tls {
            SmtpTls::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host),
            SmtpTls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&config.host)?,
            SmtpTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&config.host)?,
        };
        let builder = builder
            .port(config.port)
            .timeout(Some(Duration::from_millis(config.timeout_ms)));
        let builder = if config.username.is_empty() {
            builder
        } else {
            let password = config.password.reveal().to_owned();
            builder.credentials(Credentials::new(config.username.clone(), password))
        };
        Ok(Some(Self {
            transport: builder.build(),
            from,
        }))
    }
}

/// Sends one mail to all recipients.
pub(super) async fn send(mailer: Option<&Mailer>, recipients: &[Email], message: &Message<'_>) -> Sent {
    let refused = |error: String| Sent {
        verdict: Verdict::Refused { error: error.clone() },
        ..Sent::not_sent(error)
    };
    let Some(mailer) = mailer else {
        return refused("no mail server is set (setting smtp.host)".to_owned());
    };
    let plain = plain(message.notices);
    let mail = match mail(mailer, recipients, message, &plain) {
        Ok(mail) => mail,
        Err(error) => return refused(error),
    };
    let started = Instant::now();
    let outcome = mailer.transport.send(mail).await;
    let mut sent = Sent::not_sent(String::new());
    let names: Vec<_> = recipients.iter().map(Email::as_str).collect();
    sent.request_line = format!("mail to {}", names.join(", "));
    sent.request_headers = format!("subject: {}\n", subject(message.notices));
    sent.request_body = text(plain.as_bytes(), SENT_BYTES_MAX);
    sent.took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    (sent.verdict, sent.error) = match outcome {
        Ok(answer) => {
            sent.status = Some(u32::from(u16::from(answer.code())));
            sent.response_body = answer.message().collect::<Vec<_>>().join("\n");
            (Verdict::Delivered, None)
        }
        Err(error) => {
            sent.status = error.status().map(|code| u32::from(u16::from(code)));
            let said = error.to_string();
            let verdict = if error.is_permanent() {
                Verdict::Refused { error: said.clone() }
            } else {
                Verdict::Retry {
                    after_ms: None,
                    error: said.clone(),
                }
            };
            (verdict, Some(said))
        }
    };
    sent
}

fn mail(
    mailer: &Mailer,
    recipients: &[Email],
    message: &Message<'_>,
    plain: &str,
) -> Result<lettre::Message, String> {
    let host = mailer.from.email.domain();
    let mut builder = lettre::Message::builder()
        .from(mailer.from.clone())
        .subject(subject(message.notices))
        // The same on each try: a mailbox that gets it twice can tell.
        .message_id(Some(format!("<{}@{host}>", message.id)))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if let [one] = message.notices {
        // Mails about one alert are one thread.
        let thread = format!("<alert-{}@{host}>", one.alert_id);
        builder = builder.in_reply_to(thread.clone()).references(thread);
    }
    for recipient in recipients {
        let mailbox: Mailbox = recipient
            .as_str()
            .parse()
            .map_err(|_| format!("{} is no address", recipient.as_str()))?;
        builder = builder.to(mailbox);
    }
    let parts = MultiPart::alternative_plain_html(plain.to_owned(), html(message.notices));
    builder.multipart(parts).map_err(|error| error.to_string())
}

fn subject(notices: &[Notice]) -> String {
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

fn plain(notices: &[Notice]) -> String {
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
