//! Lengths of buckets.

use serde::Serialize;

/// Points that `auto` aims at: a few pixels a point on a wide screen.
const AUTO_POINTS_MAX: i64 = 300;

/// Length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Interval {
    /// `1m`
    #[serde(rename = "1m")]
    Minute,
    /// `5m`
    #[serde(rename = "5m")]
    FiveMinutes,
    /// `15m`
    #[serde(rename = "15m")]
    QuarterHour,
    /// `1h`
    #[serde(rename = "1h")]
    Hour,
    /// `6h`
    #[serde(rename = "6h")]
    SixHours,
    /// `1d`
    #[serde(rename = "1d")]
    Day,
}

impl Interval {
    const ALL: [(&'static str, Self); 6] = [
        ("1m", Self::Minute),
        ("5m", Self::FiveMinutes),
        ("15m", Self::QuarterHour),
        ("1h", Self::Hour),
        ("6h", Self::SixHours),
        ("1d", Self::Day),
    ];

    /// Its usual length; a day with a change of daylight saving has an hour more or less.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::FiveMinutes => 300,
            Self::QuarterHour => 900,
            Self::Hour => 3_600,
            Self::SixHours => 21_600,
            Self::Day => 86_400,
        }
    }

    /// The longer of two.
    pub(super) const fn max_of(self, other: Self) -> Self {
        if self.seconds() < other.seconds() {
            other
        } else {
            self
        }
    }

    /// The one with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, interval)| interval)
    }

    /// The shortest one that gives a readable number of points.
    pub(super) fn auto(range_seconds: i64) -> Self {
        Self::ALL
            .into_iter()
            .map(|(_, interval)| interval)
            .find(|interval| range_seconds / interval.seconds() <= AUTO_POINTS_MAX)
            .unwrap_or(Self::Day)
    }
}
