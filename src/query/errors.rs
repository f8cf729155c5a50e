//! Errors: what goes wrong for whom, grouped by what the message says but for its numbers, ids, quotes and addresses.
//!
//! - An error is an event of the type `error_occurrence`, whose `message` (or `name`) says what went wrong, or a metric
//!   with an `error_context`.
//! - Its **fingerprint** is the SipHash of the normalised message: the same for ever, so that what has been decided about
//!   it holds.
//! - What was resolved and has come again since is `reopened`, and counts as open.

mod groups;
mod normalise;
mod occurrences;

pub use groups::{ErrorGroup, ErrorGroups, ErrorsParameters, ErrorsRequest, errors};
pub use occurrences::{OccurrencesParameters, OccurrencesRequest, occurrences};
