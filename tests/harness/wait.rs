//! The only waiting in the suites: poll a condition up to a deadline.

use std::time::{Duration, Instant};

/// Time that anything may take on a busy machine before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls until `probe` gives a value.
///
/// # Panics
/// When `deadline` has passed; the message names `what`.
#[track_caller]
pub(crate) fn until<T>(what: &str, deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    match within(deadline, &mut probe) {
        Some(value) => value,
        None => panic!("{what}: not within {deadline:?}"),
    }
}

/// Polls until `probe` gives a value, or gives up after `deadline`.
pub(crate) fn within<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return Some(value);
        }
        if start.elapsed() >= deadline {
            return None;
        }
        pause(POLL_INTERVAL);
    }
}

/// Lets a scheduled length of time pass: the length of an outage, the gap between two beacons of a paced
/// load. Never used to wait for something to happen.
#[expect(clippy::disallowed_methods, reason = "the one door to sleeping in the suites")]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}
