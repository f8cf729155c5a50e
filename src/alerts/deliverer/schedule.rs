//! When a message is tried again.

use rand::RngExt;

/// Waits behind each try that failed, in milliseconds: 5 s, 30 s, 2 min, 10 min, 1 h, 6 h.
const WAITS_MS: [i64; 6] = [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000];
/// Tries of one message.
pub(super) const TRIES_MAX: u32 = 7;
/// Waits are longer or shorter by up to this part of theirs, so that what failed at once does not come back at once.
const JITTER: f64 = 0.2;

/// How long to wait behind a try, the first of which has the number 1; at least as long as the receiver asks for.
pub(super) fn wait_ms(number: u32, asked_ms: Option<i64>) -> i64 {
    let place = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait_ms = WAITS_MS[place.min(WAITS_MS.len() - 1)];
    let part = rand::rng().random_range(1.0 - JITTER..=1.0 + JITTER);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "hours in milliseconds"
    )]
    let wait_ms = (wait_ms as f64 * part) as i64;
    wait_ms.max(asked_ms.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_a_jitter_and_are_never_shorter_than_asked_for() {
        for (number, around_ms) in (1..).zip(WAITS_MS) {
            for _ in 0..100 {
                let wait = wait_ms(number, None);
                assert!(
                    (around_ms * 8 / 10..=around_ms * 12 / 10).contains(&wait),
                    "{number}: {wait}"
                );
            }
            assert!(wait_ms(number, Some(100_000_000)) >= 100_000_000);
        }
    }
}
