//! Logs, metrics and traces of the process itself.

pub mod traces;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};
use crate::metric_definitions;

/// Upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS_S: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is not a filter.
    #[error("setting log.filter (FRESNEL_LOG__FILTER): {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The collector of traces can never be called.
    #[error(transparent)]
    Collector(#[from] traces::CollectorError),
    /// Something else has set up logs, metrics or traces before.
    #[error("logs, metrics or traces are set up already: {0}")]
    AlreadySetUp(String),
}

/// Sends logs to standard error, in the form that the settings ask for.
///
/// # Errors
/// The filter is no filter, or logs are set up already.
pub fn set_up_logs(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => builder
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| TelemetryError::AlreadySetUp(error.to_string()))
}

/// Installs the metrics recorder; the handle renders what `/metrics` shows.
///
/// # Errors
/// A recorder is installed already.
pub fn set_up_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let set_up_already =
        |error: metrics_exporter_prometheus::BuildError| TelemetryError::AlreadySetUp(error.to_string());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Suffix("_duration_seconds".to_owned()),
            &DURATION_BUCKETS_S,
        )
        .map_err(set_up_already)?
        .install_recorder()
        .map_err(set_up_already)?;
    metric_definitions::describe();
    Ok(handle)
}
