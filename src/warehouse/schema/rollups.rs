//! The views that fill the rollups. Each reads the blocks that are inserted into its source; the same select fills a
//! rollup from rows that were there before it.

/// A view, and what it selects; or a select alone, which only a backfill runs.
pub(in crate::warehouse) struct View {
    /// Name of the view, and of its file in `schema/rollups/`.
    pub(in crate::warehouse) name: &'static str,
    /// Table whose inserted blocks it reads.
    pub(in crate::warehouse) source: &'static str,
    /// Table that it fills.
    pub(in crate::warehouse) target: &'static str,
    template: &'static str,
}

macro_rules! view {
    ($name:literal, $source:literal => $target:literal) => {
        View {
            name: $name,
            source: $source,
            target: $target,
            template: include_str!(concat!("../../../schema/rollups/", $name, ".sql")),
        }
    };
}

pub(in crate::warehouse) const VIEWS: &[View] = &[
    view!("metrics_to_slices_minute", "performance_metrics" => "metric_slices"),
    view!("metrics_to_slices_hour", "performance_metrics" => "metric_slices"),
    view!("metrics_to_activity", "performance_metrics" => "activity"),
    view!("funnel_steps_to_activity", "funnel_steps" => "activity"),
    view!("user_events_to_activity", "user_events" => "activity"),
    view!("client_alerts_to_activity", "client_alerts" => "activity"),
];

/// When releases were first seen: the only rollup without buckets, which may be filled again and again.
pub(in crate::warehouse) const RELEASES: View =
    view!("metrics_to_releases", "performance_metrics" => "releases");

/// How weeks are made of the days in the same table.
pub(in crate::warehouse) const WEEKS: &[View] = &[
    view!("weeks_of_metric_slices", "metric_slices" => "metric_slices"),
    view!("weeks_of_activity", "activity" => "activity"),
];

impl View {
    /// The select with another source in place of the table: a table's name, or a select in parentheses.
    pub(in crate::warehouse) fn select(&self, source: &str) -> String {
        let code: Vec<_> = self
            .template
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .collect();
        code.join("\n").replace("{source}", source)
    }
}
