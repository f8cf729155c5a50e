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
    rules.extend(vendors());
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

/// Vendors: what fires while nobody looks at the product. The shares are of probes, polls and calls together.
fn vendors() -> [Value; 4] {
    let rule = |name, description, measure, thresholds| {
        json!({
            "name": name,
            "description": description,
            "watch": { "kind": "vendor", "measure": measure, "window_ms": 300_000, "seen_min": 5 },
            "thresholds": thresholds,
            "for_ms": 30_000,
            "keep_firing_for_ms": 120_000,
            "no_data": "ok",
        })
    };
    [
        rule(
            "Errors of a vendor",
            "Of what was seen of a third-party service in the last five minutes, this share failed.",
            "error_rate",
            json!({ "warning": 0.05, "critical": 0.10 }),
        ),
        rule(
            "Response time of a vendor",
            "One of twenty answers of a third-party service took this long or longer in the last five minutes.",
            "response_ms",
            json!({ "warning": 5_000.0, "critical": 10_000.0 }),
        ),
        rule(
            "Availability of a vendor",
            "Share of what was seen of a third-party service in the last five minutes that did not fail.",
            "availability",
            json!({ "direction": "below", "warning": 0.98, "critical": 0.95 }),
        ),
        rule(
            "Timeouts of a vendor",
            "A third-party service did not answer this share of calls and probes in time.",
            "timeout_share",
            json!({ "warning": 0.05 }),
        ),
    ]
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
        assert_eq!(default_rules(&default).len(), 8);
        assert_eq!(default_rules(&other).len(), 6);
        for rule in default_rules(&default) {
            assert_eq!(rule.faults(), [], "{}", rule.name.as_str());
        }
    }
}
