//! What rollups hold of the metrics, as sums that must be equal.

/// Rollups of `performance_metrics`; each holds one row's worth of `count` for each raw row.
pub(crate) const ROLLUPS: [&str; 12] = [
    "metric_slices WHERE dimension = 'environment' AND grain_minutes = 1",
    "metric_slices WHERE dimension = 'environment' AND grain_minutes = 15",
    "metric_slices WHERE dimension = 'all' AND grain_minutes = 60",
    "metric_slices WHERE dimension = 'all' AND grain_minutes = 360",
    "metric_slices WHERE dimension = 'all' AND grain_minutes = 1440",
    "metric_slices WHERE dimension = 'all' AND grain_minutes = 10080",
    "metric_slices WHERE dimension = 'page' AND grain_minutes = 60",
    "metric_slices WHERE dimension = 'environment+browser' AND grain_minutes = 60",
    "activity WHERE kind = 'metric' AND name = '' AND grain_minutes = 60",
    "activity WHERE kind = 'metric' AND name = '' AND grain_minutes = 360",
    "activity WHERE kind = 'metric' AND name = '' AND grain_minutes = 1440",
    "activity WHERE kind = 'metric' AND name = '' AND grain_minutes = 10080",
];

/// Selects an array of three: the rows of the raw table, and the least and the greatest of the rollups.
pub(crate) fn counts_sql() -> String {
    let sums = ROLLUPS.map(|rollup| format!("SELECT sum(count) AS n FROM fresnel.{rollup}"));
    format!(
        "SELECT arrayMap(n -> assumeNotNull(n), [(SELECT count() FROM fresnel.performance_metrics), arrayMin(rollups), arrayMax(rollups)]) \
         FROM (SELECT groupArray(n) AS rollups FROM ({}))",
        sums.join(" UNION ALL ")
    )
}
