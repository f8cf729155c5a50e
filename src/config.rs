//! Settings: one TOML file, environment variables over it (`FRESNEL_<SECTION>__<FIELD>`, and
//! `FRESNEL_<FIELD>` for top-level fields). An unknown or bad setting stops the start and is named with
//! its line, or with its variable. `docs/configuration.md` lists every setting with its default; a test
//! keeps it complete.
//!
//! The environment is handed in by the caller, so that tests can set it.

mod alerts;
mod cache;
mod enrichment;
mod integrations;
mod outbound;
mod ranges;
mod secret;
mod server;
mod source;
#[cfg(test)]
mod tests;
mod trace;
mod vault;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use alerts::{AlertsConfig, ClientAlertsConfig, ReportDay};
pub use cache::{BreakerConfig, CacheConfig};
pub use enrichment::{BotsConfig, EnrichConfig, GroupingConfig, ScrubConfig};
pub use integrations::{IntegrationsConfig, RelayConfig};
pub use outbound::{JwksConfig, OutboundConfig};
pub use secret::Secret;
pub use server::ServerConfig;
pub use source::ConfigError;
pub use trace::TraceConfig;
pub use vault::{SmtpConfig, SmtpTls, VaultConfig};

/// All settings of one Fresnel process.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of everything that Fresnel keeps on this machine: the log, the embedded engine, secrets.
    pub data_dir: PathBuf,
    /// The HTTP server.
    pub server: ServerConfig,
    /// Credentials that are preset instead of generated at the first start.
    pub bootstrap: BootstrapConfig,
    /// Where projects, keys, users and quotas are kept.
    pub control: ControlConfig,
    /// Limits on what is accepted.
    pub ingest: IngestConfig,
    /// How much a user may post and ask.
    pub quota: QuotaConfig,
    /// Beacons that are sent twice.
    pub dedup: DedupConfig,
    /// Section `redis`.
    pub redis: RedisConfig,
    /// What is known of a visitor.
    pub enrich: EnrichConfig,
    /// What happens to beacons of robots.
    pub bots: BotsConfig,
    /// What is taken out of URLs and texts.
    pub scrub: ScrubConfig,
    /// How pages and endpoints are counted.
    pub grouping: GroupingConfig,
    /// How rules are evaluated, and who is told.
    pub alerts: AlertsConfig,
    /// Alerts that clients post.
    pub client_alerts: ClientAlertsConfig,
    /// Third-party services.
    pub integrations: IntegrationsConfig,
    /// How products call them.
    pub relay: RelayConfig,
    /// What encrypts the secrets that Fresnel must use itself.
    pub vault: VaultConfig,
    /// The server that takes mails.
    pub smtp: SmtpConfig,
    /// Where calls to addresses that users supply may go.
    pub outbound: OutboundConfig,
    /// Keys that issuers of tokens serve.
    pub jwks: JwksConfig,
    /// The write-ahead log.
    pub wal: WalConfig,
    /// The way from the log to the warehouse.
    pub flush: FlushConfig,
    /// The ClickHouse server, embedded or not.
    pub warehouse: WarehouseConfig,
    /// The embedded ClickHouse engine, used while `warehouse.url` is empty.
    pub engine: EngineConfig,
    /// Answers to questions that are kept.
    pub cache: CacheConfig,
    /// When something that keeps failing is left alone.
    pub breaker: BreakerConfig,
    /// Logs of the process itself.
    pub log: LogConfig,
    /// Traces of the process itself.
    pub trace: TraceConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./data"),
            server: ServerConfig::default(),
            bootstrap: BootstrapConfig::default(),
            control: ControlConfig::default(),
            ingest: IngestConfig::default(),
            quota: QuotaConfig::default(),
            dedup: DedupConfig::default(),
            redis: RedisConfig::default(),
            enrich: EnrichConfig::default(),
            bots: BotsConfig::default(),
            scrub: ScrubConfig::default(),
            grouping: GroupingConfig::default(),
            alerts: AlertsConfig::default(),
            client_alerts: ClientAlertsConfig::default(),
            vault: VaultConfig::default(),
            integrations: IntegrationsConfig::default(),
            relay: RelayConfig::default(),
            smtp: SmtpConfig::default(),
            outbound: OutboundConfig::default(),
            jwks: JwksConfig::default(),
            wal: WalConfig::default(),
            flush: FlushConfig::default(),
            warehouse: WarehouseConfig::default(),
            engine: EngineConfig::default(),
            cache: CacheConfig::default(),
            breaker: BreakerConfig::default(),
            log: LogConfig::default(),
            trace: TraceConfig::default(),
        }
    }
}

/// Credentials that are preset instead of generated at the first start.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootstrapConfig {
    /// Key that beacons are posted with; empty: generated at the first start. At least 16 characters.
    pub ingest_key: Secret,
    /// Token that queries are asked with; empty: generated at the first start. At least 16 characters.
    pub admin_token: Secret,
}

/// Where projects, keys, users and quotas are kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlConfig {
    /// Address of a Postgres database, `postgres://…`; empty: SQLite in the data folder.
    pub url: Secret,
    /// Path of certificates in PEM that are believed beside those of the system, with `sslmode=require`.
    pub ca_file: PathBuf,
    /// Most connections to Postgres.
    pub pool_max: usize,
    /// Longest wait for a connection, or for a change that is under way; then the answer is 503.
    pub pool_wait_ms: u64,
    /// Days for which the audit log is kept.
    pub audit_retention_days: u32,
    /// Days for which alerts that are over are kept, with their history.
    pub alert_retention_days: u32,
    /// Days for which the delivery log and the notices that were sent, or are dead, are kept.
    pub delivery_retention_days: u32,
}

impl Default for ControlConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            ca_file: PathBuf::new(),
            pool_max: 10,
            pool_wait_ms: 5_000,
            audit_retention_days: 365,
            alert_retention_days: 365,
            delivery_retention_days: 30,
        }
    }
}

/// Limits on what is accepted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Largest body on the wire.
    pub body_max_bytes: usize,
    /// Largest body on the wire from a program with a secret server key.
    pub server_body_max_bytes: usize,
    /// Origins of pages that may post to the project `default`, beside those that the project itself allows.
    pub allowed_origins: Vec<String>,
    /// Whether the project `default` takes beacons without a key, from pages of its allowed origins.
    pub allow_keyless: bool,
    /// Largest body after inflating.
    pub inflated_max_bytes: usize,
    /// Deepest nesting of objects and arrays in a body.
    pub depth_max: usize,
    /// Most keys in one object of a body.
    pub keys_max: usize,
    /// Metadata strings above this many characters are cut and flagged.
    pub text_max_chars: usize,
    /// Names of funnel steps that are valid beside the nine standard ones.
    pub funnel_steps: Vec<String>,
    /// Types of events that are valid beside the seven standard ones.
    pub event_types: Vec<String>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            body_max_bytes: 64 * 1024,
            server_body_max_bytes: 256 * 1024,
            allowed_origins: vec!["*".to_owned()],
            allow_keyless: false,
            inflated_max_bytes: 1024 * 1024,
            depth_max: 32,
            keys_max: 100,
            text_max_chars: 1_024,
            funnel_steps: Vec::new(),
            event_types: Vec::new(),
        }
    }
}

/// How much a user may post and ask. A user is the subject of a verified token; without one it is the address and the
/// User-Agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaConfig {
    /// Performance metrics of one user in a rolling hour; 0: no limit.
    pub metrics_per_hour: u32,
    /// Funnel steps, events and alerts of one user in a rolling hour; 0: no limit.
    pub events_per_hour: u32,
    /// Requests to the API of one user in a rolling minute; 0: no limit.
    pub api_per_minute: u32,
    /// External calls of one server key in a rolling minute; 0: no limit.
    pub external_per_minute: u32,
    /// Wrong keys, sessions and invitations that one address may show to the API in a rolling minute; 0: no limit.
    pub auth_failures_per_minute: u32,
    /// An address may spend this many times the quota of one user.
    pub network_factor: u32,
    /// Users and addresses whose quotas are counted at once; beyond it new users share the quota of their address.
    pub subjects_max: usize,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            metrics_per_hour: 500,
            events_per_hour: 1_000,
            api_per_minute: 100,
            external_per_minute: 100,
            auth_failures_per_minute: 60,
            network_factor: 20,
            subjects_max: 1_000_000,
        }
    }
}

/// Beacons that are sent twice.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DedupConfig {
    /// Ids of beacons that are remembered, for 24 hours at most; beyond it the oldest are forgotten.
    pub ids_max: usize,
}

impl Default for DedupConfig {
    fn default() -> Self {
        Self { ids_max: 8_000_000 }
    }
}

/// What several nodes share.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// Address of a Redis, `redis://…` or `unix:///…`; empty: this node is alone.
    pub url: Secret,
    /// Longest wait for an answer; then the node goes on by itself.
    pub timeout_ms: u64,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            timeout_ms: 100,
        }
    }
}

/// When a beacon counts as acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// After `fdatasync`: survives the loss of power.
    #[default]
    Fsync,
    /// After the write: survives the death of the process.
    Os,
    /// At once: no promise.
    Memory,
}

/// The write-ahead log.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalConfig {
    /// When a beacon counts as acknowledged: `fsync`, `os` or `memory`.
    pub durability: Durability,
    /// Most bytes that the log may take on disk; at the limit beacons get 503.
    pub max_bytes: u64,
    /// Size of one segment file.
    pub segment_max_bytes: u64,
    /// Most bytes that may wait in memory for their commit; at the limit beacons get 503.
    pub pending_max_bytes: usize,
    /// Least time between the starts of two commits under load; the first one after a pause is immediate.
    pub commit_interval_us: u64,
    /// Time for which a segment is kept after the warehouse has taken it.
    pub grace_ms: u64,
}

impl Default for WalConfig {
    fn default() -> Self {
        Self {
            durability: Durability::Fsync,
            max_bytes: 8 * 1024 * 1024 * 1024,
            segment_max_bytes: 16 * 1024 * 1024,
            pending_max_bytes: 16 * 1024 * 1024,
            commit_interval_us: 2_000,
            grace_ms: 2_000,
        }
    }
}

/// The way from the log to the warehouse.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlushConfig {
    /// Oldest that a batch may become before it is sent.
    pub max_wait_ms: u64,
    /// Most rows in a batch.
    pub max_rows: u32,
    /// Time in which the warehouse must have answered an insert; then the same batch is sent again.
    pub insert_timeout_ms: u64,
    /// Longest pause between two tries of the same batch.
    pub retry_max_ms: u64,
    /// Time for which ClickHouse must have answered a batch with errors before the batch itself is suspected:
    /// when the one behind it can be stored, it is cut until the row at fault is alone.
    pub suspect_after_ms: u64,
    /// Days for which files of dead letters are kept, 0 to 20,000; 0: for ever.
    pub dead_letters_retention_days: u32,
}

impl Default for FlushConfig {
    fn default() -> Self {
        Self {
            max_wait_ms: 1_000,
            max_rows: 100_000,
            insert_timeout_ms: 30_000,
            retry_max_ms: 5_000,
            suspect_after_ms: 60_000,
            dead_letters_retention_days: 90,
        }
    }
}

/// The ClickHouse server, embedded or not.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WarehouseConfig {
    /// Address of a ClickHouse HTTP interface; empty: the embedded engine.
    pub url: String,
    /// Path of certificates in PEM that are believed beside those of the system, with `https`.
    pub ca_file: PathBuf,
    /// User for `url`.
    pub user: String,
    /// Password for `url`.
    pub password: Secret,
    /// Database that holds Fresnel's tables.
    pub database: String,
    /// Time in which a query must have been answered.
    pub query_timeout_ms: u64,
    /// Most rows of a file that a list is exported to, 1 to 10,000,000.
    pub export_rows_max: u64,
    /// Queries that are asked at once; more wait, within `query_timeout_ms`.
    pub queries_max: usize,
    /// Days for which raw events are kept, 1 to 20,000.
    pub raw_retention_days: u32,
    /// Days for which rollups per minute and quarter of an hour are kept, 1 to 20,000.
    pub minute_retention_days: u32,
    /// Days for which rollups per hour and longer are kept, 1 to 20,000.
    pub hour_retention_days: u32,
}

impl Default for WarehouseConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca_file: PathBuf::new(),
            user: "default".to_owned(),
            password: Secret::default(),
            database: "fresnel".to_owned(),
            query_timeout_ms: 10_000,
            export_rows_max: 100_000,
            queries_max: 4,
            raw_retention_days: 90,
            minute_retention_days: 30,
            hour_retention_days: 730,
        }
    }
}

/// The embedded ClickHouse engine.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Path of `libchdb`; empty: looked for beside the binary, in `node_modules` and in `/usr/lib/fresnel`.
    pub library: PathBuf,
    /// Most memory that the engine may take.
    pub memory_max_bytes: u64,
    /// Time in which the engine must be ready after its start.
    pub start_timeout_ms: u64,
    /// Niceness of the engine's process, 0 to 19; at 19 ingestion wins and the log takes the lag.
    pub niceness: u8,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            library: PathBuf::new(),
            memory_max_bytes: 2 * 1024 * 1024 * 1024,
            start_timeout_ms: 30_000,
            niceness: 19,
        }
    }
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Logs of the process itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Least level, or a filter like `info,fresnel::wal=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}
