//! What is tried again, and when.
//!
//! A failure is *transient* when the same call may go well later: no connection, no answer in time, an answer that broke off, and
//! the statuses below. Everything else is *permanent*, and is passed on as it is. But a call is tried again only when doing it twice
//! does no harm: by its method, because the vendor knows it again by its key, or because the catalogue says that such calls only ask; or
//! when it cannot have reached the vendor. The catalogue may also say otherwise of a vendor's statuses.

use std::time::Duration;

use http::{Method, StatusCode};
use rand::RngExt as _;

use super::kept::is_like;
use crate::domain::integration::RetryClasses;
use crate::outbound::CallError;

/// How one try went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// The vendor has answered so, and asks for this pause.
    Answered(StatusCode, Option<Duration>),
    /// It has not.
    Failed(CallError),
}

impl Tried {
    /// Whether the same call may go well later.
    pub(super) fn is_transient(self, classes: &RetryClasses) -> bool {
        match self {
            Self::Answered(status, _) if classes.permanent.contains(&status.as_u16()) => false,
            Self::Answered(status, _) if classes.transient.contains(&status.as_u16()) => true,
            Self::Answered(status, _) => matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Failed(error) => match error {
                CallError::NoSuchName
                | CallError::Unreachable
                | CallError::TimedOut(_)
                | CallError::Broken => true,
                CallError::Refused(_) | CallError::Tls | CallError::TooLarge(_) => false,
            },
        }
    }

    /// Whether it speaks against the vendor, for the breaker. That the vendor has had enough of us, or does not like what we say, does not.
    pub(super) fn is_vendors_fault(self) -> bool {
        match self {
            Self::Answered(status, _) => status.is_server_error(),
            Self::Failed(error) => !matches!(error, CallError::Refused(_) | CallError::TooLarge(_)),
        }
    }

    /// Whether the vendor cannot have seen the call.
    fn is_before_the_vendor(self) -> bool {
        matches!(self, Self::Failed(CallError::NoSuchName | CallError::Unreachable))
    }

    /// Whether the call may be made once more. `is_harmless` says that making it twice does no harm.
    pub(super) fn may_try_again(self, classes: &RetryClasses, is_harmless: bool) -> bool {
        self.is_transient(classes) && (is_harmless || self.is_before_the_vendor())
    }
}

/// Whether making a call twice does no harm. `has_key` says that the vendor knows it again when it comes twice.
pub(super) fn is_harmless(classes: &RetryClasses, method: &Method, path: &str, has_key: bool) -> bool {
    let only_asks = || classes.harmless.iter().any(|pattern| is_like(pattern, path));
    method.is_idempotent() || has_key || only_asks()
}

/// Pauses between tries: from nothing up to a bound that doubles (full jitter), or as long as the vendor asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    /// Bound of the first pause.
    pub(super) base: Duration,
    /// Bound of all.
    pub(super) cap: Duration,
}

impl Backoff {
    /// The pause behind try number `tries`, from 1 on.
    pub(super) fn pause(self, tries: u32, tried: Tried) -> Duration {
        if let Tried::Answered(_, Some(asked_for)) = tried {
            return asked_for;
        }
        let doublings = tries.saturating_sub(1).min(16);
        let bound = self.base.saturating_mul(1 << doublings).min(self.cap);
        bound.mul_f64(rand::rng().random_range(0.0..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKEN: Tried = Tried::Failed(CallError::Broken);

    fn status(code: u16) -> Tried {
        Tried::Answered(StatusCode::from_u16(code).unwrap(), None)
    }

    #[test]
    fn only_what_may_go_well_later_is_tried_again_and_only_what_does_no_harm_twice() {
        let classes = RetryClasses {
            harmless: vec!["/ask/*".into()],
            ..RetryClasses::default()
        };
        for (tried, is_transient) in [
            (status(200), false),
            (status(400), false),
            (status(401), false),
            (status(404), false),
            (status(409), false),
            (status(429), true),
            (status(500), true),
            (status(501), false),
            (status(503), true),
            (BROKEN, true),
            (Tried::Failed(CallError::TimedOut(Duration::ZERO)), true),
            (Tried::Failed(CallError::Tls), false),
        ] {
            assert_eq!(tried.may_try_again(&classes, true), is_transient, "{tried:?}");
            assert!(!tried.may_try_again(&classes, false), "{tried:?}");
        }
        assert!(Tried::Failed(CallError::Unreachable).may_try_again(&classes, false));
        for (method, path, has_key, expected) in [
            (Method::GET, "/x", false, true),
            (Method::DELETE, "/x", false, true),
            (Method::POST, "/x", false, false),
            (Method::PATCH, "/x", false, false),
            (Method::POST, "/x", true, true),
            (Method::POST, "/ask/this", false, true),
            (Method::POST, "/ask/this/too", false, false),
        ] {
            assert_eq!(
                is_harmless(&classes, &method, path, has_key),
                expected,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn of_a_vendors_statuses_the_catalogue_knows_better() {
        let classes = RetryClasses {
            transient: vec![409],
            permanent: vec![500],
            harmless: Vec::new(),
        };
        for (code, is_transient) in [(409, true), (500, false), (503, true), (400, false)] {
            assert_eq!(status(code).is_transient(&classes), is_transient, "{code}");
        }
    }

    #[test]
    fn a_vendor_that_refuses_us_is_not_down() {
        for (tried, is_fault) in [
            (status(429), false),
            (status(404), false),
            (status(500), true),
            (BROKEN, true),
        ] {
            assert_eq!(tried.is_vendors_fault(), is_fault, "{tried:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_their_bound_unless_the_vendor_says_how_long() {
        let backoff = Backoff {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(10),
        };
        for (tries, bound_s) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (60, 10)] {
            for _ in 0..100 {
                assert!(backoff.pause(tries, BROKEN) <= Duration::from_secs(bound_s));
            }
        }
        let asked_for = Duration::from_secs(20);
        let busy = Tried::Answered(StatusCode::TOO_MANY_REQUESTS, Some(asked_for));
        assert_eq!(backoff.pause(1, busy), asked_for);
    }
}
