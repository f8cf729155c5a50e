//! Beacon → one row in ClickHouse's RowBinary, in the column order of [`Table::columns`].
//!
//! RowBinary: integers and floats little-endian, strings with a LEB128 length, `Nullable` as a flag byte
//! before the value, UUIDs as two little-endian halves, `DateTime64(3)` as milliseconds, `JSON` as text.
//! <https://clickhouse.com/docs/interfaces/formats/RowBinary>

use crate::domain::beacon::{Beacon, ClientAlert, Common, Detail, FunnelStep, Metric, UserEvent, text_of};
use crate::domain::enrichment::Enrichment;
use crate::domain::json::{self, Members};
use crate::domain::row_binary::{leb128, put_text, put_uuid};
#[cfg(doc)]
use crate::domain::table::Table;

/// `flags` bit: a string of the metadata was cut.
pub const FLAG_CUT: u16 = 1;
/// `flags` bit: the client's time was replaced by the server's.
pub const FLAG_TIME_REPLACED: u16 = 1 << 1;

/// Appends the beacon's row for the table of its kind.
pub fn encode(beacon: &Beacon<'_>, project_id: &str, enrichment: &Enrichment, row: &mut Vec<u8>) {
    put_common(&beacon.common, project_id, row);
    match &beacon.detail {
        Detail::Metric(metric) => put_metric(metric, row),
        Detail::Alert(alert) => put_alert(alert, row),
        Detail::Funnel(step) => put_funnel_step(step, row),
        Detail::Event(event) => put_event(event, row),
    }
    put_enrichment(enrichment, row);
    if let Detail::Metric(metric) = &beacon.detail {
        row.extend_from_slice(&metric.sample_weight.get().to_le_bytes());
    }
}

fn put_common(common: &Common<'_>, project_id: &str, row: &mut Vec<u8>) {
    let mut flags = 0;
    if common.is_cut {
        flags |= FLAG_CUT;
    }
    if common.time.is_replaced {
        flags |= FLAG_TIME_REPLACED;
    }
    put_uuid(common.event_id, row);
    put_text(project_id, row);
    row.extend_from_slice(&common.time.ts_ms.to_le_bytes());
    row.extend_from_slice(&common.time.received_at_ms.to_le_bytes());
    match common.time.client_ts_ms {
        None => row.push(1),
        Some(client_ts_ms) => {
            row.push(0);
            row.extend_from_slice(&client_ts_ms.to_le_bytes());
        }
    }
    put_text(text_of(common.session_id.as_ref()), row);
    put_text(text_of(common.user_id.as_ref()), row);
    row.extend_from_slice(&flags.to_le_bytes());
}

fn put_metric(metric: &Metric<'_>, row: &mut Vec<u8>) {
    put_text(metric.metric_type, row);
    put_text(text_of(metric.name.as_ref()), row);
    row.extend_from_slice(&metric.value.to_le_bytes());
    put_text(&metric.page, row);
    put_text(&metric.api_endpoint, row);
    put_text(text_of(metric.method.as_ref()), row);
    row.extend_from_slice(&metric.status.to_le_bytes());
    put_text(text_of(metric.region.as_ref()), row);
    put_text(text_of(metric.effect_id.as_ref()), row);
    put_text(&metric.error_context, row);
    put_text(text_of(metric.release.as_ref()), row);
    put_text(text_of(metric.environment.as_ref()), row);
    put_text(text_of(metric.rating.as_ref()), row);
    put_text(text_of(metric.navigation_type.as_ref()), row);
    put_object(&metric.metadata, row);
}

fn put_alert(alert: &ClientAlert<'_>, row: &mut Vec<u8>) {
    put_text(alert.severity, row);
    put_text(alert.metric.as_str(), row);
    row.extend_from_slice(&alert.threshold.to_le_bytes());
    row.extend_from_slice(&alert.actual_value.to_le_bytes());
    put_text(alert.browser.as_str(), row);
    put_text(alert.device_type.as_str(), row);
    put_object(&alert.user_context, row);
}

fn put_funnel_step(step: &FunnelStep<'_>, row: &mut Vec<u8>) {
    put_text(step.step.as_str(), row);
    put_text(text_of(step.effect_id.as_ref()), row);
    put_object(&step.metadata, row);
}

fn put_event(event: &UserEvent<'_>, row: &mut Vec<u8>) {
    put_text(event.event_type.as_str(), row);
    put_object(&event.event_data, row);
}

fn put_enrichment(enrichment: &Enrichment, row: &mut Vec<u8>) {
    put_text(&enrichment.client.browser, row);
    put_text(&enrichment.client.os, row);
    put_text(enrichment.client.device.as_str(), row);
    put_text(enrichment.country.as_str(), row);
    row.extend_from_slice(&enrichment.visitor_id.unwrap_or_default().to_le_bytes());
}

/// Writes the JSON text behind its own length. The length is known only afterwards; a one-byte length is
/// guessed and the text moved when it needs more, so that the usual small object is written once.
fn put_object(members: &Members<'_>, row: &mut Vec<u8>) {
    let length_at = row.len();
    row.push(0);
    let text_at = row.len();
    json::write_object(members, row);
    let bytes = row.len() - text_at;
    match u8::try_from(bytes) {
        Ok(short) if short < 0x80 => row[length_at] = short,
        _ => {
            let (length, length_bytes) = leb128(bytes);
            let moved_to = length_at + length_bytes;
            row.resize(moved_to + bytes, 0);
            row.copy_within(text_at..text_at + bytes, moved_to);
            row[length_at..moved_to].copy_from_slice(&length[..length_bytes]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::json::Value;
    use crate::domain::row_binary::tests::read_length;

    proptest! {
        #[test]
        fn an_objects_length_is_that_of_its_text(text in "[a-z\"\\\\]{0,400}") {
            let members = vec![("key".into(), Value::Text(text.clone().into()))];
            let mut row = b"before".to_vec();
            put_object(&members, &mut row);
            let (length, length_bytes) = read_length(&row[6..]);
            let json_text = &row[6 + length_bytes..];
            prop_assert_eq!(length, json_text.len());
            let back: serde_json::Value = serde_json::from_slice(json_text).unwrap();
            prop_assert_eq!(back, serde_json::json!({ "key": text }));
        }
    }
}
