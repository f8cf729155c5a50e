//! The HTTP server: bound, and with everything that its handlers need.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as HttpApp, HttpServer, web};

use super::AppError;
use crate::api::{self, ControlState, Identity, IngestState, OperationsState, QueryState, RejectedState};
use crate::config::Config;
use crate::ingest::{Ingest, Shared};
use crate::wal::Wal;

/// Connections that may wait to be accepted; the system's own limit (`net.core.somaxconn`) may be lower.
const LISTEN_BACKLOG: u32 = 4_096;

/// What the handlers of requests work with.
pub(super) struct Handlers {
    pub(super) identity: Identity,
    pub(super) control: ControlState,
    pub(super) shared: Shared,
    pub(super) query: QueryState,
    pub(super) rejected: RejectedState,
    pub(super) operations: OperationsState,
}

/// Binds the address. Each worker builds its own ingest path, with a lane of the log of its own.
pub(super) fn listen(
    config: &Config,
    wal: &Wal,
    handlers: Handlers,
) -> Result<(Server, Vec<SocketAddr>), AppError> {
    let Handlers {
        identity,
        control,
        shared,
        query,
        rejected,
        operations,
    } = handlers;
    let (query, rejected) = (web::Data::new(query), web::Data::new(rejected));
    let (control, operations) = (web::Data::new(control), web::Data::new(operations));
    let (wal, ingest_config) = (wal.clone(), config.ingest.clone());
    let body_timeout = Duration::from_millis(config.server.body_timeout_ms);
    let server = HttpServer::new(move || {
        let ingest = IngestState {
            identity: identity.clone(),
            ingest: Ingest::new(&ingest_config, wal.lane(), &shared),
            body_timeout,
        };
        HttpApp::new()
            .wrap(api::Observe)
            .app_data(web::Data::new(ingest))
            .app_data(query.clone())
            .app_data(rejected.clone())
            .app_data(control.clone())
            .app_data(operations.clone())
            .configure(api::routes)
    });
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        workers => workers,
    };
    // The longest; when it is really over, the application says.
    let stop_ms = config.server.shutdown_timeout_ms.max(config.relay.deadline_ms);
    let stop_s = stop_ms.div_ceil(1_000);
    let server = server
        .workers(workers)
        .max_connections(config.server.connections_max.div_ceil(workers))
        .backlog(LISTEN_BACKLOG)
        .on_connect(|_, data| api::connection_opened(data))
        .client_request_timeout(Duration::from_millis(config.server.header_timeout_ms))
        .keep_alive(Duration::from_millis(config.server.keep_alive_ms))
        .shutdown_timeout(stop_s)
        // Head and body of an answer that comes in pieces are written one after the other: the second would wait for the client's
        // acknowledgement of the first, 40 ms with most of them.
        .tcp_nodelay(true)
        .disable_signals();
    let address = config.server.listen;
    let server = server
        .bind(address)
        .map_err(|source| AppError::Listen { address, source })?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}
