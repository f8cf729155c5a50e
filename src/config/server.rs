//! Settings of the HTTP server.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The HTTP server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 lets the system pick.
    pub listen: SocketAddr,
    /// Worker threads; 0 means one a core.
    pub workers: usize,
    /// Open connections over all workers; more wait in the listen queue.
    pub connections_max: usize,
    /// Proxies in front of Fresnel that append to `X-Forwarded-For`: the client is that many places from the right.
    /// 0: the header is not believed.
    pub trusted_proxies: usize,
    /// Most memory that this process, without the engine, is to take, where its control group and the machine allow
    /// more; 0: what these allow.
    pub memory_max_bytes: u64,
    /// Share of that memory from which on caches hold half.
    pub memory_warning_share: f64,
    /// Share of that memory from which on questions are answered 503; beacons are taken all the same.
    pub memory_critical_share: f64,
    /// Time in which a request's headers must have arrived, or it is answered 408.
    pub header_timeout_ms: u64,
    /// Time in which a request's body must have arrived, or it is answered 408.
    pub body_timeout_ms: u64,
    /// Time for which an idle connection is kept.
    pub keep_alive_ms: u64,
    /// Time in which a stop must be done.
    pub shutdown_timeout_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            workers: 0,
            connections_max: 20_000,
            trusted_proxies: 0,
            memory_max_bytes: 0,
            memory_warning_share: 0.8,
            memory_critical_share: 0.9,
            header_timeout_ms: 5_000,
            body_timeout_ms: 10_000,
            keep_alive_ms: 75_000,
            shutdown_timeout_ms: 10_000,
        }
    }
}
