//! How fine a rollup is, and how far back it goes.

use serde::Serialize;

use crate::clock::UnixMicros;
use crate::warehouse::Retention;

const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;
const MINUTE_SECONDS: i64 = 60;

/// Length of a rollup's buckets, from the finest to the coarsest. They begin at multiples of it since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Raw rows.
    Raw,
    /// Rollups per minute.
    Minute,
    /// Rollups per quarter of an hour.
    Quarter,
    /// Rollups per hour.
    Hour,
    /// Rollups per 6 hours.
    SixHours,
    /// Rollups per day of UTC.
    Day,
    /// Rollups per week, which begins on Thursday, as 1970 did.
    Week,
}

impl Grain {
    /// The coarsest first.
    pub(super) const FROM_COARSE: [Self; 7] = [
        Self::Week,
        Self::Day,
        Self::SixHours,
        Self::Hour,
        Self::Quarter,
        Self::Minute,
        Self::Raw,
    ];
    /// Those of which every rollup has all its dimensions, the coarsest first.
    pub(super) const FROM_WEEKS_TO_HOURS: [Self; 4] = [Self::Week, Self::Day, Self::SixHours, Self::Hour];

    /// Length of its buckets; bounds are whole seconds, so raw rows have buckets of one.
    pub(super) const fn seconds(self) -> i64 {
        match self {
            Self::Raw => 1,
            Self::Minute => MINUTE_SECONDS,
            Self::Quarter => 15 * MINUTE_SECONDS,
            Self::Hour => HOUR_SECONDS,
            Self::SixHours => 6 * HOUR_SECONDS,
            Self::Day => DAY_SECONDS,
            Self::Week => 7 * DAY_SECONDS,
        }
    }

    /// The same in minutes, which is how rollups tell their grains apart; `None` for raw rows.
    pub(super) const fn minutes(self) -> Option<i64> {
        match self {
            Self::Raw => None,
            _ => Some(self.seconds() / MINUTE_SECONDS),
        }
    }

    /// Days for which its table keeps what it has.
    const fn days(self, retention: &Retention) -> u32 {
        match self {
            Self::Raw => retention.raw_days,
            Self::Minute | Self::Quarter => retention.minute_days,
            Self::Hour | Self::SixHours | Self::Day | Self::Week => retention.hour_days,
        }
    }

    /// Column with a row's time.
    pub(super) const fn time(self) -> &'static str {
        match self {
            Self::Raw => "ts",
            _ => "bucket",
        }
    }

    /// A bound as a value of that column's own type. A `DateTime64` must not be compared with a `DateTime`:
    /// ClickHouse 26.7 then takes the bound for a whole second in its index analysis, and skips granules whose
    /// rows all lie in the last second before it.
    pub(super) fn bound(self, seconds: &str) -> String {
        match self {
            Self::Raw => format!("toDateTime64({seconds}, 3, 'UTC')"),
            _ => format!("toDateTime({seconds}, 'UTC')"),
        }
    }
}

/// What the tables still have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    retention: Retention,
    now_seconds: i64,
}

impl Kept {
    pub(super) const fn new(retention: Retention, now: UnixMicros) -> Self {
        Self {
            retention,
            now_seconds: now.as_millis().div_euclid(1_000),
        }
    }

    /// Time before which a table has nothing any more, in seconds since 1970.
    pub(super) fn from(&self, grain: Grain) -> i64 {
        self.now_seconds - i64::from(grain.days(&self.retention)) * DAY_SECONDS
    }

    /// Of some tables the first that still has everything from a time on; when none has, the one that reaches
    /// back furthest.
    pub(super) fn pick(&self, from: i64, grains: impl IntoIterator<Item = Grain> + Clone) -> Option<Grain> {
        let whole = grains.clone().into_iter().find(|grain| self.from(*grain) <= from);
        whole.or_else(|| grains.into_iter().min_by_key(|grain| self.from(*grain)))
    }
}
