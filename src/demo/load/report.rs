//! What a load tells at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indicatif::HumanCount;

use super::super::beacon::plural;
use super::super::summary::{write_plot, write_queries};
use super::block::Block;
use super::options::LoadPlan;
use super::store::Past;
use crate::domain::beacon::Kind;

/// What was loaded, and what there is to find in it.
#[derive(Debug)]
pub struct Loaded {
    plan: LoadPlan,
    /// Where a server with these settings answers.
    url: String,
    /// Blocks that are loaded, those of earlier runs among them.
    pub(super) blocks: u64,
    /// Events that are loaded, those of earlier runs among them.
    pub(super) events: u64,
    /// Events of earlier runs.
    events_before: u64,
    /// What this run has loaded.
    counts: BTreeMap<Kind, u64>,
    visits: u64,
    pub(super) elapsed: Duration,
}

impl Loaded {
    pub(super) fn new(plan: &LoadPlan, url: String, past: Past) -> Self {
        let events = u64::try_from(past.events).unwrap_or(0);
        Self {
            plan: plan.clone(),
            url,
            blocks: past.blocks,
            events,
            events_before: events,
            counts: BTreeMap::new(),
            visits: 0,
            elapsed: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, block: &Block) {
        self.blocks = block.number + 1;
        self.events += block.rows();
        self.visits += block.visits;
        for table in &block.tables {
            *self.counts.entry(table.kind).or_default() += table.rows;
        }
    }

    /// Events that are in the warehouse now.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.events - self.events_before;
        let seconds = self.elapsed.as_secs_f64().max(0.001);
        writeln!(
            f,
            "Loaded {} events of {} visits in {seconds:.1} s ({}/s).",
            HumanCount(now),
            HumanCount(self.visits),
            HumanCount((now as f64 / seconds) as u64)
        )?;
        for (kind, count) in &self.counts {
            writeln!(f, "  {:>11}  {}", HumanCount(*count).to_string(), plural(*kind))?;
        }
        if self.events_before > 0 {
            writeln!(
                f,
                "  {:>11}  loaded before",
                HumanCount(self.events_before).to_string()
            )?;
        }
        if self.events < self.plan.events {
            return writeln!(
                f,
                "{} of {} events are loaded. To go on:\n  {}",
                HumanCount(self.events),
                HumanCount(self.plan.events),
                self.plan.command()
            );
        }
        write_plot(&self.plan.story, f)?;
        write_queries(&self.plan.story, &self.url, f)
    }
}
