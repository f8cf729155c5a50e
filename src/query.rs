//! Questions: each takes parsed parameters, is compiled to one statement with bound parameters, and gives an
//! answer that serialises to what the API shows.

pub mod timeseries;
