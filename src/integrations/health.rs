//! How a vendor does, from what was seen of it lately. Pure.

use serde::Serialize;

use crate::breaker::State;
use crate::query::vendors::Totals;

/// From which share of failures on a vendor is not well, and from which it is down.
const ERROR_RATE_DEGRADED: f64 = 0.05;
const ERROR_RATE_DOWN: f64 = 0.5;

/// How a vendor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VendorState)]
pub enum Health {
    /// It answers, in time and without failures worth a word.
    Healthy,
    /// The integration is turned off.
    Off,
    /// Nothing was seen of it lately.
    Unknown,
    /// It answers, but fails or refuses too often, or too slowly.
    Degraded,
    /// It does not answer, or is left alone because it kept failing.
    Down,
}

/// Why it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VendorReason)]
pub enum Reason {
    /// The breaker is open.
    BreakerOpen,
    /// Most of what was seen failed.
    Failing,
    /// Some of what was seen failed.
    SomeFailures,
    /// Answers take longer than its target on average.
    Slow,
    /// It refuses the credential.
    CredentialRefused,
    /// There is no credential, or no address.
    Incomplete,
}

/// Judges a vendor by what was seen lately; `response_ms` is what is expected of a mean answer.
#[must_use]
pub fn health(
    is_enabled: bool,
    breaker: State,
    lately: Option<&Totals>,
    response_ms: u32,
) -> (Health, Option<Reason>) {
    if !is_enabled {
        return (Health::Off, None);
    }
    if breaker == State::Open {
        return (Health::Down, Some(Reason::BreakerOpen));
    }
    let Some(lately) = lately.filter(|lately| lately.seen > 0) else {
        return (Health::Unknown, None);
    };
    let error_rate = lately.error_rate.unwrap_or_default();
    if error_rate >= ERROR_RATE_DOWN {
        (Health::Down, Some(Reason::Failing))
    } else if matches!(lately.last_status, Some(401 | 403)) {
        (Health::Degraded, Some(Reason::CredentialRefused))
    } else if error_rate >= ERROR_RATE_DEGRADED {
        (Health::Degraded, Some(Reason::SomeFailures))
    } else if lately
        .mean_ms
        .is_some_and(|mean_ms| mean_ms > f64::from(response_ms))
    {
        (Health::Degraded, Some(Reason::Slow))
    } else {
        (Health::Healthy, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_is_as_well_as_what_was_seen_of_it_lately() {
        let seen = |failed: u64, mean_ms: f64, status: u16| Totals {
            seen: 100,
            failed,
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            error_rate: Some(failed as f64 / 100.0),
            mean_ms: Some(mean_ms),
            last_status: Some(status),
            ..Totals::default()
        };
        for (lately, expected) in [
            (seen(0, 100.0, 200), (Health::Healthy, None)),
            (seen(4, 100.0, 200), (Health::Healthy, None)),
            (
                seen(5, 100.0, 500),
                (Health::Degraded, Some(Reason::SomeFailures)),
            ),
            (seen(50, 100.0, 500), (Health::Down, Some(Reason::Failing))),
            (seen(0, 3_001.0, 200), (Health::Degraded, Some(Reason::Slow))),
            (
                seen(0, 10.0, 401),
                (Health::Degraded, Some(Reason::CredentialRefused)),
            ),
        ] {
            assert_eq!(health(true, State::Closed, Some(&lately), 3_000), expected);
        }
        let well = seen(0, 1.0, 200);
        assert_eq!(health(false, State::Open, Some(&well), 1).0, Health::Off);
        assert_eq!(health(true, State::Open, Some(&well), 1).0, Health::Down);
        assert_eq!(health(true, State::Closed, None, 1).0, Health::Unknown);
        let nothing = Totals::default();
        assert_eq!(health(true, State::Closed, Some(&nothing), 1).0, Health::Unknown);
    }
}
