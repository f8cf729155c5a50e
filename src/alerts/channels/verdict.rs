//! What an answer means: taken, to be tried again, refused for good, or gone.

use http::StatusCode;
use http::header::RETRY_AFTER;

use super::reason;
use crate::clock;
use crate::outbound::{Answer, CallError};

/// Longest wait that a receiver may ask for: 6 hours.
const ASKED_MAX_MS: i64 = 6 * 3_600_000;

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The channel has taken it.
    Delivered,
    /// It may be taken later.
    Retry {
        /// Not before this time, if the receiver says so.
        after_ms: Option<i64>,
        /// What went wrong.
        error: String,
    },
    /// The same would be refused again.
    Refused {
        /// What went wrong.
        error: String,
    },
    /// 410: the receiver wants to hear nothing any more, and the channel is turned off.
    Gone,
}

/// Judges an answer, or that there was none.
///
/// - 2xx has taken it.
/// - 5xx, 408 (too slow), 425 (too early) and 429 (too much) are about this moment.
/// - 3xx is no receiver: redirects are not followed, because they may lead anywhere.
/// - Other 4xx are about the message or the address: 401 or 404 will be the same in an hour, until somebody sets them right and
///   sends the dead letters again.
/// - No answer is about this moment, but for an address that the guard refuses. A name that means nothing may be a failure of DNS.
pub(super) fn of(answer: &Result<Answer, CallError>) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error @ CallError::Refused(_)) => {
            return Verdict::Refused {
                error: reason(*error),
            };
        }
        Err(error) => {
            return Verdict::Retry {
                after_ms: None,
                error: reason(*error),
            };
        }
    };
    let status = answer.status;
    if status.is_success() {
        return Verdict::Delivered;
    }
    if status == StatusCode::GONE {
        return Verdict::Gone;
    }
    let error = format!("it answered {}", status.as_u16());
    let is_of_this_moment = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    if is_of_this_moment {
        Verdict::Retry {
            after_ms: asked_wait_ms(answer),
            error,
        }
    } else {
        Verdict::Refused { error }
    }
}

/// `Retry-After`, in seconds or as a date of HTTP.
fn asked_wait_ms(answer: &Answer) -> Option<i64> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait_ms = match text.parse::<i64>() {
        Ok(seconds) => seconds.saturating_mul(1_000),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            at.as_millisecond() - clock::now().as_millis()
        }
    };
    Some(wait_ms.clamp(0, ASKED_MAX_MS))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Result<Answer, CallError> {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, text.parse().unwrap());
        }
        Ok(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: bytes::Bytes::new(),
        })
    }

    #[test]
    fn what_is_about_this_moment_is_tried_again_and_nothing_else() {
        for status in [500, 502, 503, 504, 408, 425, 429] {
            assert!(
                matches!(of(&answer(status, None)), Verdict::Retry { .. }),
                "{status}"
            );
        }
        for status in [301, 307, 400, 401, 403, 404, 405, 413, 422] {
            assert!(
                matches!(of(&answer(status, None)), Verdict::Refused { .. }),
                "{status}"
            );
        }
        for status in [200, 201, 202, 204] {
            assert_eq!(of(&answer(status, None)), Verdict::Delivered, "{status}");
        }
        assert_eq!(of(&answer(410, None)), Verdict::Gone);
        for error in [CallError::NoSuchName, CallError::Unreachable, CallError::Broken] {
            assert!(matches!(of(&Err(error)), Verdict::Retry { .. }), "{error}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_wait_by_seconds_or_by_a_date_within_a_limit() {
        let after = |text| match of(&answer(429, Some(text))) {
            Verdict::Retry { after_ms, .. } => after_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(after("120"), Some(120_000));
        assert_eq!(after("99999999999"), Some(ASKED_MAX_MS));
        assert_eq!(after("-5"), Some(0));
        assert_eq!(after("soon"), None);
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(0));
        assert_eq!(after("Wed, 21 Oct 2099 07:28:00 GMT"), Some(ASKED_MAX_MS));
    }
}
