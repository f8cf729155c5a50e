//! Variables that steer the suites.

use std::str::FromStr;
use std::time::Duration;

/// Reads a variable of the test run itself.
#[expect(
    clippy::disallowed_methods,
    reason = "the suites are steered by the environment of the test run"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number<N: FromStr>(name: &str, default: N) -> N {
    match variable(name) {
        None => default,
        Some(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => panic!("{name}: `{text}` is not a whole number"),
        },
    }
}

/// Rounds of the crash loop.
pub(crate) fn chaos_rounds() -> u32 {
    number("FRESNEL_CHAOS_ROUNDS", 25)
}

/// The same, for a loop whose rounds take longer.
pub(crate) fn chaos_rounds_or(default: usize) -> usize {
    number("FRESNEL_CHAOS_ROUNDS", default)
}

/// Seed of everything random in a test; printed, so that a failed run can be repeated.
pub(crate) fn seed(test: &str) -> u64 {
    let seed = number("FRESNEL_CHAOS_SEED", rand::random());
    super::process::say(&format!("{test}: FRESNEL_CHAOS_SEED={seed}"));
    seed
}

/// Length of the engine's outages.
pub(crate) fn outage() -> Duration {
    Duration::from_millis(number("FRESNEL_OUTAGE_MS", 8_000))
}
