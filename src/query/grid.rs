//! The buckets of a series: where each begins, and where the last one ends.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::interval::Interval;
use crate::warehouse::{Parameter, Statement};

/// Buckets without gaps, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Starts of the buckets, and behind them the end of the last one; at least two, rising.
    bounds: Vec<i64>,
    /// Length of the buckets, when all have the same.
    step: Option<i64>,
}

/// As its ends. Beside the interval and the zone, which stand in each request, they say where the buckets are.
impl Serialize for Grid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ends = serializer.serialize_struct("Grid", 2)?;
        ends.serialize_field("from", &self.from())?;
        ends.serialize_field("to", &self.to())?;
        ends.end()
    }
}

impl Grid {
    /// The buckets that cover a time from `from` up to, not including, `to`.
    pub(super) fn new(from: Timestamp, to: Timestamp, interval: Interval, zone: &TimeZone) -> Self {
        let step = interval.seconds();
        let (from, to) = (from.as_second(), last_second(to) + 1);
        let bounds = if step < Interval::Hour.seconds() {
            // Zones differ from UTC by whole quarters of an hour.
            let first = from.div_euclid(step) * step;
            (0..)
                .map(|n| first + n * step)
                .scan(false, |ended, bound| {
                    (!std::mem::replace(ended, bound >= to)).then_some(bound)
                })
                .collect()
        } else {
            local_bounds(from, to, interval, zone)
        };
        let even = bounds.windows(2).all(|pair| pair[1] - pair[0] == step);
        Self {
            bounds,
            step: even.then_some(step),
        }
    }

    /// Start of the bucket that a row belongs to, in seconds; `time` is a column with a time.
    pub(super) fn bucket_of(&self, time: &str) -> String {
        match self.step {
            Some(_) => format!(
                "{{from:Int64}} + intDiv(toInt64(toUnixTimestamp({time})) - {{from:Int64}}, {{step:Int64}}) * {{step:Int64}}"
            ),
            None => {
                format!("toInt64(roundDown(toInt64(toUnixTimestamp({time})), {{bounds:Array(Int64)}}))")
            }
        }
    }

    /// Binds what [`bucket_of`](Self::bucket_of) needs, and the range as `from` and `to`.
    pub(super) fn bind(&self, statement: Statement) -> Statement {
        let statement = statement
            .with("from", Parameter::Integer(self.from()))
            .with("to", Parameter::Integer(self.to()));
        match self.step {
            Some(step) => statement.with("step", Parameter::Integer(step)),
            None => statement.with("bounds", Parameter::Integers(self.bounds.clone())),
        }
    }

    /// Starts of the buckets, and behind them the end of the last one.
    pub(super) fn bounds(&self) -> &[i64] {
        &self.bounds
    }

    pub(super) fn from(&self) -> i64 {
        self.bounds.first().copied().unwrap_or_default()
    }

    pub(super) fn to(&self) -> i64 {
        self.bounds.last().copied().unwrap_or_default()
    }

    /// Start of the bucket that a time lies in, if it is in the range.
    pub(super) fn start_of(&self, seconds: i64) -> Option<i64> {
        let behind = self.bounds.partition_point(|bound| *bound <= seconds);
        (behind < self.bounds.len()).then_some(())?;
        self.bounds.get(behind.checked_sub(1)?).copied()
    }

    /// Starts of the buckets.
    pub(super) fn starts(&self) -> &[i64] {
        self.bounds.split_last().map_or(&[], |(_, starts)| starts)
    }

    /// True when no bucket begins inside one of the table's, which have this length.
    pub(super) fn fits(&self, seconds: i64) -> bool {
        self.bounds.iter().all(|bound| bound % seconds == 0)
    }
}

/// The last whole second before a time.
fn last_second(time: Timestamp) -> i64 {
    (time - 1.nanosecond()).as_second()
}

/// Bounds at local time, from the one at or before `from` to the one at or behind `to`.
fn local_bounds(from: i64, to: i64, interval: Interval, zone: &TimeZone) -> Vec<i64> {
    let mut bounds = Vec::new();
    let mut day = local_date(from, zone);
    while bounds.last().is_none_or(|bound| *bound < to) {
        let Ok(tomorrow) = day.tomorrow() else { break };
        for bound in bounds_of_day(day, tomorrow, interval, zone) {
            if bound <= from {
                bounds.clear();
            }
            if bounds.last().is_none_or(|last| *last < to) {
                bounds.push(bound);
            }
        }
        day = tomorrow;
    }
    bounds
}

/// Starts of the buckets of a local day, rising.
fn bounds_of_day(day: Date, tomorrow: Date, interval: Interval, zone: &TimeZone) -> Vec<i64> {
    let (start, end) = (start_of(day, zone), start_of(tomorrow, zone));
    let bounds: Vec<i64> = match interval {
        Interval::Day => vec![start],
        // At local hours that exist; an hour that daylight saving skips counts as the next one.
        Interval::SixHours => [0, 6, 12, 18]
            .iter()
            .filter_map(|hour| day.at(*hour, 0, 0, 0).to_zoned(zone.clone()).ok())
            .map(|time| time.timestamp().as_second().max(start))
            .collect(),
        // Hours that pass, so that an hour that comes twice is two buckets.
        _ => (0..)
            .map(|n| start + n * interval.seconds())
            .take_while(|bound| *bound < end)
            .collect(),
    };
    let mut bounds = bounds;
    bounds.dedup();
    bounds
}

/// When a local day begins; in some zones a day may begin at one o'clock.
fn start_of(day: Date, zone: &TimeZone) -> i64 {
    day.to_zoned(zone.clone())
        .and_then(|time| time.start_of_day())
        .map_or_else(
            // Only beyond the year 9999.
            |_| 0,
            |time| time.timestamp().as_second(),
        )
}

fn local_date(seconds: i64, zone: &TimeZone) -> Date {
    Timestamp::from_second(seconds)
        .map_or_else(|_| Date::default(), |time| time.to_zoned(zone.clone()).date())
}
