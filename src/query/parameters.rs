//! The parameters of a question, as a query string gives them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::interval::Interval;
use crate::clock::UnixMicros;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::PageRequest;

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(24);
/// Times that ClickHouse's `DateTime` holds, with a margin: 1970 to 2100.
const SECONDS: std::ops::Range<i64> = 0..4_102_444_800;

/// Two descriptions of parameters as one, for questions that share a part of theirs.
pub struct Both<A, B>(PhantomData<(A, B)>);

impl<A: IntoParams, B: IntoParams> IntoParams for Both<A, B> {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = A::into_params(&place);
        parameters.extend(B::into_params(&place));
        parameters
    }
}

/// Over which time is asked; [`Parameters::range`] and `zone` read it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Parameters` reads")]
pub struct RangeParameters {
    /// Begin: ISO 8601, with an offset or in `timezone`, or before now, like `now-7d`; a day before `to` unless given.
    #[param(format = DateTime, example = "2026-11-22T00:00:00Z")]
    from: Option<String>,
    /// End: ISO 8601, with an offset or in `timezone`, or before now, like `now-7d`; now unless given.
    #[param(format = DateTime, example = "2026-11-23T00:00:00Z")]
    to: Option<String>,
    /// IANA name; the project's unless given. Buckets of an hour or more begin at its local time.
    #[param(example = "Europe/Berlin")]
    timezone: Option<String>,
}

/// Which page of a list is asked for; [`Parameters::page`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Parameters::page` reads")]
pub struct ListParameters {
    /// Which page of the list, counted from 1.
    #[param(minimum = 1, default = 1)]
    page_number: Option<u32>,
    /// Items of a page at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
}

/// Takes parameters out of the query string one by one, and collects what is wrong.
pub(super) struct Parameters {
    values: BTreeMap<String, Vec<String>>,
    faults: Vec<FieldError>,
}

impl Parameters {
    pub(super) fn new<'a>(parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in parameters {
            let values = values.entry(name.into_owned()).or_default();
            if !value.is_empty() {
                values.push(value.into_owned());
            }
        }
        Self {
            values,
            faults: Vec::new(),
        }
    }

    pub(super) fn fault(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        code: FieldFault,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.faults.push(FieldError::new(field, code, message));
    }

    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        self.values.remove(name).unwrap_or_default()
    }

    pub(super) fn one(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.fault(name, FieldFault::Duplicate, "must be given once");
        }
        values.pop()
    }

    pub(super) fn zone(&mut self, name: &str) -> TimeZone {
        TimeZone::get(name).unwrap_or_else(|_| {
            self.fault(
                "timezone",
                FieldFault::UnknownValue,
                "must be the IANA name of a time zone, like Europe/Berlin",
            );
            TimeZone::UTC
        })
    }

    pub(super) fn range(&mut self, zone: &TimeZone, now: UnixMicros) -> (Timestamp, Timestamp) {
        let now = Timestamp::from_microsecond(now.0).unwrap_or_default();
        let to = self.time("to", zone, now).unwrap_or(now);
        let from = self
            .time("from", zone, now)
            .unwrap_or_else(|| to.saturating_sub(RANGE_DEFAULT).unwrap_or(to));
        if from >= to {
            self.fault("from", FieldFault::OutOfRange, "must be before `to`");
            return (to.saturating_sub(RANGE_DEFAULT).unwrap_or(to), to);
        }
        (from, to)
    }

    pub(super) fn time(&mut self, name: &'static str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        // A `+` that nobody encoded has become a space.
        let text = self.one(name)?.replace(' ', "+");
        let absolute = || {
            text.parse::<Timestamp>().or_else(|_| {
                text.parse::<DateTime>()
                    .or_else(|_| text.parse::<Date>().map(DateTime::from))
                    .and_then(|local| zone.to_timestamp(local))
            })
        };
        let time = text
            .strip_prefix("now")
            .and_then(|ago| relative(ago, now))
            .map_or_else(absolute, Ok);
        match time {
            Ok(time) if SECONDS.contains(&time.as_second()) => Some(time),
            Ok(_) => {
                self.fault(name, FieldFault::OutOfRange, "must be from 1970 to 2099");
                None
            }
            Err(_) => {
                self.fault(
                    name,
                    FieldFault::BadFormat,
                    "must be a time in ISO 8601, like 2026-07-01T12:00:00Z, or before now, like now-24h",
                );
                None
            }
        }
    }

    pub(super) fn interval(&mut self, range_seconds: i64) -> Interval {
        let Some(sent) = self.one("interval").filter(|sent| sent != "auto") else {
            return Interval::auto(range_seconds);
        };
        Interval::named(&sent).unwrap_or_else(|| {
            self.fault(
                "interval",
                FieldFault::UnknownValue,
                one_of(["1m", "5m", "15m", "1h", "6h", "1d", "auto"]),
            );
            Interval::auto(range_seconds)
        })
    }

    /// A whole number in a range, or what holds without one.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        default: i64,
        range: std::ops::RangeInclusive<i64>,
    ) -> i64 {
        let Some(sent) = self.one(name) else {
            return default;
        };
        match sent.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let message = format!("must be a whole number from {} to {}", range.start(), range.end());
                self.fault(name, FieldFault::OutOfRange, message);
                default
            }
        }
    }

    /// Which page of a list: `page_number` and `page_size`. (`page` is a page of the product.)
    pub(super) fn page(&mut self) -> PageRequest {
        let number = self.number("page_number", 1, 1..=i64::from(u32::MAX));
        let size = i64::from(PageRequest::SIZE_DEFAULT);
        let size = self.number("page_size", size, 1..=i64::from(PageRequest::SIZE_MAX));
        let narrow = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        PageRequest::new(narrow(number), narrow(size))
    }

    /// One of these words, if any is given.
    pub(super) fn word<const N: usize>(
        &mut self,
        name: &'static str,
        words: [&'static str; N],
    ) -> Option<&'static str> {
        let sent = self.one(name)?;
        let known = words.into_iter().find(|word| *word == sent);
        if known.is_none() {
            self.fault(name, FieldFault::UnknownValue, one_of(words));
        }
        known
    }

    /// Takes what is left and begins so: the rest of the names, with their values.
    pub(super) fn beginning_with(&mut self, prefix: &str) -> Vec<(String, Vec<String>)> {
        let names: Vec<String> = self
            .values
            .keys()
            .filter(|name| name.starts_with(prefix))
            .cloned()
            .collect();
        names
            .into_iter()
            .map(|name| (name[prefix.len()..].to_owned(), self.all(&name)))
            .collect()
    }

    /// Fails with all that is wrong, if anything is.
    pub(super) fn no_faults(&mut self) -> Result<(), Vec<FieldError>> {
        match std::mem::take(&mut self.faults) {
            none if none.is_empty() => Ok(()),
            faults => Err(faults),
        }
    }

    pub(super) fn nothing_else(&mut self) {
        for name in std::mem::take(&mut self.values).into_keys() {
            // The name is the sender's: it is shown, but not at any length.
            let shown: String = name.chars().take(64).collect();
            self.fault(
                shown,
                FieldFault::UnknownField,
                "is no parameter of this question",
            );
        }
    }
}

/// What a parameter must be.
pub(super) fn one_of<const N: usize>(values: [&str; N]) -> String {
    format!("must be one of {}", values.join(", "))
}

/// The time that lies so long before now: nothing, or `-` with a number and one of `m`, `h`, `d` and `w`. Who asks for it
/// by these words asks the same question tomorrow, so that the cache knows it again.
fn relative(ago: &str, now: Timestamp) -> Option<Timestamp> {
    if ago.is_empty() {
        return Some(now);
    }
    let (unit_at, unit) = ago.char_indices().next_back()?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let digits = ago.get(..unit_at)?.strip_prefix('-')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let count: u32 = if is_number {
        digits.parse().ok()?
    } else {
        return None;
    };
    let span = SignedDuration::from_secs(i64::from(count) * seconds);
    now.checked_sub(span).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_now_are_a_number_of_minutes_hours_days_or_weeks() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (ago, seconds) in [
            ("", 0),
            ("-5m", 300),
            ("-24h", 86_400),
            ("-1d", 86_400),
            ("-1w", 604_800),
            ("-0m", 0),
        ] {
            let at = Timestamp::from_second(1_000_000 - seconds).unwrap();
            assert_eq!(relative(ago, now), Some(at), "{ago}");
        }
        for ago in [
            "-",
            "-h",
            "-5",
            "5m",
            "+5m",
            "--5m",
            "-5s",
            "-5 m",
            "-\u{661}h",
            "-99999999999h",
            "-4294967295w",
            "-1\u{e9}",
        ] {
            assert_eq!(relative(ago, now), None, "{ago}");
        }
    }
}
