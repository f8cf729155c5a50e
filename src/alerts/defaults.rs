//! The rules that every project has from its begin. They can be changed and deleted like any other.

use serde_json::{Value, json};

use crate::domain::account::ProjectId;
use crate::domain::rule::RuleDefinition;

/// Memory and cache are those of the whole service: the project that is always there watches them.
const OF_THE_SERVICE: &str = "default";

/// The rules of a new project.
#[must_use]
pub fn default_rules(project_id: &ProjectId) -> Vec<RuleDefinition> {
    let mut rules = vec![slow_response(), errors()];
    if project_id.as_str() == OF_THE_SERVICE {
        rules.extend([memory(), cache()]);
    }
    rules
        .into_iter()
        .filter_map(|rule| serde_json::from_value(rule).ok())
        .collect()
}

fn slow_response() -> Value {
    json!({
        "name": "Slow response",
        "description": "A single call took long. Alerts are told apart by the endpoint.",
        "watch": { "kind": "single", "type": "api_response_time", "group_by": ["api_endpoint"] },
        "thresholds": { "warning": 3_000.0, "critical": 5_000.0 },
    })
}

fn errors() -> Value {
    json!({
        "name": "Error rate",
        "description": "Of the measurements of the last five minutes, more than one in fifty is an error: a status of 500 and above, or an error_context.",
        "watch": { "kind": "metric", "aggregate": "error_share", "window_ms": 300_000, "events_min": 20 },
        "thresholds": { "error": 0.02 },
        "keep_firing_for_ms": 60_000,
        "no_data": "ok",
    })
}

fn memory() -> Value {
    json!({
        "name": "Memory of Fresnel",
        "description": "Share of its memory limit that the service takes. At the warning its caches halve; at the critical level questions are refused, and beacons are taken all the same.",
        "watch": { "kind": "memory" },
        "thresholds": { "warning": 0.8, "critical": 0.9 },
        "keep_firing_for_ms": 60_000,
    })
}

fn cache() -> Value {
    json!({
        "name": "Cache hit rate of Fresnel",
        "description": "Share of the dashboard's questions that the cache answered within 15 minutes.",
        "watch": { "kind": "cache_hit_rate", "lookups_min": 100, "window_ms": 900_000 },
        "thresholds": { "direction": "below", "warning": 0.6 },
        "for_ms": 60_000,
        "no_data": "ok",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_rules_are_valid_and_all_there() {
        let default = ProjectId::parse("id", "default").unwrap();
        let other = ProjectId::parse("id", "shop").unwrap();
        assert_eq!(default_rules(&default).len(), 4);
        assert_eq!(default_rules(&other).len(), 2);
        for rule in default_rules(&default) {
            assert_eq!(rule.faults(), [], "{}", rule.name.as_str());
        }
    }
}
