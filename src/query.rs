//! Questions: each takes parsed parameters, is compiled to one statement with bound parameters, and gives an
//! answer that serialises to what the API shows.

mod activity;
mod cursor;
mod dimension;
pub mod errors;
mod estimate;
pub mod events;
pub mod funnel;
mod grain;
mod grid;
pub mod heatmap;
pub mod impact;
mod interval;
mod iso;
pub mod ledger;
mod metrics;
pub mod overview;
mod parameters;
pub mod performance;
mod period;
mod pieces;
pub mod pulse;
pub mod range;
mod raw_filters;
mod releases;
mod rows;
mod selection;
pub mod sessions;
mod stats;
pub mod timeseries;
pub mod trends;
pub mod vendors;
pub mod visits;
pub mod vitals;
pub mod watch;

pub use dimension::DimensionParameters;
pub use parameters::{Both, ListParameters, RangeParameters};
pub use period::PeriodParameters;
pub use raw_filters::RawFilterParameters;
pub use rows::{CursorParameters, RawRow, RowsPage};
