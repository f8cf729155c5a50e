//! Settings of answers that are kept, and of circuits that are broken.

use serde::{Deserialize, Serialize};

/// Answers to questions that are kept, in memory and in Redis.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Whether answers are kept at all.
    pub enabled: bool,
    /// Memory that kept answers may take; half of it while memory is short.
    pub max_bytes: u64,
    /// Time for which an answer about what happens now is fresh.
    pub live_ttl_ms: u64,
    /// The same for logs and lists of the latest.
    pub recent_ttl_ms: u64,
    /// The same for lists of things.
    pub list_ttl_ms: u64,
    /// The same for one thing with all that is known of it.
    pub detail_ttl_ms: u64,
    /// The same for dashboards.
    pub dashboard_ttl_ms: u64,
    /// The same for answers about a time that is over.
    pub closed_range_ttl_ms: u64,
    /// The same for what is known of one session.
    pub session_ttl_ms: u64,
    /// The same for everything else.
    pub default_ttl_ms: u64,
    /// Longest time for which an answer that is no longer fresh is given at once, while a new one is fetched; never longer than it
    /// was fresh.
    pub stale_ms: u64,
    /// Time for which an answer is kept for the case that the warehouse has none.
    pub last_good_ms: u64,
    /// Longest wait for the warehouse where an older answer is at hand, which is then given as degraded.
    pub degrade_after_ms: u64,
    /// Questions that are asked more often than this in a minute are answered anew before their answer is old; 0: none.
    pub warm_requests_per_minute: u32,
    /// Answers that are fetched in the background at once.
    pub refreshes_max: usize,
    /// Whether answers are also kept in the Redis of `redis.url`.
    pub redis: bool,
    /// Longest wait for an answer of that Redis.
    pub redis_budget_ms: u64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 64 * 1024 * 1024,
            live_ttl_ms: 10_000,
            recent_ttl_ms: 30_000,
            list_ttl_ms: 120_000,
            detail_ttl_ms: 300_000,
            dashboard_ttl_ms: 300_000,
            closed_range_ttl_ms: 600_000,
            session_ttl_ms: 900_000,
            default_ttl_ms: 30_000,
            stale_ms: 60_000,
            last_good_ms: 86_400_000,
            degrade_after_ms: 2_000,
            warm_requests_per_minute: 5,
            refreshes_max: 2,
            redis: true,
            redis_budget_ms: 20,
        }
    }
}

/// When something that keeps failing is left alone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Whether anything is left alone at all.
    pub enabled: bool,
    /// Failures in a row that open a circuit.
    pub failures_max: u32,
    /// Time for which an open circuit lets nothing through.
    pub open_ms: u64,
    /// Successes in a row that close a circuit again.
    pub successes_min: u32,
    /// Share of failures that opens a circuit as well; 0: only failures in a row do.
    pub failure_share: f64,
    /// Time over which that share is taken.
    pub window_ms: u64,
    /// Calls in that time from which on the share counts.
    pub window_calls_min: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            failures_max: 5,
            open_ms: 60_000,
            successes_min: 3,
            failure_share: 0.0,
            window_ms: 60_000,
            window_calls_min: 20,
        }
    }
}
