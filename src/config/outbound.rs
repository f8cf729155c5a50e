//! Settings of calls to addresses that users supply.

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Where calls may go, beside public addresses.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// Networks that are not public and may be called all the same, as CIDR: `10.1.0.0/16`, `192.168.0.7/32`.
    pub allow_networks: Vec<IpNet>,
    /// Path of certificates in PEM that are believed beside those of the system; empty: none.
    pub ca_file: PathBuf,
}

/// Sets of public keys that issuers of tokens serve.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwksConfig {
    /// Least time between two fetches from one issuer, whatever they are for.
    pub refresh_min_ms: u64,
    /// Longest time until a set is fetched again; the issuer's `Cache-Control: max-age` may make it shorter.
    pub refresh_max_ms: u64,
}

impl Default for JwksConfig {
    fn default() -> Self {
        Self {
            refresh_min_ms: 60_000,
            refresh_max_ms: 900_000,
        }
    }
}
