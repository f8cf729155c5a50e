//! What values settings may have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Config, ConfigError};

/// Days of retention that make sense: ClickHouse counts days from 1970 in 16 bits.
const RETENTION_DAYS: std::ops::RangeInclusive<u32> = 1..=20_000;
const DAY_MS: u64 = 86_400_000;

impl Config {
    /// Refuses the first setting that is out of its range.
    #[expect(clippy::too_many_lines, reason = "one table, one row a setting")]
    pub(super) fn check_ranges(&self) -> Result<(), ConfigError> {
        let checks = [
            (
                "server.connections_max",
                self.server.connections_max >= 1,
                "at least 1",
            ),
            (
                "server.memory_max_bytes",
                self.server.memory_max_bytes == 0 || self.server.memory_max_bytes >= 1 << 20,
                "0, or at least 1048576",
            ),
            (
                "server.memory_warning_share",
                (0.1..=1.0).contains(&self.server.memory_warning_share),
                "from 0.1 to 1",
            ),
            (
                "server.memory_critical_share",
                (self.server.memory_warning_share..=1.0).contains(&self.server.memory_critical_share),
                "from server.memory_warning_share to 1",
            ),
            (
                "server.header_timeout_ms",
                self.server.header_timeout_ms >= 1,
                "at least 1",
            ),
            (
                "server.body_timeout_ms",
                self.server.body_timeout_ms >= 1,
                "at least 1",
            ),
            (
                "bootstrap.ingest_key",
                is_empty_or_long(self.bootstrap.ingest_key.reveal()),
                "empty, or at least 16 characters",
            ),
            (
                "bootstrap.admin_token",
                is_empty_or_long(self.bootstrap.admin_token.reveal()),
                "empty, or at least 16 characters",
            ),
            (
                "control.url",
                is_empty_or_postgres(self.control.url.reveal()),
                "empty, or an address that begins with postgres://",
            ),
            (
                "control.pool_max",
                (1..=1_000).contains(&self.control.pool_max),
                "from 1 to 1000",
            ),
            (
                "control.pool_wait_ms",
                (10..=60_000).contains(&self.control.pool_wait_ms),
                "from 10 to 60000",
            ),
            (
                "control.alert_retention_days",
                RETENTION_DAYS.contains(&self.control.alert_retention_days),
                "from 1 to 20000",
            ),
            (
                "control.delivery_retention_days",
                RETENTION_DAYS.contains(&self.control.delivery_retention_days),
                "from 1 to 20000",
            ),
            (
                "alerts.period_ms",
                (1_000..=3_600_000).contains(&self.alerts.period_ms),
                "from 1000 to 3600000",
            ),
            (
                "alerts.retry_waits_ms",
                self.alerts.retry_waits_ms.len() <= 20
                    && self
                        .alerts
                        .retry_waits_ms
                        .iter()
                        .all(|wait_ms| (100..=DAY_MS).contains(wait_ms)),
                "at most 20 waits, each from 100 to 86400000",
            ),
            (
                "alerts.dashboard_url",
                is_empty_or_web(&self.alerts.dashboard_url),
                "empty, or begin with https:// or http://",
            ),
            (
                "alerts.email_recipients",
                self.alerts.email_recipients.len() <= 50,
                "at most 50 addresses",
            ),
            (
                "alerts.report_hour",
                self.alerts.report_hour <= 23,
                "from 0 to 23",
            ),
            (
                "vault.key",
                is_empty_or_key(self.vault.key.reveal()),
                "empty, or 32 bytes in base64",
            ),
            (
                "vault.previous_keys",
                self.vault
                    .previous_keys
                    .reveal()
                    .split(',')
                    .all(|key| is_empty_or_key(key.trim())),
                "32 bytes each, in base64, with commas between them",
            ),
            (
                "integrations.probe_interval_s",
                self.integrations.probe_interval_s == 0
                    || (5..=3_600).contains(&self.integrations.probe_interval_s),
                "0, or from 5 to 3600",
            ),
            (
                "integrations.webhook_silence_s",
                (5..=604_800).contains(&self.integrations.webhook_silence_s),
                "from 5 to 604800",
            ),
            (
                "relay.deadline_ms",
                (1_000..=600_000).contains(&self.relay.deadline_ms),
                "from 1000 to 600000",
            ),
            (
                "relay.tries_max",
                (1..=10).contains(&self.relay.tries_max),
                "from 1 to 10",
            ),
            (
                "relay.backoff_ms",
                (1..=60_000).contains(&self.relay.backoff_ms),
                "from 1 to 60000",
            ),
            (
                "relay.backoff_max_ms",
                (1..=600_000).contains(&self.relay.backoff_max_ms),
                "from 1 to 600000",
            ),
            (
                "relay.body_max_bytes",
                (1_024..=1 << 40).contains(&self.relay.body_max_bytes),
                "from 1024 to 1099511627776",
            ),
            (
                "relay.held_body_max_bytes",
                (1_024..=100 << 20).contains(&self.relay.held_body_max_bytes),
                "from 1024 to 104857600",
            ),
            (
                "relay.held_bytes_max",
                (self.relay.held_body_max_bytes..=1 << 34).contains(&self.relay.held_bytes_max),
                "from relay.held_body_max_bytes to 17179869184",
            ),
            (
                "relay.batch_items_max",
                (1..=1_000).contains(&self.relay.batch_items_max),
                "from 1 to 1000",
            ),
            (
                "relay.batch_wait_ms",
                self.relay.batch_wait_ms <= 10_000,
                "from 0 to 10000",
            ),
            (
                "relay.kept_bytes_max",
                (1 << 20..=1 << 30).contains(&self.relay.kept_bytes_max),
                "from 1048576 to 1073741824",
            ),
            (
                "smtp.timeout_ms",
                (1_000..=120_000).contains(&self.smtp.timeout_ms),
                "from 1000 to 120000",
            ),
            (
                "client_alerts.sessions_min",
                (1..=1_000).contains(&self.client_alerts.sessions_min),
                "from 1 to 1000",
            ),
            (
                "client_alerts.resolve_after_ms",
                (60_000..=DAY_MS).contains(&self.client_alerts.resolve_after_ms),
                "from 60000 to 86400000",
            ),
            (
                "control.audit_retention_days",
                RETENTION_DAYS.contains(&self.control.audit_retention_days),
                "from 1 to 20000",
            ),
            (
                "ingest.body_max_bytes",
                self.ingest.body_max_bytes >= 1_024,
                "at least 1024",
            ),
            (
                "ingest.inflated_max_bytes",
                (self.ingest.body_max_bytes..=4 << 20).contains(&self.ingest.inflated_max_bytes),
                "from ingest.body_max_bytes to 4194304",
            ),
            (
                "ingest.depth_max",
                (2..=100).contains(&self.ingest.depth_max),
                "from 2 to 100",
            ),
            ("ingest.keys_max", self.ingest.keys_max >= 8, "at least 8"),
            (
                "quota.network_factor",
                (1..=1_000_000).contains(&self.quota.network_factor),
                "from 1 to 1000000",
            ),
            (
                "quota.subjects_max",
                (1_000..=100_000_000).contains(&self.quota.subjects_max),
                "from 1000 to 100000000",
            ),
            (
                "dedup.ids_max",
                (10_000..=1_000_000_000).contains(&self.dedup.ids_max),
                "from 10000 to 1000000000",
            ),
            (
                "redis.url",
                is_empty_or_redis(self.redis.url.reveal()),
                "empty, redis:// or unix://",
            ),
            (
                "redis.timeout_ms",
                (5..=10_000).contains(&self.redis.timeout_ms),
                "from 5 to 10000",
            ),
            (
                "enrich.user_agents_max",
                (16..=1_000_000).contains(&self.enrich.user_agents_max),
                "from 16 to 1000000",
            ),
            (
                "grouping.names_max",
                (1..=100_000).contains(&self.grouping.names_max),
                "from 1 to 100000",
            ),
            (
                "grouping.names_total_max",
                (self.grouping.names_max..=10_000_000).contains(&self.grouping.names_total_max),
                "from grouping.names_max to 10000000",
            ),
            (
                "jwks.refresh_min_ms",
                (1_000..=3_600_000).contains(&self.jwks.refresh_min_ms),
                "from 1000 to 3600000",
            ),
            (
                "jwks.refresh_max_ms",
                (self.jwks.refresh_min_ms..=86_400_000).contains(&self.jwks.refresh_max_ms),
                "from jwks.refresh_min_ms to 86400000",
            ),
            (
                "wal.segment_max_bytes",
                (1 << 20..=256 << 20).contains(&self.wal.segment_max_bytes),
                "from 1048576 to 268435456",
            ),
            (
                "wal.max_bytes",
                self.wal.max_bytes >= 3 * self.wal.segment_max_bytes,
                "at least three segments (3 × wal.segment_max_bytes)",
            ),
            (
                "wal.pending_max_bytes",
                self.wal.pending_max_bytes >= 1 << 20,
                "at least 1048576",
            ),
            (
                "flush.max_wait_ms",
                (10..=60_000).contains(&self.flush.max_wait_ms),
                "from 10 to 60000",
            ),
            (
                "flush.max_rows",
                (1..=1_000_000).contains(&self.flush.max_rows),
                "from 1 to 1000000",
            ),
            (
                "flush.insert_timeout_ms",
                self.flush.insert_timeout_ms >= 100,
                "at least 100",
            ),
            (
                "flush.dead_letters_retention_days",
                self.flush.dead_letters_retention_days <= *RETENTION_DAYS.end(),
                "from 0 to 20000",
            ),
            (
                "warehouse.raw_retention_days",
                RETENTION_DAYS.contains(&self.warehouse.raw_retention_days),
                "from 1 to 20000",
            ),
            (
                "warehouse.minute_retention_days",
                RETENTION_DAYS.contains(&self.warehouse.minute_retention_days),
                "from 1 to 20000",
            ),
            (
                "warehouse.hour_retention_days",
                RETENTION_DAYS.contains(&self.warehouse.hour_retention_days),
                "from 1 to 20000",
            ),
            (
                "trace.otlp_url",
                is_empty_or_http(&self.trace.otlp_url),
                "empty, or an address that begins with http:// or https://",
            ),
            (
                "trace.sample_share",
                (0.0..=1.0).contains(&self.trace.sample_share),
                "from 0 to 1",
            ),
            (
                "warehouse.export_rows_max",
                (1..=10_000_000).contains(&self.warehouse.export_rows_max),
                "from 1 to 10000000",
            ),
            (
                "warehouse.queries_max",
                (1..=1_000).contains(&self.warehouse.queries_max),
                "from 1 to 1000",
            ),
            (
                "cache.max_bytes",
                self.cache.max_bytes >= 1 << 16,
                "at least 65536",
            ),
            (
                "cache.last_good_ms",
                (1_000..=30 * DAY_MS).contains(&self.cache.last_good_ms),
                "from 1000 to 2592000000",
            ),
            (
                "cache.degrade_after_ms",
                (1..=DAY_MS).contains(&self.cache.degrade_after_ms),
                "from 1 to 86400000",
            ),
            (
                "cache.refreshes_max",
                (1..=1_000).contains(&self.cache.refreshes_max),
                "from 1 to 1000",
            ),
            (
                "cache.redis_budget_ms",
                (1..=1_000).contains(&self.cache.redis_budget_ms),
                "from 1 to 1000",
            ),
            (
                "breaker.failures_max",
                self.breaker.failures_max >= 1,
                "at least 1",
            ),
            (
                "breaker.open_ms",
                (1..=DAY_MS).contains(&self.breaker.open_ms),
                "from 1 to 86400000",
            ),
            (
                "breaker.successes_min",
                self.breaker.successes_min >= 1,
                "at least 1",
            ),
            (
                "breaker.failure_share",
                (0.0..=1.0).contains(&self.breaker.failure_share),
                "from 0 to 1",
            ),
            (
                "breaker.window_ms",
                (1_000..=DAY_MS).contains(&self.breaker.window_ms),
                "from 1000 to 86400000",
            ),
            (
                "breaker.window_calls_min",
                (1..=10_000).contains(&self.breaker.window_calls_min),
                "from 1 to 10000",
            ),
            ("engine.niceness", self.engine.niceness <= 19, "from 0 to 19"),
        ];
        self.check_ttls()?;
        for pattern in &self.scrub.patterns {
            regex::Regex::new(pattern).map_err(|error| ConfigError::OutOfRange {
                setting: "scrub.patterns",
                message: format!("`{pattern}` is no regular expression: {error}"),
            })?;
        }
        for (setting, holds, range) in checks {
            if !holds {
                return Err(ConfigError::OutOfRange {
                    setting,
                    message: format!("must be {range}"),
                });
            }
        }
        Ok(())
    }

    /// Refuses the first time that an answer cannot be fresh for.
    fn check_ttls(&self) -> Result<(), ConfigError> {
        let cache = &self.cache;
        let ttls = [
            ("cache.live_ttl_ms", cache.live_ttl_ms),
            ("cache.recent_ttl_ms", cache.recent_ttl_ms),
            ("cache.list_ttl_ms", cache.list_ttl_ms),
            ("cache.detail_ttl_ms", cache.detail_ttl_ms),
            ("cache.dashboard_ttl_ms", cache.dashboard_ttl_ms),
            ("cache.closed_range_ttl_ms", cache.closed_range_ttl_ms),
            ("cache.session_ttl_ms", cache.session_ttl_ms),
            ("cache.default_ttl_ms", cache.default_ttl_ms),
            ("cache.stale_ms", cache.stale_ms),
        ];
        match ttls.into_iter().find(|(_, ttl_ms)| *ttl_ms > DAY_MS) {
            None => Ok(()),
            Some((setting, _)) => Err(ConfigError::OutOfRange {
                setting,
                message: "must be from 0 to 86400000".to_owned(),
            }),
        }
    }
}

fn is_empty_or_key(text: &str) -> bool {
    text.is_empty() || STANDARD.decode(text).is_ok_and(|key| key.len() == 32)
}

fn is_empty_or_long(secret: &str) -> bool {
    secret.is_empty() || secret.chars().count() >= 16
}

fn is_empty_or_postgres(url: &str) -> bool {
    url.is_empty() || url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn is_empty_or_redis(url: &str) -> bool {
    url.is_empty() || url.starts_with("redis://") || url.starts_with("unix://")
}

fn is_empty_or_http(url: &str) -> bool {
    let is_http = |url: url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    url.is_empty() || url::Url::parse(url).is_ok_and(is_http)
}

fn is_empty_or_web(url: &str) -> bool {
    url.is_empty() || url.starts_with("https://") || url.starts_with("http://")
}
