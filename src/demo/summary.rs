//! What the demo tells at its end.

use std::fmt;
use std::time::Duration;

use indicatif::HumanCount;

use super::beacon::{Kind, iso};
use super::catalogue::{EDITOR, RENDER, UPLOAD};
use super::day::{RELEASE_AFTER, Story};
use super::post::Counts;

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
            writeln!(f, "  {:>10}  {}", HumanCount(count).to_string(), kind.plural())?;
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
        self.write_plot(f)?;
        self.write_queries(f)
    }
}

impl Summary {
    fn write_plot(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incident = self.story.incident_ms();
        writeln!(
            f,
            "\nWhat happened from {} to {}:",
            iso(self.story.begin_ms()),
            iso(self.story.until_ms)
        )?;
        writeln!(f, "  all day          {} is slow", RENDER.path)?;
        writeln!(
            f,
            "  {}            release {RELEASE_AFTER} goes out and makes {} worse",
            hour_and_minute(self.story.release_at_ms()),
            EDITOR.path
        )?;
        writeln!(
            f,
            "  {} to {}   {} is slow and fails",
            hour_and_minute(incident.start),
            hour_and_minute(incident.end),
            UPLOAD.path
        )
    }

    fn write_queries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interval = if self.story.hours <= 3 { "1m" } else { "1h" };
        let range = format!(
            "from={}&to={}&interval={interval}",
            iso(self.story.begin_ms()),
            iso(self.story.until_ms)
        );
        writeln!(f, "\nSee it, with the admin token that the first start showed:")?;
        for query in [
            "type=core_web_vitals&name=LCP&page=/editor",
            "type=api_response_time&group_by=api_endpoint",
        ] {
            writeln!(
                f,
                "  curl -H \"Authorization: Bearer $TOKEN\" \\\n    '{}/api/analytics/performance/timeseries?{query}&{range}'",
                self.url
            )?;
        }
        Ok(())
    }
}

/// The time of day of a time.
fn hour_and_minute(at_ms: i64) -> String {
    iso(at_ms).get(11..16).unwrap_or_default().to_owned()
}
