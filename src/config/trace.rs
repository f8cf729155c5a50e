//! Settings of traces.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Traces of Fresnel's own work, for a collector that speaks OTLP.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceConfig {
    /// Address of a collector that takes OTLP over HTTP, without `/v1/traces`; empty: no traces.
    pub otlp_url: String,
    /// Share of requests and flushes that are traced, 0 to 1; a caller's `traceparent` decides for its own requests.
    pub sample_share: f64,
    /// Path of certificates in PEM that are believed beside those of the system, with `https`.
    pub ca_file: PathBuf,
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self {
            otlp_url: String::new(),
            sample_share: 0.01,
            ca_file: PathBuf::new(),
        }
    }
}
