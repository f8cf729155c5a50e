//! Calls whose connections are kept: for the same hosts many times, with answers that come as they arrive.
//!
//! A connection that is kept leads to the address that was looked at when it was opened, and is used for the host that it
//! was opened for.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use metrics::counter;
use rustls::ClientConfig;

use super::body::OutgoingBody;
use super::connect::Connector;
use super::{CallError, Outbound, failure};
use crate::metric_definitions::OUTBOUND_CALLS;

/// Connections of a host that wait for the next call, and for how long.
const IDLE_MAX: usize = 20;
const IDLE_TIME: Duration = Duration::from_secs(60);
/// How soon a connection of many calls that no longer answers is given up.
const PING_EVERY: Duration = Duration::from_secs(15);

pub(super) type Pool = HttpClient<HttpsConnector<Connector>, OutgoingBody>;

/// HTTP/2 where the host speaks it, otherwise HTTP/1.1.
pub(super) fn pool(tls: ClientConfig, connector: Connector) -> Pool {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    HttpClient::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_max_idle_per_host(IDLE_MAX)
        .pool_idle_timeout(IDLE_TIME)
        .http2_keep_alive_interval(PING_EVERY)
        // What was never written, because the connection had ended, is written to another one.
        .retry_canceled_requests(true)
        .build(connector)
}

impl Outbound {
    /// Sends a request, of which nothing is added or taken away, and gives the answer as soon as its head is there.
    ///
    /// # Errors
    /// There is none; how long that may take, the caller says.
    pub async fn send(
        &self,
        purpose: &'static str,
        request: Request<OutgoingBody>,
    ) -> Result<Response<Incoming>, CallError> {
        let outcome = self.send_unmeasured(request).await;
        let name = outcome.as_ref().map_or_else(|error| error.name(), |_| "answered");
        counter!(OUTBOUND_CALLS, "purpose" => purpose, "outcome" => name).increment(1);
        outcome
    }

    async fn send_unmeasured(&self, request: Request<OutgoingBody>) -> Result<Response<Incoming>, CallError> {
        // Settings may have changed since the address was saved, and a port or a scheme is not seen at the connection.
        self.guard.check_url(&request.uri().to_string())?;
        self.pool.request(request).await.map_err(|error| failure(&error))
    }
}
