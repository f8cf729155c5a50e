//! Where settings come from: a file, and the environment over it.

use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, Durability};

/// Days of retention that make sense: ClickHouse counts days from 1970 in 16 bits.
const RETENTION_DAYS: std::ops::RangeInclusive<u32> = 1..=20_000;
const ENV_PREFIX: &str = "FRESNEL_";

/// Why the settings cannot be used; the message names the setting and where it stands.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("settings file {path}: {source}")]
    Unreadable {
        /// The file as the caller named it.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings file has an error; the message carries the line.
    #[error("settings file {path}: {message}")]
    File {
        /// The file as the caller named it.
        path: String,
        /// Line, and what is wrong.
        message: String,
    },
    /// A variable names no setting.
    #[error("environment variable {variable}: there is no setting `{setting}`")]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The setting that it would be.
        setting: String,
    },
    /// A variable's value does not fit its setting.
    #[error("environment variable {variable}: {message}")]
    BadVariable {
        /// The variable.
        variable: String,
        /// What is wrong.
        message: String,
    },
    /// A setting is out of its range.
    #[error("setting {setting}{variable}: {message}", variable = in_environment(.setting))]
    OutOfRange {
        /// The setting as `section.field`.
        setting: &'static str,
        /// The range.
        message: String,
    },
}

fn in_environment(setting: &str) -> String {
    format!(" ({ENV_PREFIX}{})", setting.to_uppercase().replace('.', "__"))
}

impl Config {
    /// Reads the file, if one is named, and lays the `FRESNEL_` variables among `environment` over it.
    ///
    /// # Errors
    /// Any unknown, badly typed or out-of-range setting.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = match file {
            Some(path) => read_file(path)?,
            None => Table::new(),
        };
        let defaults = Table::try_from(Self::default()).unwrap_or_default();
        for (variable, text) in environment {
            let Some(name) = variable.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            overlay(&mut settings, &defaults, &variable, name, &text)?;
        }
        let config = Self::deserialize(Value::Table(settings)).map_err(|error| ConfigError::BadVariable {
            variable: ENV_PREFIX.to_owned() + "*",
            message: error.to_string(),
        })?;
        config.check_ranges()?;
        Ok(config)
    }

    #[expect(clippy::too_many_lines, reason = "one table, one row a setting")]
    fn check_ranges(&self) -> Result<(), ConfigError> {
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
            ("engine.niceness", self.engine.niceness <= 19, "from 0 to 19"),
        ];
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
}

impl Durability {
    /// The name as it stands in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
            Self::Memory => "memory",
        }
    }
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

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: shown.clone(),
        source,
    })?;
    parse(&text).map_err(|message| ConfigError::File { path: shown, message })
}

fn parse(text: &str) -> Result<Table, String> {
    // Once into the typed form, so that an error carries the line; the table is what variables are laid over.
    let document = toml::Deserializer::parse(text).map_err(|error| located(text, "", &error))?;
    serde_path_to_error::deserialize::<_, Config>(document).map_err(|error| {
        let path = format!("{}: ", error.path());
        located(text, path.trim_start_matches(".: "), error.inner())
    })?;
    toml::from_str(text).map_err(|error| located(text, "", &error))
}

/// What is wrong and where; not the error's own text, which quotes the line: that may hold a password.
fn located(text: &str, path: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    match error.span() {
        Some(span) => format!("line {}: {path}{message}", line_of(text, span.start)),
        None => format!("{path}{message}"),
    }
}

/// Line of a byte offset, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}

fn overlay(
    settings: &mut Table,
    defaults: &Table,
    variable: &str,
    name: &str,
    text: &str,
) -> Result<(), ConfigError> {
    let lower = name.to_lowercase();
    let unknown = |setting: &str| ConfigError::UnknownVariable {
        variable: variable.to_owned(),
        setting: setting.replace("__", "."),
    };
    let (target, default) = match lower.split_once("__") {
        None => (&mut *settings, defaults.get(&lower)),
        Some((section, field)) => {
            let default = defaults.get(section).and_then(|s| s.get(field));
            let entry = settings
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            (entry.as_table_mut().ok_or_else(|| unknown(&lower))?, default)
        }
    };
    let field = lower.rsplit("__").next().unwrap_or(&lower);
    let default = default
        .filter(|value| !value.is_table())
        .ok_or_else(|| unknown(&lower))?;
    let value = typed(text, default).map_err(|message| ConfigError::BadVariable {
        variable: variable.to_owned(),
        message,
    })?;
    target.insert(field.to_owned(), value.clone());
    // One variable at a time, so that the error can name it.
    Config::deserialize(Value::Table(settings.clone())).map_err(|error| ConfigError::BadVariable {
        variable: variable.to_owned(),
        message: error.to_string().trim().to_owned(),
    })?;
    Ok(())
}

/// Reads a variable's text as the type that the setting's default has.
fn typed(text: &str, default: &Value) -> Result<Value, String> {
    match default {
        Value::Integer(_) => text
            .trim()
            .parse()
            .map(Value::Integer)
            .map_err(|_| format!("`{text}` is not a whole number")),
        Value::Float(_) => text
            .trim()
            .parse()
            .map(Value::Float)
            .map_err(|_| format!("`{text}` is not a number")),
        Value::Boolean(_) => text
            .trim()
            .parse()
            .map(Value::Boolean)
            .map_err(|_| format!("`{text}` is neither true nor false")),
        Value::Array(_) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
        _ => Ok(Value::String(text.to_owned())),
    }
}
