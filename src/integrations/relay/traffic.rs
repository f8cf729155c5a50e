//! Calls that are under way, for a stop that waits for them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use super::Relay;

/// See the file's comment.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    under_way: AtomicUsize,
    is_stopping: AtomicBool,
    has_ended: Notify,
}

/// A call that is under way until this is dropped: until its answer is passed on as a whole.
#[derive(Debug)]
pub struct UnderWay(Relay);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let traffic = &self.0.0.traffic;
        if traffic.under_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            traffic.has_ended.notify_waiters();
        }
    }
}

impl Relay {
    /// Begins a call.
    #[must_use]
    pub fn begin(&self) -> UnderWay {
        self.0.traffic.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(self.clone())
    }

    /// Whether the process is about to end: connections should not be used again.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.traffic.is_stopping.load(Ordering::Relaxed)
    }

    /// Says that the process is about to end; the time is when the calls that are under way must be over.
    pub fn stop(&self) -> Instant {
        self.0.traffic.is_stopping.store(true, Ordering::Relaxed);
        Instant::now() + self.0.deadline
    }

    /// Whether no call is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.traffic.under_way.load(Ordering::Acquire) == 0
    }

    /// Waits until no call is under way.
    pub async fn idle(&self) {
        let traffic = &self.0.traffic;
        loop {
            let ended = traffic.has_ended.notified();
            if self.is_idle() {
                return;
            }
            ended.await;
        }
    }
}
