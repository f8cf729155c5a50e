//! `GET /api/analytics/performance/timeseries`
