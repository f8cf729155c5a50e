//! Questions: each takes parsed parameters, is compiled to one statement with bound parameters, and gives an
//! answer that serialises to what the API shows.

mod grid;
mod interval;
mod iso;
pub mod ledger;
mod parameters;
pub mod timeseries;
