//! The composition root: builds every part with its own settings, runs them, and drains them in order.
//!
//! A stop goes with the stream: first no new requests (those under way are answered), then the log commits
//! and seals what it holds, then the flush gets what is left of the time, and the engine goes last. What the
//! flush does not reach stays in the log for the next start.

mod alerting;
mod data_folder;
mod ledger_watch;
mod listen;
mod past;
mod requests;
mod vendors;
mod warehouse_link;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::dev::Server;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::alerts::channels::MailError;
use crate::api::{
    AlertStreams, Answers, ControlState, Identity, IdentityRules, LiveStreams, LoginLimit, OperationsState,
    Passwords, QueryState, RejectedState,
};
use crate::bootstrap::{Bootstrap, BootstrapError};
use crate::config::{Config, Durability, WalConfig};
use crate::control::{Control, ControlError, Seed};
use crate::domain::account::Origin;
use crate::domain::field_error::FieldError;
use crate::engine::supervisor::Supervisor;
use crate::engine::{EngineError, library};
use crate::flush::{Flush, Kept};
use crate::ingest::bots::Robots;
use crate::ingest::scrub::PatternError;
use crate::ingest::{Refinery, Shared, tell_what_the_log_holds};
use crate::integrations::evidence::Signer;
use crate::integrations::relay::Relay;
use crate::integrations::{Catalogue, CatalogueError, Integrations, Secrets};
use crate::jwks::{self, Jwks};
use crate::ledger::Ledger;
use crate::memory::Pressure;
use crate::outbound::Outbound;
use crate::peers::Peers;
use crate::quota::Quotas;
use crate::task;
use crate::telemetry::traces::{self, Sending};
use crate::telemetry::{self, TelemetryError};
use crate::tls::{self, TlsError};
use crate::vault::{Vault, VaultError};
use crate::wal::{SystemFiles, Wal, WalError, WalOptions};
use crate::warehouse::{MigrateError, Warehouse};
use data_folder::{DataFolder, DataFolderError};
use listen::{Handlers, listen};
use past::open_past;
use requests::Requests;
use warehouse_link::WarehouseLink;

/// Segments that hold a client's alert are sealed within this time.
const PRIORITY_SEAL_AFTER: Duration = Duration::from_millis(100);
/// What a stop leaves for the engine's own end.
const ENGINE_STOP_RESERVE: Duration = Duration::from_secs(3);
/// Time in which the last traces are sent.
const TRACES_STOP_MAX: Duration = Duration::from_secs(2);
/// How often noted durations are sorted into their buckets.
const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Exit code after a failed sync: a supervisor should start the service again.
const EXIT_LOG_POISONED: u8 = 3;

/// Why Fresnel cannot start, or cannot do what a command asks for.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// The credentials cannot be had.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The control store cannot be opened.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A setting that is not what it should be.
    #[error("setting {}: {}", .0.field, .0.message)]
    Setting(FieldError),
    /// A pattern of the settings is no regular expression.
    #[error("setting scrub.patterns: {0}")]
    ScrubPattern(#[from] PatternError),
    /// Logs or metrics cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The log cannot be opened.
    #[error("the log cannot be opened: {0}")]
    Wal(#[from] WalError),
    /// The embedded engine cannot be started.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file of certificates cannot be used.
    #[error("setting {setting}: {source}")]
    Certificates {
        /// Which one.
        setting: &'static str,
        /// What is wrong with it.
        source: TlsError,
    },
    /// Secrets of channels cannot be encrypted.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The services that are known are not.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Mails cannot be sent as the settings say.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (setting server.listen): {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address of Redis is none.
    #[error("setting redis.url: {0}")]
    Redis(#[from] redis::RedisError),
    /// The system refused something at the start.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The engine did not become ready.
    #[error("the embedded engine was not ready in time: {0}")]
    EngineNotReady(String),
}

/// A Fresnel that is ready to run.
pub struct App {
    config: Config,
    server: Server,
    wal: Wal,
    flush: Flush,
    warehouse: Warehouse,
    link: WarehouseLink,
    engine: Option<Supervisor>,
    stopping: Arc<AtomicBool>,
    requests: Requests,
    stop_signals: StopSignals,
    traces: Option<Sending>,
    // Held for its lock, which ends with the process.
    _folder: DataFolder,
}

impl App {
    /// Opens the log, starts the engine when one is wanted, and binds the address. Beacons are taken as soon as
    /// [`run`](Self::run) is called; the warehouse may come later.
    ///
    /// # Errors
    /// The first part that cannot be had.
    pub async fn build(config: Config, config_file: Option<&Path>) -> Result<Self, AppError> {
        let stop_signals = StopSignals::listen()?;
        let folder = DataFolder::open(&config.data_dir)?;
        let (metrics, traces) = (set_up_metrics()?, traces::set_up(&config.trace)?);
        let pressure = Pressure::watched(&config.server);
        let bootstrap = Bootstrap::load(&config.bootstrap, folder.path())?;
        let control = open_control(&config, folder.path(), &bootstrap).await?;
        // The engine first: it starts while the log is read.
        let engine = start_engine(&config, folder.path(), config_file)?;
        let wal = open_wal(&config, folder.path())?;
        let warehouse = warehouse_link::unconnected(&config);
        let link = WarehouseLink::start(&config.warehouse, warehouse.clone(), engine.as_ref());
        let past = open_past(&config, folder.path(), &wal);
        let control = open_management(&config, folder.path(), control, &past.quotas, &warehouse)?;
        let identity = control.identity.clone();
        let letters = folder.path().join("dead-letters");
        // Before the flush: it empties the log.
        let peers = open_peers(&config, &wal)?;
        let kept = Kept {
            ledger: past.ledger.clone(),
            recall: past.recall,
        };
        let flush = Flush::start(wal.clone(), warehouse.clone(), &config.flush, letters, kept);
        let answers = start_answers(&config, &pressure, &control.control)?;
        let query = query_state(&config, &identity, &warehouse, &past.ledger, &pressure, &answers);
        ledger_watch::start(warehouse.clone(), past.ledger.clone());
        let watched = alerting::Watched::new(&warehouse, &past.ledger, &wal, &pressure, &answers);
        let tap = alerting::start(&config, &control, &watched)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let operations = OperationsState {
            identity: identity.clone(),
            wal: wal.clone(),
            flush: flush.clone(),
            engine: engine.as_ref().map(Supervisor::watch_status),
            warehouse: warehouse.clone(),
            answers,
            pressure: pressure.clone(),
            metrics,
            started: Instant::now(),
            stopping: Arc::clone(&stopping),
        };
        let rejected = RejectedState::new(identity.clone());
        let shared = Shared {
            refinery: Refinery::new(&config.ingest, &config.scrub, &config.grouping)?,
            enricher: past::open_enricher(&config, folder.path()).heeding(pressure),
            robots: Robots::new(&config.bots),
            rejected: Arc::clone(&rejected.log),
            quotas: past.quotas,
            dedup: past.dedup,
            ledger: past.ledger,
            peers,
            tap,
        };
        vendors::start(&config, &wal, &warehouse, &control, &shared)?;
        let requests = Requests::of(&control, &query);
        let handlers = Handlers {
            identity,
            control,
            shared,
            query,
            rejected,
            operations,
        };
        let (server, addresses) = listen(&config, &wal, handlers)?;
        announce(&addresses, &bootstrap, folder.path());
        Ok(Self {
            config,
            server,
            wal,
            flush,
            warehouse,
            link,
            engine,
            stopping,
            requests,
            stop_signals,
            traces,
            _folder: folder,
        })
    }

    /// Serves until a signal asks for a stop, or the log can no longer be trusted.
    pub async fn run(self) -> ExitCode {
        let mut stop_signals = self.stop_signals;
        let handle = self.server.handle();
        let server = self.server;
        let mut serving = task::spawn("http", async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the HTTP server ended");
            }
        });
        let outcome = tokio::select! {
            outcome = stop_signals.received() => outcome,
            () = self.wal.poisoned() => {
                tracing::error!("the log could not be synced; nothing more can be promised: stopping, the next start reads the disk");
                ExitCode::from(EXIT_LOG_POISONED)
            }
            _ = &mut serving => ExitCode::FAILURE,
        };
        let stop_time = Duration::from_millis(self.config.server.shutdown_timeout_ms);
        self.stopping.store(true, Ordering::Relaxed);
        tracing::info!("stopping: answering what is under way");
        let deadline = self
            .requests
            .end(&handle, stop_time, stop_signals.received())
            .await;
        let wal = self.wal.clone();
        if let Err(error) = task::blocking(move || wal.close()).await {
            tracing::error!(%error, "the log was not closed; the next start reads what is on disk");
        }
        self.flush
            .stop(deadline.checked_sub(ENGINE_STOP_RESERVE).unwrap_or(deadline))
            .await;
        self.link.stop();
        self.warehouse.disconnect();
        let engine_stops = async {
            if let Some(engine) = self.engine {
                engine.stop().await;
            }
        };
        let traces_stop = async {
            if let Some(traces) = self.traces {
                traces.stop(TRACES_STOP_MAX).await;
            }
        };
        tokio::join!(engine_stops, traces_stop);
        tracing::info!("stopped");
        outcome
    }
}

/// Brings the warehouse's schema up to date; starts the engine for it when there is no other warehouse.
///
/// # Errors
/// The warehouse cannot be reached, or refuses.
pub async fn migrate(config: Config, config_file: Option<&Path>) -> Result<Vec<&'static str>, AppError> {
    let folder = DataFolder::open(&config.data_dir)?;
    let engine = start_engine(&config, folder.path(), config_file)?;
    let outcome = warehouse_link::migrate_once(&config, engine.as_ref()).await;
    if let Some(engine) = engine {
        engine.stop().await;
    }
    outcome
}

/// Does some work on the warehouse without serving, its schema brought up to date before. The embedded engine is
/// started for it and stopped behind it, and has its folder to itself; a warehouse that the settings name may be in use.
///
/// # Errors
/// The folder is in use, or the warehouse cannot be reached, or refuses.
pub async fn on_warehouse<T>(
    config: &Config,
    config_file: Option<&Path>,
    work: impl AsyncFnOnce(Warehouse) -> T,
) -> Result<T, AppError> {
    let is_embedded = config.warehouse.url.is_empty();
    let folder = is_embedded
        .then(|| DataFolder::open(&config.data_dir))
        .transpose()?;
    let engine = match &folder {
        Some(folder) => start_engine(config, folder.path(), config_file)?,
        None => None,
    };
    let outcome = match warehouse_link::migrate_once(config, engine.as_ref()).await {
        Ok(_) => {
            let warehouse = Warehouse::new(None, Duration::from_millis(config.warehouse.query_timeout_ms));
            // It follows the engine should that die and come again.
            let link = WarehouseLink::start(&config.warehouse, warehouse.clone(), engine.as_ref());
            warehouse.connections().connected().await;
            let outcome = work(warehouse).await;
            link.stop();
            Ok(outcome)
        }
        Err(error) => Err(error),
    };
    if let Some(engine) = engine {
        engine.stop().await;
    }
    outcome
}

/// What questions are answered with.
fn query_state(
    config: &Config,
    identity: &Identity,
    warehouse: &Warehouse,
    ledger: &Ledger,
    pressure: &Pressure,
    answers: &Answers,
) -> QueryState {
    QueryState {
        identity: identity.clone(),
        warehouse: warehouse.clone(),
        retention: warehouse_link::retention(&config.warehouse),
        export_rows_max: config.warehouse.export_rows_max,
        ledger: ledger.clone(),
        pressure: pressure.clone(),
        answers: answers.clone(),
        live: LiveStreams::default(),
    }
}

fn open_wal(config: &Config, data_dir: &Path) -> Result<Wal, AppError> {
    let WalConfig {
        durability,
        max_bytes,
        segment_max_bytes,
        pending_max_bytes,
        commit_interval_us,
        grace_ms,
    } = config.wal;
    let options = WalOptions {
        dir: data_dir.join("wal"),
        durability,
        max_bytes,
        segment_max_bytes,
        pending_max_bytes,
        commit_interval: Duration::from_micros(commit_interval_us),
        seal_after: Duration::from_millis(config.flush.max_wait_ms),
        priority_seal_after: PRIORITY_SEAL_AFTER,
        rows_max: config.flush.max_rows,
        grace: Duration::from_millis(grace_ms),
    };
    let (wal, recovery) = Wal::open(options, Arc::new(SystemFiles))?;
    tracing::info!(?recovery, durability = durability.as_str(), "the log is open");
    if durability == Durability::Memory {
        tracing::warn!("wal.durability is `memory`: acknowledged beacons are lost when the process dies");
    }
    Ok(wal)
}

/// The other nodes; they are told what the log holds.
fn open_peers(config: &Config, wal: &Wal) -> Result<Option<Peers>, AppError> {
    let peers = Peers::open(&config.redis)?;
    if let Some(peers) = peers.clone() {
        let (wal, waiting) = (wal.clone(), wal.waiting());
        let _detached = task::spawn("tell the log", async move {
            let tell = move || tell_what_the_log_holds(&wal, &waiting, &peers);
            if let Err(error) = task::blocking(tell).await {
                tracing::error!(%error, "other nodes were not told what the log holds");
            }
        });
    }
    Ok(peers)
}

fn start_engine(
    config: &Config,
    data_dir: &Path,
    config_file: Option<&Path>,
) -> Result<Option<Supervisor>, AppError> {
    if !config.warehouse.url.is_empty() {
        // The connection comes later, when nobody is there to be told.
        tls::client_config(&config.warehouse.ca_file).map_err(certificates_of("warehouse.ca_file"))?;
        return Ok(None);
    }
    // A library that is not there will not come by waiting: say so now, not in the child's log.
    library::find(&config.engine.library)?;
    let mut args = vec![OsString::from("engine"), "--data-dir".into(), data_dir.into()];
    if let Some(file) = config_file {
        args.extend(["--config".into(), file.into()]);
    }
    let supervisor = Supervisor::start(&config.engine, data_dir, std::env::current_exe()?, args)?;
    Ok(Some(supervisor))
}

fn certificates_of(setting: &'static str) -> impl Fn(TlsError) -> AppError {
    move |source| AppError::Certificates { setting, source }
}

/// The answers that are kept, of which a project's are forgotten when something of it changes.
fn start_answers(config: &Config, pressure: &Pressure, control: &Control) -> Result<Answers, AppError> {
    let answers = Answers::start(&config.cache, &config.redis, pressure)?;
    let forgetting = answers.clone();
    control.on_change(move |project_id| forgetting.forget_project(project_id.as_str()));
    Ok(answers)
}

/// Sets the metrics up, and sorts noted durations into their buckets; until then each takes its own place in memory.
fn set_up_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let metrics = telemetry::set_up_metrics()?;
    let kept_small = metrics.clone();
    let _detached = task::spawn("metrics", async move {
        let mut each = tokio::time::interval(METRICS_UPKEEP_INTERVAL);
        loop {
            each.tick().await;
            kept_small.run_upkeep();
        }
    });
    Ok(metrics)
}

/// The control store, with the credentials of the start in it.
async fn open_control(config: &Config, data_dir: &Path, bootstrap: &Bootstrap) -> Result<Control, AppError> {
    let control = Control::open(&config.control, data_dir).await?;
    let ingest_key = Seed::known(&bootstrap.ingest_key, !config.bootstrap.ingest_key.is_empty());
    let admin_token = Seed::summed(
        bootstrap.admin_token_sha256,
        !config.bootstrap.admin_token.is_empty(),
    );
    control.ensure_bootstrap(&ingest_key, &admin_token).await?;
    Ok(control)
}

/// What management works with: the control data, the door to users' addresses, the keys that issuers serve behind
/// it, and who may do what by all of that.
fn open_management(
    config: &Config,
    data_dir: &Path,
    control: Control,
    quotas: &Arc<Quotas>,
    warehouse: &Warehouse,
) -> Result<ControlState, AppError> {
    let outbound = Outbound::new(&config.outbound).map_err(certificates_of("outbound.ca_file"))?;
    let known_keys = data_dir.join(jwks::FILE_NAME);
    let jwks = Jwks::start(control.clone(), outbound.clone(), &config.jwks, known_keys);
    let vault = Vault::open(&config.vault, data_dir)?;
    let catalogue = Catalogue::load(&config.integrations.catalogue_file)?;
    let signer = Signer::of_vault(&vault);
    let integrations = Integrations::new(
        catalogue,
        Secrets::new(vault.clone()),
        outbound.clone(),
        signer,
        control.clone(),
    );
    Ok(ControlState {
        identity: open_identity(config, &control, &jwks, Arc::clone(quotas))?,
        relay: Relay::new(
            integrations.clone(),
            config.integrations.enabled,
            &config.relay,
            &config.breaker,
        ),
        relay_body_max_bytes: config.relay.body_max_bytes,
        budgets: vendors::budgets(&control, &integrations),
        integrations,
        warehouse: warehouse.clone(),
        webhook_silence_max: Duration::from_secs(config.integrations.webhook_silence_s.into()),
        alerts: alerting::open(config, vault, &control, &outbound)?,
        alert_streams: AlertStreams::default(),
        control,
        outbound,
        jwks,
        body_timeout: Duration::from_millis(config.server.body_timeout_ms),
        passwords: Passwords::default(),
        logins: LoginLimit::default(),
    })
}

/// Who may do what, by the control store and the settings.
fn open_identity(
    config: &Config,
    control: &Control,
    jwks: &Jwks,
    quotas: Arc<Quotas>,
) -> Result<Identity, AppError> {
    let origins = config.ingest.allowed_origins.iter();
    let allowed_origins = origins
        .map(|text| Origin::parse("ingest.allowed_origins", text))
        .collect::<Result<_, _>>()
        .map_err(AppError::Setting)?;
    let rules = IdentityRules {
        allowed_origins,
        allow_keyless: config.ingest.allow_keyless,
        trusted_proxies: config.server.trusted_proxies,
        auth_failures_per_minute: config.quota.auth_failures_per_minute,
    };
    Ok(Identity::new(control.clone(), jwks.clone(), rules, quotas))
}

/// Tells the one who started Fresnel where it is and how to get in.
#[expect(
    clippy::print_stdout,
    reason = "the answer of the command, apart from the logs"
)]
fn announce(addresses: &[SocketAddr], bootstrap: &Bootstrap, data_dir: &Path) {
    for address in addresses {
        println!("Fresnel listens on http://{address}");
    }
    println!("  data folder  {}", data_dir.display());
    println!("  ingest key   {}", bootstrap.ingest_key.reveal());
    match &bootstrap.new_admin_token {
        Some(token) => println!("  admin token  {} (shown this once: keep it)", token.reveal()),
        None => println!("  admin token  as preset, or as shown at the first start"),
    }
}

/// The signals that ask for a stop. They are listened to before anything else is started: a process that dies
/// of one in the middle of its start would leave its engine to find out by itself.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("SIGTERM"),
            _ = self.interrupt.recv() => tracing::info!("SIGINT"),
        }
        ExitCode::SUCCESS
    }
}
