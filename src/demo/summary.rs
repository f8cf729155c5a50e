//! What the demo tells at its end.

use std::fmt;
use std::time::Duration;

use indicatif::HumanCount;

use super::beacon::{iso, plural};
use super::catalogue::{EDITOR, RENDER, UPLOAD};
use super::day::{RELEASE_AFTER, Story};
use super::post::Counts;
use crate::domain::beacon::Kind;

/// What was posted, and what there is to find in it.
#[derive(Debug)]
pub struct Summary {
    pub(super) url: String,
    pub(super) story: Story,
    pub(super) counts: Counts,
    pub(super) elapsed: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beacons = self.counts.beacons();
        let rate = beacons as f64 / self.elapsed.as_secs_f64().max(0.001);
        writeln!(
            f,
            "Posted {} beacons of {} visits in {:.1} s ({}/s).",
            HumanCount(beacons),
            HumanCount(u64::from(self.story.sessions)),
            self.elapsed.as_secs_f64(),
            HumanCount(rate as u64)
        )?;
        for kind in Kind::ALL {
            let count = self.counts.accepted.get(&kind).copied().unwrap_or(0);
            writeln!(f, "  {:>10}  {}", HumanCount(count).to_string(), plural(kind))?;
        }
        if self.counts.pauses > 0 {
            writeln!(
                f,
                "  The server asked {} times to come again later.",
                self.counts.pauses
            )?;
        }
        if self.counts.lost > 0 {
            writeln!(f, "  {} tries got no answer and were repeated.", self.counts.lost)?;
        }
        write_plot(&self.story, f)?;
        write_queries(&self.story, &self.url, f)
    }
}

/// What there is to find.
pub(super) fn write_plot(story: &Story, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let incident = story.incident_ms();
    let shown = if story.hours > 24 {
        date_and_minute
    } else {
        hour_and_minute
    };
    let (release, begin, end) = (
        shown(story.release_at_ms()),
        shown(incident.start),
        shown(incident.end),
    );
    let width = format!("{begin} to {end}").len();
    writeln!(
        f,
        "\nWhat happened from {} to {}:",
        iso(story.begin_ms()),
        iso(story.until_ms)
    )?;
    writeln!(f, "  {:width$}   {} is slow", "all the time", RENDER.path)?;
    writeln!(
        f,
        "  {release:width$}   release {RELEASE_AFTER} goes out and makes {} worse",
        EDITOR.path
    )?;
    writeln!(f, "  {begin} to {end}   {} is slow and fails", UPLOAD.path)
}

/// How to find it.
pub(super) fn write_queries(story: &Story, url: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let interval = if story.hours <= 3 { "1m" } else { "1h" };
    let range = format!(
        "from={}&to={}&interval={interval}",
        iso(story.begin_ms()),
        iso(story.until_ms)
    );
    writeln!(f, "\nSee it, with the admin token that the first start showed:")?;
    for query in [
        "type=core_web_vitals&name=LCP&page=/editor",
        "type=api_response_time&group_by=api_endpoint",
    ] {
        writeln!(
            f,
            "  curl -H \"Authorization: Bearer $TOKEN\" \\\n    '{url}/api/analytics/performance/timeseries?{query}&{range}'"
        )?;
    }
    Ok(())
}

/// The time of day of a time.
fn hour_and_minute(at_ms: i64) -> String {
    iso(at_ms).get(11..16).unwrap_or_default().to_owned()
}

/// The date and the time of day of a time.
fn date_and_minute(at_ms: i64) -> String {
    iso(at_ms).get(..16).unwrap_or_default().replace('T', " ")
}
