//! What to load.

use clap::Args;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::DemoError;
use super::super::beacon::iso;
use super::super::day::Story;
use crate::clock;
use crate::config::Config;
use crate::domain::account::ProjectId;

/// Visits of a block: about a quarter of a million rows.
const VISITS_PER_BLOCK: u64 = 12_000;
/// The same where events are few and far between. The views of minutes make a state of nearly each row then, and more
/// rows at once would want more memory than a small engine has.
const VISITS_PER_SPARSE_BLOCK: u64 = 4_000;
/// Events in a minute from which on they are many.
const DENSE_EVENTS_PER_MINUTE: u64 = 100;
/// Beacons of a usual visit; a test compares.
pub(super) const BEACONS_PER_VISIT: f64 = 21.9;
/// Standard deviation of the beacons of visits.
const BEACONS_SPREAD: f64 = 14.4;
/// Share of the beacons that is left to further visits, so that there are never too many.
const SHARE_LEFT: f64 = 0.01;
const EVENTS_MAX: u64 = 10_000_000_000;
const MINUTE_MS: i64 = 60_000;
/// Another number whenever the same options make other rows than before: tokens of the old ones must not count.
const GENERATION: u32 = 2;

/// Options of a load.
#[derive(Args, Clone, Debug)]
pub(in super::super) struct LoadOptions {
    /// Load this many events straight into the warehouse instead of posting a day, e.g. `1M` or `250_000`. The embedded
    /// engine is started for it, so no `fresnel serve` may run on the data folder. A load that was stopped goes on
    /// when the same is loaded again.
    #[arg(long, value_parser = events_of)]
    events: Option<u64>,
    /// Days before `--until` that the events are spread over.
    #[arg(long, requires = "events", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// End of these days, as in 2026-11-22T09:30:00Z [default: now].
    #[arg(long, requires = "events", value_parser = time_of)]
    until: Option<i64>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            events: None,
            days: 30,
            until: None,
        }
    }
}

impl LoadOptions {
    pub(in super::super) fn plan(&self, seed: u64, config: &Config) -> Result<Option<LoadPlan>, DemoError> {
        let Some(events) = self.events else {
            return Ok(None);
        };
        let kept_days = config.warehouse.raw_retention_days;
        if self.days > kept_days {
            return Err(DemoError::TooLong {
                days: self.days,
                kept_days,
            });
        }
        let now_ms = clock::now().as_millis();
        let until_ms = self.until.unwrap_or(now_ms - now_ms.rem_euclid(MINUTE_MS));
        Ok(Some(LoadPlan::new(events, self.days, until_ms, seed)))
    }
}

/// `1000`, `1_000`, `250k`, `1.5M`, `1G`.
fn events_of(text: &str) -> Result<u64, String> {
    let plain = text.replace('_', "");
    let (number, factor) = match plain.as_bytes().last() {
        Some(b'k' | b'K') => (&plain[..plain.len() - 1], 1e3),
        Some(b'm' | b'M') => (&plain[..plain.len() - 1], 1e6),
        Some(b'g' | b'G') => (&plain[..plain.len() - 1], 1e9),
        _ => (plain.as_str(), 1.0),
    };
    let events = number.parse::<f64>().map_or(0.0, |number| number * factor);
    if (1.0..=EVENTS_MAX as f64).contains(&events) && events.fract() == 0.0 {
        Ok(events as u64)
    } else {
        Err("a whole number from 1 to 10G, as in 250000, 250_000, 250k or 1.5M".to_owned())
    }
}

fn time_of(text: &str) -> Result<i64, String> {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(time) if time.year() >= 2000 => Ok(time.unix_timestamp() * 1_000),
        _ => Err("a time as in 2026-11-22T09:30:00Z".to_owned()),
    }
}

/// What is loaded: the same plan always makes the same rows.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Events to load.
    pub(super) events: u64,
    /// What they tell.
    pub(super) story: Story,
    /// Whose they are.
    pub(super) project: ProjectId,
    /// Name of this plan: the log that the ledger says the rows came through, and the begin of all tokens.
    pub(super) name: String,
}

impl LoadPlan {
    pub(super) fn new(events: u64, days: u32, until_ms: i64, seed: u64) -> Self {
        let visits = events as f64 * (1.0 - SHARE_LEFT) / BEACONS_PER_VISIT;
        // Four times the deviation of their sum.
        let safe = visits - 4.0 * BEACONS_SPREAD / BEACONS_PER_VISIT * visits.sqrt();
        let story = Story {
            seed,
            until_ms,
            hours: days * 24,
            // A float becomes the nearest number that there is.
            sessions: safe as u32,
        };
        let told = format!("{GENERATION} {events} {days} {until_ms} {seed}");
        let digest = Sha256::digest(&told);
        let hex = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        Self {
            events,
            story,
            project: ProjectId::default_project(),
            name: format!("demo-{}", hex.collect::<String>()),
        }
    }

    /// Visits of a block, when they follow one another.
    fn visits_per_block(&self) -> u64 {
        let minutes = u64::from(self.story.hours) * 60;
        if self.events / minutes >= DENSE_EVENTS_PER_MINUTE {
            VISITS_PER_BLOCK
        } else {
            VISITS_PER_SPARSE_BLOCK
        }
    }

    /// Blocks of the visits that are spread over the days in their order; further ones, at any times, are numbered on.
    pub(super) fn regular_blocks(&self) -> u64 {
        u64::from(self.story.sessions).div_ceil(self.visits_per_block())
    }

    /// The places of a block's visits in the story.
    pub(super) fn places(&self, block: u64) -> std::ops::Range<u64> {
        let sessions = u64::from(self.story.sessions);
        match block.checked_sub(self.regular_blocks()) {
            None => {
                let first = block * self.visits_per_block();
                first..(first + self.visits_per_block()).min(sessions)
            }
            Some(further) => {
                let first = sessions + further * VISITS_PER_SPARSE_BLOCK;
                first..first + VISITS_PER_SPARSE_BLOCK
            }
        }
    }

    /// The command that loads the rest of it.
    pub(super) fn command(&self) -> String {
        format!(
            "fresnel demo --events {} --days {} --seed {} --until {}",
            self.events,
            self.story.hours / 24,
            self.story.seed,
            iso(self.story.until_ms)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_events_are_read_as_people_write_them() {
        for (text, events) in [
            ("1", 1),
            ("1000000", 1_000_000),
            ("1_000_000", 1_000_000),
            ("250k", 250_000),
            ("1.5M", 1_500_000),
            ("100M", 100_000_000),
            ("10G", 10_000_000_000),
        ] {
            assert_eq!(events_of(text), Ok(events), "{text}");
        }
        for text in ["", "0", "-1", "1.5", "M", "nan", "11G", "1MM", "inf"] {
            assert!(events_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn blocks_hold_each_visit_once_and_further_ones_behind_them() {
        for events in [1, 3_000_000, 300_000_000] {
            let plan = LoadPlan::new(events, 30, 1_795_339_800_000, 1);
            let mut next = 0;
            for block in 0..plan.regular_blocks() + 2 {
                let places = plan.places(block);
                assert_eq!(places.start, next);
                assert!(!places.is_empty());
                next = places.end;
            }
            assert_eq!(
                plan.places(plan.regular_blocks()).start,
                u64::from(plan.story.sessions)
            );
        }
    }
}
