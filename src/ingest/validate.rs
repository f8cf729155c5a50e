//! JSON value → valid [`Beacon`], or all of its faults at once.

mod fields;

use std::num::NonZeroU32;

use uuid::Uuid;

use crate::domain::beacon::{
    Beacon, ClientAlert, Common, Detail, EVENT_TYPES, EventTime, FUNNEL_STEPS, FunnelStep, Kind,
    METRIC_TYPES, Metric, PAGE_VIEW, SEVERITIES, UserEvent, VITALS, VITALS_TYPE,
};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::json::{Members, Value};
use fields::Fields;

/// What is valid beyond the standard, and how long texts may be.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Funnel steps that are valid beside the standard ones.
    pub funnel_steps: Vec<String>,
    /// Types of events that are valid beside the standard ones.
    pub event_types: Vec<String>,
    /// Metadata strings above this many characters are cut.
    pub text_chars_max: usize,
}

/// When a body came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When the server read it.
    pub received_at_ms: i64,
    /// When the client sent it, for beacons that do not say so themselves.
    pub sent_at_ms: Option<i64>,
}

impl Arrival {
    /// At this time.
    #[must_use]
    pub const fn at(received_at_ms: i64) -> Self {
        Self {
            received_at_ms,
            sent_at_ms: None,
        }
    }
}

/// Makes a beacon of this kind from a body.
///
/// Unknown fields of the body are left out: clients that are newer than the server stay welcome.
///
/// # Errors
/// All faults of the body, one a field.
pub fn validate<'a>(
    kind: Kind,
    body: Value<'a>,
    arrival: Arrival,
    rules: &Rules,
) -> Result<Beacon<'a>, Vec<FieldError>> {
    let Value::Object(members) = body else {
        let message = format!("must be an object, found {}", body.type_name());
        return Err(vec![FieldError::new("body", FieldFault::WrongType, message)]);
    };
    let mut errors = Vec::new();
    let mut fields = Fields::new(members, "", &mut errors);
    let mut is_cut = false;
    let detail = match kind {
        Kind::Metric => metric(&mut fields, rules, &mut is_cut),
        Kind::Alert => alert(&mut fields, rules, &mut is_cut),
        Kind::Funnel => funnel_step(&mut fields, rules, &mut is_cut),
        Kind::Event => user_event(&mut fields, rules, &mut is_cut),
    };
    let common = common(kind, &mut fields, arrival, is_cut);
    match detail {
        Some(detail) if errors.is_empty() => Ok(Beacon { common, detail }),
        _ => Err(errors),
    }
}

/// The `sent_at` of a batch.
///
/// # Errors
/// It is no time.
pub(super) fn sent_at_ms(members: Members<'_>) -> Result<Option<i64>, Vec<FieldError>> {
    let mut errors = Vec::new();
    let sent_at_ms = Fields::new(members, "", &mut errors).time_ms("sent_at");
    if errors.is_empty() {
        Ok(sent_at_ms)
    } else {
        Err(errors)
    }
}

fn common<'a>(kind: Kind, fields: &mut Fields<'a, '_>, arrival: Arrival, is_cut: bool) -> Common<'a> {
    let event_id = fields.uuid("event_id");
    let session_id = match kind {
        Kind::Alert => fields.optional_id("session_id"),
        Kind::Metric | Kind::Funnel | Kind::Event => fields.required_id("session_id"),
    };
    let user_id = fields.optional_id("user_id");
    let timestamp_ms = match kind {
        Kind::Metric => fields.required_time_ms("timestamp"),
        Kind::Alert | Kind::Funnel | Kind::Event => fields.time_ms("timestamp"),
    };
    let sent_at_ms = fields.time_ms("sent_at").or(arrival.sent_at_ms);
    Common {
        event_id: event_id.unwrap_or_else(Uuid::now_v7),
        is_clients_id: event_id.is_some(),
        session_id,
        user_id,
        time: EventTime::settle(arrival.received_at_ms, timestamp_ms, sent_at_ms),
        is_cut,
    }
}

fn metric<'a>(fields: &mut Fields<'a, '_>, rules: &Rules, is_cut: &mut bool) -> Option<Detail<'a>> {
    let metric_type = fields.choice("type", &METRIC_TYPES);
    let value = fields.number_from_zero("value");
    let members = fields.optional_object("metadata").unwrap_or_default();
    let mut metadata = fields.nested(members, "metadata.");
    let name = metadata.optional_id("name");
    let is_vital = metric_type == Some(VITALS_TYPE);
    if is_vital && name.as_ref().is_some_and(|name| !VITALS.contains(&name.as_str())) {
        metadata.unknown_value("name", &VITALS, &[]);
    }
    let page = metadata.text_cut("page", rules.text_chars_max, is_cut);
    let api_endpoint = metadata.text_cut("api_endpoint", rules.text_chars_max, is_cut);
    let method = metadata.optional_id("method");
    let status = metadata.status("status");
    let region = metadata.optional_id("region");
    let effect_id = metadata.optional_id("effect_id");
    let error_context = metadata.text_cut("error_context", rules.text_chars_max, is_cut);
    let release = metadata.optional_id("release");
    let environment = metadata.optional_id("environment");
    let rating = metadata.optional_id("rating");
    let navigation_type = metadata.optional_id("navigation_type");
    let metadata = cut_members(metadata.rest(), rules, is_cut);
    Some(Detail::Metric(Box::new(Metric {
        metric_type: metric_type?,
        value: value?,
        name,
        page,
        api_endpoint,
        method,
        status,
        region,
        effect_id,
        error_context,
        release,
        environment,
        rating,
        navigation_type,
        sample_weight: NonZeroU32::MIN,
        metadata,
    })))
}

fn alert<'a>(fields: &mut Fields<'a, '_>, rules: &Rules, is_cut: &mut bool) -> Option<Detail<'a>> {
    let severity = fields.choice("severity", &SEVERITIES);
    let metric = fields.required_id("metric");
    let threshold = fields.number("threshold");
    let actual_value = fields.number("actual_value");
    let members = fields.required_object("user_context")?;
    let mut context = fields.nested(members, "user_context.");
    let browser = context.required_id("browser");
    let device_type = context.required_id("device_type");
    let user_context = cut_members(context.rest(), rules, is_cut);
    Some(Detail::Alert(Box::new(ClientAlert {
        severity: severity?,
        metric: metric?,
        threshold: threshold?,
        actual_value: actual_value?,
        browser: browser?,
        device_type: device_type?,
        user_context,
    })))
}

fn funnel_step<'a>(fields: &mut Fields<'a, '_>, rules: &Rules, is_cut: &mut bool) -> Option<Detail<'a>> {
    let step = fields.known_name("step", &FUNNEL_STEPS, &rules.funnel_steps);
    let effect_id = fields.optional_id("effect_id");
    let metadata = fields.optional_object("metadata").unwrap_or_default();
    let metadata = cut_members(metadata, rules, is_cut);
    Some(Detail::Funnel(FunnelStep {
        step: step?,
        effect_id,
        metadata,
    }))
}

fn user_event<'a>(fields: &mut Fields<'a, '_>, rules: &Rules, is_cut: &mut bool) -> Option<Detail<'a>> {
    let mut known = [PAGE_VIEW; EVENT_TYPES.len() + 1];
    known[1..].copy_from_slice(&EVENT_TYPES);
    let event_type = fields.known_name("event_type", &known, &rules.event_types);
    let event_data = fields.required_object("event_data");
    let event_data = cut_members(event_data?, rules, is_cut);
    Some(Detail::Event(UserEvent {
        event_type: event_type?,
        event_data,
    }))
}

fn cut_members<'a>(mut members: Members<'a>, rules: &Rules, is_cut: &mut bool) -> Members<'a> {
    for (_, value) in &mut members {
        *is_cut |= value.cut_texts(rules.text_chars_max);
    }
    members
}

#[cfg(test)]
mod tests;
