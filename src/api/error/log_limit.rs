//! Bounds how many refusals are logged: a flood of bad requests must cost little, and must not bury the rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Lets `lines_per_s` lines through each second, and counts the others.
#[derive(Debug)]
pub(super) struct LogLimit {
    lines_per_s: u64,
    started: Instant,
    /// The second of `started`'s clock that `lines` counts for.
    second: AtomicU64,
    lines: AtomicU64,
    suppressed: AtomicU64,
}

/// What to do with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Log it, and say how many were suppressed since the last one that was logged.
    Log {
        /// Lines that were not logged.
        suppressed: u64,
    },
    /// Do not log it.
    Suppress,
}

impl LogLimit {
    pub(super) fn new(lines_per_s: u64) -> Self {
        Self {
            lines_per_s,
            started: Instant::now(),
            second: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    pub(super) fn admit(&self) -> Verdict {
        self.admit_at(self.started.elapsed().as_secs())
    }

    /// Two threads that begin a second together may let a few lines more through, which harms nobody.
    fn admit_at(&self, second: u64) -> Verdict {
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.lines.store(0, Ordering::Relaxed);
        }
        if self.lines.fetch_add(1, Ordering::Relaxed) < self.lines_per_s {
            Verdict::Log {
                suppressed: self.suppressed.swap(0, Ordering::Relaxed),
            }
        } else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            Verdict::Suppress
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_lines_and_the_rest_is_counted() {
        let limit = LogLimit::new(2);
        assert_eq!(limit.admit_at(0), Verdict::Log { suppressed: 0 });
        assert_eq!(limit.admit_at(0), Verdict::Log { suppressed: 0 });
        assert_eq!(limit.admit_at(0), Verdict::Suppress);
        assert_eq!(limit.admit_at(0), Verdict::Suppress);
        assert_eq!(limit.admit_at(1), Verdict::Log { suppressed: 2 });
    }
}
