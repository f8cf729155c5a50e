//! Logs and metrics of the process itself.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};
use crate::metric_definitions;

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is not a filter.
    #[error("setting log.filter (FRESNEL_LOG__FILTER): {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else has set up logs or metrics before.
    #[error("logs or metrics are set up already: {0}")]
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
        .install_recorder()
        .map_err(set_up_already)?;
    metric_definitions::describe();
    Ok(handle)
}
