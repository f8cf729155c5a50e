//! Times in answers: ISO 8601.

use jiff::Timestamp;
use serde::Serializer;

pub(super) fn as_iso<S: Serializer>(seconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let time = Timestamp::from_second(*seconds).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&time)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference")]
pub(super) fn as_iso_or_null<S: Serializer>(seconds: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match seconds {
        Some(seconds) => as_iso(seconds, serializer),
        None => serializer.serialize_none(),
    }
}

pub(super) fn as_iso_ms<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let time = Timestamp::from_millisecond(*ms).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&time)
}
