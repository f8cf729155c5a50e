//! What statements give, and what rules make of it.

use clickhouse::Row;
use serde::Deserialize;

use super::super::stats::{StatRow, Stats, float};
use crate::domain::rule::{Aggregate, Direction, Watch};

/// What a subject has in one group.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct Found {
    /// From 1.
    pub(super) subject_number: u32,
    pub(super) group_values: Vec<String>,
    /// The end of its window in seconds since 1970, where there are several.
    pub(super) sample_end: i64,
    pub(super) events: u64,
    errors: u64,
    total: f64,
    least: f64,
    greatest: f64,
    percentiles: Vec<f32>,
}

/// How a rule makes a value of what was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measure {
    Aggregate {
        aggregate: Aggregate,
        events_min: u64,
        minutes: f64,
    },
    Count,
    PerMinute {
        minutes: f64,
    },
    Worst(Direction),
}

impl Measure {
    /// That of a rule about rows; `None` for others. `minutes` is the length of the window as far as it has passed.
    /// `direction` says which single value is the worst.
    pub(super) fn of(watch: &Watch, direction: Direction, minutes: f64) -> Option<Self> {
        match watch {
            Watch::Metric(watch) => Some(Self::Aggregate {
                aggregate: watch.aggregate,
                events_min: u64::from(watch.events_min.max(1)),
                minutes,
            }),
            Watch::Events(watch) if watch.per_minute => Some(Self::PerMinute { minutes }),
            Watch::Events(_) => Some(Self::Count),
            Watch::Single(_) => Some(Self::Worst(direction)),
            Watch::CacheHitRate(_) | Watch::Memory | Watch::Ledger(_) | Watch::Vendor(_) => None,
        }
    }

    /// The value of a group; `None` when there are too few events.
    pub(super) fn value(self, found: &Found) -> Option<f64> {
        match self {
            Self::Count => Some(float(found.events)),
            Self::PerMinute { minutes } => Some(float(found.events) / minutes),
            Self::Worst(Direction::Above) => Some(found.greatest),
            Self::Worst(Direction::Below) => Some(found.least),
            Self::Aggregate {
                aggregate,
                events_min,
                minutes,
            } => {
                let stats = Stats::new(&found.as_stats());
                match aggregate {
                    Aggregate::Count => Some(float(found.events)),
                    Aggregate::Rate => Some(float(found.events) / minutes),
                    _ if found.events < events_min => None,
                    Aggregate::P50 => stats.p50,
                    Aggregate::P75 => stats.p75,
                    Aggregate::P90 => stats.p90,
                    Aggregate::P95 => stats.p95,
                    Aggregate::P99 => stats.p99,
                    Aggregate::Avg => stats.avg,
                    Aggregate::Min => stats.min,
                    Aggregate::Max => stats.max,
                    Aggregate::ErrorShare => stats.error_share,
                }
            }
        }
    }

    /// The value of nothing: 0 for what counts.
    pub(super) fn of_nothing(self) -> Option<f64> {
        match self {
            Self::Count | Self::PerMinute { .. } => Some(0.0),
            Self::Aggregate { aggregate, .. } => aggregate.counts().then_some(0.0),
            Self::Worst(_) => None,
        }
    }
}

impl Found {
    fn as_stats(&self) -> StatRow {
        StatRow {
            series_type: String::new(),
            series_name: String::new(),
            series_group: String::new(),
            bucket_start: 0,
            events: self.events,
            errors: self.errors,
            good: 0,
            poor: 0,
            total: self.total,
            least: self.least,
            greatest: self.greatest,
            percentiles: self.percentiles.clone(),
            list_rows: 0,
        }
    }
}
