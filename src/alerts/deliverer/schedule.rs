//! When a message is tried again.

use rand::RngExt;

/// Waits are longer or shorter by up to this part of theirs, so that what failed at once does not come back at once.
const JITTER: f64 = 0.2;

/// How long to wait behind a try, the first of which has the number 1; at least as long as the receiver asks for. None when it was
/// the last one: there are as many further tries as waits.
pub(super) fn wait_ms(waits_ms: &[u64], number: u32, asked_ms: Option<i64>) -> Option<i64> {
    let place = usize::try_from(number.saturating_sub(1)).ok()?;
    let wait_ms = *waits_ms.get(place)?;
    let part = rand::rng().random_range(1.0 - JITTER..=1.0 + JITTER);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "at most a day in milliseconds"
    )]
    let wait_ms = (wait_ms as f64 * part) as i64;
    Some(wait_ms.max(asked_ms.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AlertsConfig;

    #[test]
    fn waits_are_those_of_the_settings_with_a_jitter_and_never_shorter_than_asked_for() {
        let waits_ms = AlertsConfig::default().retry_waits_ms;
        assert_eq!(waits_ms, [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000]);
        for (number, around_ms) in (1..).zip(&waits_ms) {
            let around_ms = i64::try_from(*around_ms).unwrap();
            for _ in 0..100 {
                let wait = wait_ms(&waits_ms, number, None).unwrap();
                assert!(
                    (around_ms * 8 / 10..=around_ms * 12 / 10).contains(&wait),
                    "{number}: {wait}"
                );
            }
            assert_eq!(wait_ms(&waits_ms, number, Some(100_000_000)), Some(100_000_000));
        }
        assert_eq!(wait_ms(&waits_ms, 7, Some(1)), None);
    }
}
