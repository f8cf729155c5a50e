//! How Fresnel itself is: `/livez`, `/readyz`, `/metrics`, `/api/health`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::sync::watch;

use super::identity::Identity;
use super::query::Answers;
use super::{envelope, get};
use crate::breaker::{CircuitStatus, State as Circuit};
use crate::cache::CacheStatus;
use crate::clock;
use crate::engine::supervisor::EngineStatus;
use crate::flush::{Flush, FlushStatus};
use crate::memory::{Level, Pressure, Reading};
use crate::metric_definitions as names;
use crate::process::ProcessUsage;
use crate::wal::{Wal, WalStatus};
use crate::warehouse::{SlowQuery, Warehouse};

/// What the handlers share.
pub struct OperationsState {
    /// Who may see more than the status.
    pub identity: Identity,
    /// The log.
    pub wal: Wal,
    /// The way to the warehouse.
    pub flush: Flush,
    /// The embedded engine, when there is one.
    pub engine: Option<watch::Receiver<EngineStatus>>,
    /// The warehouse.
    pub warehouse: Warehouse,
    /// Answers that are kept.
    pub answers: Answers,
    /// How short memory is.
    pub pressure: Pressure,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// When the process started.
    pub started: Instant,
    /// Set when a stop has begun: load balancers should look elsewhere.
    pub stopping: Arc<AtomicBool>,
}

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(get("/livez", livez))
        .service(get("/readyz", readyz))
        .service(get("/metrics", metrics_text))
        .service(get("/api/health", health));
}

/// In short, for people and load balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Everything works.
    Ok,
    /// Beacons are taken and kept; the warehouse is behind or away, or memory is so short that questions are refused.
    Degraded,
    /// Beacons are not taken.
    Unavailable,
}

impl OperationsState {
    fn state(&self, wal: &WalStatus) -> State {
        if wal.poisoned || wal.full || self.stopping.load(Ordering::Relaxed) {
            State::Unavailable
        } else if self.pressure.level() == Level::Critical
            || !self.warehouse.connections().is_connected()
            || self.flush.status().last_error.is_some()
        {
            State::Degraded
        } else {
            State::Ok
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
struct Short {
    status: State,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Health {
    status: State,
    #[schema(required = false)]
    version: &'static str,
    /// What this node is called in the ledger, and by the others.
    #[schema(required = false)]
    node: String,
    #[schema(required = false)]
    uptime_ms: u64,
    #[schema(required = false)]
    process: ProcessUsage,
    #[schema(required = false)]
    memory: Reading,
    #[schema(required = false)]
    wal: WalHealth,
    #[schema(required = false)]
    flush: FlushStatus,
    #[schema(required = false)]
    warehouse: WarehouseHealth,
    #[schema(required = false)]
    cache: CacheStatus,
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<EngineStatus>,
}

/// The log's [`WalStatus`], with units in its names.
#[derive(Serialize, utoipa::ToSchema)]
struct WalHealth {
    bytes_on_disk: u64,
    segments_waiting: u64,
    rows_waiting: u64,
    /// Age of the oldest row that the warehouse has not taken; absent when there is none.
    oldest_age_ms: Option<u64>,
    pending_bytes: u64,
    commits: u64,
    rows: u64,
    last_commit_us: u64,
    full: bool,
    poisoned: bool,
    damaged_segments: u64,
    frames_lost: u64,
}

impl From<&WalStatus> for WalHealth {
    fn from(status: &WalStatus) -> Self {
        Self {
            bytes_on_disk: status.bytes_on_disk,
            segments_waiting: status.segments_waiting,
            rows_waiting: status.rows_waiting,
            oldest_age_ms: status.oldest_age.map(whole_ms),
            pending_bytes: status.pending_bytes,
            commits: status.commits,
            rows: status.rows,
            last_commit_us: u64::try_from(status.last_commit.as_micros()).unwrap_or(u64::MAX),
            full: status.full,
            poisoned: status.poisoned,
            damaged_segments: status.damaged_segments,
            frames_lost: status.frames_lost,
        }
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize, utoipa::ToSchema)]
struct WarehouseHealth {
    connected: bool,
    breaker: CircuitStatus,
    /// The ten slowest of the last hour above 100 ms.
    slow_queries: Vec<SlowQuery>,
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "operations", responses((status = 200, description = "It does", body = Short)))]
async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(Short { status: State::Ok })
}

/// Beacons are taken. The warehouse may be away: the log holds them meanwhile.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses((status = 200, description = "They are", body = Short), (status = 503, description = "They are not", body = Short)))]
async fn readyz(state: web::Data<OperationsState>) -> HttpResponse {
    let status = state.state(&state.wal.status());
    match status {
        State::Ok | State::Degraded => HttpResponse::Ok().json(Short { status }),
        State::Unavailable => HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE)
            .insert_header((RETRY_AFTER, 1))
            .json(Short { status }),
    }
}

/// For Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "Metrics in the text format of Prometheus", body = String, content_type = "text/plain")))]
async fn metrics_text(state: web::Data<OperationsState>) -> HttpResponse {
    let (wal, flush) = (state.wal.status(), state.flush.status());
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    {
        gauge!(names::WAL_BYTES).set(wal.bytes_on_disk as f64);
        gauge!(names::WAL_SEGMENTS_WAITING).set(wal.segments_waiting as f64);
        gauge!(names::WAL_OLDEST_SECONDS).set(wal.oldest_age.unwrap_or_default().as_secs_f64());
        gauge!(names::PROCESS_RESIDENT_BYTES).set(ProcessUsage::now().resident_bytes as f64);
    }
    counter!(names::WAL_COMMITS).absolute(wal.commits);
    counter!(names::FLUSH_ROWS).absolute(flush.rows);
    counter!(names::FLUSH_DEAD_LETTERS).absolute(flush.dead_letters);
    counter!(names::FLUSH_RETRIES).absolute(flush.retries);
    gauge!(names::WAREHOUSE_UP).set(if state.warehouse.connections().is_connected() {
        1.0
    } else {
        0.0
    });
    tell_questions(&state);
    if let Some(engine) = &state.engine {
        counter!(names::ENGINE_RESTARTS).absolute(engine.borrow().restarts);
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(state.metrics.render())
}

/// What becomes of questions.
fn tell_questions(state: &OperationsState) {
    let cache = state.answers.status();
    let asked_anew = cache.lookups - cache.hits - cache.degraded - cache.failed;
    for (outcome, count) in [
        ("hit", cache.hits),
        ("new", asked_anew),
        ("degraded", cache.degraded),
        ("failed", cache.failed),
    ] {
        counter!(names::CACHE_LOOKUPS, "outcome" => outcome).absolute(count);
    }
    if let Some(redis) = cache.redis {
        for (outcome, count) in [
            ("hit", redis.hits),
            ("miss", redis.misses),
            ("unanswered", redis.unanswered),
        ] {
            counter!(names::CACHE_REDIS_LOOKUPS, "outcome" => outcome).absolute(count);
        }
    }
    let queries = state.warehouse.queries();
    for (outcome, count) in [("answered", queries.answered), ("failed", queries.failed)] {
        counter!(names::WAREHOUSE_QUERIES, "outcome" => outcome).absolute(count);
    }
    gauge!(names::WAREHOUSE_BREAKER).set(match state.warehouse.circuit().state {
        Circuit::Closed => 0.0,
        Circuit::HalfOpen => 1.0,
        Circuit::Open => 2.0,
    });
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    {
        gauge!(names::CACHE_ENTRIES).set(cache.entries as f64);
        gauge!(names::CACHE_BYTES).set(cache.bytes as f64);
    }
}

/// All of it for admins; the status alone for everyone else.
#[utoipa::path(get, path = "/api/health", tag = "operations", responses((status = 200, body = Health)))]
async fn health(request: HttpRequest, state: web::Data<OperationsState>) -> HttpResponse {
    let started = Instant::now();
    let wal = state.wal.status();
    let status = state.state(&wal);
    let now_ms = clock::now().as_millis();
    if !state.identity.owns_the_instance(&request, now_ms).await {
        return envelope::success(&Short { status }, started);
    }
    let health = Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        node: state.wal.node().to_owned(),
        uptime_ms: whole_ms(state.started.elapsed()),
        process: ProcessUsage::now(),
        memory: state.pressure.reading(),
        wal: WalHealth::from(&wal),
        flush: state.flush.status(),
        warehouse: WarehouseHealth {
            connected: state.warehouse.connections().is_connected(),
            breaker: state.warehouse.circuit(),
            slow_queries: state.warehouse.slow_queries(),
        },
        cache: state.answers.status(),
        engine: state.engine.as_ref().map(|engine| engine.borrow().clone()),
    };
    envelope::success(&health, started)
}
