//! How long answers are fresh.

use std::time::Duration;

use serde::Serialize;

use crate::clock::UnixMicros;
use crate::config::CacheConfig;

/// Time for which an end of a range must be over before nothing more is expected in it.
const CLOSED_AFTER_S: i64 = 60;

/// What an answer is about, which says how long it is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KindOfAnswer)]
pub enum Kind {
    /// What happens now.
    Live,
    /// Logs and lists of the latest.
    Recent,
    /// Lists of things.
    List,
    /// One thing, with all that is known of it.
    Detail,
    /// Dashboards.
    Dashboard,
    /// A time that is over.
    Closed,
    /// One session.
    Session,
    /// Everything else.
    Other,
}

impl Kind {
    /// The kind of a series up to now with buckets of this length: the shorter they are, the more moves.
    #[must_use]
    pub const fn of_series(bucket_s: i64) -> Self {
        if bucket_s < 3_600 {
            Self::Live
        } else {
            Self::Recent
        }
    }

    /// This kind, or [`Closed`](Self::Closed) when the range that is asked about has ended; `end_s` is in seconds since 1970.
    #[must_use]
    pub const fn until(self, end_s: i64, now: UnixMicros) -> Self {
        if end_s + CLOSED_AFTER_S <= now.as_millis().div_euclid(1_000) {
            Self::Closed
        } else {
            self
        }
    }
}

/// For how long an answer is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ttl {
    /// It is fresh.
    pub(super) fresh: Duration,
    /// Behind that it is given while the next one comes.
    pub(super) stale: Duration,
}

/// The same for each kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ttls {
    live_ms: u64,
    recent_ms: u64,
    list_ms: u64,
    detail_ms: u64,
    dashboard_ms: u64,
    closed_ms: u64,
    session_ms: u64,
    other_ms: u64,
    stale_ms: u64,
}

impl Ttls {
    pub(super) const fn new(config: &CacheConfig) -> Self {
        Self {
            live_ms: config.live_ttl_ms,
            recent_ms: config.recent_ttl_ms,
            list_ms: config.list_ttl_ms,
            detail_ms: config.detail_ttl_ms,
            dashboard_ms: config.dashboard_ttl_ms,
            closed_ms: config.closed_range_ttl_ms,
            session_ms: config.session_ttl_ms,
            other_ms: config.default_ttl_ms,
            stale_ms: config.stale_ms,
        }
    }

    pub(super) fn of(&self, kind: Kind) -> Ttl {
        let fresh_ms = match kind {
            Kind::Live => self.live_ms,
            Kind::Recent => self.recent_ms,
            Kind::List => self.list_ms,
            Kind::Detail => self.detail_ms,
            Kind::Dashboard => self.dashboard_ms,
            Kind::Closed => self.closed_ms,
            Kind::Session => self.session_ms,
            Kind::Other => self.other_ms,
        };
        Ttl {
            fresh: Duration::from_millis(fresh_ms),
            stale: Duration::from_millis(self.stale_ms.min(fresh_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_fresh_as_long_as_the_defaults_say() {
        let ttls = Ttls::new(&CacheConfig::default());
        for (kind, seconds) in [
            (Kind::Live, 10),
            (Kind::Recent, 30),
            (Kind::List, 120),
            (Kind::Detail, 300),
            (Kind::Dashboard, 300),
            (Kind::Closed, 600),
            (Kind::Session, 900),
            (Kind::Other, 30),
        ] {
            let ttl = ttls.of(kind);
            assert_eq!(ttl.fresh, Duration::from_secs(seconds), "{kind:?}");
            assert!(ttl.stale <= ttl.fresh, "{kind:?}");
        }
    }

    #[test]
    fn a_range_is_closed_when_its_end_is_a_minute_ago() {
        let now = UnixMicros(1_000_000_000);
        assert_eq!(Kind::Live.until(1_000, now), Kind::Live);
        assert_eq!(Kind::Live.until(941, now), Kind::Live);
        assert_eq!(Kind::Live.until(940, now), Kind::Closed);
    }
}
