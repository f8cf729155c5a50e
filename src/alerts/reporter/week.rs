//! Which week a report is about.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A report goes within this time of when it is due, or not at all: nobody wants last week's on a Friday.
const LATE_MAX_MS: i64 = 36 * 60 * 60 * 1_000;

/// Seven days of a zone, from midnight to midnight, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Week {
    pub(super) from_ms: i64,
    /// Not part of it.
    pub(super) to_ms: i64,
}

impl Week {
    /// The week before the day, whose report is due at this hour of the day; none when none is due.
    pub(super) fn due(now_ms: i64, zone: &TimeZone, day: Weekday, hour: i8) -> Option<Self> {
        let now = Timestamp::from_millisecond(now_ms).ok()?;
        let today = now.to_zoned(zone.clone()).date();
        let days_since = i64::from(day.until(today.weekday()));
        // Today's may be due later today; then the one that was due last is a week older, and too late.
        let date = today.checked_sub(days_since.days()).ok()?;
        let due = date.at(hour, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        let late_ms = now_ms - due.timestamp().as_millisecond();
        if !(0..=LATE_MAX_MS).contains(&late_ms) {
            return None;
        }
        let midnight = |date: jiff::civil::Date| {
            let midnight = date.to_zoned(zone.clone()).ok()?;
            Some(midnight.timestamp().as_millisecond())
        };
        Some(Self {
            from_ms: midnight(date.checked_sub(7.days()).ok()?)?,
            to_ms: midnight(date)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Zoned>().unwrap().timestamp().as_millisecond()
    }

    #[test]
    fn a_report_is_due_from_its_hour_on_for_a_day_and_a_half() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // The week in which summer time ends has an hour more.
        let week = Week {
            from_ms: at("2026-10-19T00:00[Europe/Berlin]"),
            to_ms: at("2026-10-26T00:00[Europe/Berlin]"),
        };
        for (now, expected) in [
            ("2026-10-26T07:59:59[Europe/Berlin]", None),
            ("2026-10-26T08:00[Europe/Berlin]", Some(week)),
            ("2026-10-27T19:59[Europe/Berlin]", Some(week)),
            ("2026-10-27T20:01[Europe/Berlin]", None),
            ("2026-10-25T12:00[Europe/Berlin]", None),
        ] {
            assert_eq!(Week::due(at(now), &zone, Weekday::Monday, 8), expected, "{now}");
        }
        assert_eq!(week.to_ms - week.from_ms, (7 * 24 + 1) * 3_600_000);
    }

    proptest! {
        #[test]
        fn whenever_one_looks_each_hour_each_week_is_reported_once(
            start_s in 1_700_000_000_i64..1_900_000_000, day in 1_i8..=7, hour in 0_i8..24,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let day = Weekday::from_monday_one_offset(day).unwrap();
            let looks = (0..24 * 70).map(|hours| (start_s + hours * 3_600) * 1_000);
            let mut weeks: Vec<Week> = looks.filter_map(|now_ms| Week::due(now_ms, &zone, day, hour)).collect();
            weeks.dedup();
            prop_assert!((9..=11).contains(&weeks.len()), "{}", weeks.len());
            for pair in weeks.windows(2) {
                prop_assert_eq!(pair[0].to_ms, pair[1].from_ms);
            }
        }
    }
}
