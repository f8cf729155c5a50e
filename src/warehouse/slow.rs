//! The slowest questions of late.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::clock;

/// Questions that took less are not told.
const SLOW: Duration = Duration::from_millis(100);
/// Questions that are told.
const TOLD_MAX: usize = 10;
/// Time after which a question is forgotten.
const FORGET_AFTER_MS: i64 = 3_600_000;
/// Longest text of a question.
const TEXT_CHARS_MAX: usize = 500;

/// A slow question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SlowQuery {
    /// Its text with placeholders; values are not kept.
    pub query: String,
    /// The longest that it took.
    pub duration_ms: u64,
    /// When that was, in milliseconds since 1970.
    pub at_ms: i64,
    /// How often it was slow since it is told.
    pub times: u64,
}

/// The ten slowest questions of the last hour.
#[derive(Clone, Debug, Default)]
pub(super) struct SlowQueries(Arc<Mutex<Vec<SlowQuery>>>);

impl SlowQueries {
    /// Takes note of how long a question took.
    pub(super) fn note(&self, sql: &str, took: Duration) {
        if took >= SLOW {
            self.note_at(sql, took, clock::now().as_millis());
        }
    }

    fn note_at(&self, sql: &str, took: Duration, at_ms: i64) {
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let query: String = sql.chars().take(TEXT_CHARS_MAX).collect();
        let mut told = self.told();
        told.retain(|one| at_ms - one.at_ms < FORGET_AFTER_MS);
        match told.iter_mut().find(|one| one.query == query) {
            Some(known) => {
                known.times += 1;
                if duration_ms >= known.duration_ms {
                    (known.duration_ms, known.at_ms) = (duration_ms, at_ms);
                }
            }
            None => told.push(SlowQuery {
                query,
                duration_ms,
                at_ms,
                times: 1,
            }),
        }
        told.sort_by_key(|one| std::cmp::Reverse(one.duration_ms));
        told.truncate(TOLD_MAX);
    }

    /// The slowest first.
    pub(super) fn list(&self) -> Vec<SlowQuery> {
        let now_ms = clock::now().as_millis();
        let mut told = self.told();
        told.retain(|one| now_ms - one.at_ms < FORGET_AFTER_MS);
        told.clone()
    }

    /// A panic elsewhere leaves the list whole.
    fn told(&self) -> MutexGuard<'_, Vec<SlowQuery>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_slowest_are_told_each_once_the_slowest_first() {
        let slow = SlowQueries::default();
        slow.note("SELECT fast", Duration::from_millis(99));
        let now_ms = clock::now().as_millis();
        for n in 0..20_u64 {
            let text = format!("SELECT {}", n % 15);
            slow.note_at(&text, Duration::from_millis(100 + n), now_ms);
        }
        let told = slow.list();
        let durations: Vec<u64> = told.iter().map(|one| one.duration_ms).collect();
        assert_eq!(durations, [119, 118, 117, 116, 115, 114, 113, 112, 111, 110]);
        slow.note_at("SELECT old", Duration::from_secs(9), now_ms - FORGET_AFTER_MS);
        assert_eq!(
            slow.list().len(),
            9,
            "the old one took the last one's place, and is forgotten"
        );
    }
}
