//! The stretch of time that a question to the raw tables is about, and the one before it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::iso::as_iso;
use super::parameters::Parameters;
use crate::clock::UnixMicros;
use crate::domain::field_error::FieldFault;
use crate::warehouse::{Parameter, Retention, Statement};

/// Longest range of a question to raw tables, in days.
pub(super) const DAYS_MAX: i64 = 400;
const DAY_S: i64 = 86_400;
/// A range up to now ends with the next of these, so that the same question shortly afterwards is the same.
const NOW_STEP_S: i64 = 10;

/// A stretch of time in whole seconds, with the zone of its days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Period {
    /// Its start, in seconds since 1970.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// Its end, which does not belong to it.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// Zone of its days.
    pub timezone: String,
}

/// Over which stretch of time is asked; [`Parameters::period`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Parameters::period` reads")]
pub struct PeriodParameters {
    /// Begin: ISO 8601, with an offset or in `timezone`, or before now, like `now-7d`; 7 days before `to` unless given, at most 400.
    #[param(format = DateTime, example = "2026-11-15T00:00:00Z")]
    from: Option<String>,
    /// End: ISO 8601, with an offset or in `timezone`, or before now, like `now-7d`; now unless given.
    #[param(format = DateTime, example = "2026-11-22T00:00:00Z")]
    to: Option<String>,
    /// IANA name; the project's unless given.
    #[param(example = "Europe/Berlin")]
    timezone: Option<String>,
}

impl Parameters {
    /// Reads `from`, `to` and `timezone`. Without `to` it ends now, without `from` it lasts `default_range`.
    pub(super) fn period(
        &mut self,
        default_zone: &str,
        default_range: SignedDuration,
        now: UnixMicros,
    ) -> (Period, TimeZone) {
        let timezone = self.one("timezone").unwrap_or_else(|| default_zone.to_owned());
        let zone = self.zone(&timezone);
        let now_s = (now.as_millis().div_euclid(NOW_STEP_S * 1_000) + 1) * NOW_STEP_S;
        let now = Timestamp::from_second(now_s).unwrap_or_default();
        let to = self.time("to", &zone, now);
        let to = to.map_or(now_s, |time| whole_seconds(time, true));
        let from = self
            .time("from", &zone, now)
            .map_or_else(|| to - default_range.as_secs(), |time| whole_seconds(time, false));
        if from >= to {
            self.fault("from", FieldFault::OutOfRange, "must be before `to`");
        } else if to - from > DAYS_MAX * DAY_S {
            let message = format!("must be at most {DAYS_MAX} days before `to`");
            self.fault("from", FieldFault::OutOfRange, message);
        }
        // The faults end the question; until then the others go on with a range that can be worked with.
        let from = from.clamp(to - DAYS_MAX * DAY_S, to - 1);
        (Period { from, to, timezone }, zone)
    }

    /// Reads `compare`: whether the stretch of time before is wanted too.
    pub(super) fn compares(&mut self) -> bool {
        self.word("compare", ["previous"]).is_some()
    }
}

impl Period {
    /// As long, and just before.
    pub(super) fn previous(&self) -> Self {
        Self {
            from: self.from - (self.to - self.from),
            to: self.from,
            timezone: self.timezone.clone(),
        }
    }

    /// Its length in seconds.
    pub(super) const fn seconds(&self) -> i64 {
        self.to - self.from
    }

    /// Its bounds as jiff has them.
    pub(super) fn times(&self) -> (Timestamp, Timestamp) {
        let time = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
        (time(self.from), time(self.to))
    }

    /// That a row lies in it. The bounds have the column's own type: with another one, ClickHouse 26.7 skips granules
    /// whose rows all lie in the last second before it.
    pub(super) const CONDITION: &str =
        "ts >= toDateTime64({range_from:Int64}, 3, 'UTC') AND ts < toDateTime64({range_to:Int64}, 3, 'UTC')";

    /// Binds what [`CONDITION`](Self::CONDITION) needs.
    pub(super) fn bind(&self, statement: Statement) -> Statement {
        statement
            .with("range_from", Parameter::Integer(self.from))
            .with("range_to", Parameter::Integer(self.to))
    }

    /// Time before which raw rows are kept no more, when that is inside.
    pub(super) fn kept_from(&self, retention: &Retention, now: UnixMicros) -> Option<i64> {
        let kept_from = now.as_millis().div_euclid(1_000) - i64::from(retention.raw_days) * DAY_S;
        Some(kept_from).filter(|kept_from| *kept_from > self.from)
    }
}

fn whole_seconds(time: Timestamp, up: bool) -> i64 {
    let seconds = time.as_nanosecond().div_euclid(1_000_000_000);
    let is_whole = time.as_nanosecond().rem_euclid(1_000_000_000) == 0;
    let seconds = i64::try_from(seconds).unwrap_or_default();
    seconds + i64::from(up && !is_whole)
}
