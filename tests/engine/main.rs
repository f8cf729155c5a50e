//! The embedded engine on the real ClickHouse library.

mod clients;
mod harness;
mod lifecycle;
mod limits;
mod rights;
