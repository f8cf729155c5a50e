//! How the flush is, for the health page and the metrics.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::clock;

/// How the flush is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FlushStatus {
    /// Rows that the warehouse has taken since the start.
    pub rows: u64,
    /// Segments that are done since the start.
    pub segments: u64,
    /// Rows that were put into the dead letters since the start.
    pub dead_letters: u64,
    /// Rows of earlier runs that were found to be in the warehouse already, and not sent again.
    pub already_stored: u64,
    /// Inserts that had to be sent again since the start.
    pub retries: u64,
    /// The segment that is under way.
    pub segment: Option<u64>,
    /// How often that segment's inserts have failed so far.
    pub tries_failed: u32,
    /// What the last failed try of the segment under way met; none when all is well.
    pub last_error: Option<String>,
    /// Milliseconds for which that segment has been failing.
    pub failing_ms: Option<u64>,
    /// Segments that the log could not be read for; they stay in it for the next start.
    pub segments_unreadable: u64,
}

/// The status, shared by the tables of a segment, which are inserted side by side. A lock, because it is
/// changed a few times a second.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    status: FlushStatus,
    failing_since_ms: Option<i64>,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> FlushStatus {
        let state = self.lock();
        let mut status = state.status.clone();
        status.failing_ms = state
            .failing_since_ms
            .map(|since| u64::try_from(clock::now().as_millis() - since).unwrap_or(0));
        status
    }

    pub(super) fn started(&self, segment: u64) {
        self.lock().status.segment = Some(segment);
    }

    /// A try failed and will be repeated.
    pub(super) fn failed(&self, error: String) {
        let mut state = self.lock();
        state.status.retries += 1;
        state.status.tries_failed = state.status.tries_failed.saturating_add(1);
        state.status.last_error = Some(error);
        state
            .failing_since_ms
            .get_or_insert_with(|| clock::now().as_millis());
    }

    pub(super) fn stored(&self, rows: usize) {
        self.lock().status.rows += rows as u64;
    }

    pub(super) fn found_stored(&self, rows: usize) {
        self.lock().status.already_stored += rows as u64;
    }

    pub(super) fn buried(&self, rows: usize) {
        self.lock().status.dead_letters += rows as u64;
    }

    pub(super) fn unreadable(&self, error: String) {
        let mut state = self.lock();
        state.status.segments_unreadable += 1;
        state.status.last_error = Some(error);
    }

    /// The segment under way is done.
    pub(super) fn finished(&self) {
        let mut state = self.lock();
        state.status.segments += 1;
        state.status.segment = None;
        state.status.tries_failed = 0;
        state.status.last_error = None;
        state.failing_since_ms = None;
    }
}
