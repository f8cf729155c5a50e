//! Rules: what is watched, and when it is told.
//!
//! ```text
//! value ─► Thresholds (which level is it at?) ─► Observation ─► Status (a Timer for each level) ─► Transition
//! ```
//!
//! Everything here is pure: time is given, state is a value that can be written down, and what a step says follows from both.

mod backtest;
mod definition;
mod dimension;
mod level;
mod status;
#[cfg(test)]
mod tests;
mod timer;
mod watch;

pub use backtest::{Backtest, Firing, FiringCounts, PastSample, PastSeries};
pub use definition::{Rule, RuleDefinition, SINGLE_KEEPS_FIRING_MIN_MS};
pub use dimension::{Dimension, WatchFilters};
pub use level::{Direction, Level, LevelThresholds};
pub use status::{NoData, Observation, Phase, Status, Transition};
pub use timer::Timing;
pub use watch::{
    Aggregate, CacheWatch, CountedBeacon, EventsWatch, LedgerMeasure, LedgerWatch, MetricWatch, SingleWatch,
    VendorMeasure, VendorWatch, WINDOW_MAX_MS, Watch,
};
