//! The embedded engine on the real ClickHouse library.

mod clients;
mod harness;
mod lifecycle;
mod limits;
mod rights;

/// Not a test by itself: what tests start this program again for.
#[test]
fn engine_process() {
    harness::be_the_engine_if_asked();
}
