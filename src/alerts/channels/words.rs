//! Alerts in words for people.

use jiff::Timestamp;

use crate::domain::alert::{Notice, NoticeEvent};
use crate::domain::rule::{Aggregate, Level};

/// Metrics that are measured in milliseconds.
const IN_MS: [&str; 7] = [
    "page_load_time",
    "api_response_time",
    "effect_processing_time",
    "LCP",
    "INP",
    "FCP",
    "TTFB",
];

/// Measures that are a share from 0 to 1.
const SHARES: [&str; 2] = ["cache_hit_rate", "memory"];

/// What a number is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Ms,
    PerMinute,
    /// From 0 to 1, shown as percents.
    Share,
}

/// A time as ISO 8601, in UTC.
pub(super) fn time(at_ms: i64) -> String {
    let time = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// One line: how bad, what, and for which group.
pub(super) fn title(notice: &Notice) -> String {
    let state = match notice.event {
        NoticeEvent::Resolved => "Resolved".to_owned(),
        NoticeEvent::Test => "Test".to_owned(),
        NoticeEvent::Firing => level(notice.level).to_owned(),
        NoticeEvent::Changed => match notice.previous_level {
            Some(previous) => format!("{} (was {})", level(notice.level), level(previous)),
            None => level(notice.level).to_owned(),
        },
        NoticeEvent::Reminder => format!("{} (still)", level(notice.level)),
        NoticeEvent::Report => "Report".to_owned(),
    };
    let group = group(notice);
    let about = if group.is_empty() {
        String::new()
    } else {
        format!(" · {group}")
    };
    on_one_line(&format!("{state}: {}{about}", notice.title))
}

/// Clients name what they post: what would break a line or a header is a blank.
pub(super) fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The labels by which the group is told apart, as `page /checkout, os iOS`.
pub(super) fn group(notice: &Notice) -> String {
    let own = ["alertname", "source", "metric", "severity", "posted_by"];
    let labels = notice
        .labels
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()));
    let words = labels.map(|(name, value)| {
        let value = if value.is_empty() { "(none)" } else { value };
        format!("{name} {value}")
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What was measured against its threshold, as `p95 of LCP: 5,200 ms is above 5,000 ms`; empty when nothing was.
pub(super) fn measured(notice: &Notice) -> String {
    let metric = notice.labels.get("metric").map(String::as_str);
    let aggregate = notice.rule.as_ref().and_then(|rule| rule.aggregate);
    let unit = unit(metric.unwrap_or_default(), aggregate);
    let number = |value: f64| amount(value, unit);
    let what = match (aggregate, metric) {
        (Some(aggregate), Some(metric)) => format!("{} of {metric}: ", aggregate.as_str()),
        (Some(aggregate), None) => format!("{}: ", aggregate.as_str()),
        // The title has it already.
        (None, Some(metric)) if metric != notice.title => format!("{metric}: "),
        (None, _) => String::new(),
    };
    let numbers = match (notice.value, notice.threshold) {
        (Some(value), Some(threshold)) => {
            let side = if value > threshold {
                "above"
            } else if value < threshold {
                "below"
            } else {
                "at"
            };
            format!("{} is {side} {}", number(value), number(threshold))
        }
        (Some(value), None) => number(value),
        (None, _) => return String::new(),
    };
    on_one_line(&format!("{what}{numbers}"))
}

/// The unit of what is computed of a metric.
fn unit(metric: &str, aggregate: Option<Aggregate>) -> Unit {
    match aggregate {
        Some(Aggregate::Count) => Unit::None,
        Some(Aggregate::Rate) => Unit::PerMinute,
        Some(Aggregate::ErrorShare) => Unit::Share,
        Some(
            Aggregate::P50
            | Aggregate::P75
            | Aggregate::P90
            | Aggregate::P95
            | Aggregate::P99
            | Aggregate::Avg
            | Aggregate::Min
            | Aggregate::Max,
        )
        | None => {
            if IN_MS.contains(&metric) {
                Unit::Ms
            } else if SHARES.contains(&metric) {
                Unit::Share
            } else {
                Unit::None
            }
        }
    }
}

/// A sentence on when it began, and how long it took.
pub(super) fn since(notice: &Notice) -> String {
    match notice.resolved_at_ms {
        Some(end_ms) => format!(
            "From {} to {} ({})",
            time(notice.started_at_ms),
            time(end_ms),
            duration(end_ms - notice.started_at_ms)
        ),
        None => format!("Since {}", time(notice.started_at_ms)),
    }
}

/// How bad it is.
pub(super) const fn level(level: Level) -> &'static str {
    match level {
        Level::Info => "Info",
        Level::Warning => "Warning",
        Level::Error => "Error",
        Level::Critical => "Critical",
    }
}

/// A duration in its two largest units.
pub(super) fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A number with its unit: at most four digits that say something, thousands apart.
pub(super) fn amount(value: f64, unit: Unit) -> String {
    let (value, unit) = match unit {
        Unit::None => (value, ""),
        Unit::Ms => (value, " ms"),
        Unit::PerMinute => (value, " a minute"),
        Unit::Share => (value * 100.0, " %"),
    };
    let digits = match value.abs() {
        0.0 => 0,
        large if large >= 100.0 => 0,
        medium if medium >= 1.0 => 1,
        _ => 3,
    };
    let rounded = format!("{value:.digits$}");
    let (whole, rest) = rounded
        .split_once('.')
        .map_or((rounded.as_str(), ""), |(whole, rest)| (whole, rest));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut apart = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{apart}{point}{rest}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_have_their_unit() {
        use Aggregate::{Count, ErrorShare, P95, Rate};
        for (value, metric, aggregate, expected) in [
            (5_200.4, "api_response_time", None, "5,200 ms"),
            (1_234_567.0, "", None, "1,234,567"),
            (0.0234, "", None, "0.023"),
            (0.5, "", None, "0.5"),
            (12.34, "LCP", Some(P95), "12.3 ms"),
            (0.0, "CLS", Some(P95), "0"),
            (-1_500.0, "", None, "-1,500"),
            (0.0712, "api_response_time", Some(ErrorShare), "7.1 %"),
            (42.0, "api_response_time", Some(Count), "42"),
            (3.5, "LCP", Some(Rate), "3.5 a minute"),
            (0.81, "cache_hit_rate", None, "81 %"),
        ] {
            assert_eq!(amount(value, unit(metric, aggregate)), expected);
        }
    }

    #[test]
    fn durations_are_told_in_their_largest_units() {
        for (ms, expected) in [
            (999, "0 s"),
            (61_000, "1 min"),
            (5_400_000, "1 h 30 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(ms), expected);
        }
    }
}
