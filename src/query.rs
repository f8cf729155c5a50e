//! Questions: each takes parsed parameters, is compiled to one statement with bound parameters, and gives an
//! answer that serialises to what the API shows.

pub mod funnel;
mod grid;
mod interval;
mod iso;
pub mod ledger;
mod parameters;
mod period;
mod raw_filters;
pub mod timeseries;
