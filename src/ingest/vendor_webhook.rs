//! Events that Fresnel makes of vendors' webhooks.

use std::borrow::Cow;

use uuid::Uuid;

use super::dedup::Seen;
use super::settling::Settling;
use super::{Ingest, Rejection, decode, encode, put_note};
use crate::control::ProjectEntry;
use crate::domain::beacon::{Beacon, Common, Detail, EventTime, Id, Kind, UserEvent, WEBHOOK};
use crate::domain::enrichment::Enrichment;
use crate::domain::integration::{Contact, ContactOutcome, Side};
use crate::domain::json::{Members, Value};
use crate::domain::table::Table;
use crate::recall::Note;

/// Longest text of a payload that is kept whole.
const TEXT_CHARS_MAX: usize = 1_024;
/// Longest name of what has happened.
const NAME_CHARS_MAX: usize = 100;
/// Most things that one webhook tells.
const TOLD_AT_ONCE_MAX: usize = 1_000;
/// Members that name what has happened, as vendors have it, the most telling first.
const NAMES: [&str; 6] = ["type", "event", "event_type", "action", "MessageStatus", "status"];

/// A webhook that is its vendor's.
#[derive(Clone, Copy, Debug)]
pub struct VendorWebhook<'a> {
    /// The same for the same webhook.
    pub event_id: Uuid,
    /// The integration's name in addresses.
    pub integration: &'a str,
    /// The catalogue's service.
    pub service: &'a str,
    /// Whether it came by itself, or was asked for.
    pub side: Side,
    /// Its body: JSON, or a form.
    pub body: &'a [u8],
    /// Whether it is a form.
    pub is_form: bool,
    /// What has happened, if a header says so.
    pub happened: Option<&'a str>,
}

impl Ingest {
    /// Takes a webhook up to the log, as an event of the project. None when it is there already. Nobody has a quota for it.
    ///
    /// # Errors
    /// The log takes nothing, or the same webhook waits for its commit.
    pub fn take_webhook(
        &self,
        project: &ProjectEntry,
        webhook: &VendorWebhook<'_>,
        now_ms: i64,
    ) -> Result<Option<Settling>, Rejection> {
        let project_id = project.project.id.as_str();
        let reservation = match self.dedup.reserve(project_id, webhook.event_id, now_ms) {
            Seen::New(reservation) => reservation,
            Seen::UnderWay => return Err(Rejection::UnderWay),
            Seen::Stored => return Ok(None),
        };
        let mut payload = self.payload(webhook);
        let happened = match webhook.happened {
            Some(happened) => vec![named(happened)],
            None => payload.as_ref().map_or_else(|| vec![String::new()], happened),
        };
        let is_cut = payload
            .as_mut()
            .is_some_and(|payload| payload.cut_texts(TEXT_CHARS_MAX));
        let text = |text: &str| Value::Text(text.to_owned().into());
        let mut event_data: Members<'_> = vec![
            ("integration".into(), text(webhook.integration)),
            ("vendor".into(), text(webhook.service)),
            (
                "happened".into(),
                text(happened.first().map_or("", String::as_str)),
            ),
        ];
        // What is no JSON, or too deep or wide to be looked through, is an event all the same.
        event_data.push(("payload".into(), payload.unwrap_or(Value::Null)));
        let event_type = Id::parse(Cow::Borrowed(WEBHOOK)).map_err(|_| Rejection::Unavailable)?;
        let mut beacon = Beacon {
            common: Common {
                event_id: webhook.event_id,
                is_clients_id: true,
                session_id: None,
                user_id: None,
                time: EventTime::settle(now_ms, None, None),
                is_cut,
            },
            detail: Detail::Event(UserEvent {
                event_type,
                event_data,
            }),
        };
        let rules = self.refiner.rules_of(&project.project);
        self.refiner.refine(&rules, project_id, &mut beacon, now_ms);
        let note = Note {
            count: None,
            event: Some(reservation.mark()),
        };
        let contact = |operation| Contact {
            integration: webhook.integration,
            service: webhook.service,
            side: webhook.side,
            operation,
            outcome: ContactOutcome::Answered,
            origin: "",
            status: 0,
            took_ms: 0.0,
            tries: 0,
            session_id: "",
            page: "",
        };
        let booking = self.books.accepted(project_id, Kind::Event, now_ms);
        let appended = self.lane.append(false, |rows| {
            rows.row(Kind::Event.table(), |row| {
                encode::encode(&beacon, project_id, &Enrichment::default(), row);
            });
            // Who asked has written down that he did.
            if webhook.side == Side::Webhook {
                for operation in &happened {
                    rows.row(Table::VendorCalls, |row| {
                        contact(operation).encode(project_id, now_ms, row);
                    });
                }
            }
            put_note(rows, &note);
        });
        match appended {
            Ok(commit) => Ok(Some(Settling::new(commit, booking, Some(reservation)))),
            Err(error) => {
                booking.cancel();
                Err(error.into())
            }
        }
    }

    fn payload<'a>(&self, webhook: &VendorWebhook<'a>) -> Option<Value<'a>> {
        if webhook.is_form {
            let fields = form_urlencoded::parse(webhook.body);
            let mut members: Members<'a> = Vec::new();
            for (name, value) in fields.take(self.shape.keys_max) {
                if !members.iter().any(|(known, _)| *known == name) {
                    members.push((name, Value::Text(value)));
                }
            }
            return Some(Value::Object(members));
        }
        decode::decode(webhook.body, &self.shape).ok()
    }
}

/// What a payload says has happened: one thing, or as many as the vendor tells at once; an empty text where it says nothing.
fn happened(payload: &Value<'_>) -> Vec<String> {
    match payload {
        // SendGrid tells many at once.
        Value::List(items) if !items.is_empty() => {
            let items = items.iter().take(TOLD_AT_ONCE_MAX);
            items
                .map(|item| named(name_of(item).unwrap_or_default()))
                .collect()
        }
        one => vec![named(name_of(one).unwrap_or_default())],
    }
}

fn named(happened: &str) -> String {
    happened.chars().take(NAME_CHARS_MAX).collect()
}

fn name_of<'v>(payload: &'v Value<'_>) -> Option<&'v str> {
    let Value::Object(members) = payload else {
        return None;
    };
    let named = NAMES.iter().find_map(|name| {
        let (_, value) = members.iter().find(|(known, _)| known == name)?;
        match value {
            Value::Text(text) => Some(&**text),
            _ => None,
        }
    });
    // Mailgun's say it one level below.
    named.or_else(|| {
        let (_, below) = members.iter().find(|(known, _)| known == "event-data")?;
        name_of(below)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::decode::ShapeLimits;

    #[test]
    fn what_has_happened_is_found_where_vendors_say_it() {
        let limits = ShapeLimits {
            depth_max: 32,
            keys_max: 100,
        };
        for (body, expected) in [
            (r#"{"id":"evt_1","type":"charge.failed"}"#, &["charge.failed"][..]),
            (r#"{"action":"hire_candidate"}"#, &["hire_candidate"]),
            (r#"{"event":"candidateHired"}"#, &["candidateHired"]),
            (r#"{"signature":{},"event-data":{"event":"opened"}}"#, &["opened"]),
            (
                r#"[{"event":"dropped"},{"event":"delivered"},{}]"#,
                &["dropped", "delivered", ""],
            ),
            (r#"{"transcript_id":"t","status":"completed"}"#, &["completed"]),
            (r#"{"type":5,"event":"x"}"#, &["x"]),
            ("{}", &[""]),
            ("[]", &[""]),
            ("5", &[""]),
        ] {
            let value = decode::decode(body.as_bytes(), &limits).unwrap();
            assert_eq!(happened(&value), expected, "{body}");
        }
    }
}
