//! Measurements that Fresnel makes itself: calls to vendors, which it has carried.

use std::borrow::Cow;
use std::num::NonZeroU32;

use uuid::Uuid;

use super::settling::Settling;
use super::{Ingest, encode};
use crate::control::ProjectEntry;
use crate::domain::beacon::{Beacon, Common, Detail, EventTime, Id, Kind, Metric, text_of};
use crate::domain::enrichment::Enrichment;
use crate::domain::integration::{Contact, ContactOutcome, Side};
use crate::domain::json::Value;
use crate::domain::table::Table;
use crate::wal::AppendError;

/// The type of measurement that calls have.
const METRIC_TYPE: &str = "api_response_time";

/// A call that was carried to a vendor.
#[derive(Clone, Copy, Debug)]
pub struct VendorCall<'a> {
    /// The integration's name in addresses.
    pub integration: &'a str,
    /// The catalogue's service.
    pub service: &'a str,
    /// Its method.
    pub method: &'a str,
    /// Path of the call at Fresnel, which begins with `/relay/` and the integration.
    pub path: &'a str,
    /// How it ended.
    pub outcome: ContactOutcome,
    /// Status of the vendor's answer; 0 for none.
    pub status: u16,
    /// Why there is none; empty when there is one.
    pub error: &'static str,
    /// Milliseconds of the last try, until the head of its answer.
    pub took_ms: f64,
    /// How often the vendor was called.
    pub tries: u32,
    /// Where the answer comes from.
    pub origin: &'static str,
    /// Session, user and page for which the product made it, if it says so.
    pub session_id: Option<&'a str>,
    /// See `session_id`.
    pub user_id: Option<&'a str>,
    /// See `session_id`.
    pub page: &'a str,
}

impl Ingest {
    /// Takes a call up to the log: as a contact with the vendor, and, when it was called, as a measurement too, which is like a
    /// beacon but that nobody has a quota for it.
    ///
    /// # Errors
    /// The log takes nothing.
    pub fn measure_call(
        &self,
        project: &ProjectEntry,
        call: &VendorCall<'_>,
        now_ms: i64,
    ) -> Result<Settling, AppendError> {
        let project_id = project.project.id.as_str();
        let id = |text: Option<&'_ str>| text.and_then(|text| Id::parse(Cow::Owned(text.to_owned())).ok());
        let text = |text: &str| Value::Text(text.to_owned().into());
        let status_class = match call.status {
            0 => "none".to_owned(),
            status => format!("{}xx", status / 100),
        };
        let mut beacon = Beacon {
            common: Common {
                event_id: Uuid::now_v7(),
                is_clients_id: false,
                session_id: id(call.session_id),
                user_id: id(call.user_id),
                time: EventTime::settle(now_ms, None, None),
                is_cut: false,
            },
            detail: Detail::Metric(Box::new(Metric {
                metric_type: METRIC_TYPE,
                value: call.took_ms,
                name: None,
                page: call.page.to_owned().into(),
                api_endpoint: call.path.to_owned().into(),
                method: id(Some(call.method)),
                status: call.status,
                region: None,
                effect_id: None,
                error_context: call.error.into(),
                release: None,
                environment: None,
                rating: None,
                navigation_type: None,
                sample_weight: NonZeroU32::MIN,
                metadata: vec![
                    ("vendor".into(), text(call.service)),
                    ("integration".into(), text(call.integration)),
                    ("status_class".into(), text(&status_class)),
                    ("tries".into(), Value::Unsigned(call.tries.into())),
                    (
                        "relay".into(),
                        text(if call.origin.is_empty() {
                            "miss"
                        } else {
                            call.origin
                        }),
                    ),
                ],
            })),
        };
        let rules = self.refiner.rules_of(&project.project);
        self.refiner.refine(&rules, project_id, &mut beacon, now_ms);
        let enrichment = Enrichment::default();
        let was_called = call.tries > 0;
        let booking = was_called.then(|| self.books.accepted(project_id, Kind::Metric, now_ms));
        let appended = self.lane.append(false, |rows| {
            if was_called {
                rows.row(Kind::Metric.table(), |row| {
                    encode::encode(&beacon, project_id, &enrichment, row);
                });
            }
            rows.row(Table::VendorCalls, |row| {
                contact(call, &beacon, |contact| contact.encode(project_id, now_ms, row));
            });
        });
        match appended {
            Ok(commit) => {
                if let Detail::Metric(metric) = &beacon.detail
                    && was_called
                {
                    self.tap.metric(project_id, metric, &enrichment);
                }
                Ok(Settling::of_ours(commit, booking))
            }
            Err(error) => {
                if let Some(booking) = booking {
                    booking.cancel();
                }
                Err(error)
            }
        }
    }
}

impl Ingest {
    /// Writes down a contact with a vendor that no product made.
    ///
    /// # Errors
    /// The log takes nothing.
    pub fn note_contact(
        &self,
        project_id: &str,
        contact: &Contact<'_>,
        now_ms: i64,
    ) -> Result<Settling, AppendError> {
        let commit = self.lane.append(false, |rows| {
            rows.row(Table::VendorCalls, |row| contact.encode(project_id, now_ms, row));
        })?;
        Ok(Settling::of_ours(commit, None))
    }
}

/// The call as a contact: named as its measurement is, whose names are those of groups.
fn contact(call: &VendorCall<'_>, beacon: &Beacon<'_>, use_it: impl FnOnce(Contact<'_>)) {
    let (endpoint, page) = match &beacon.detail {
        Detail::Metric(metric) => (&*metric.api_endpoint, &*metric.page),
        _ => (call.path, call.page),
    };
    let below = endpoint.strip_prefix("/relay/").unwrap_or(endpoint);
    let below = below.find('/').map_or("/", |end| &below[end..]);
    let operation = format!("{} {below}", call.method);
    use_it(Contact {
        integration: call.integration,
        service: call.service,
        side: Side::Relay,
        operation: &operation,
        outcome: call.outcome,
        origin: call.origin,
        status: call.status,
        took_ms: call.took_ms,
        tries: call.tries,
        session_id: text_of(beacon.common.session_id.as_ref()),
        page,
    });
}
