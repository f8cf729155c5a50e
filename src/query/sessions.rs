//! Sessions: the latest ones, and everything of one.
//!
//! Sessions stand nowhere by themselves: they are what rows have in common. A list begins with those whose last row is
//! the latest. It is made in slices of time, from the newest on, each of about [`SLICE_ROWS_MAX`] rows as the index
//! estimates them, so that a page costs the same over an hour as over a year:
//!
//! 1. which sessions have rows in the slice, and when the last one was;
//! 2. of these few, from when to when they have rows, a day before the slice to a day behind it: read from two columns;
//! 3. of these few, all rows within that time: their start, their length, what happened. A session that goes on behind the
//!    slice was listed there, and is left out here.
//!
//! So a session ends where a day of silence begins.

mod list;
mod span;
mod timeline;

pub use list::{Session, SessionsPage, SessionsParameters, SessionsRequest, sessions, sessions_of};
pub use timeline::{TimelineParameters, TimelineRequest, timeline};

/// Rows of a slice: a fraction of a second of two cores.
pub const SLICE_ROWS_MAX: u64 = 2_000_000;
