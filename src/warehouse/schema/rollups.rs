//! The views that fill the rollups. Each reads the blocks that are inserted into its source; the same select fills a
//! rollup from rows that were there before it.

/// A view, and what it selects.
pub(super) struct View {
    /// Name of the view, and of its file in `schema/rollups/`.
    pub(super) name: &'static str,
    /// Table whose inserted blocks it reads.
    pub(super) source: &'static str,
    template: &'static str,
}

macro_rules! view {
    ($name:literal, $source:literal) => {
        View {
            name: $name,
            source: $source,
            template: include_str!(concat!("../../../schema/rollups/", $name, ".sql")),
        }
    };
}

pub(super) const VIEWS: &[View] = &[
    view!("metrics_to_slices_minute", "performance_metrics"),
    view!("metrics_to_slices_hour", "performance_metrics"),
    view!("metric_slices_to_day", "metric_slices_hour"),
    view!("metrics_to_activity", "performance_metrics"),
    view!("funnel_steps_to_activity", "funnel_steps"),
    view!("user_events_to_activity", "user_events"),
    view!("client_alerts_to_activity", "client_alerts"),
    view!("activity_to_day", "activity_hour"),
];

impl View {
    /// The select with another source in place of the table: a table's name, or a select in parentheses.
    pub(super) fn select(&self, source: &str) -> String {
        let code: Vec<_> = self
            .template
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .collect();
        code.join("\n").replace("{source}", source)
    }
}
