//! One fetch of a set.

use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, Method, StatusCode};

use super::document::KeySet;
use crate::outbound::{Call, CallError, Outbound};

/// Longest document; those of large issuers have some 10 KiB.
const DOCUMENT_BYTES_MAX: usize = 256 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// What an issuer serves.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    /// How long it may be kept, if the issuer says so.
    pub(super) max_age: Option<Duration>,
}

/// Why there is no set. The texts are for whoever set the address.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the answer has status {0}; redirects are not followed")]
    Redirect(StatusCode),
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer is no set of keys")]
    NoSet,
}

pub(super) async fn fetch(outbound: &Outbound, url: &str) -> Result<Fetched, FetchError> {
    let answer = outbound
        .call(Call {
            purpose: "jwks",
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            answer_bytes_max: DOCUMENT_BYTES_MAX,
            timeout: TIMEOUT,
        })
        .await?;
    match answer.status {
        StatusCode::OK => Ok(Fetched {
            keys: KeySet::parse(&answer.body).ok_or(FetchError::NoSet)?,
            max_age: max_age(&answer.headers),
        }),
        status if status.is_redirection() => Err(FetchError::Redirect(status)),
        status => Err(FetchError::Status(status)),
    }
}

/// `max-age` of `Cache-Control`; `no-cache` and `no-store` are an age of zero.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(CACHE_CONTROL).into_iter();
    let directives = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let ages = directives.filter_map(|directive| {
        let directive = directive.trim().to_ascii_lowercase();
        match directive.as_str() {
            "no-cache" | "no-store" => Some(0),
            other => other.strip_prefix("max-age=")?.trim_matches('"').parse().ok(),
        }
    });
    ages.min().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_age_of_an_answer_counts() {
        for (lines, age_s) in [
            (&[][..], None),
            (&["public"], None),
            (&["public, max-age=300"], Some(300)),
            (&["Max-Age=\"60\", must-revalidate"], Some(60)),
            (&["max-age=600", "no-cache"], Some(0)),
            (&["max-age=-1"], None),
            (&["max-age=99999999999999999999"], None),
            (&["s-maxage=5"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CACHE_CONTROL, line.parse().unwrap());
            }
            assert_eq!(max_age(&headers), age_s.map(Duration::from_secs), "{lines:?}");
        }
    }
}
