//! Posts a beacon and reads back the row that it became.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use uuid::Uuid;

use crate::harness::Fresnel;
use crate::harness::beacons::Kind;

/// Gives the beacon an id, posts it, and waits for its row.
#[track_caller]
pub(super) fn store(server: &Fresnel, kind: Kind, mut beacon: Value) -> Value {
    let id = Uuid::new_v4().to_string();
    beacon["event_id"] = json!(id);
    server.post(kind.path(), beacon.to_string()).expect_status(202);
    server.warehouse().row(kind.table(), &id)
}

/// Milliseconds since 1970 of a time as ClickHouse writes it.
#[track_caller]
pub(super) fn stored_ms(time: &Value) -> i128 {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond]");
    let text = time.as_str().expect("a time");
    let time = time::PrimitiveDateTime::parse(text, form).expect("a time");
    time.assume_utc().unix_timestamp_nanos() / 1_000_000
}

/// Milliseconds since 1970 of a time as a beacon carries it.
#[track_caller]
pub(super) fn sent_ms(time: &Value) -> i128 {
    let time = OffsetDateTime::parse(time.as_str().expect("a time"), &Rfc3339).expect("a time");
    time.unix_timestamp_nanos() / 1_000_000
}

/// Checks columns of a row one by one.
#[track_caller]
pub(super) fn assert_columns(row: &Value, expected: &Value) {
    for (column, value) in expected.as_object().expect("columns") {
        assert_eq!(&row[column], value, "column {column} of {row}");
    }
}
