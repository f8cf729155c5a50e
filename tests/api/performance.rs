//! `/api/analytics/performance/…`

mod alerts;
mod metrics;
mod timeseries;
