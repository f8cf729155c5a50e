//! Alerts in words for people.

use jiff::Timestamp;

use crate::domain::alert::{Notice, NoticeEvent};
use crate::domain::rule::Level;

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
        NoticeEvent::Changed => format!("{} (changed)", level(notice.level)),
        NoticeEvent::Reminder => format!("{} (still)", level(notice.level)),
    };
    let group = group(notice);
    let about = if group.is_empty() {
        String::new()
    } else {
        format!(" · {group}")
    };
    format!("{state}: {}{about}", notice.title)
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

/// What was measured against its threshold; empty when nothing was.
pub(super) fn measured(notice: &Notice) -> String {
    let metric = notice
        .labels
        .get("metric")
        .map(String::as_str)
        .unwrap_or_default();
    let number = |value: f64| amount(value, metric);
    match (notice.value, notice.threshold) {
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
        (None, _) => String::new(),
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
fn amount(value: f64, metric: &str) -> String {
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
    let unit = if IN_MS.contains(&metric) { " ms" } else { "" };
    format!("{sign}{apart}{point}{rest}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_have_their_unit() {
        for (value, metric, expected) in [
            (5_200.4, "api_response_time", "5,200 ms"),
            (1_234_567.0, "", "1,234,567"),
            (0.0234, "", "0.023"),
            (0.5, "", "0.5"),
            (12.34, "LCP", "12.3 ms"),
            (0.0, "CLS", "0"),
            (-1_500.0, "", "-1,500"),
        ] {
            assert_eq!(amount(value, metric), expected);
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
